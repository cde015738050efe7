"""Sides that seem swapped: which words belong to which side is learned from the corpus itself."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from seqattn.data.checks.lines import STEP, Rows
from seqattn.data.corpus import Entry, Pair
from seqattn.errors import InputError
from seqattn.progress import Report

LEAST = 5
"""A word that occurs less often says nothing."""
MOST = 2.0
"""No word says more than this, in nats."""
SURE = 6.0
"""Nats from which on a text is certainly in the words of one side."""


class Languages:
    """How much more likely each word is on the source side than on the target side, log-odds in nats."""

    def __init__(self, pairs: Iterable[Pair]) -> None:
        pairs = list(pairs)
        source, target = (Counter(word for pair in pairs for word in _words(pair[side])) for side in (0, 1))
        scale = math.log((target.total() + 1) / (source.total() + 1))
        self._odds: dict[str, float] = {}
        for word in source.keys() | target.keys():
            if source[word] + target[word] >= LEAST:
                odds = math.log((source[word] + 0.5) / (target[word] + 0.5)) + scale
                self._odds[word] = min(MOST, max(-MOST, odds))
        usual = [self.odds(pair.source) - self.odds(pair.target) for pair in pairs]
        self.distinct = bool(usual) and float(np.median(usual)) >= SURE / 2
        """Whether the sides have words of their own, as two languages do."""

    def odds(self, text: str) -> float:
        """How much more likely a text's words are on the source side, in nats."""
        return sum(self._odds.get(word, 0.0) for word in _words(text))


class Misplaced(NamedTuple):
    """Rows whose texts read like those of the other side."""

    swapped: Rows
    """Both sides."""
    one_sided: Rows
    """One side, so that both seem to be in one language."""


def misplaced(lines: Iterable[Entry], languages: Languages, total: int, report: Report) -> Misplaced:
    """Find the pairs with a side that certainly reads like the other one."""
    swapped, one_sided = [], []
    for row, entry in enumerate(lines):
        if row % STEP == 0:
            report("comparing the words of both sides", row / total)
        if isinstance(entry, InputError) or not entry.target or not entry.source:
            continue
        source, target = languages.odds(entry.source), languages.odds(entry.target)
        if source <= 0 <= target and target - source >= SURE:
            swapped.append(row)
        elif source <= -SURE or target >= SURE:
            one_sided.append(row)
    return Misplaced(np.array(swapped, dtype=np.int64), np.array(one_sided, dtype=np.int64))


def _words(text: str) -> list[str]:
    return text.lower().split()


def alike_words(pairs: Iterable[Pair]) -> bool:
    """Whether targets keep most of their sources, as in normalisation, where copies are to be expected.

    Judged by the pairs that are not copies: in half of them or more, half of the words are the same; of pairs
    of single words, half of the pairs of characters.
    """
    shares = []
    for pair in pairs:
        single = all(" " not in text.strip() for text in pair)
        source, target = (Counter(pairwise(text) if single else _words(text)) for text in pair)
        if pair.source != pair.target and source and target:
            shares.append((source & target).total() / max(source.total(), target.total()))
    return bool(shares) and float(np.median(shares)) >= 0.5
