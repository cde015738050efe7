"""The metrics that translations are scored by, as sacrebleu's; it loads slowly, so only where needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sacrebleu.metrics.base import Metric, Score, Signature
from sacrebleu.metrics.bleu import BLEU
from sacrebleu.metrics.chrf import CHRF

from seqattn.text.tokenizer import normalise


class ExactMatch(Metric):
    """The share of hypotheses equal to their reference, in percent, spacing and Unicode composition apart."""

    _SIGNATURE_TYPE = Signature

    def _preprocess_segment(self, sent: str) -> str:
        return normalise(sent)

    def _extract_reference_info(self, refs: Sequence[str]) -> dict[str, Any]:
        return {"refs": [normalise(ref) for ref in refs]}

    def _compute_segment_statistics(self, hypothesis: str, ref_kwargs: dict[str, Any]) -> list[int]:
        return [int(hypothesis in ref_kwargs["refs"]), 1]

    def _compute_score_from_stats(self, stats: Sequence[float]) -> Score:
        return Score("exact match", 100 * float(stats[0]) / float(stats[1]))

    def _aggregate_and_compute(self, stats: Sequence[Sequence[float]]) -> Score:
        return self._compute_score_from_stats([sum(column) for column in zip(*stats, strict=True)])


def metrics_for(tokenize: str) -> dict[str, Metric]:
    """Fresh metrics under their names; `tokenize` is sacrebleu's tokenizer of BLEU."""
    # force: else sacrebleu warns on stderr about texts that look tokenised, which here is often intended.
    bleu = BLEU(tokenize=tokenize, force=True)
    return {"BLEU": bleu, "chrF": CHRF(), "exact match": ExactMatch()}  # type: ignore[no-untyped-call]
