"""Values as JSON that is safe to show and to read line by line."""

from __future__ import annotations

import json
import re
from typing import Any

OBEYED = "\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff"
"""Characters, beside those below the space, that a terminal obeys, that some readers take for the end of a
line (as `str.splitlines` does), that reverse what follows, or that UTF-8 cannot hold (lone surrogates)."""
_ESCAPED = re.compile(f"[{OBEYED}]")


def as_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON, in one line unless indented; readers get the same texts, whatever they hold."""
    # Outside strings JSON has none of these characters.
    return _ESCAPED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, indent=indent, ensure_ascii=False)
    )
