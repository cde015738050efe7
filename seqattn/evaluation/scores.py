"""Scores of translations against references, computed by sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

UNSPACED = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")
"""Characters of scripts that are written without spaces between words."""


@dataclass(frozen=True)
class Scores:
    """How well hypotheses agree with references; all figures in percent."""

    bleu: float
    chrf: float
    exact: float
    """Hypotheses equal to their reference, up to spacing and Unicode composition."""
    sentences: int
    bleu_signature: str
    chrf_signature: str


@dataclass(frozen=True)
class Assessment:
    """The results of a run on a test set."""

    scores: Scores
    hypotheses: tuple[str, ...]
    output_ids: int
    """Ids decoded, EOS counted."""
    seconds: float
    """Of decoding."""


def choose_bleu_tokenizer(references: Sequence[str]) -> str:
    """sacrebleu's 13a, or its `char` when the references are mostly in a script without spaces."""
    text = "".join(references)
    return "char" if len(UNSPACED.findall(text)) * 2 > len(text.replace(" ", "")) else "13a"


def unspaced(text: str) -> bool:
    """Whether a text is mostly in a script without spaces between words."""
    return bool(text) and choose_bleu_tokenizer([text]) == "char"


def score(hypotheses: Sequence[str], references: Sequence[str], tokenize: str | None = None) -> Scores:
    """Corpus BLEU and chrF with their signatures, and exact matches; the lengths are equal and positive."""
    # Loaded here, as it takes as long as the rest of the library, and translating needs none of it.
    from seqattn.evaluation.metrics import metrics_for

    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses for {len(references)} references")
    metrics = metrics_for(tokenize or choose_bleu_tokenizer(references))
    bleu, chrf, exact = (metric.corpus_score(hypotheses, [references]).score for metric in metrics.values())
    return Scores(
        bleu,
        chrf,
        exact,
        sentences=len(references),
        bleu_signature=str(metrics["BLEU"].get_signature()),
        chrf_signature=str(metrics["chrF"].get_signature()),
    )
