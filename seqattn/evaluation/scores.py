"""Scores of translations against one or more references."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

from seqattn.text.scripts import UNSPACED

_UNSPACED = re.compile(f"[{UNSPACED}]")


References = Sequence[str | Sequence[str]]
"""For each sentence its reference, or several."""


@dataclass(frozen=True)
class Scores:
    """How well hypotheses agree with references; scores and error rates in percent."""

    bleu: float
    chrf: float
    exact: float
    """Hypotheses equal to a reference, up to spacing and Unicode composition."""
    wer: float | None
    """Word error rate, of what spaces separate; of phonemes it is the phoneme error rate. May exceed 100;
    None if the references have no words."""
    cer: float | None
    """Character error rate, the spaces between words counted as characters."""
    length_ratio: float | None
    """Words of the hypotheses to those of the references, as BLEU splits them and chooses among several
    references. None if these have no words."""
    brevity_penalty: float
    """What BLEU is multiplied by because the ratio is below 1 (Papineni et al. 2002); 1 if it is not."""
    sentences: int
    references: int
    """Of all sentences."""
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
    return "char" if len(_UNSPACED.findall(text)) * 2 > len(text.replace(" ", "")) else "13a"


def unspaced(text: str) -> bool:
    """Whether a text is mostly in a script without spaces between words."""
    return bool(text) and choose_bleu_tokenizer([text]) == "char"


def join_references(*given: References) -> list[tuple[str, ...]]:
    """All references of each sentence, in order, from sequences of equal length.

    Identical ones count once, and an empty one only where a sentence has no other: it stands for no
    reference in line-aligned files. ValueError when the lengths differ or a sentence has no reference.
    """
    if len({len(one) for one in given}) != 1:
        raise ValueError(f"references for {' and '.join(str(len(one)) for one in given)} sentences")
    joined = []
    for each in zip(*given, strict=True):
        listed = ([one] if isinstance(one, str) else one for one in each)
        texts = list(dict.fromkeys(chain.from_iterable(listed)))
        if not texts:
            raise ValueError("a sentence has no reference")
        joined.append(tuple(text for text in texts if text.strip()) or (texts[0],))
    return joined


def score(hypotheses: Sequence[str], references: References, tokenize: str | None = None) -> Scores:
    """All scores of a corpus; the lengths are equal and positive.

    With several references BLEU and chrF are sacrebleu's; an exact match equals any of them, and error rates
    are measured against the closest. `tokenize` is sacrebleu's tokenizer of BLEU.
    """
    # Loaded here, as it takes as long as the rest of the library, and translating needs none of it.
    from sacrebleu.metrics.bleu import BLEUScore

    from seqattn.evaluation.metrics import error_rates, metrics_for

    if len(hypotheses) != len(references):
        raise ValueError(f"{len(hypotheses)} hypotheses for {len(references)} references")
    joined = join_references(references)
    every = list(chain.from_iterable(joined))
    # sacrebleu takes the first reference of each sentence, then the second, and None where there is none.
    streams = list(zip_longest(*joined))
    metrics = metrics_for(tokenize or choose_bleu_tokenizer(every))
    scorers = (*metrics.values(), *error_rates().values())
    bleu, *others = (scorer.corpus_score(hypotheses, streams) for scorer in scorers)
    assert isinstance(bleu, BLEUScore)
    chrf, exact, *errors = (found.score for found in others)
    wer, cer = (None if math.isnan(rate) else rate for rate in errors)
    return Scores(
        bleu.score,
        chrf,
        exact,
        wer,
        cer,
        bleu.sys_len / bleu.ref_len if bleu.ref_len else None,
        bleu.bp,
        sentences=len(joined),
        references=len(every),
        bleu_signature=str(metrics["BLEU"].get_signature()),
        chrf_signature=str(metrics["chrF"].get_signature()),
    )
