"""The encoder of "Attention Is All You Need" (Vaswani et al. 2017)."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqattn.models.attention import Attended, MultiHeadAttention, padding_mask
from seqattn.models.base import AttentionShape, Encoded, Encoder, Table
from seqattn.models.sublayers import (
    Embedding,
    FeedForward,
    Residual,
    TransformerOptions,
    final_norm,
    initialise_layers,
    initialise_table,
)
from seqattn.symbols import PAD


@dataclass(frozen=True)
class TransformerEncoderOptions(TransformerOptions):
    """The shape of a Transformer's encoder."""


class EncoderLayer(nn.Module):
    """Figure 1, left: self-attention and a feed-forward network."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.feed_forward = FeedForward(options.width, options.feed_forward)
        self.around_self, self.around_feed_forward = Residual(options), Residual(options)

    def forward(self, x: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, D), mask (B, 1, 1, S) → x (B, S, D), weights (B, H, S, S)."""
        read = self.around_self.before(x)
        attended: Attended = self.self_attention(read, *self.self_attention.project(read), mask)
        x = self.around_self.after(x, attended.context)
        x = self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))
        return x, attended.weights


class SelfAttentionEncoder(Encoder):
    """N layers of self-attention over what `read` makes of a source. The summary is the mean of states."""

    layers: nn.ModuleList
    norm: nn.Module
    _shape: AttentionShape

    def build(self, options: TransformerOptions) -> None:
        """Make the layers: by a subclass, once it has made what comes before them."""
        self._shape = AttentionShape(options.layers, options.heads)
        self.layers = nn.ModuleList(EncoderLayer(options) for _ in range(options.layers))
        self.norm = final_norm(options)

    @abstractmethod
    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """What the first layer reads (B, S, D), and the mask (B, S) of its positions."""

    def forward(self, source: Tensor) -> Encoded:
        x, mask = self.read(source)
        for layer in self.layers:
            x, _ = layer(x, mask[:, None, None, :])
        x = self.norm(x)
        present = mask.unsqueeze(-1).to(x.dtype)
        return Encoded(x, mask, (x * present).sum(1) / present.sum(1))

    @property
    def self_attention_shape(self) -> AttentionShape | None:
        return self._shape

    def self_attention(self, source: Tensor) -> Tensor:
        x, mask = self.read(source)
        weights = []
        for layer in self.layers:
            x, seen = layer(x, mask[:, None, None, :])
            weights.append(seen)
        return torch.stack(weights, dim=1)


class TransformerEncoder(SelfAttentionEncoder):
    """Figure 1, left: N layers over embeddings and positions."""

    def __init__(self, options: TransformerEncoderOptions, table: Table) -> None:
        super().__init__()
        self.options = options
        self.width, self.longest = options.width, options.longest
        self.embedding = Embedding(table.embedding, options)
        self._fill = table.fill
        self.build(options)

    def initialise(self) -> None:
        initialise_layers(self.layers)
        if self._fill:
            initialise_table(self.embedding.tokens.weight)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        return self.embedding(source), padding_mask(source, PAD)
