"""Updates that cannot be right: what is wrong with them, and when training ends for it."""

from __future__ import annotations

import math
from typing import NamedTuple

from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.training.schedule import TrainingOptions

EXPLODED = 10.0
"""The factor by which a loss is above that of guessing. New models have up to 1.5 times as much. More is
reached within 100 updates at a learning rate of 10, and not at 1, of which a training may recover."""
MOST_SKIPPED = 10
"""Updates left out in a row, at which training ends."""


class Fault(NamedTuple):
    """Why an update is left out."""

    what: str
    remedy: str


TOO_LARGE = Fault(
    "none of its pairs fits into memory",
    "lower max_length, take a smaller model, or raise batch_memory if it is set",
)


def guessing_loss(model: Seq2Seq) -> float:
    """The loss of guessing among all pieces of the target, nats an id."""
    return math.log(max(2, model.decoder.output.out_features))


def highest_loss(model: Seq2Seq, options: TrainingOptions, guided: bool) -> float:
    """The loss of an id, nats, above which a model is worse than any that is still learning.

    What a guide or R-Drop adds to that of guessing is about as much times its weight.
    """
    added = options.r_drop + (options.guide_weight if guided else 0.0)
    return EXPLODED * (1 + added) * guessing_loss(model)


def fault_of(loss: float, norm: float, highest: float) -> Fault | None:
    """What is wrong with a loss and the norm of its gradient, if anything is."""
    what = ""
    if not math.isfinite(loss):
        what = f"the loss is {loss}"
    elif not math.isfinite(norm):
        what = f"the norm of the gradient is {norm}"
    elif loss > highest:
        what = f"the loss has risen to {loss:.3g}"
    return Fault(what, "lower learning_rate or lengthen warmup") if what else None


def has_finite_weights(model: Seq2Seq) -> bool:
    """Whether every weight is a number."""
    return all(bool(parameter.isfinite().all()) for parameter in model.parameters())


class Diverged(InputError):
    """Training cannot go on, for a fault at an update; of several processes all find it at the same one.

    `kept` says what remains of it.
    """

    def __init__(self, fault: Fault, update: int, kept: str = "") -> None:
        self.fault, self.update = fault, update
        rest = f"; {kept}" if kept else ""
        super().__init__(f"training stopped at update {update:,}: {fault.what}{rest}", remedy=fault.remedy)
