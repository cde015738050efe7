"""What each metric counts in the sentences of a text, from which the score of any of them can be computed.

A text is counted once for all that asks for it.
"""

from __future__ import annotations

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
    return score_of(metric, found.sum(0))


def score_of(metric: Metric, sums: Any) -> float:
    """The score of a text whose sentences have these statistics together."""
    # One at a time, numbers of numpy are slower than Python's.
    return float(metric._compute_score_from_stats(sums.tolist()).score)


@lru_cache(maxsize=128)
def sentence_scores(metric: str, hypotheses: Texts, references: Texts, tokenize: str) -> tuple[float, ...]:
    """The score of each sentence by a metric that is meant for sentences too, chrF or exact match."""
    each = statistics(hypotheses, references, tokenize)[metric]
    return tuple(corpus_score(metrics(tokenize)[metric], sentence[None]) for sentence in each)
