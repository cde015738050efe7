"""Scores of translations against references, computed by sacrebleu."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from seqattn.text.tokenizer import normalise

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
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    # force: else sacrebleu warns on stderr about texts that look tokenised, which here is often intended.
    bleu = BLEU(tokenize=tokenize or choose_bleu_tokenizer(references), force=True)
    chrf = CHRF()
    exact = sum(normalise(h) == normalise(r) for h, r in zip(hypotheses, references, strict=True))
    return Scores(
        bleu=bleu.corpus_score(hypotheses, [references]).score,
        chrf=chrf.corpus_score(hypotheses, [references]).score,
        exact=100 * exact / len(references),
        sentences=len(references),
        bleu_signature=str(bleu.get_signature()),
        chrf_signature=str(chrf.get_signature()),
    )
