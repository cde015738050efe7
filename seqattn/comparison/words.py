"""The words of a test set and the statistics behind its scores, each found once for several analyses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import Any, NamedTuple

import numpy as np
from sacrebleu.metrics.base import Metric

from seqattn.data.corpus import Pair
from seqattn.evaluation.metrics import metrics_for
from seqattn.evaluation.scores import choose_bleu_tokenizer, unspaced

Words = Sequence[str]


class Sides(NamedTuple):
    """A test set."""

    sources: tuple[str, ...]
    references: tuple[str, ...]
    tokenize: str
    """The tokenizer of BLEU for the references."""


def sides(pairs: Sequence[Pair]) -> Sides:
    """The two sides of a test set, and the tokenizer that the references choose."""
    references = tuple(pair.target for pair in pairs)
    return Sides(tuple(pair.source for pair in pairs), references, choose_bleu_tokenizer(references))


def words(text: str, tokenize: str) -> list[str]:
    """The words that BLEU counts; `tokenize` is sacrebleu's tokenizer of BLEU."""
    return metrics(tokenize)["BLEU"]._preprocess_segment(text).split()


def word_counts(targets: Iterable[str], tokenize: str) -> Counter[str]:
    """How often each word occurs in texts."""
    return Counter(word for text in targets for word in words(text, tokenize))


@lru_cache(maxsize=64)
def split(texts: tuple[str, ...], tokenize: str) -> list[list[str]]:
    """The words of each text."""
    return [words(text, tokenize) for text in texts]


def source_lengths(pairs: Sequence[Pair]) -> tuple[str, list[int]]:
    """What sources are measured in, characters for scripts without spaces, and the length of each."""
    if unspaced("".join(pair.source for pair in pairs)):
        return "characters", [len("".join(pair.source.split())) for pair in pairs]
    return "words", [len(pair.source.split()) for pair in pairs]


@cache
def metrics(tokenize: str) -> dict[str, Metric]:
    """sacrebleu's metrics by name, of which BLEU has this tokenizer."""
    return metrics_for(tokenize)


@lru_cache(maxsize=64)
def statistics(hypotheses: tuple[str, ...], references: tuple[str, ...], tokenize: str) -> dict[str, Any]:
    """Of each sentence, (sentences, statistics), by metric; the sum over sentences gives their score."""
    return {
        name: np.array(metric._extract_corpus_statistics(hypotheses, [references]), dtype=np.float64)
        for name, metric in metrics(tokenize).items()
    }


def corpus_score(metric: Metric, found: Any) -> float:
    """The score of the sentences with these statistics, (sentences, statistics)."""
    return float(metric._compute_score_from_stats(found.sum(0).tolist()).score)
