"""Summaries of attention: the entropy of each target word's weights, the coverage of each source word."""

from __future__ import annotations

import math

import torch
from torch import Tensor

UNATTENDED = 0.2
"""A source word with less `coverage` than this counts as not attended to."""


def entropy(weights: Tensor) -> Tensor:
    """The entropy of each row of weights, in bits: `H(a_t) = -Σ_s a_t(s) log₂ a_t(s)`.

    Zero where one source position has all the weight, log₂ S where all have the same: (…, T, S) → (…, T).
    A row is divided by its sum, which is below one with attention=local-p.
    """
    sums = weights.sum(-1, keepdim=True).clamp(min=torch.finfo(weights.dtype).tiny)
    nats: Tensor = torch.special.entr(weights / sums)
    return nats.sum(-1) / math.log(2)


def coverage(weights: Tensor) -> Tensor:
    """The total attention to each source position: `C(s) = Σ_t a_t(s)` (Tu et al. 2016).

    (…, T, S) → (…, S).
    """
    return weights.sum(-2)
