"""What is chosen from the data of a run, where it is left open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median
from typing import Literal

from seqattn.evaluation.scores import choose_bleu_tokenizer
from seqattn.runs.preparation import Prepared
from seqattn.training.schedule import TrainingOptions

BLEU_ORDER = 4
"""A text with fewer words has no n-gram of the longest kind that BLEU counts."""


def settle(options: TrainingOptions, prepared: Prepared) -> TrainingOptions:
    """The options with the criterion of the best weights and the interval of validations chosen."""
    if options.best_by == "auto":
        options = replace(options, best_by=choose_criterion([pair.target for pair in prepared.valid_pairs]))
    if not options.validate_every:
        options = replace(options, validate_every=choose_interval(options, prepared))
    return options


def choose_criterion(references: Sequence[str]) -> Literal["bleu", "chrf", "exact"]:
    """`bleu`, or `chrf` if most references have fewer than four words, or `exact` if most are one word.

    Words are what BLEU counts: characters in a script without spaces.
    """
    by_character = choose_bleu_tokenizer(references) == "char"
    words = median(len("".join(text.split())) if by_character else len(text.split()) for text in references)
    return "bleu" if words >= BLEU_ORDER else "chrf" if words > 1 else "exact"


def choose_interval(options: TrainingOptions, prepared: Prepared) -> int:
    """Updates between validations: an epoch, but at least 400 and at most 2,000.

    If ten epochs have fewer updates than 400 it is these, but at least 100.
    """
    ids = sum(max(map(len, example)) for example in prepared.train)
    epoch = max(1, round(ids / options.batch_tokens / options.accumulate))
    return min(2000, max(epoch, min(400, max(100, 10 * epoch))))
