"""The Transformer of "Attention Is All You Need" (Vaswani et al. 2017)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqattn.errors import check_ranges
from seqattn.models.attention import MultiHeadAttention, causal_mask, padding_mask
from seqattn.models.base import (
    MOST_LAYERS,
    MOST_WIDTH,
    Decoded,
    Memory,
    Seq2Seq,
    State,
    Vocabulary,
)
from seqattn.models.dropout import Dropout
from seqattn.symbols import PAD

MOST_POSITIONS = 1_000_000


@dataclass(frozen=True)
class TransformerOptions:
    """The shape of a Transformer; the defaults are small enough for a laptop."""

    width: int = 256
    """d_model."""
    encoder_layers: int = 3
    decoder_layers: int = 3
    heads: int = 4
    feed_forward: int = 1024
    """d_ff."""
    dropout: float = 0.1
    """Of embeddings and of every sub-layer's output (section 5.4)."""
    attention_dropout: float = 0.0
    """Of attention weights."""
    norm: Literal["pre", "post"] = "pre"
    """Normalise what a sub-layer reads, or the sum it ends with as in the paper."""
    positions: Literal["sinusoidal", "learned"] = "sinusoidal"
    max_positions: int = 512
    """The longest sentence learned positions can hold; sinusoids have no limit."""
    tied: bool = True
    """One matrix for the output layer and all the embeddings that share its vocabulary (section 3.4)."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            width=(1, MOST_WIDTH),
            heads=(1, MOST_WIDTH),
            feed_forward=(1, MOST_WIDTH),
            encoder_layers=(1, MOST_LAYERS),
            decoder_layers=(1, MOST_LAYERS),
            max_positions=(2, MOST_POSITIONS),
            dropout=(0, 0.99),
            attention_dropout=(0, 0.99),
        )
        if self.width % (2 * self.heads):
            raise ValueError(f"width {self.width} must be an even multiple of heads {self.heads}")


def sinusoids(start: int, length: int, width: int, device: torch.device | None = None) -> Tensor:
    """Section 3.5: `PE(pos, 2i) = sin(pos / 10000^(2i/d))`, `PE(pos, 2i+1) = cos(pos / 10000^(2i/d))`.

    Positions start … start + length - 1; → (length, width).
    """
    position = torch.arange(start, start + length, dtype=torch.float32, device=device)
    wavelength = torch.exp(torch.arange(0, width, 2, device=device) * (-math.log(10000.0) / width))
    angle = position.unsqueeze(-1) * wavelength
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


class Embedding(nn.Module):
    """Tokens and their positions: `√d_model · E[token] + PE(pos)` (sections 3.4 and 3.5), with dropout."""

    def __init__(self, tokens: nn.Embedding, options: TransformerOptions) -> None:
        super().__init__()
        self.tokens = tokens
        self.positions: nn.Embedding | None = None
        if options.positions == "learned":
            self.positions = nn.Embedding(options.max_positions, options.width)
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
                    f"{start + length} positions asked for, {len(self.positions.weight)} learned"
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
        """What the sub-layer reads."""
        return self.norm(x) if self.pre else x

    def after(self, x: Tensor, output: Tensor) -> Tensor:
        """The sum of the sub-layer's input and output."""
        summed: Tensor = x + self.dropout(output)
        return summed if self.pre else self.norm(summed)


class EncoderLayer(nn.Module):
    """Figure 1, left: self-attention and a feed-forward network."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.feed_forward = FeedForward(options.width, options.feed_forward)
        self.around_self, self.around_feed_forward = Residual(options), Residual(options)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, S, D), mask (B, 1, 1, S) → (B, S, D)."""
        read = self.around_self.before(x)
        context, _ = self.self_attention(read, *self.self_attention.project(read), mask)
        x = self.around_self.after(x, context)
        return self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))


