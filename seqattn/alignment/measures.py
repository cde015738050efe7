"""What sums attention up: how widely a target word looks, and how much each source word is looked at."""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNSEEN = 0.2
"""A source word of less `coverage` than this counts as one that nobody looked at."""


def entropy(weights: Tensor) -> Tensor:
    """How widely a row of weights spreads, in bits: `H(a_t) = -Σ_s a_t(s) log₂ a_t(s)`.

    Nought where one source position has all the weight, log₂ S where all have alike: (…, T, S) → (…, T).
    """
    nats: Tensor = torch.special.entr(weights)
    return nats.sum(-1) / math.log(2)


def coverage(weights: Tensor) -> Tensor:
    """How much each source position is looked at in all: `C(s) = Σ_t a_t(s)` (Tu et al. 2016).

    (…, T, S) → (…, S).
    """
    return weights.sum(-2)
