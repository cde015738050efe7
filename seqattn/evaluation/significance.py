"""Whether one system is better than another on a test set, and how large a difference the set can show.

Two things are uncertain about a difference. Other test sentences would give another one: that is what
approximate randomization (Riezler and Maxwell 2005) tests, and the interval of the paired bootstrap (Koehn
2004) shows. And models trained with other seeds would give another one: that shows in the scores of several
(Reimers and Gurevych 2017). The variances of both are added, with the degrees of freedom of Welch (1947).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from sacrebleu.metrics.base import Metric
from scipy.special import stdtr, stdtrit

from seqattn.evaluation.scores import choose_bleu_tokenizer
from seqattn.evaluation.statistics import Texts, corpus_score, metrics, score_of, statistics

RANDOMIZATIONS, RESAMPLES = 10_000, 1_000
"""sacrebleu's defaults."""
SEED = 12345
"""sacrebleu's, of what is drawn."""
AT_ONCE = 1_000
"""Randomizations that are held in memory together."""
ROUNDING = 1e-9
"""Differences of scores, in percent, that are smaller are none."""
CONFIDENCE, POWER = 0.95, 0.8
"""Of intervals; of a test to show the difference called detectable."""

Outputs = Sequence[Sequence[str]]
"""The hypotheses of each model of a system for the same test set."""


@dataclass(frozen=True)
class Spread:
    """The scores of several models of one system, which differ in the seed."""

    values: tuple[float, ...]
    mean: float
    deviation: float | None = None
    """Standard deviation, with n - 1; None for one model."""
    low: float | None = None
    """Of the 95 % interval of the mean, by Student's t."""
    high: float | None = None


def spread(values: Sequence[float]) -> Spread:
    """The mean of one or more scores, and how far they are apart."""
    mean, count = float(np.mean(values)), len(values)
    if count == 1:
        return Spread(tuple(values), mean)
    deviation = float(np.std(values, ddof=1))
    reach = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 2)) * deviation / math.sqrt(count)
    return Spread(tuple(values), mean, deviation, mean - reach, mean + reach)


@dataclass(frozen=True)
class Difference:
    """How two systems differ on a test set by one metric; all scores in percent."""

    metric: str
    first: float
    """The mean of the first system's models."""
    second: float
    p: float
    """Two-sided: by randomization for one model each, else by Student's t over both uncertainties."""
    low: float
    """Of the 95 % interval of `second - first`."""
    high: float
    detectable: float | None
    """The smallest difference that would be shown in four cases of five, at 5 % for all pairs together; None
    if the test set is too small to show any."""
    test_error: float
    """Standard error from the choice of test sentences."""
    seed_error: float | None
    """Standard error from the seeds; None if no system has several models."""

    @property
    def gain(self) -> float:
        """`second - first`."""
        return self.second - self.first


def differences(
    first: Sequence[str], second: Sequence[str], references: Sequence[str], tokenize: str | None = None
) -> list[Difference]:
    """How the second system's hypotheses differ from the first's, by BLEU, chrF and exact match.

    `tokenize` is sacrebleu's, as for `score`. The resamples have a fixed seed: the same texts give the same
    figures.
    """
    (found,) = all_differences([[first], [second]], references, tokenize)
    return found


def all_differences(
    systems: Sequence[Outputs], references: Sequence[str], tokenize: str | None = None
) -> list[list[Difference]]:
    """How every two systems differ, each with one or more models, in the order of `combinations`."""
    tokenize = tokenize or choose_bleu_tokenizer(references)
    wanted, texts = tuple(references), [[tuple(one) for one in outputs] for outputs in systems]
    rows = np.random.default_rng(SEED).integers(len(references), size=(RESAMPLES, len(references)))
    # The whole test set comes first.
    rows = np.concatenate([np.arange(len(references))[None], rows])
    scores = [_scores(outputs, wanted, tokenize, rows) for outputs in texts]
    found = []
    pairs = list(combinations(range(len(systems)), 2))
    for first, second in pairs:
        tested: dict[str, float] = {}
        if len(texts[first]) == len(texts[second]) == 1:
            one, other = (statistics(texts[at][0], wanted, tokenize) for at in (first, second))
            tested = {
                name: randomization(metric, one[name], other[name])
                for name, metric in metrics(tokenize).items()
            }
        found.append(
            [
                _difference(
                    name, scores[first][name], scores[second][name], tested.get(name), len(wanted), len(pairs)
                )
                for name in metrics(tokenize)
            ]
        )
    return found