class DecoderLayer(nn.Module):
    """Figure 1, right: masked self-attention, attention over the source (cross-attention), feed-forward."""

    def __init__(self, options: TransformerOptions) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.cross_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.feed_forward = FeedForward(options.width, options.feed_forward)
        self.around_self = Residual(options)
        self.around_cross = Residual(options)
        self.around_feed_forward = Residual(options)

    def attend_past(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Masked self-attention of x (B, T, D) over the past (B, H, P, D/H) and itself → x, keys, values."""
        read = self.around_self.before(x)
        new_keys, new_values = self.self_attention.project(read)
        keys, values = torch.cat([keys, new_keys], dim=2), torch.cat([values, new_values], dim=2)
        context, _ = self.self_attention(read, keys, values, mask)
        return self.around_self.after(x, context), keys, values

    def attend_source(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
        """Queries from the decoder, keys and values from the encoder → x, weights (B, H, T, S)."""
        context, weights = self.cross_attention(self.around_cross.before(x), keys, values, mask)
        return self.around_cross.after(x, context), weights

    def transform(self, x: Tensor) -> Tensor:
        """The feed-forward sub-layer."""
        return self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))


class Transformer(Seq2Seq):
    """Encoder and decoder of figure 1, decoding with cached keys and values.

    Memory: `mask` (B, S); for each decoder layer i the source's `keys.i`, `values.i` (B, H, S, D/H).
    State: for each decoder layer i the past's `keys.i`, `values.i` (B, H, P, D/H).

    Initial weights: Glorot uniform for every projection (the block of keys and that of values apart);
    embeddings N(0, 1/d_model), so that scaled by √d_model they have unit variance beside the positions.
    """

    def __init__(self, options: TransformerOptions, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.options = options
        target = nn.Embedding(vocabulary.target, options.width)
        shared = options.tied and vocabulary.shared
        source = target if shared else nn.Embedding(vocabulary.source, options.width)
        self.source_embedding = Embedding(source, options)
        self.target_embedding = Embedding(target, options)
        self.encoder = nn.ModuleList(EncoderLayer(options) for _ in range(options.encoder_layers))
        self.decoder = nn.ModuleList(DecoderLayer(options) for _ in range(options.decoder_layers))
        final = nn.LayerNorm if options.norm == "pre" else nn.Identity
        self.encoder_norm, self.decoder_norm = final(options.width), final(options.width)
        self.output = nn.Linear(options.width, vocabulary.target, bias=False)
        for module in self.modules():
            if isinstance(module, MultiHeadAttention):
                for block in (module.query.weight, *module.key_value.weight.chunk(2), module.output.weight):
                    nn.init.xavier_uniform_(block)
            elif isinstance(module, FeedForward):
                nn.init.xavier_uniform_(module.inner.weight)
                nn.init.xavier_uniform_(module.outer.weight)
            if isinstance(module, nn.Linear) and module.bias is not None:
                nn.init.zeros_(module.bias)
        for matrix in (source.weight, target.weight, self.output.weight):
            nn.init.normal_(matrix, std=options.width**-0.5)
        if options.tied:
            self.output.weight = target.weight

    @property
    def longest(self) -> int | None:
        return self.options.max_positions if self.options.positions == "learned" else None

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        mask = padding_mask(source, PAD)
        x = self.source_embedding(source)
        for layer in self.encoder:
            x = layer(x, mask[:, None, None, :])
        x = self.encoder_norm(x)
        memory, state = {"mask": mask}, {}
        for i, layer in enumerate(self.decoder):
            assert isinstance(layer, DecoderLayer)
            keys, values = layer.cross_attention.project(x)
            # Laid out anew once: as slices of one matrix every step's products would copy them again.
            memory[f"keys.{i}"], memory[f"values.{i}"] = keys.contiguous(), values.contiguous()
            state[f"keys.{i}"] = state[f"values.{i}"] = keys[:, :, :0]
        return memory, state

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        past, length = state["keys.0"].shape[2], target.shape[1]
        past_mask = causal_mask(length, past + length, target.device) if length > 1 else None
        source_mask = memory["mask"][:, None, None, :]
        x = self.target_embedding(target, past)
        state, weights = dict(state), []
        for i, layer in enumerate(self.decoder):
            assert isinstance(layer, DecoderLayer)
            keys, values = f"keys.{i}", f"values.{i}"
            x, state[keys], state[values] = layer.attend_past(x, state[keys], state[values], past_mask)
            x, seen = layer.attend_source(x, memory[keys], memory[values], source_mask)
            x = layer.transform(x)
            weights.append(seen)
        return Decoded(self.decoder_norm(x), state, torch.stack(weights, dim=1) if attention else None)

    def logits(self, hidden: Tensor) -> Tensor:
        scores: Tensor = self.output(hidden)
        return scores

    def values(self, memory: Memory) -> Tensor:
        return torch.stack([memory[f"values.{i}"] for i in range(len(self.decoder))], dim=1)
