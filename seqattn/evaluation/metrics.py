"""The metrics that translations are scored by, in sacrebleu's form; it loads slowly, so only where needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein
from sacrebleu.metrics.base import Metric, Score, Signature
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqattn.text.normalising import normalise


class ExactMatch(Metric):
    """The share of hypotheses equal to a reference, in percent, spacing and Unicode composition apart."""

    _SIGNATURE_TYPE = Signature

    def _preprocess_segment(self, sent: str) -> str:
        return normalise(sent)

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"refs": refs}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[int]:
        return [int(hypothesis in ref_kwargs["refs"]), 1]

    def _compute_score_from_stats(self, stats: Sequence[float]) -> Score:
        return Score("exact match", 100 * float(stats[0]) / float(stats[1]))

    def _aggregate_and_compute(self, stats: Sequence[Sequence[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])


class ErrorRate(Metric):
    """Edits that make hypotheses equal their references, in percent of the references' length.

    The least insertions, deletions and substitutions (Levenshtein 1966) of what `split` divides a normalised
    text into; of several references the one with the fewest edits counts, the longest of those that are
    equally close. The rate may exceed 100; it is NaN if the references are empty.
    """

    _SIGNATURE_TYPE = Signature

    def __init__(self, split: Callable[[str], Sequence[str]]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._split = split

    def _preprocess_segment(self, sent: str) -> str:
        return normalise(sent)

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"refs": [self._split(ref) for ref in refs]}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[int]:
        own = self._split(hypothesis)
        found = [(Levenshtein.distance(own, ref), len(ref)) for ref in ref_kwargs["refs"]]
        edits, length = min(found, key=lambda one: (one[0], -one[1]))
        return [edits, length]

    def _compute_score_from_stats(self, stats: Sequence[float]) -> Score:
        return Score("error rate", 100 * float(stats[0]) / float(stats[1]) if stats[1] else math.nan)

    def _aggregate_and_compute(self, stats: Sequence[Sequence[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])


def metrics_for(tokenize: str) -> dict[str, Metric]:
    """Fresh metrics under their names; `tokenize` is sacrebleu's tokenizer of BLEU."""
    # force: else sacrebleu warns on stderr about texts that look tokenised, which here is often intended.
    bleu = BLEU(tokenize=tokenize, force=True)
    return {"BLEU": bleu, "chrF": CHRF(), "exact match": ExactMatch()}  # type: ignore[no-untyped-call]


def error_rates() -> dict[str, Metric]:
    """Fresh metrics under their names, of words and of characters; the lower the better."""
    return {"word error rate": ErrorRate(spaced_words), "character error rate": ErrorRate(str)}


def spaced_words(text: str) -> list[str]:
    """What spaces separate in a normalised text."""
    return text.split(" ") if text else []
