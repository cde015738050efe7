"""Muon, an optimizer for matrices (Jordan et al. 2024)."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn

MOMENTUM = 0.95
STEPS = 5
QUINTIC = 3.4445, -4.7750, 2.0315
"""Of Jordan et al.: after these steps a singular value from 0.003 to 1 is between 0.68 and 1.2."""
LIKE_ADAM = 0.2
"""The usual root mean square of Adam's updates, divided by the rate (Liu et al. 2025)."""


class Muon(torch.optim.Optimizer):
    """Updates matrices by their momentum with its singular values made about equal.

    Like torch's, but matrices of one shape are computed together, and in any `dtype`: bfloat16 is slow on
    CPUs that do not multiply it (docs/decisions.md). Weight decay is decoupled, as that of AdamW.
    """

    def __init__(self, matrices: Iterable[nn.Parameter], weight_decay: float, dtype: torch.dtype) -> None:
        super().__init__(matrices, {"lr": 0.0, "weight_decay": weight_decay, "dtype": dtype})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Update the matrices that have gradients."""
        for group in self.param_groups:
            rate = group["lr"]
            for (rows, columns), (matrices, gradients) in _by_shape(group["params"]).items():
                momenta = [self._momentum(one) for one in matrices]
                torch._foreach_lerp_(momenta, gradients, 1 - MOMENTUM)
                ahead = torch.stack(torch._foreach_lerp(gradients, momenta, MOMENTUM))
                directions = with_equal_singular_values(ahead.to(group["dtype"])).to(ahead.dtype)
                scale = rate * LIKE_ADAM * math.sqrt(max(rows, columns))
                torch._foreach_mul_(matrices, 1 - rate * group["weight_decay"])
                torch._foreach_add_(matrices, directions.unbind(), alpha=-scale)

    def _momentum(self, matrix: Tensor) -> Tensor:
        state = self.state[matrix]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(matrix)
        return state["momentum_buffer"]  # type: ignore[no-any-return]


def with_equal_singular_values(matrices: Tensor) -> Tensor:
    """(N, rows, columns) -> the same with singular values of about 1, but for those that are very small.

    By Newton-Schulz iteration with a polynomial of degree 5 (Jordan et al. 2024).
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    found = matrices.mT if tall else matrices
    found = found / (torch.linalg.matrix_norm(found, keepdim=True) + 1e-7)
    first, third, fifth = QUINTIC
    for _ in range(STEPS):
        gram = found @ found.mT
        found = torch.baddbmm(
            found, torch.baddbmm(gram, gram, gram, beta=third, alpha=fifth), found, beta=first
        )
    return found.mT if tall else found


def _by_shape(matrices: Iterable[Tensor]) -> dict[tuple[int, int], tuple[list[Tensor], list[Tensor]]]:
    """By rows and columns, the matrices that have gradients, and these."""
    found: dict[tuple[int, int], tuple[list[Tensor], list[Tensor]]] = {}
    for one in matrices:
        if one.grad is not None:
            rows, columns = one.shape
            alike, gradients = found.setdefault((rows, columns), ([], []))
            alike.append(one)
            gradients.append(one.grad)
    return found
