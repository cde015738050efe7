"""What is chosen from the data of a run and its budget, where it is left open."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import islice
from statistics import median
from typing import Any, Literal, NamedTuple

import torch

from seqattn.errors import counted
from seqattn.evaluation.scores import choose_bleu_tokenizer
from seqattn.models import ModelOptions, build
from seqattn.runs.building import vocabulary_of
from seqattn.runs.preparation import Prepared
from seqattn.runs.presets import PAIRS, compose, suitable_presets
from seqattn.training.events import Updated, Validation
from seqattn.training.loop import Trainer
from seqattn.training.schedule import TrainingOptions

BLEU_ORDER = 4
"""A text with fewer words has no n-gram of the longest kind that BLEU counts."""
WHOLE = 20
"""A longer text is seldom right as a whole while a model still learns."""


def settle(options: TrainingOptions, prepared: Prepared, processes: int = 1) -> TrainingOptions:
    """The options with the criterion of the best weights and the interval of validations chosen.

    `processes` train together (`seqattn.ranks`).
    """
    if options.best_by == "auto":
        references = [pair.target for pair in prepared.valid_pairs]
        options = replace(options, best_by=choose_criterion(references, prepared.targets.closed))
    if not options.validate_every:
        options = replace(options, validate_every=choose_interval(options, prepared, processes))
    return options


def choose_criterion(references: Sequence[str], closed: bool) -> Literal["bleu", "chrf", "exact"]:
    """`bleu`, or `chrf` if most references have fewer than four words, or `exact` if most are one word.

    Words are what BLEU counts: characters in a script without spaces. Short texts of a closed language, such
    as the phonemes of a word or commands (`Inventory.closed`), are right or wrong as a whole: `exact` too.
    """
    by_character = choose_bleu_tokenizer(references) == "char"
    words = median(len("".join(text.split())) if by_character else len(text.split()) for text in references)
    if words <= 1 or (closed and words <= WHOLE):
        return "exact"
    return "bleu" if words >= BLEU_ORDER else "chrf"


def choose_interval(options: TrainingOptions, prepared: Prepared, processes: int = 1) -> int:
    """Updates between validations: an epoch, but at least 400 and at most 2,000.

    If ten epochs have fewer updates than 400 it is these, but at least 100.
    """
    ids = sum(map(max, prepared.lengths))
    epoch = max(1, round(ids / options.batch_tokens / options.accumulate / processes))
    return min(2000, max(epoch, min(400, max(100, 10 * epoch))))


FEWEST_EPOCHS = 8
"""A model that a time limit allows fewer epochs is too large for it."""
LARGEST_EPOCH = 300_000
"""The most pairs in such an epoch, unless a preset is for more: further pairs need no more time."""
TIMED = 6
"""Updates that measure the speed of training; the first third, which are slower, do not count."""
SAMPLED = 10_000
"""The most training pairs of which their batches are made."""


class Size(NamedTuple):
    """A preset, and why it was chosen."""

    preset: str
    reason: str


def choose_size(
    architecture: str,
    settings: Mapping[str, Any],
    prepared: Prepared,
    device: torch.device,
    processes: int = 1,
) -> Size:
    """The preset for a corpus, or a smaller one if a time limit allows it too few epochs on this machine.

    Repeated pairs count once. `processes` train together.
    """
    repeated = prepared.distinct < prepared.record.train_pairs
    pairs = counted(prepared.distinct, "distinct pair" if repeated else "pair")
    presets = suitable_presets(prepared.distinct, prepared.targets.natural)
    kinds = {"low-resource": " of natural text", "regular": " that are no natural text"}
    reason = f"for {pairs}{kinds.get(presets[0], '')}"
    for preset in presets:
        model, _, training = compose(architecture, preset, settings)
        if not training.max_minutes or preset == presets[-1]:
            return Size(preset, reason)
        speed = processes * training_speed(architecture, model, training, prepared, device)
        epochs = 60 * training.max_minutes * speed / sum(map(sum, prepared.lengths))
        time = f"about {_rough(epochs)} epochs in {counted(training.max_minutes, 'minute')} here"
        every = prepared.record.train_pairs
        if epochs * every >= FEWEST_EPOCHS * min(every, max(LARGEST_EPOCH, PAIRS.get(preset, 0))):
            return Size(preset, f"for {pairs}: {time}")
        reason = f"for {pairs}: {preset} would have only {time}"
    raise AssertionError("the smallest preset is always chosen")


def _rough(number: float) -> str:
    """Two digits of small numbers, whole ones of others."""
    return f"{number:,.0f}" if number >= 10 else f"{number:.2g}"


def training_speed(
    architecture: str,
    model: ModelOptions,
    training: TrainingOptions,
    prepared: Prepared,
    device: torch.device,
) -> float:
    """Source and target ids that a new model trains on in a second, measured on a few batches.

    0 if it cannot be trained here: every update was left out, as where memory is too small for a sentence.
    """
    some = prepared.train
    if len(some) > SAMPLED:
        some = random.Random(1).sample(some, SAMPLED)
    sizes = vocabulary_of(prepared.tokenizer)
    options = replace(training, max_minutes=0.0, max_tokens=0, max_updates=0, validate_every=TIMED + 1)
    trainer = Trainer(build(architecture, model, sizes).to(device), some, options, _unvalidated)
    updates = [event for event in islice(trainer.run(), TIMED) if isinstance(event, Updated)]
    measured = updates[TIMED // 3 :]
    return sum(one.tokens for one in measured) / sum(one.seconds for one in measured) if measured else 0.0


def _unvalidated(model: object) -> Validation:
    raise AssertionError("no validation is due")
