"""The contract between a model and everything else: training, search and alignment see only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, NamedTuple

import torch
from torch import Tensor, nn

from seqattn.data.batching import IDS, Collator, Limits
from seqattn.data.pixels import Shape
from seqattn.errors import InputError, check_ranges, counted

Memory = dict[str, Tensor]
"""Fixed while decoding; every tensor is batch-first, so that rows can be selected in the same way."""
State = dict[str, Tensor]
"""Changes from one decoding call to the next; batch-first too."""
MOST_WIDTH, MOST_LAYERS, MOST_POSITIONS = 65_536, 1_000, 1_000_000
"""The largest sizes that options accept: larger values are assumed to be typos."""


@dataclass(frozen=True)
class Vocabulary:
    """Sizes of the two vocabularies; `shared` when source and target use the same one."""

    source: int
    target: int
    shared: bool


class AttentionShape(NamedTuple):
    """The number of layers with attention, and of heads in each."""

    layers: int
    heads: int

    def __str__(self) -> str:
        return f"{counted(self.layers, 'layer')} of {counted(self.heads, 'head')}"


Place = Literal["cross", "encoder", "decoder"]
"""Where attention is: from target to source, or self-attention of the encoder or the decoder."""


@dataclass(frozen=True)
class Reading:
    """Which layer and head of a place of attention is read, and at which step."""

    layer: int = 1
    """1 is the first layer."""
    head: int = 0
    """1 is the first head; 0: the mean of all."""
    consumed: bool = False
    """At the step that reads a target id, not the one that predicts it (shifted, Chen et al. 2020)."""

    def __post_init__(self) -> None:
        check_ranges(self, layer=(1, None), head=(0, None))

    def check(self, shape: AttentionShape) -> None:
        """InputError when attention of this shape has no such layer or head."""
        if self.layer > shape.layers or self.head > shape.heads:
            missing = f"layer {self.layer}" if self.layer > shape.layers else f"head {self.head}"
            raise InputError(f"there is no {missing}, only {shape}")

    def weights(self, attention: Tensor) -> Tensor:
        """One head's weights, or the mean of the layer's: (…, layers, heads, T, S) → (…, T, S).

        InputError when there is no such layer or head.
        """
        self.check(AttentionShape(*attention.shape[-4:-2]))
        layer = attention[..., self.layer - 1, :, :, :]
        return layer[..., self.head - 1, :, :] if self.head else layer.mean(-3)

    def rows(self, weights: Tensor) -> Tensor:
        """The rows of the steps read, one for each target id without EOS: (…, T, S) → (…, T - 1, S)."""
        return weights[..., 1:, :] if self.consumed else weights[..., :-1, :]

    def apply(self, attention: Tensor) -> Tensor:
        """`weights` and `rows`: (…, layers, heads, T, S) → (…, T - 1, S)."""
        return self.rows(self.weights(attention))


class Encoded(NamedTuple):
    """The result of an encoder."""

    states: Tensor
    """(B, S, D)."""
    mask: Tensor
    """(B, S) bool: True where a state may be attended to."""
    summary: Tensor
    """(B, D): the whole source in one vector."""


class Decoded(NamedTuple):
    """The result of one decoding call."""

    hidden: Tensor
    """(B, T, D): the input of the output layer."""
    state: State
    """The state for the next call."""
    attention: Tensor | None
    """(B, layers, heads, T, S) weights over the source if requested, else None."""
    scores: Tensor | None = None
    """(B, layers, heads, T, S): the same before their softmax, if requested."""
    self_attention: Tensor | None = None
    """(B, layers, heads, T, P + T) weights over the P ids read before and these, if requested and any."""


class Predicted(NamedTuple):
    """The result of teacher forcing."""

    logits: Tensor
    """(B, T, V)."""
    attention: Tensor | None
    """(B, layers, heads, T, S) if requested, else None."""


class Prediction(NamedTuple):
    """What search reads: the distribution of the id after each of those read."""

    log_p: Tensor
    """(B, T, V) float32 log-probabilities."""
    state: State
    """The state for the next call."""
    attention: Tensor | None
    """(B, layers, heads, T, S) if requested, else None."""
    scores: Tensor | None = None
    """(B, layers, heads, T, S): the same before their softmax, if requested and there is one model."""


class Table(NamedTuple):
    """The embeddings of a vocabulary, as passed to one part of a model."""

    embedding: nn.Embedding
    fill: bool
    """Whether this part draws the initial weights: only one does when both parts share the table."""


class Encoder(nn.Module, ABC):
    """Reads a source. Nothing else knows what a source consists of."""

    width: int
    """D of its states and its summary."""
    longest: int | None = None
    """The most positions a source may have, or None when there is no limit."""
    collator: Collator = IDS
    """Turns sources, as they are in the data, into the tensor that it reads."""
    fills_shared_table: ClassVar[bool] = False
    """Whether it, rather than the decoder, draws the initial weights of embeddings that both share."""

    @classmethod
    def image_shape(cls, options: Any) -> Shape | None:
        """How an encoder with these options reads images; None when it reads texts."""
        return None

    @abstractmethod
    def forward(self, source: Tensor) -> Encoded:
        """Read the tensor made by its collator: ids (B, S), padded on the right, or something else."""

    @abstractmethod
    def initialise(self) -> None:
        """Draw the initial weights from torch's global generator."""

    @property
    def self_attention_shape(self) -> AttentionShape | None:
        """The layers and heads of self-attention; None without it."""
        return None

    def self_attention(self, source: Tensor) -> Tensor:
        """The weights of every source position over all of them: (B, layers, heads, S, S).

        Only for an encoder whose `self_attention_shape` is not None.
        """
        raise NotImplementedError


