"""Words of the two languages and the links between them, and the choices that build a sentence.

Alignments are exact: each eojeol is created with the English words it renders, and the gold links follow once
both sentences are in order.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar

T = TypeVar("T")


@dataclass(eq=False)
class Word:
    """One English word of one sentence; two words of the same spelling are different objects.

    `noun` names its noun or adjective, so that a sentence that repeats one can be rejected.
    """

    text: str
    noun: str = ""


@dataclass(eq=False)
class Eojeol:
    """One Korean word with the English words it surely and possibly renders."""

    text: str
    sure: list[Word] = field(default_factory=list)
    maybe: list[Word] = field(default_factory=list)


@dataclass
class Part:
    """A piece of a clause in both languages, with its place among the other pieces in each.

    A piece after a `clausal` one would be understood as a part of its relative clause.
    """

    en: list[Word]
    ko: list[Eojeol]
    en_rank: int = 0
    ko_rank: int = 0
    clausal: bool = False


def named(names: str) -> tuple[str, ...]:
    """The words of a text, as a set of names that keeps its order."""
    return tuple(names.split())


def weights(text: str) -> list[tuple[float, str]]:
    """Choices written as "3 what 1.5 which"."""
    cells = text.split()
    return [(float(weight), name) for weight, name in zip(cells[::2], cells[1::2], strict=True)]


def words(text: str) -> list[Word]:
    """The words of a text, each a new object."""
    return [Word(word) for word in text.split()]


def gloss(english: str, korean: str, en_rank: int = 0, ko_rank: int = 0) -> Part:
    """A fixed phrase: "in the morning" with "아침에:2?0,1", word 2 sure and words 0 and 1 possible."""
    en = words(english)
    ko = []
    for item in korean.split():
        text, _, links = item.partition(":")
        sure, _, maybe = links.partition("?")
        ko.append(
            Eojeol(
                text, [en[int(i)] for i in sure.split(",") if i], [en[int(i)] for i in maybe.split(",") if i]
            )
        )
    return Part(en, ko, en_rank, ko_rank)


@dataclass(frozen=True)
class Pair:
    """One finished sentence pair with its links, "0-1" sure and "0?1" possible."""

    source: str
    target: str
    links: str


def finish(en: Sequence[Word], ko: Sequence[Eojeol], mark: str) -> Pair:
    """Capitalise, punctuate and number the links."""
    position = {id(word): i for i, word in enumerate(en)}
    found: dict[tuple[int, int], str] = {}
    for j, eojeol in enumerate(ko):
        for kind, linked in (("?", eojeol.maybe), ("-", eojeol.sure)):
            for word in linked:
                found[position[id(word)], j] = kind
    source = " ".join(word.text for word in en)
    target = " ".join(eojeol.text for eojeol in ko)
    links = " ".join(f"{i}{kind}{j}" for (i, j), kind in sorted(found.items()))
    return Pair(source[0].upper() + source[1:] + mark, target + mark, links)


class Draw:
    """Reproducible random choices that prefer what has been chosen least, so that every word is covered."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._used: Counter[str] = Counter()

    def chance(self, probability: float) -> bool:
        """True with this probability."""
        return self._random.random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """One of the items, all equally likely."""
        return items[int(self._random.random() * len(items))]

    def weighted(self, items: Sequence[tuple[float, T]]) -> T:
        """One of the items, with probability proportional to its weight."""
        left = self._random.random() * sum(weight for weight, _ in items)
        for weight, item in items:
            left -= weight
            if left < 0:
                return item
        return items[-1][1]

    def rare(self, items: Sequence[T], kind: str = "") -> T:
        """One of three random items: the one least used until now, counted by its English form."""
        candidates = [self.pick(items) for _ in range(3)]
        names = [kind + str(getattr(item, "english", item)) for item in candidates]
        best = min(range(3), key=lambda i: self._used[names[i]])
        self._used[names[best]] += 1
        return candidates[best]
