"""Linear layers in 8-bit integers, for decoding: a quarter of the memory, several times the speed.

Every output of a row is an exact sum of integers, so what a sentence becomes does not depend on the batch it
is in. Weights and inputs are rounded to 127 steps on each side of zero, with a scale for each output and each
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
    """`y = (q_x q_Wᵀ) ⊙ s_x ⊙ s_W + b`, what `y = x Wᵀ + b` of a trained layer is rounded to."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        weight, scale = quantize_rows(layer.weight.detach().float())
        # Kept as it was laid out, (D_out, D_in): the product below then reads it without a copy.
        self.register_buffer("weight", weight.T)
        self.register_buffer("scale", scale.T)
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().float())
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


def quantize(model: nn.Module) -> None:
    """Put an `Int8Linear` in the place of every linear layer of a trained model, for inference.

    InputError when the model is not on the CPU.
    """
    if next(model.parameters()).device.type != "cpu":
        raise InputError("int8 decodes on the CPU alone", remedy="use --device cpu, or leave out --precision")
    for module in list(model.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.Linear):
                setattr(module, name, Int8Linear(child))
