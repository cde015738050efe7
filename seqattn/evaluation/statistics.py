"""What each metric counts in the sentences of a text, from which the score of any of them can be computed.

A text is counted once for all that asks for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache, lru_cache
from typing import Any

import numpy as np
from sacrebleu.metrics.base import Metric

from seqattn.evaluation.metrics import metrics_for

Texts = tuple[str, ...]


@cache
def metrics(tokenize: str) -> dict[str, Metric]:
    """sacrebleu's metrics by name, of which BLEU has this tokenizer."""
    return metrics_for(tokenize)


@lru_cache(maxsize=64)
def statistics(hypotheses: Texts, references: Texts, tokenize: str) -> dict[str, Any]:
    """Of each sentence, (sentences, statistics), by metric; the sum over sentences gives their score."""
    return {
        name: np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=np.float64)
        for name, metric in metrics(tokenize).items()
    }


def corpus_score(metric: Metric, found: Any) -> float:
    """The score of the sentences with these statistics, (sentences, statistics)."""
    return float(metric._compute_score_from_stats(found.sum(0).tolist()).score)


@lru_cache(maxsize=128)
def sentence_scores(metric: str, hypotheses: Texts, references: Texts, tokenize: str) -> tuple[float, ...]:
    """The score of each sentence by a metric that is meant for sentences too, chrF or exact match."""
    each = statistics(hypotheses, references, tokenize)[metric]
    return tuple(corpus_score(metrics(tokenize)[metric], sentence[None]) for sentence in each)


class Counted:
    """A metric for sacrebleu's tests, which would count the texts again for every two systems."""

    def __init__(self, name: str, tokenize: str) -> None:
        self._name, self._tokenize = name, tokenize
        self._metric = metrics(tokenize)[name]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._metric, name)

    def _extract_corpus_statistics(
        self, hypotheses: Sequence[str], references: Sequence[Sequence[str]]
    ) -> Any:
        found = statistics(tuple(hypotheses), tuple(references[0]), self._tokenize)[self._name]
        # The tests multiply matrices of these, faster with small floats, and as exact if sums are below 2²⁴.
        return found.astype(np.float32) if 2 * found.sum(0).max() < 2**24 else found

    def _aggregate_and_compute(self, found: Any) -> Any:
        # One at a time, numbers of numpy are slower than Python's.
        return self._metric._aggregate_and_compute(found.tolist())
