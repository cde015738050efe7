"""The decoder of "Attention Is All You Need" (Vaswani et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqattn.models.attention import Attended, MultiHeadAttention, causal_mask
from seqattn.models.base import AttentionShape, Decoded, Decoder, Encoded, Memory, State, Table
from seqattn.models.sublayers import (
    Embedding,
    FeedForward,
    Residual,
    TransformerOptions,
    final_norm,
    initialise_layers,
    initialise_table,
)


@dataclass(frozen=True)
class TransformerDecoderOptions(TransformerOptions):
    """The shape of a Transformer's decoder."""


class DecoderLayer(nn.Module):
    """Figure 1, right: masked self-attention, attention over the source (cross-attention), feed-forward."""

    def __init__(self, options: TransformerDecoderOptions) -> None:
        super().__init__()
        self.self_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.cross_attention = MultiHeadAttention(options.width, options.heads, options.attention_dropout)
        self.feed_forward = FeedForward(options.width, options.feed_forward)
        self.around_self = Residual(options)
        self.around_cross = Residual(options)
        self.around_feed_forward = Residual(options)

    def attend_past(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Masked self-attention of x (B, T, D) over the past (B, H, P, D/H) and itself.

        → x, keys and values (B, H, P + T, D/H), weights (B, H, T, P + T).
        """
        read = self.around_self.before(x)
        new_keys, new_values = self.self_attention.project(read)
        keys, values = torch.cat([keys, new_keys], dim=2), torch.cat([values, new_values], dim=2)
        attended: Attended = self.self_attention(read, keys, values, mask)
        return self.around_self.after(x, attended.context), keys, values, attended.weights

    def attend_source(
        self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Queries from the decoder, keys and values from the encoder → x, weights and scores (B, H, T, S)."""
        attended: Attended = self.cross_attention(self.around_cross.before(x), keys, values, mask)
        return self.around_cross.after(x, attended.context), attended.weights, attended.scores

    def transform(self, x: Tensor) -> Tensor:
        """The feed-forward sub-layer."""
        return self.around_feed_forward.after(x, self.feed_forward(self.around_feed_forward.before(x)))


class TransformerDecoder(Decoder):
    """Figure 1, right: N layers, decoding with cached keys and values.

    Memory: for each layer i the source's `keys.i`, `values.i` (B, H, S, D/H).
    State: for each layer i the past's `keys.i`, `values.i` (B, H, P, D/H).
    """

    def __init__(self, options: TransformerDecoderOptions, table: Table) -> None:
        super().__init__()
        self.options = options
        self.source_width, self.longest = options.width, options.longest
        self.embedding = Embedding(table.embedding, options)
        self._fill = table.fill
        self.layers = nn.ModuleList(DecoderLayer(options) for _ in range(options.layers))
        self.norm = final_norm(options)
        self.output = nn.Linear(options.width, table.embedding.num_embeddings, bias=False)

    def initialise(self) -> None:
        initialise_layers(self.layers)
        initialise_table(self.output.weight)
        if self._fill:
            initialise_table(self.embedding.tokens.weight)

    @property
    def attention_shape(self) -> AttentionShape | None:
        return AttentionShape(self.options.layers, self.options.heads)

    @property
    def self_attention_shape(self) -> AttentionShape | None:
        return AttentionShape(self.options.layers, self.options.heads)

    def begin(self, encoded: Encoded) -> tuple[Memory, State]:
        memory, state = {}, {}
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, DecoderLayer)
            keys, values = layer.cross_attention.project(encoded.states)
            # Made contiguous once: as slices of one matrix they would be copied in every step's products.
            memory[f"keys.{i}"], memory[f"values.{i}"] = keys.contiguous(), values.contiguous()
            state[f"keys.{i}"] = state[f"values.{i}"] = keys[:, :, :0]
        return memory, state

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        past, length = state["keys.0"].shape[2], target.shape[1]
        past_mask = causal_mask(length, past + length, target.device) if length > 1 else None
        source_mask = memory["mask"][:, None, None, :]
        x = self.embedding(target, past)
        state, seen = dict(state), []
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, DecoderLayer)
            keys, values = f"keys.{i}", f"values.{i}"
            x, state[keys], state[values], own = layer.attend_past(x, state[keys], state[values], past_mask)
            x, weights, scores = layer.attend_source(x, memory[keys], memory[values], source_mask)
            x = layer.transform(x)
            if attention:
                seen.append((weights, scores, own))
        hidden = self.norm(x)
        if not attention:
            return Decoded(hidden, state, None)
        return Decoded(hidden, state, *(torch.stack(layers, dim=1) for layers in zip(*seen, strict=True)))

    def values(self, memory: Memory) -> Tensor | None:
        return torch.stack([memory[f"values.{i}"] for i in range(len(self.layers))], dim=1)