def _scores(outputs: Sequence[Texts], references: Texts, tokenize: str, rows: Any) -> dict[str, Any]:
    """The scores of a system's models on each selection of the test set, (models, selections), by metric."""
    counted = [statistics(one, references, tokenize) for one in outputs]
    return {
        name: np.array([[corpus_score(metric, one[name][some]) for some in rows] for one in counted])
        for name, metric in metrics(tokenize).items()
    }


def _difference(
    metric: str, first: Any, second: Any, tested: float | None, sentences: int, pairs: int = 1
) -> Difference:
    """From the scores of each system's models on the test set and its resamples, (models, 1 + resamples)."""
    gains = second.mean(0) - first.mean(0)
    gain, resampled = float(gains[0]), gains[1:]
    # Resampling has the variance of a sample, not of what it was drawn from.
    test_error = float(resampled.std()) * math.sqrt(sentences / max(1, sentences - 1))
    figures = metric, float(first[:, 0].mean()), float(second[:, 0].mean())
    # No test of exchanged outputs gives less: that of sentences which all speak for the same system.
    least = 2.0 ** (1 - sentences)
    few = least > (1 - CONFIDENCE) / pairs
    if tested is not None:
        low, high = np.quantile(resampled, [0.5 - CONFIDENCE / 2, 0.5 + CONFIDENCE / 2])
        detectable = None if few else _reach(math.inf, pairs) * test_error
        return Difference(*figures, tested, float(low), float(high), detectable, test_error, None)
    # The test set first.
    parts = [(test_error**2, max(1.0, sentences - 1.0))]
    for scores in (first[:, 0], second[:, 0]):
        if scores.size > 1:
            parts.append((float(scores.var(ddof=1)) / scores.size, scores.size - 1.0))
    variance = sum(part for part, _ in parts)
    error = math.sqrt(variance)
    freedom = variance**2 / sum(part**2 / free for part, free in parts) if variance else math.inf
    p = 2 * float(stdtr(freedom, -abs(gain) / error)) if error else float(abs(gain) < ROUNDING)
    reach = _quantile(freedom, 0.5 + CONFIDENCE / 2) * error
    seed_error = math.sqrt(sum(part for part, _ in parts[1:]))
    detectable = None if few else _reach(freedom, pairs) * error
    ends = gain - reach, gain + reach
    return Difference(*figures, max(least, p), *ends, detectable, test_error, seed_error)


def _reach(freedom: float, pairs: int) -> float:
    """Standard errors of a difference that a test of so many pairs shows with the power asked for."""
    return _quantile(freedom, 1 - (1 - CONFIDENCE) / 2 / pairs) + _quantile(freedom, POWER)


def _quantile(freedom: float, share: float) -> float:
    return float(stdtrit(min(freedom, 1e6), share))


def randomization(metric: Metric, first: Any, second: Any) -> float:
    """How often exchanging two systems' outputs at random makes a difference at least as large: two-sided p.

    `first` and `second` are the statistics of each sentence, (sentences, statistics). Riezler and Maxwell
    2005, figure 1. sacrebleu counts larger differences alone, so that with few sentences that differ, where
    equal ones are common, its p is far too small.
    """
    gap = abs(score_of(metric, second.sum(0)) - score_of(metric, first.sum(0)))
    chance, reached = np.random.default_rng(SEED), 0
    both = first.sum(0) + second.sum(0)
    for start in range(0, RANDOMIZATIONS, AT_ONCE):
        trials = min(AT_ONCE, RANDOMIZATIONS - start)
        kept = chance.integers(2, size=(trials, len(first)), dtype=bool)
        sums = kept @ first + ~kept @ second
        gaps = (abs(score_of(metric, one) - score_of(metric, both - one)) for one in sums)
        reached += sum(one > gap - ROUNDING for one in gaps)
    # The test set as it is counts as one more (Phipson and Smyth 2010).
    return (reached + 1) / (RANDOMIZATIONS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): the k-th smallest of n by a factor of n - k + 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected
