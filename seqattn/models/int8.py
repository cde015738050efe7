"""Linear layers and LSTMs in 8-bit integers, for decoding: their products are several times as fast.

Every output of a row is an exact sum of integers, so the result for a sentence does not depend on its
batch. Weights and inputs are rounded to 127 steps on each side of zero, with a scale for each output and each
row (vector-wise quantization, Dettmers et al. 2022).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from seqattn.errors import InputError

STEPS = 127


def quantize_rows(x: Tensor) -> tuple[Tensor, Tensor]:
    """`x ≈ q · s`: (R, D) → q (R, D) int8 in [-127, 127], s (R, 1) float32. A row of zeros keeps zeros."""
    scale = x.abs().amax(-1, keepdim=True).clamp_min_(torch.finfo(torch.float32).tiny * STEPS) / STEPS
    return (x / scale).round_().to(torch.int8), scale


class Int8Linear(nn.Module):
    """`y = (q_x q_Wᵀ) ⊙ s_x ⊙ s_W + b`, approximating `y = x Wᵀ + b` of a trained layer."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        """Weight (D_out, D_in), bias (D_out,)."""
        super().__init__()
        rounded, scale = quantize_rows(weight.detach().float())
        # Kept as it was laid out, (D_out, D_in): the product below then reads it without a copy.
        self.register_buffer("weight", rounded.T)
        self.register_buffer("scale", scale.T)
        self.register_buffer("bias", None if bias is None else bias.detach().float())
        self.weight: Tensor
        self.scale: Tensor
        self.bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """(…, D_in) → (…, D_out) float32."""
        rows, scale = quantize_rows(x.float().flatten(0, -2))
        # torch has no public name for the product of int8 matrices yet.
        product: Tensor = torch._int_mm(rows, self.weight).float().mul_(scale).mul_(self.scale)
        if self.bias is not None:
            product += self.bias
        return product.view(*x.shape[:-1], -1)


class Int8LSTM(nn.Module):
    """A trained LSTM (batch first, one direction) with its products in int8; has the same interface."""

    def __init__(self, lstm: nn.LSTM) -> None:
        super().__init__()
        assert lstm.batch_first and not lstm.bidirectional
        self.hidden = lstm.hidden_size
        self.inputs, self.states = nn.ModuleList(), nn.ModuleList()
        for weight_ih, weight_hh, bias_ih, bias_hh in lstm.all_weights:
            self.inputs.append(Int8Linear(weight_ih, bias_ih + bias_hh))
            self.states.append(Int8Linear(weight_hh, None))

    def forward(
        self, x: Tensor, state: tuple[Tensor, Tensor] | None = None
    ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, D), h and c (layers, B, H) or zeros → states (B, T, H), the last h and c."""
        if state is None:
            zeros = x.new_zeros(len(self.states), len(x), self.hidden)
            state = zeros, zeros
        last = []
        for read, keep, h, c in zip(self.inputs, self.states, *state, strict=True):
            steps = []
            for gates in read(x).unbind(1):
                i, f, g, o = (gates + keep(h)).chunk(4, dim=-1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()  # noqa: PLW2901
                h = o.sigmoid() * c.tanh()  # noqa: PLW2901
                steps.append(h)
            x = torch.stack(steps, dim=1)
            last.append((h, c))
        h, c = (torch.stack(parts) for parts in zip(*last, strict=True))
        return x, (h, c)


def quantize(model: nn.Module) -> None:
    """Replace every linear layer and LSTM of a trained model by its int8 version, for inference.

    InputError when the model is not on the CPU.
    """
    if next(model.parameters()).device.type != "cpu":
        raise InputError("int8 decodes only on a CPU", remedy="use --device cpu, or leave out --precision")
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child.weight, child.bias))
            elif isinstance(child, nn.LSTM):
                setattr(module, name, Int8LSTM(child))
