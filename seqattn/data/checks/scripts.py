"""The scripts of texts, and words in which letters of two scripts look alike."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

from seqattn.data.corpus import Pair

NAMES = {
    "LATIN": "Latin",
    "GREEK": "Greek",
    "CYRILLIC": "Cyrillic",
    "ARMENIAN": "Armenian",
    "HEBREW": "Hebrew",
    "ARABIC": "Arabic",
    "SYRIAC": "Syriac",
    "THAANA": "Thaana",
    "DEVANAGARI": "Devanagari",
    "BENGALI": "Bengali",
    "GURMUKHI": "Gurmukhi",
    "GUJARATI": "Gujarati",
    "ORIYA": "Oriya",
    "TAMIL": "Tamil",
    "TELUGU": "Telugu",
    "KANNADA": "Kannada",
    "MALAYALAM": "Malayalam",
    "SINHALA": "Sinhala",
    "THAI": "Thai",
    "LAO": "Lao",
    "TIBETAN": "Tibetan",
    "MYANMAR": "Myanmar",
    "GEORGIAN": "Georgian",
    "HANGUL": "Hangul",
    "ETHIOPIC": "Ethiopic",
    "CHEROKEE": "Cherokee",
    "CANADIAN": "Canadian syllabics",
    "KHMER": "Khmer",
    "MONGOLIAN": "Mongolian",
    "CJK": "Han or kana",
    "HIRAGANA": "Han or kana",
    "KATAKANA": "Han or kana",
    "BOPOMOFO": "Han or kana",
}
"""Scripts by the first word of their characters' Unicode names; those written together count as one."""
SCRIPTS = tuple(dict.fromkeys(NAMES.values()))
LETTERS = 3
"""A text with fewer letters is in no script."""
_SOME_LATIN = re.compile(r"[A-Za-z][^A-Za-z]*[A-Za-z][^A-Za-z]*[A-Za-z]")
_WORD = re.compile(r"[^\W\d_]{2,}")
_LATIN = re.compile("[A-Za-z]")
_LOOKALIKE = re.compile("[ΑΒΕΖΗΙΚΜΝΟΡΤΥΧοаеорсухіјАВЕІЈКМНОРСТХ]")
"""Greek and Cyrillic letters that look like Latin ones."""
_LIKE_CYRILLIC = frozenset("aeopcyxijABEIJKMHOPCTX")
"""Latin letters that look like Cyrillic ones."""


@cache
def script_bit(character: str) -> int:
    """The script of a letter as one bit, by its place in `SCRIPTS`; 0 for other characters."""
    if unicodedata.category(character) not in ("Lu", "Ll", "Lo", "Lt"):
        return 0
    words = unicodedata.name(character, "").split(" ")
    first = words[1] if words[0] in ("FULLWIDTH", "HALFWIDTH") and len(words) > 1 else words[0]
    return 1 << SCRIPTS.index(NAMES[first]) if first in NAMES else 0


def scripts_in(text: str) -> int:
    """The scripts of a text's letters as bits; 0 if it has fewer than three letters."""
    if text.isascii():
        return 1 if _SOME_LATIN.search(text) else 0
    bits = [bit for bit in map(script_bit, set(text)) if bit]
    if len(bits) < LETTERS and sum(1 for character in text if script_bit(character)) < LETTERS:
        return 0
    found = 0
    for bit in bits:
        found |= bit
    return found


def script_names(bits: int) -> str:
    """The scripts of some bits, in words."""
    return " and ".join(name for at, name in enumerate(SCRIPTS) if bits >> at & 1)


def disguised_words(text: str) -> list[str]:
    """Words of Latin and other letters in which all those of one script look like letters of the other."""
    if text.isascii() or not (_LOOKALIKE.search(text) and _LATIN.search(text)):
        return []
    return [word for word in _WORD.findall(text) if _disguised(word)]


def _disguised(word: str) -> bool:
    latin = [letter for letter in word if script_bit(letter) == 1]
    others = [letter for letter in word if script_bit(letter) > 1]
    if not latin or not others:
        return False
    cyrillic = script_bit(others[0]) == script_bit("а")
    return all(map(_LOOKALIKE.match, others)) or (cyrillic and _LIKE_CYRILLIC.issuperset(latin))


def has_disguised(pair: Pair) -> bool:
    """Whether a pair has words with letters in disguise."""
    return bool(disguised_words(pair.source) or disguised_words(pair.target))


def explain_disguised(pair: Pair) -> str:
    """The first word that mixes scripts, letter by letter where they are not Latin."""
    word = [*disguised_words(pair.source), *disguised_words(pair.target)][0]
    foreign = [letter for letter in word if script_bit(letter) > 1]
    points = ", ".join(f"{letter} is U+{ord(letter):04X}" for letter in dict.fromkeys(foreign))
    return f"in {word}, {points}"
