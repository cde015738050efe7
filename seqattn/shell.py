"""Commands as text, to be pasted into a shell."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from typing import Any


def command_line(*words: Any) -> str:
    """The words of a command on one line, quoted for the shell of this system where they need it."""
    texts: Sequence[str] = [str(word) for word in words]
    return subprocess.list2cmdline(texts) if os.name == "nt" else shlex.join(texts)
