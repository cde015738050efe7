"""Scripts that are written without spaces, as ranges for a character class of a regular expression."""

from __future__ import annotations

HAN = "\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
"""Chinese characters."""
UNSPACED = f"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff{HAN}"
"""Those without spaces between words."""
TOGETHER = f"\u3000-\u30ff\uff00-\uffef{HAN}"
"""Chinese and Japanese with their punctuation: those without spaces between sentences either."""
