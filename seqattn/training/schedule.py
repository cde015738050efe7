"""Training options, progress within their limits, and the learning rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from seqattn.errors import InputError, check_ranges


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; a limit of 0 means no limit."""

    learning_rate: float = 1.5e-3
    """The highest, reached after the warm-up."""
    warmup: int = 500
    """Updates of linear warm-up, after which the rate falls with the inverse square root."""
    cooldown: float = 0.3
    """Last share of the budget, in which the rate falls to 0; without effect if there is no limit."""
    batch_tokens: int = 2048
    """The most ids on either side of a batch, padding counted."""
    accumulate: int = 1
    """Batches whose gradients make one update."""
    label_smoothing: float = 0.1
    r_drop: float = 0.0
    """Weight α of R-Drop (Liang et al. 2021): each batch is read twice, and the two predictions, which differ
    by dropout, are pulled towards each other. An update takes twice as long."""
    word_dropout: float = 0.0
    """Share of the ids read, of either side, that are replaced by UNK (after Gal and Ghahramani 2016)."""
    subword_sampling: float = 0.0
    """Share of the training sentences whose pieces are drawn anew in every epoch, on either side (Kudo 2018,
    α = 0.5; for bpe a merge is left out with probability 0.1, Provilkov et al. 2020)."""
    guide_weight: float = 0.5
    """Weight of the alignment loss, with a guide (λ of Garg et al. 2019, there 0.05)."""
    clip: float = 1.0
    """The largest norm of the gradient."""
    optimizer: Literal["adam", "muon"] = "adam"
    """muon: for the matrices of layers Muon (Jordan et al. 2024), for other parameters Adam, at the same
    rate. Its updates take longer and teach a Transformer more."""
    weight_decay: float = 0.0
    """Decoupled (Loshchilov and Hutter 2019)."""
    validate_every: int = 0
    """Updates; 0: chosen from the corpus, or in a run that has no choice once an epoch, but at least 400 and
    at most 2,000."""
    patience: int = 8
    """Stop after this many validations in a row without a better score or loss."""
    best_by: Literal["auto", "bleu", "chrf", "exact", "loss"] = "auto"
    """The criterion for the best weights; between equal ones the loss decides. auto: chosen from the
    validation set, or BLEU in a run that has no choice."""
    average: int = 4
    """Average this many of the best validated weights at the end, and keep the average if it is better."""
    ema: float = 0.0
    """Decay of a moving average of the weights, which is validated in their place; 0: none. Rises to this
    with the updates made: at most (1 + u) / (10 + u)."""
    batch_memory: int = 0
    """The most MiB that a batch may keep from its forward pass for its backward pass, parameters not counted;
    0: no limit. A larger batch, or one for which memory runs out, is computed in parts; a pair that is too
    large by itself is left out."""
    max_length: int = 256
    """Pairs with more ids on a side are left out of training, and of the loss in validation."""
    max_updates: int = 0
    max_tokens: int = 0
    """Source and target ids, padding not counted."""
    max_minutes: float = 0.0
    """Of training and validation, start-up not counted."""
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """bf16: matrix products under autocast. auto: bf16 if the hardware supports it, else fp32."""
    seed: int = 1

    @property
    def optimizer_name(self) -> str:
        """As it is written: `Adam`, `Muon`."""
        return self.optimizer.capitalize()

    def check_guidable(self) -> None:
        """InputError when a model that is trained so cannot have a guide."""
        if self.r_drop or self.subword_sampling:
            raise InputError(
                "a guide cannot be combined with r_drop or subword_sampling", remedy="set these to 0"
            )

    def __post_init__(self) -> None:
        check_ranges(
            self,
            accumulate=(1, None),
            batch_tokens=(1, None),
            max_length=(1, None),
            label_smoothing=(0, 0.99),
            cooldown=(0, 1),
            learning_rate=(0, None),
            guide_weight=(0, 1e6),
            r_drop=(0, 1e6),
            weight_decay=(0, 10),
            word_dropout=(0, 0.99),
            subword_sampling=(0, 1),
            ema=(0, 0.99999),
        )


@dataclass(frozen=True)
class Progress:
    """The progress of training."""

    update: int = 0
    epoch: int = 0
    """Epochs completed."""
    batch: int = 0
    """Completed batches of the current epoch."""
    tokens: int = 0
    """Source and target ids seen, padding not counted."""
    seconds: float = 0.0
    skipped: int = 0
    """The last updates, if they were left out: how many in a row."""

    def spent(self, options: TrainingOptions) -> float:
        """How much of the nearest limit is used up, 0 to 1; 0 without a limit."""
        used = [
            self.update / options.max_updates if options.max_updates else 0.0,
            self.tokens / options.max_tokens if options.max_tokens else 0.0,
            self.seconds / (60 * options.max_minutes) if options.max_minutes else 0.0,
        ]
        return min(1.0, max(used))


def learning_rate(update: int, options: TrainingOptions, spent: float = 0.0) -> float:
    """Vaswani et al. 2017, eq. 3, scaled to its peak: `lr · min(u / warmup, √(warmup / u))`, u ≥ 1.

    `spent` is the share of the budget used up: in the last `cooldown` of it the rate falls linearly to 0.
    """
    warmup = max(1, options.warmup)
    cooling = min(1.0, (1.0 - spent) / options.cooldown) if options.cooldown else 1.0
    return options.learning_rate * min(update / warmup, math.sqrt(warmup / update)) * cooling
