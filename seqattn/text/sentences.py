"""Texts of several sentences: divided into sentences, cut into parts, and translations joined again."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise

import sentencex

from seqattn.text.normalising import normalise
from seqattn.text.scripts import TOGETHER

MOST_COUNTED = 20_000
"""The sentences of at most this many texts are counted for `usual_number`."""
STRETCH = 4_000
"""Characters without a space that are divided into sentences at once."""
USUAL = 0.95
"""The share of texts that decides how many sentences are usual: what fewer have a model does not learn."""

_OTHER_SPACES = re.compile(r"[^\S ]")
_TOGETHER = re.compile(f"[{TOGETHER}]")
_OTHER = re.compile(f"[^ {TOGETHER}]+")
_APART = re.compile(f"[{TOGETHER}] [{TOGETHER}]")
_QUOTED = '」』”’»"'
_TITLES = {"fr": re.compile(r"\b(?:MM?|Mmes?|Mlles?|Drs?|Prof|Mgr|Me|Ste?|[Hh]on)\. ?$")}
"""What precedes names and is divided from them by sentencex, by language."""


@dataclass(frozen=True)
class Splitting:
    """How texts of many sentences are cut into parts that a model can translate."""

    most: int = 1
    """The most sentences of a part: texts of more are cut into parts of about as many sentences each."""
    language: str = ""
    """The code of their language, such as en; the rules for English are used for an unknown one."""

    def parts(self, text: str) -> list[str]:
        """The parts of a text, in order, without the spaces between them; none of an empty text."""
        found = sentences(text, self.language)
        count = max(1, -(-len(found) // self.most))
        bounds = [number * len(found) // count for number in range(count + 1)]
        parts = ("".join(found[start:end]).strip(" ") for start, end in pairwise(bounds))
        return [part for part in parts if part]


def sentences(text: str, language: str = "") -> list[str]:
    """The sentences of a normalised text, which are the text if joined; what has no letter is part of one."""
    found: list[list[str]] = []
    waiting: list[str] = []
    language = language.lower()
    titles = _TITLES.get(re.split("[-_]", language)[0])
    for segment in _segments(normalise(text), language):
        if found and not waiting and _goes_on(found[-1][-1], segment, titles):
            found[-1].append(segment)
            continue
        waiting.append(segment)
        if any(map(str.isalpha, segment)):
            found.append(waiting)
            waiting = []
    if waiting:
        # Nothing follows that it could belong to.
        found[-1:] = [[*chain(*found[-1:]), *waiting]]
    return list(map("".join, found))


def _goes_on(segment: str, following: str, titles: re.Pattern[str] | None) -> bool:
    """Whether a sentence goes on in the following segment: `「はい。」と言った。`, `M. Dupont`.

    It does where letters touch a quotation, which may begin another sentence too.
    """
    if segment[-1:] in _QUOTED:
        return following[:1].isalpha()
    return titles is not None and bool(titles.search(segment))


def _segments(text: str, language: str) -> Iterator[str]:
    """What sentencex divides a text into.

    It takes the square of the number of sentences where no spaces are between them, 1.3 s for 80,000
    characters of Chinese, so these are divided a stretch at a time. Where the last two segments of a stretch
    end may depend on what follows. A quotation of several sentences that is open where a stretch ends may be
    divided.
    """
    start, least = 0, 0
    for run in re.finditer(f"[^ ]{{1,{STRETCH}}}", text):
        if run.end() - start < least or len(run[0]) < STRETCH:
            continue
        found = _divided(text[start : run.end()], language)[:-2]
        yield from found
        # Where no sentence ends, the next stretch is twice as long, so that all cost twice the last one.
        least = 0 if found else 2 * (run.end() - start)
        start += sum(map(len, found))
    yield from _divided(text[start:], language)


def _divided(text: str, language: str) -> list[str]:
    """The segments of a text, which are the text if joined.

    sentencex sees plain spaces alone: it stops the program at a capital, another space and a full stop.
    """
    plain = sentencex.segment(language, _OTHER_SPACES.sub(" ", text))
    ends = [0, *accumulate(map(len, plain))]
    return [text[start:end] for start, end in pairwise(ends)]


def usual_number(counts: Counter[int]) -> int:
    """The smallest n such that 95 % of texts have at most n sentences, of the texts with each number."""
    numbers = sorted(counts.elements())
    return numbers[math.ceil(USUAL * len(numbers)) - 1]


def join(texts: Iterable[str]) -> str:
    """Translations of parts as one text: with a space between them, unless it is Chinese or Japanese.

    A text with spaces between characters of these is tokenised, and so has them between sentences too. Where
    neither the end of a sentence nor the beginning of the next is in these scripts there is a space as well:
    a text in another script may have many names that were copied.
    """
    kept = [text for text in texts if text]
    whole = " ".join(kept)
    together = len(_TOGETHER.findall(whole)) > len(_OTHER.findall(whole))
    spaced = any(map(_APART.search, kept))
    if not together or spaced:
        return whole
    ends = (one.rstrip("”’\"'")[-1:] for one in kept)
    touching = (
        _TOGETHER.match(end) or _TOGETHER.match(next) for end, next in zip(ends, kept[1:], strict=False)
    )
    spaces = ["", *("" if touches else " " for touches in touching)]
    return "".join(map("".join, zip(spaces, kept, strict=False)))
