"""The lengths of texts, and pairs whose sides are of unusual relative lengths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from seqattn.data.checks.lines import Lines, Place, Rows
from seqattn.data.checks.survey import Survey

DEVIATIONS, FACTOR = 8.0, 2.5
"""A pair is unusual when the ratio of its lengths is that many robust standard deviations from the median of
pairs of its length, and that many times larger or smaller."""
EXTREME, FEW = 2.0, 0.01
"""Pairs twice as many deviations and twice as many times from the median are left out of a clean corpus,
unless they are more than this share: then they are a kind of pair that belongs to it."""
ENOUGH = 50
"""Pairs of about one length that suffice to know what is usual among them."""


@dataclass(frozen=True)
class Lengths:
    """The lengths of one side of a corpus, in words or in characters."""

    mean: float
    median: float
    percentile_99: float
    longest: int
    where: Place
    """The first line that is so long."""


def lengths_of(numbers: NDArray[np.int64], rows: Rows, lines: Lines) -> Lengths:
    """The lengths at some rows, at least one."""
    chosen = numbers[rows]
    return Lengths(
        float(chosen.mean()),
        float(np.median(chosen)),
        float(np.percentile(chosen, 99)),
        int(chosen.max()),
        lines.place(int(rows[chosen.argmax()])),
    )


@dataclass(frozen=True)
class Outliers:
    """Pairs of unusual relative lengths."""

    rows: Rows
    """All of them."""
    worst: Rows
    """The most unusual, first the worst."""
    extreme: Rows
    """Those that are certainly wrong."""


def unusual_lengths(survey: Survey) -> Outliers:
    """The pairs whose ratio of characters lies far outside of what is usual for pairs as long.

    What is usual is measured in the corpus itself: the median of log(target / source) and its median absolute
    deviation, among pairs of about the same length (by powers of two), so that short pairs may vary more.
    Copies, all of the same ratio, count neither there nor as unusual.
    """
    rows = survey.rows
    source, target = survey.characters[rows].T
    ratio = np.log(target / source)
    size = (np.log2(source * target) / 2).astype(np.int64) if len(rows) else rows
    far, times = np.zeros(len(rows)), np.zeros(len(rows))
    own = ~np.isin(rows, survey.copied)
    everywhere = _usual(ratio[own]) if own.sum() >= ENOUGH else (0.0, np.inf)
    for one in np.unique(size):
        alike = size == one
        middle, spread = _usual(ratio[alike & own]) if (alike & own).sum() >= ENOUGH else everywhere
        away = np.abs(ratio[alike] - middle)
        far[alike], times[alike] = away / spread, away / np.log(FACTOR)
    unusual = own & (far >= DEVIATIONS) & (times >= 1)
    order = np.argsort(-far[unusual], kind="stable")
    extreme = unusual & (far >= EXTREME * DEVIATIONS) & (times >= EXTREME)
    extreme &= extreme.sum() <= max(1, FEW * len(rows))
    return Outliers(rows[unusual], rows[unusual][order], rows[extreme])


def _usual(ratio: NDArray[np.float64]) -> tuple[float, float]:
    """The median and a robust standard deviation, at least 5 %."""
    middle = float(np.median(ratio))
    return middle, max(0.05, 1.4826 * float(np.median(np.abs(ratio - middle))))
