"""Whether one system is better than another on a test set, and how large a difference the set can show.

The tests are those of sacrebleu: approximate randomization (Riezler and Maxwell 2005) and the paired
bootstrap (Koehn 2004), from whose resamples the interval of the difference comes too.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from sacrebleu.metrics.base import Metric
from sacrebleu.significance import PairedTest

from seqattn.evaluation.metrics import metrics_for
from seqattn.evaluation.scores import choose_bleu_tokenizer

RANDOMIZATIONS, RESAMPLES = 10_000, 1_000
"""sacrebleu's defaults."""
SEED = 12345
"""sacrebleu's, of the resamples."""
POWER = 2.8
"""Standard errors of a difference that a two-sided test at 5 % finds four times in five (1.96 + 0.84)."""


@dataclass(frozen=True)
class Difference:
    """How two systems differ on a test set by one metric; all scores in percent."""

    metric: str
    first: float
    second: float
    randomization_p: float
    """How often a difference at least as large comes about when outputs are exchanged at random."""
    bootstrap_p: float
    low: float
    """Of the interval of `second - first` that holds 95 % of the bootstrap's resamples."""
    high: float
    detectable: float
    """The smallest difference that this test set would show at 5 % in four cases of five."""

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
    metrics = metrics_for(tokenize or choose_bleu_tokenizer(references))
    systems = [("first", first), ("second", second)]
    tests = [
        PairedTest(systems, metrics, [references], kind, trials)()[1]
        for kind, trials in (("ar", RANDOMIZATIONS), ("bs", RESAMPLES))
    ]
    # sacrebleu lists the systems' names first, then the metrics in their order.
    by_metric = zip(metrics.items(), *(list(test.values())[1:] for test in tests), strict=True)
    rows = np.random.default_rng(SEED).integers(len(references), size=(RESAMPLES, len(references)))
    found = []
    for (name, metric), randomized, resampled in by_metric:
        gains = _scores(metric, second, references, rows) - _scores(metric, first, references, rows)
        low, high = np.quantile(gains, [0.025, 0.975])
        # sacrebleu calls no difference at all significant.
        equal = randomized[0].score == randomized[1].score
        found.append(
            Difference(
                name,
                randomized[0].score,
                randomized[1].score,
                1.0 if equal else randomized[1].p_value,
                1.0 if equal else resampled[1].p_value,
                float(low),
                float(high),
                POWER * float(gains.std()),
            )
        )
    return found


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979): the k-th smallest of n by a factor of n - k + 1."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    corrected, largest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p_values[at]))
        corrected[at] = largest
    return corrected


def _scores(metric: Metric, hypotheses: Sequence[str], references: Sequence[str], rows: Any) -> Any:
    """The score of each resample of the test set, (resamples,)."""
    statistics = np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=np.float64)
    return np.array([metric._compute_score_from_stats(statistics[some].sum(0)).score for some in rows])