class Decoder(nn.Module, ABC):
    """Predicts targets from an encoded source.

    The invariant of every decoder: decoding T tokens in one call equals T calls of one token each. Training
    uses the first form (teacher forcing), search the second. Rows of `target` and `state` may be a whole
    multiple of the rows of `memory`: consecutive rows then belong to one sentence (its hypotheses).
    """

    source_width: int
    """D of the states and the summary that it reads."""
    output: nn.Linear
    """From the hidden vectors of `decode` to logits."""
    longest: int | None = None
    """The most positions a target may have, or None when there is no limit."""

    @property
    @abstractmethod
    def attention_shape(self) -> AttentionShape | None:
        """The layers and heads of cross-attention; None when the decoder has no attention."""

    @property
    def self_attention_shape(self) -> AttentionShape | None:
        """The layers and heads of self-attention over the target so far; None without it."""
        return None

    @abstractmethod
    def begin(self, encoded: Encoded) -> tuple[Memory, State]:
        """The memory for decoding this source, and the state before the first token."""

    @abstractmethod
    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        """Read the next target ids (B, T) and predict the id after each.

        With `attention` the result includes weights and scores.
        """

    @abstractmethod
    def values(self, memory: Memory) -> Tensor | None:
        """The values of attention (B, layers, heads, S, D): context vectors are `attention @ values`."""

    @abstractmethod
    def initialise(self) -> None:
        """Draw the initial weights from torch's global generator."""

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, D) → (…, V). Separate from `decode`, so that search can compute only the last position."""
        scores: Tensor = self.output(hidden)
        return scores


class Seq2Seq(nn.Module):
    """An encoder and a decoder; where their widths differ, a linear map between them.

    The invariant of `Decoder` holds for the whole model.
    """

    def __init__(self, encoder: Encoder, decoder: Decoder) -> None:
        super().__init__()
        self.encoder = encoder
        self.decoder = decoder
        self.join: nn.Linear | None = None
        if encoder.width != decoder.source_width:
            self.join = nn.Linear(encoder.width, decoder.source_width)
            nn.init.xavier_uniform_(self.join.weight)
            nn.init.zeros_(self.join.bias)

    @property
    def longest(self) -> Limits:
        """The most positions a source and a target may have."""
        return Limits(self.encoder.longest, self.decoder.longest)

    @property
    def collator(self) -> Collator:
        """Turns sources into the tensor that the encoder reads."""
        return self.encoder.collator

    @property
    def attention_shape(self) -> AttentionShape | None:
        """The layers and heads of cross-attention; None when the model has no attention."""
        return self.decoder.attention_shape

    @property
    def device(self) -> torch.device:
        """The device of the weights."""
        return next(self.parameters()).device

    def shape_of(self, place: Place) -> AttentionShape | None:
        """The layers and heads of attention in a place; None when there is none."""
        shapes = {
            "cross": self.attention_shape,
            "encoder": self.encoder.self_attention_shape,
            "decoder": self.decoder.self_attention_shape,
        }
        if place not in shapes:
            raise ValueError(f"attention must be one of {', '.join(shapes)}, not {place!r}")
        return shapes[place]

    def require_attention(self, purpose: str = "read", place: Place = "cross") -> AttentionShape:
        """The shape of the attention in a place; InputError when there is none."""
        shape = self.shape_of(place)
        if shape is None and place == "cross":
            raise InputError(f"this model has no attention to {purpose}", remedy="score=none leaves it out")
        if shape is None:
            raise InputError(f"the {place} of this model has no self-attention to {purpose}")
        return shape

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        """Read a source: the memory holds its `mask` (B, S) and the memory of the decoder."""
        encoded: Encoded = self.encoder(source)
        if self.join is not None:
            encoded = Encoded(self.join(encoded.states), encoded.mask, self.join(encoded.summary))
        memory, state = self.decoder.begin(encoded)
        return {**memory, "mask": encoded.mask}, state

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        """Read the next target ids (B, T) and predict the id after each."""
        return self.decoder.decode(target, memory, state, attention=attention)

    def logits(self, hidden: Tensor) -> Tensor:
        """(…, D) → (…, V)."""
        return self.decoder.logits(hidden)

    def predict(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Prediction:
        """Read the next target ids (B, T): the distribution of the id after each."""
        decoded = self.decode(target, memory, state, attention=attention)
        log_p = self.logits(decoded.hidden).float().log_softmax(-1)
        return Prediction(log_p, decoded.state, decoded.attention, decoded.scores)

    def values(self, memory: Memory) -> Tensor | None:
        """The values of attention (B, layers, heads, S, D); None without attention."""
        return self.decoder.values(memory)

    def attend(self, source: Tensor, target: Tensor, place: Place = "cross") -> Tensor:
        """The attention weights in a place, under teacher forcing with target ids (B, T), BOS first.

        → (B, layers, heads, T, S), (B, layers, heads, S, S) for the encoder, (B, layers, heads, T, T) for the
        decoder. InputError when there is no attention in that place.
        """
        self.require_attention(place=place)
        if place == "encoder":
            return self.encoder.self_attention(source)
        decoded = self.decode(target, *self.encode(source), attention=True)
        found = decoded.attention if place == "cross" else decoded.self_attention
        assert found is not None
        return found

    def forward(self, source: Tensor, target: Tensor, attention: bool = False) -> Predicted:
        """Teacher forcing: predict the id after each of the target ids (B, T), BOS first."""
        memory, state = self.encode(source)
        decoded = self.decode(target, memory, state, attention=attention)
        return Predicted(self.logits(decoded.hidden), decoded.attention)


def select(tensors: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """The given rows (indices, in any order, repeats allowed) of every tensor of a memory or state.

    Nothing is copied when these are all rows in order, as at most steps of greedy search.
    """
    present = len(next(iter(tensors.values()))) if tensors else 0
    if len(rows) == present and torch.equal(rows, torch.arange(present, device=rows.device)):
        return tensors
    return {name: tensor.index_select(0, rows) for name, tensor in tensors.items()}
