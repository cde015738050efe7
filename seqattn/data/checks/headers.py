"""Whether the first line of a corpus names its columns."""

from __future__ import annotations

from collections.abc import Sequence

from seqattn.data.checks.texts import plain

SIDES = """
source src text input in original sentence sentences question word spelling grapheme graphemes target tgt
trg translation output out reference ref label answer phonemes pronunciation source_text target_text text1
text2 sentence1 sentence2 source_sentence target_sentence translated translated_text lang1 lang2
"""
CODES = """
af am ar az be bg bn bs ca cs cy da de el en eo es et eu fa fi fr ga gl gu he hi hr hu hy id is it ja ka kk
km kn ko ku ky la lb lo lt lv mg mk ml mn mr ms mt my nb ne nl nn no pa pl ps pt ro ru rw sa sd si sk sl so
sq sr sv sw ta te tg th ti tk tl tr tt ug uk ur uz vi xh yi yo zh zu eng deu ger fra fre spa ita por rus jpn
kor zho chi ara nld dut ces cze pol swe tur ukr
"""
"""Codes of languages, ISO 639."""
LANGUAGES = """
afrikaans amharic arabic armenian azerbaijani basque belarusian bengali bosnian bulgarian burmese catalan
chinese croatian czech danish dutch english esperanto estonian finnish french galician georgian german greek
gujarati hausa hebrew hindi hungarian icelandic igbo indonesian irish italian japanese kazakh khmer korean
kurdish latin latvian lithuanian macedonian malay malayalam maltese marathi mongolian nepali norwegian
pashto persian polish portuguese punjabi romanian russian serbian sinhala slovak slovenian somali spanish
swahili swedish tamil telugu thai tibetan turkish ukrainian urdu uzbek vietnamese welsh yoruba zulu deutsch
français español italiano português русский 한국어 日本語 中文
"""
_FAMILIES = tuple(frozenset(names.split()) for names in (SIDES, CODES, LANGUAGES))


def names_columns(fields: Sequence[str]) -> bool:
    """Whether all fields of a line, or both sides of a pair, are different names of columns of one kind.

    Kinds are names of sides, codes of languages, and names of languages.
    """
    names = {plain(field).lower().strip("\"'").replace(" ", "_") for field in fields}
    return len(names) == len(fields) and any(names <= family for family in _FAMILIES)
