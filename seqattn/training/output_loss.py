"""The cross-entropy of an output layer, computed in parts: on a CPU such as fit a cache."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from seqattn.symbols import PAD

LOGITS = 1 << 21
"""Numbers in one part on a CPU: 8 MB in fp32. Whole, those of 4,096 ids can be twenty times as many, written
and read several times (docs/decisions.md)."""
LOGITS_ELSEWHERE = 1 << 28
"""Numbers in one part on a GPU, where each part costs its launches: 1 GB in fp32."""
FEWEST_ROWS, MOST_ROWS = 32, 2048


def output_loss(output: nn.Linear, hidden: Tensor, gold: Tensor, smoothing: float = 0.0) -> Tensor:
    """Σ of -log p(gold) over the ids that are not PAD, nats, a scalar; p = softmax of the layer's logits.

    Hidden vectors (B, T, D), gold ids (B, T). With label smoothing ε the goal is 1 - ε for the id, ε spread
    over the vocabulary. Under autocast products are in its dtype, all else in fp32.
    """
    return _in_parts(output, hidden.unsqueeze(0), gold, smoothing, 0.0)


def agreement_output_loss(
    output: nn.Linear, hidden: Tensor, gold: Tensor, weight: float, smoothing: float = 0.0
) -> Tensor:
    """R-Drop (Liang et al. 2021, eq. 4), halved: the mean `output_loss` of two predictions, plus half the
    weight α times the mean of `KL(p₁‖p₂)` and `KL(p₂‖p₁)`, summed over the ids, nats, a scalar.

    Hidden vectors (2, B, T, D), gold ids (B, T).
    """
    return _in_parts(output, hidden, gold, smoothing, weight)


def _in_parts(output: nn.Linear, hidden: Tensor, gold: Tensor, smoothing: float, agreement: float) -> Tensor:
    """Hidden vectors (R, B, T, D), R predictions of the same ids."""
    rows = (gold.flatten() != PAD).nonzero().squeeze(1)
    some, ids = hidden.flatten(1, -2).index_select(1, rows), gold.flatten().index_select(0, rows)
    assert output.bias is None
    loss: Tensor = _OutputLoss.apply(some, output.weight, ids, smoothing, agreement)
    return loss


def rows_of_a_part(width: int, device: str) -> int:
    """How many rows of so many logits are computed at once, a power of 2 on a CPU."""
    if device != "cpu":
        return max(FEWEST_ROWS, LOGITS_ELSEWHERE // width)
    return min(MOST_ROWS, max(FEWEST_ROWS, 1 << (LOGITS // width).bit_length() - 1))


class _OutputLoss(torch.autograd.Function):
    """Computes the gradients together with the loss, so that no logits are kept."""

    @staticmethod
    def forward(
        ctx: Any, hidden: Tensor, weight: Tensor, gold: Tensor, smoothing: float, agreement: float
    ) -> Tensor:
        kind = hidden.device.type
        dtype = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else weight.dtype
        needed = any(ctx.needs_input_grad)
        of_hidden, of_weight = (torch.zeros_like(one) if needed else None for one in (hidden, weight))
        read, by = hidden.to(dtype), weight.to(dtype)
        total = torch.zeros((), device=hidden.device)
        count = len(hidden)
        size = rows_of_a_part(count * len(weight), kind)
        with torch.autocast(kind, enabled=False):
            for start in range(0, len(gold), size):
                part = read[:, start : start + size]
                ids = gold[start : start + size, None].expand(count, -1, 1)
                logits = F.linear(part, by).float()
                normaliser = logits.logsumexp(-1, keepdim=True)
                goal = (1 - smoothing) * logits.gather(-1, ids) + smoothing * logits.mean(-1, keepdim=True)
                total += (normaliser - goal).sum() / count
                apart = _divergence(logits - normaliser) if agreement else None
                if apart is not None:
                    total += agreement / 4 * apart.total
                if of_hidden is not None and of_weight is not None:
                    # The gradient of the logits: their softmax less the goal.
                    wrong = logits.sub_(normaliser).exp_().sub_(smoothing / len(weight))
                    wrong.scatter_add_(-1, ids, wrong.new_full(ids.shape, smoothing - 1))
                    if apart is not None:
                        wrong = wrong.div_(count).add_(apart.gradient, alpha=agreement / 4)
                    rounded = wrong.to(dtype)
                    of_hidden[:, start : start + size] = rounded @ by
                    of_weight += rounded.flatten(0, 1).t() @ part.flatten(0, 1)
        ctx.save_for_backward(of_hidden, of_weight)
        return total

    @staticmethod
    def backward(ctx: Any, *above: Tensor) -> tuple[Tensor | None, ...]:
        of_hidden, of_weight = ctx.saved_tensors
        return of_hidden * above[0], of_weight * above[0], None, None, None


class _Divergence(NamedTuple):
    """How far two predictions are apart."""

    total: Tensor
    """Σ of `KL(p₁‖p₂) + KL(p₂‖p₁)`, nats, a scalar."""
    gradient: Tensor
    """Of the total, with respect to the logits: (2, N, V)."""


def _divergence(logs: Tensor) -> _Divergence:
    """Of log-probabilities (2, N, V)."""
    both = logs.exp()
    ratio = logs - logs.flip(0)
    # KL(p‖q) + KL(q‖p) = Σ (p - q)(log p - log q).
    each = (both * ratio).sum(-1, keepdim=True)
    gradient = both * (ratio - each) + both - both.flip(0)
    return _Divergence(each.sum(), gradient)
