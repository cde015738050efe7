"""Values as JSON that is safe to show and to read line by line."""

from __future__ import annotations

import json
import re
from typing import Any

_ESCAPED = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""What JSON allows within a string, but a terminal obeys, some readers take for the end of a line (as
`str.splitlines` does), UTF-8 cannot hold (lone surrogates), or reverses what follows it."""


def as_json(value: Any, indent: int | None = None) -> str:
    """A value as JSON, in one line unless indented; readers get the same texts, whatever they hold."""
    # Outside strings JSON has none of these characters.
    return _ESCAPED.sub(
        lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, indent=indent, ensure_ascii=False)
    )
