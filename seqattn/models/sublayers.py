"""Building blocks of the Transformer's encoder and decoder (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqattn.errors import check_ranges
from seqattn.models.attention import MultiHeadAttention
from seqattn.models.base import MOST_LAYERS, MOST_POSITIONS, MOST_WIDTH
from seqattn.models.dropout import Dropout


@dataclass(frozen=True)
class TransformerOptions:
    """The shape of a Transformer's encoder or decoder; the defaults are small enough for a laptop."""

    width: int = 256
    """d_model."""
    layers: int = 3
    heads: int = 4
    feed_forward: int = 1024
    """d_ff."""
    dropout: float = 0.1
    """Of embeddings and of every sub-layer's output (section 5.4)."""
    attention_dropout: float = 0.0
    """Of attention weights."""
    norm: Literal["pre", "post"] = "pre"
    """Normalise the input of a sub-layer, or, as in the paper, its output after the residual sum."""
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    max_positions: int = 512
    """The longest sentence with learned positions; sinusoids have no limit."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            width=(1, MOST_WIDTH),
            heads=(1, MOST_WIDTH),
            feed_forward=(1, MOST_WIDTH),
            layers=(1, MOST_LAYERS),
            max_positions=(2, MOST_POSITIONS),
            dropout=(0, 0.99),
            attention_dropout=(0, 0.99),
        )
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} must be an even multiple of heads {self.heads}")

    @property
    def longest(self) -> int | None:
        """The most positions, or None when there is no limit."""
        return self.max_positions if self.positions == "learned" else None


def sinusoids(start: int, length: int, width: int, device: torch.device | None = None) -> Tensor:
    """Section 3.5: `PE(pos, 2i) = sin(pos / 10000^(2i/d))`, `PE(pos, 2i+1) = cos(pos / 10000^(2i/d))`.

    Positions start … start + length - 1; → (length, width).
    """
    position = torch.arange(start, start + length, dtype=torch.float32, device=device)
    wavelength = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    angle = position.unsqueeze(-1) * wavelength
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


class Positions(nn.Embedding):
    """A learned vector for each position, of whatever is there."""


class Embedding(nn.Module):
    """Tokens and their positions: `√d_model · E[token] + PE(pos)` (sections 3.4 and 3.5), with dropout."""

    def __init__(self, table: nn.Embedding, options: TransformerOptions) -> None:
        super().__init__()
        self.tokens = table
        self.positions: Positions | None = None
        if options.positions == "learned":
            self.positions = Positions(options.max_positions, options.width)
            nn.init.normal_(self.positions.weight, std=0.02)
        self.dropout = Dropout(options.dropout)

    def forward(self, ids: Tensor, start: int = 0) -> Tensor:
        """(B, T) ids at positions start … start + T - 1 → (B, T, D)."""
        embedded = self.tokens(ids)
        width, length = embedded.shape[-1], ids.shape[1]
        if self.positions is None:
            position = sinusoids(start, length, width, ids.device)
        else:
            if start + length > len(self.positions.weight):
                raise ValueError(
                    f"{start + length} positions requested, {len(self.positions.weight)} learned"
                )
            position = self.positions.weight[start : start + length]
        summed: Tensor = self.dropout(embedded * math.sqrt(width) + position)
        return summed


class FeedForward(nn.Module):
    """Section 3.3, eq. 2: `FFN(x) = max(0, x W_1 + b_1) W_2 + b_2`."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.inner, self.outer = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, x: Tensor) -> Tensor:
        """(…, D) → (…, D)."""
        transformed: Tensor = self.outer(self.inner(x).relu())
        return transformed


class Residual(nn.Module):
    """Section 3.1: `LayerNorm(x + Sublayer(x))`; pre-norm: `x + Sublayer(LayerNorm(x))`."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(options.width)
        self.dropout = Dropout(options.dropout)
        self.pre = options.norm == "pre"

    def before(self, x: Tensor) -> Tensor:
        """The input of the sub-layer."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, output: Tensor) -> Tensor:
        """The sum of the sub-layer's input and output."""
        summed: Tensor = x + self.dropout(output)
        return summed if self.pre else self.norm(summed)


def final_norm(options: TransformerOptions) -> nn.Module:
    """The norm after the last layer, whose output is not normalised with pre-norm."""
    return nn.LayerNorm(options.width) if options.norm == "pre" else nn.Identity()


def initialise_layers(layers: nn.Module) -> None:
    """Draw initial weights: Glorot uniform for every projection (keys and values separately)."""
    for module in layers.modules():
        if isinstance(module, MultiHeadAttention):
            for block in (module.query.weight, *module.key_value.weight.chunk(2), module.output.weight):
                nn.init.xavier_uniform_(block)
        elif isinstance(module, FeedForward):
            nn.init.xavier_uniform_(module.inner.weight)
            nn.init.xavier_uniform_(module.outer.weight)
        if isinstance(module, nn.Linear) and module.bias is not None:
            nn.init.zeros_(module.bias)


def initialise_table(matrix: Tensor) -> None:
    """Draw embeddings from N(0, 1/d_model), so that they have unit variance after scaling by √d_model."""
    nn.init.normal_(matrix, std=matrix.shape[1] ** -0.5)
