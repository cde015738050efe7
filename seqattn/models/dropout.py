"""Dropout whose random numbers cost little on a CPU."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014): in training each number becomes 0 with probability p.

    A CPU draws a random byte for each number, eight at a time, so p is rounded to a multiple of 1/256;
    the others are scaled by the rounded rate, so that the expected value is unchanged. torch's own dropout
    draws a Bernoulli variate for each number, which takes a fifth of a training step (docs/decisions.md).
    """

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """(…) → (…), the same shape."""
        if x.device.type != "cpu":
            return F.dropout(x, self.p, self.training)
        dropped_of_256 = round(256 * self.p)
        if not self.training or not dropped_of_256:
            return x
        # From the lowest int64, because else the highest bit of every eighth byte would always be 0.
        words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64).random_(-(2**63), None)
        kept = words.view(torch.uint8)[: x.numel()].view(x.shape) >= dropped_of_256
        # Products are several times faster than filling by a mask, forwards and backwards.
        return x * kept.to(x.dtype) * (256 / (256 - dropped_of_256))
