"""Faults of a single text: characters that do not belong there, traces of a wrong conversion."""

from __future__ import annotations

import re
from html.entities import html5

from seqattn.data.corpus import Pair
from seqattn.errors import counted
from seqattn.text.normalising import BREAKS, composed

CONTROLS = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f]")
"""Control characters, without those that separate words or lines."""
SURROGATES = re.compile("[\ud800-\udfff]")
INVISIBLE = re.compile("[\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff]")
"""Soft hyphens, zero-width spaces, direction and byte order marks; not the joiners that scripts need."""
LOST = "\ufffd"
ENTITY = re.compile(r"&(#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});")
_GARBLED = re.compile("[\x80-\u2fff\uf800-\uffff]{2}|[ÂÃ] ")
"""What UTF-8 leaves when it is read as another encoding: two characters, which single bytes can stand for. It
spares most texts the heuristic, which is slow."""
LONG_WORDS, LONG_CHARACTERS = 200, 1500
"""A text of more is very long."""


def plain(text: str) -> str:
    """Text as texts are compared: composed (NFC), its words separated by one space, no control characters."""
    if not (text.isascii() and text.isprintable()):
        text = composed(SURROGATES.sub("", CONTROLS.sub("", text)))
    return " ".join(text.split())


def cleaned(text: str) -> str:
    """Text on a single line without control characters and lone surrogates, and otherwise as it is."""
    if text.isprintable():
        return text
    return SURROGATES.sub("", CONTROLS.sub("", BREAKS.sub(" ", text)))


def has_any(pair: Pair, of: re.Pattern[str]) -> bool:
    """Whether a text has characters that a pattern of unprintable ones finds."""
    return any(not text.isprintable() and bool(of.search(text)) for text in pair)


def has_lost(pair: Pair) -> bool:
    """Whether a text has replacement characters, or is mostly words of question marks."""
    return any(LOST in text or ("??" in text and _is_questions(text.split())) for text in pair)


def _is_questions(words: list[str]) -> bool:
    lost = sum(word.startswith("??") for word in words)
    return lost > 1 and 2 * lost > len(words)


def has_spaces(pair: Pair) -> bool:
    """Whether a text has white space at its ends, doubled spaces, or line breaks and tabs inside."""
    return has_any(pair, BREAKS) or any(text != text.strip() or "  " in text for text in pair)


def is_long(pair: Pair) -> bool:
    """Whether a text is very long."""
    return any(
        len(text) > LONG_WORDS and (len(text) > LONG_CHARACTERS or len(text.split()) > LONG_WORDS)
        for text in pair
    )


def has_mojibake(pair: Pair) -> bool:
    """Whether a text looks as if UTF-8 had been read in another encoding, by the heuristic of ftfy."""
    return any(
        not text.isascii() and bool(_GARBLED.search(text)) and mojibake(text) is not None for text in pair
    )


def mojibake(text: str) -> str | None:
    """What a garbled text was probably meant to be; None if it does not look garbled."""
    from ftfy import fix_encoding
    from ftfy.badness import is_bad

    if not is_bad(text):
        return None
    repaired = fix_encoding(text)
    return repaired if repaired != text else None


def entities(text: str) -> list[str]:
    """The HTML entities in a text."""
    if "&" not in text:
        return []
    found = (match[0] for match in ENTITY.finditer(text))
    return [entity for entity in found if entity[1] == "#" or entity[1:] in html5]


def has_entities(pair: Pair) -> bool:
    """Whether a text has HTML entities."""
    return bool(entities(pair.source) or entities(pair.target))


def code_points(pair: Pair, of: re.Pattern[str]) -> str:
    """The distinct characters of a pair that a pattern finds, as U+XXXX."""
    found = dict.fromkeys(character for text in pair for character in of.findall(text))
    return ", ".join(f"U+{ord(character):04X}" for character in found)


def explain_spaces(pair: Pair) -> str:
    """What is wrong with a pair's white space."""
    reasons = {
        "at an end": any(text != text.strip() for text in pair),
        "doubled": any("  " in text.strip() for text in pair),
        "a line break or tab": any(BREAKS.search(text.strip()) for text in pair),
    }
    return ", ".join(reason for reason, given in reasons.items() if given)


def explain_mojibake(pair: Pair) -> str:
    """What a garbled pair was probably meant to be."""
    meant = (mojibake(text) for text in pair)
    return "probably " + " / ".join(text for text in meant if text is not None)


def explain_entities(pair: Pair) -> str:
    """The entities of both sides."""
    source, target = (", ".join(dict.fromkeys(entities(text))) or "none" for text in pair)
    return f"source: {source}; target: {target}"


def explain_length(pair: Pair) -> str:
    """The lengths of both sides."""
    source, target = (
        f"{counted(len(text.split()), 'word')}, {counted(len(text), 'character')}" for text in pair
    )
    return f"source: {source}; target: {target}"
