"""Words made legible: control and invisible characters shown, shortened to fit, writing direction."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence

from seqattn.as_json import OBEYED

JOINER, NON_JOINER = "\u200d", "\u200c"
VIRAMA = 9
"""The combining class of the marks that take a letter's vowel, and often join it to the next letter."""
SIGNS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2\U000110bd\U000110cd"
"""Format characters that are visible: signs before or around numbers and words."""
RIGHT_TO_LEFT = ("R", "AL")
"""Bidirectional classes of Hebrew and Arabic letters."""
MOST_MARKS = 16
"""The most marks on one character: no script needs more, and many more cover the lines around theirs."""
_OBEYED = re.compile(f"[\x00-\x1f{OBEYED}]")
Extent = Callable[[str], float]
"""The width of a text, in cells or pixels."""


def visible(text: str) -> str:
    """`text` with control, invisible and white-space characters replaced by visible ones.

    Control characters become their U+2400 pictures, white space becomes ␣, other invisible or
    direction-changing characters their escapes, and the empty string ∅. Of a flood of marks on one character
    the first remain, and … for the others.
    """
    # Before NFC, which takes the square of the number of marks.
    text = unicodedata.normalize("NFC", _without_floods(text))
    shown = ""
    for char, following in zip(text, text[1:] + " ", strict=False):
        category = unicodedata.category(char)
        if char < "\x20" or char == "\x7f":
            shown += chr(0x2400 + ord(char)) if char < "\x20" else "\u2421"
        elif char == JOINER:
            # It joins emoji, and letters by a virama; elsewhere programs disagree about the width.
            by_virama = VIRAMA in map(unicodedata.combining, shown[-1:] + following)
            shown += char if shown and (by_virama or unicodedata.category(following) == "So") else ""
        elif category == "Zs":
            shown += "␣"
        elif category in ("Cc", "Cf", "Cs", "Zl", "Zp") and char not in NON_JOINER + SIGNS:
            shown += char.encode("unicode_escape").decode()
        elif not shown and category in ("Mn", "Mc", "Me"):
            shown += "◌" + char
        else:
            shown += char
    return shown or "∅"


def _without_floods(text: str) -> str:
    if text.isascii():
        return text
    kept, marks = [], 0
    for char in text:
        marks = marks + 1 if char in NON_JOINER + JOINER or unicodedata.category(char) in ("Mn", "Me") else 0
        if marks <= MOST_MARKS:
            kept.append(char)
        elif marks == MOST_MARKS + 1:
            kept.append("…")
    return "".join(kept)


def caption(text: str) -> str:
    """`text` made `visible`, with its spaces kept: for titles and names."""
    return visible(text).replace("␣", " ")


def harmless(text: str) -> str:
    """`text` with what a terminal obeys made `visible`, and nothing else changed."""
    return _OBEYED.sub(lambda found: visible(found[0]), text)


def in_markdown(text: str) -> str:
    """What Markdown shows as the text, made legible, within a line."""
    return re.sub(r"([\\`*_\[\]<>|&~$])", r"\\\1", caption(text.strip()))


def in_code(text: str) -> str:
    """What Markdown shows as the text, made legible, within a line and in a typewriter face."""
    shown = caption(text)
    fence = "`" * (1 + max(map(len, re.findall("`+", shown)), default=0))
    space = " " if "`" in shown else ""
    return f"{fence}{space}{shown}{space}{fence}"


def graphemes(text: str, extent: Extent) -> list[str]:
    """`text` in pieces that are drawn together: a character with its combining marks, a joined emoji."""
    pieces: list[str] = []
    for char in text:
        if pieces and (extent(char) == 0 or pieces[-1].endswith(JOINER)):
            pieces[-1] += char
        else:
            pieces.append(char)
    return pieces


def fit(text: str, room: float, extent: Extent) -> str:
    """`text` if it fits into `room` (at least the width of …), else its longest prefix with … that does."""
    if extent(text) <= room:
        return text
    kept = ""
    for piece in graphemes(text, extent):
        if extent(kept + piece + "…") > room:
            break
        kept += piece
    return kept + "…"


def reordered(text: str) -> bool:
    """Whether parts of `text` may be displayed in another order, because they are written right to left."""
    return any(unicodedata.bidirectional(char) in RIGHT_TO_LEFT for char in text)


def right_to_left(words: Sequence[str]) -> bool:
    """Whether most letters of `words` are written right to left."""
    directions = [unicodedata.bidirectional(char) for word in words for char in word]
    return sum(direction in RIGHT_TO_LEFT for direction in directions) > directions.count("L")


def duration(seconds: float) -> str:
    """Seconds as 0:07, 12:34 or 1:02:03."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
