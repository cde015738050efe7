"""How well two texts fit each other, by a small lexicon learned from the corpus: IBM model 1 and lengths.

The lexicon translates units, not words: beginnings of words, so that inflected forms count as one;
characters where a script has no spaces; pairs of characters where lines are single words, as in a list of
pronunciations.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from seqattn.data.corpus import Pair
from seqattn.text.scripts import UNSPACED

MOST_UNITS, LEAST = 4_000, 3
"""The most frequent units of a side are known, if they are in that many lines."""
IN_A_LINE = 12
"""Of a line the rarest known units count, so many: they say the most."""
BEGINNING, BEGINNING_OF_SYLLABLES = 6, 2
"""The letters, or Korean syllables, of a word that count."""
ROUNDS = 4
"""Of EM."""
KNOWN = 0.9
"""The lexicon's share in a probability; the rest is the unit's frequency, so that no unit decides alone."""
AT_ONCE = 4_000
"""Pairs whose units are in memory at once."""
_WORD = re.compile(r"[^\W\d_]+|\d|[^\w\s]")
_UNSPACED = re.compile(f"[{UNSPACED}]")
Ids = NDArray[np.int64]
Scores = NDArray[np.float64]


class Units:
    """The units of one side of some lines, as numbers from 1; 0 stands for no unit, and begins each line."""

    def __init__(self, texts: Sequence[str]) -> None:
        every = units_of(texts)
        lines = Counter(chain.from_iterable(map(set, every)))
        # Numbered by frequency: the rarest units of a line have the largest numbers.
        known = [unit for unit, often in lines.most_common(MOST_UNITS) if often >= LEAST]
        number = {unit: at for at, unit in enumerate(known, start=1)}
        rows = [sorted({number[unit] for unit in units if unit in number})[-IN_A_LINE:] for units in every]
        self.size = 1 + len(known)
        self.counts: Ids = np.array([len(row) for row in rows], dtype=np.int64)
        self.starts: Ids = np.concatenate([[0], np.cumsum(self.counts + 1)[:-1]]).astype(np.int64)
        self.ids: Ids = np.array([unit for row in rows for unit in (0, *row)], dtype=np.int64)


def units_of(texts: Sequence[str]) -> list[list[str]]:
    """The units of each text."""
    lowered = [text.lower() for text in texts]
    if np.median([text.strip().count(" ") for text in lowered] or [0]) == 0 and not any(
        map(_UNSPACED.search, lowered[:100])
    ):
        return [[text[at : at + 2] for at in range(len(text))] for text in lowered]
    return [list(chain.from_iterable(map(_units_of_word, _WORD.findall(text)))) for text in lowered]


def _units_of_word(word: str) -> Sequence[str]:
    if _UNSPACED.match(word):
        return word
    return (word[: BEGINNING_OF_SYLLABLES if "가" <= word[0] <= "힣" else BEGINNING],)


class Cells:
    """All combinations of a source unit, or none, with a target unit, of pairs of lines."""

    def __init__(self, source: Units, target: Units, a: Ids, b: Ids) -> None:
        wide, self.high = source.counts[a] + 1, target.counts[b]
        size = wide * self.high
        self.pair = np.repeat(np.arange(len(a)), size)
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        row = within // wide[self.pair]
        self.source = source.ids[source.starts[a][self.pair] + within - row * wide[self.pair]]
        self.target = target.ids[target.starts[b][self.pair] + 1 + row]
        self.row = (np.cumsum(self.high) - self.high)[self.pair] + row
        self.rows = int(self.high.sum())


class Lexicon:
    """p(target unit | source unit), by IBM model 1 (Brown et al. 1993), from lines a with lines b."""

    def __init__(self, source: Units, target: Units, a: Ids, b: Ids) -> None:
        self._source, self._target = source, target
        cells = Cells(source, target, a, b)
        known, which = np.unique(cells.source * target.size + cells.target, return_inverse=True)
        probability = np.ones(len(known))
        for _ in range(ROUNDS):
            likely = probability[which]
            likely /= np.bincount(cells.row, likely, minlength=cells.rows)[cells.row]
            together = np.bincount(which, likely, minlength=len(known))
            alone = np.bincount(known // target.size, together, minlength=source.size)
            probability = together / alone[known // target.size]
        self._table = np.zeros(source.size * target.size, dtype=np.float32)
        self._table[known] = probability
        frequency = np.bincount(target.ids, minlength=target.size) + 0.5
        frequency[0] = 0
        self._frequency = frequency / frequency.sum()

    def scores(self, a: Ids, b: Ids) -> Scores:
        """Σ log p(target unit | line a) / p(target unit) over the units of each line b."""
        return np.concatenate(
            [self._scores(a[at : at + AT_ONCE], b[at : at + AT_ONCE]) for at in range(0, len(a), AT_ONCE)]
            or [np.zeros(0)]
        )

    def _scores(self, a: Ids, b: Ids) -> Scores:
        cells = Cells(self._source, self._target, a, b)
        wide = np.repeat(self._source.counts[a] + 1, cells.high)
        unit = np.zeros(cells.rows, dtype=np.int64)
        unit[cells.row] = cells.target
        found = self._table[cells.source * self._target.size + cells.target]
        share = np.bincount(cells.row, found, minlength=cells.rows) / wide / self._frequency[unit]
        of = np.repeat(np.arange(len(a)), cells.high)
        # Without a single cell, bincount counts in integers.
        return np.bincount(of, np.log(KNOWN * share + 1 - KNOWN), minlength=len(a)).astype(np.float64)


class Sides:
    """Both sides of some lines, to be compared."""

    def __init__(self, pairs: Sequence[Pair]) -> None:
        self.source, self.target = (
            Units([pair.source for pair in pairs]),
            Units([pair.target for pair in pairs]),
        )
        self.full = np.array([pair.complete for pair in pairs], dtype=np.bool_)
        self.hashes = np.array([hash(pair.source) for pair in pairs], dtype=np.int64)
        """One for each source."""
        self.lengths: Scores = np.log([[len(text) + 1 for text in pair] for pair in pairs])
        """(lines, 2) The logarithms of the numbers of characters."""

    def __len__(self) -> int:
        return len(self.full)


class Fit:
    """How much more likely lines belong together than by chance, learned from lines a with lines b."""

    def __init__(self, sides: Sides, a: Ids, b: Ids) -> None:
        self._sides = sides
        self._onward = Lexicon(sides.source, sides.target, a, b)
        self._back = Lexicon(sides.target, sides.source, b, a)
        lengths = np.stack([sides.lengths[a, 0], sides.lengths[b, 1]])
        self._middle, self._spread = lengths.mean(1), lengths.std(1) + 1e-6
        scaled = (lengths - self._middle[:, None]) / self._spread[:, None]
        self._correlation = float(np.clip((scaled[0] * scaled[1]).mean(), -0.99, 0.99))

    def __call__(self, a: Ids, b: Ids) -> Scores:
        """log p(a, b) / p(a) p(b) for each source line of a with a target line of b, in nats.

        The lexicons of both directions, and lengths as a bivariate normal distribution of their logarithms.
        """
        x = (self._sides.lengths[a, 0] - self._middle[0]) / self._spread[0]
        y = (self._sides.lengths[b, 1] - self._middle[1]) / self._spread[1]
        r = self._correlation
        lengths = -0.5 * np.log1p(-r * r) - (r * r * (x * x + y * y) - 2 * r * x * y) / (2 * (1 - r * r))
        fitting: Scores = self._onward.scores(a, b) + self._back.scores(b, a) + lengths
        return fitting
