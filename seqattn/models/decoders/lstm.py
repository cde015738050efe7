"""The LSTM decoder with attention of Luong et al. 2015."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from seqattn.errors import check_ranges
from seqattn.models.attention import (
    Attended,
    additive_scores,
    attend,
    attention_weights,
    dot_scores,
    fold_queries,
    gaussian,
    general_keys,
    location_scores,
    monotonic_positions,
    predicted_positions,
    unfold_queries,
    window_mask,
)
from seqattn.models.base import (
    MOST_LAYERS,
    MOST_POSITIONS,
    MOST_WIDTH,
    AttentionShape,
    Decoded,
    Decoder,
    Encoded,
    Memory,
    State,
    Table,
)
from seqattn.models.dropout import Dropout
from seqattn.models.recurrent import initialise_lstm

Score = Literal["dot", "general", "concat", "additive", "location", "none"]
Where = Literal["global", "local-m", "local-p"]


@dataclass(frozen=True)
class LSTMDecoderOptions:
    """The shape of an LSTM decoder; the defaults are small enough for a laptop."""

    width: int = 256
    """Of embeddings and of the attentional vector, which the output layer reads."""
    hidden: int = 512
    """Of the states; the source's states have the same width, or are mapped to it."""
    layers: int = 1
    score: Score = "dot"
    """How decoder and encoder states are compared; none: no attention, the source is one fixed vector."""
    attention: Where = "global"
    """Attend to the whole source, or to a window around the same position (local-m) or a predicted one."""
    window: int = 10
    """D: local attention reaches this many positions to either side."""
    locations: int = 512
    """The source positions that the score `location` covers; later ones are not attended to."""
    input_feeding: bool = False
    """Give the decoder its last attentional vector beside the next word (Luong section 3.3)."""
    dropout: float = 0.2
    """Of embeddings, between layers, and of the attentional vector."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            width=(1, MOST_WIDTH),
            hidden=(1, MOST_WIDTH),
            layers=(1, MOST_LAYERS),
            window=(1, MOST_POSITIONS),
            locations=(1, MOST_POSITIONS),
            dropout=(0, 0.99),
        )
        if self.score == "none" and self.attention != "global":
            raise ValueError(f"attention {self.attention} needs a score other than none")
        if self.score == "location" and self.attention != "global":
            raise ValueError(f"attention {self.attention} needs a score that compares states, not location")


class LuongAttention(nn.Module):
    """Attention of Luong et al. 2015, section 3: scores, their softmax, the context vector.

    Global (3.1) over the whole source, or local (3.2) over a window of it.
    """

    def __init__(self, options: LSTMDecoderOptions) -> None:
        super().__init__()
        hidden = options.hidden
        self.score, self.where, self.window = options.score, options.attention, options.window
        self.locations = options.locations
        if self.score == "general":
            self.weight = nn.Parameter(torch.empty(hidden, hidden))
            nn.init.xavier_uniform_(self.weight)
        elif self.score in ("additive", "concat"):
            self.query = nn.Linear(hidden, hidden, bias=False)
            self.key = nn.Linear(hidden, hidden, bias=self.score == "additive")
            self.vector = nn.Parameter(torch.empty(hidden))
            nn.init.normal_(self.vector, std=hidden**-0.5)
        elif self.score == "location":
            self.location = nn.Linear(hidden, options.locations, bias=False)
        if self.where == "local-p":
            self.position = nn.Linear(hidden, hidden, bias=False)
            self.position_vector = nn.Parameter(torch.empty(hidden))
            nn.init.normal_(self.position_vector, std=hidden**-0.5)

    def keys(self, states: Tensor) -> Tensor:
        """The keys of a sentence, computed once from its encoder states (B, S, H)."""
        if self.score == "general":
            return general_keys(states, self.weight)
        return self.key(states) if self.score in ("additive", "concat") else states

    def scores(self, queries: Tensor, keys: Tensor) -> Tensor:
        """(B, T, H), (B, S, H) → (B, T, S)."""
        if self.score in ("additive", "concat"):
            return additive_scores(self.query(queries), keys, self.vector)
        if self.score == "location":
            return location_scores(self.location(queries), keys.shape[1])
        return dot_scores(queries, keys)

    def forward(self, queries: Tensor, memory: Memory, start: Tensor | None) -> Attended:
        """Decoder states (k·B, T, H) over a memory of B rows.

        → context (k·B, T, H), weights and scores (k·B, T, S).

        `start` (k·B,) is the target position of the first state, needed only for local-m.
        """
        rows, mask = memory["states"].shape[0], memory["mask"][:, None, :]
        folded = fold_queries(queries, rows)
        scores = self.scores(folded, memory["keys"])
        if self.score == "location":
            mask = mask & (torch.arange(mask.shape[-1], device=mask.device) < self.locations)
        if self.where == "global":
            context, weights, _ = attend(scores, memory["states"], mask)
        else:
            centre = self.centre(folded, queries.shape[1], memory["mask"], start)
            weights = attention_weights(scores, mask & window_mask(centre, self.window, mask.shape[-1]))
            if self.where == "local-p":
                weights = weights * gaussian(centre, self.window, mask.shape[-1])
            context = weights @ memory["states"]
        return Attended(*(unfold_queries(part, len(queries)) for part in (context, weights, scores)))

    def centre(self, folded: Tensor, length: int, mask: Tensor, start: Tensor | None) -> Tensor:
        """p_t of each query, (B, k·T): predicted from its state, or the target's own position."""
        lengths = mask.sum(-1, keepdim=True)
        if self.where == "local-p":
            return predicted_positions(self.position(folded), self.position_vector, lengths)
        assert start is not None
        own = start[:, None] + torch.arange(length, device=start.device)
        return monotonic_positions(fold_queries(own.unsqueeze(-1), len(mask)).squeeze(-1), lengths)


class LSTMDecoder(Decoder):
    """The decoder of Luong et al. 2015, figure 2, or figure 4 with input feeding.

    Memory: `states` h̄ (B, S, H), their `keys` (B, S, H); empty without attention.
    State: `h`, `c` (B, layers, H); `fed`, the last attentional vector (B, 1, W), with input feeding; `length`
    (B,), the number of tokens read, with local-m attention.

    Each layer starts from a bridge, `h = tanh(W_h s)`, `c = W_c s` of the source's summary s (as in Bahdanau
    et al. 2015, A.2.2). Initial weights: Glorot uniform for linear layers, `initialise_lstm` for the LSTM.
    """

    def __init__(self, options: LSTMDecoderOptions, table: Table) -> None:
        super().__init__()
        self.options = options
        width, hidden, layers = options.width, options.hidden, options.layers
        self.source_width = hidden
        self.embedding, self._fill = table
        self.bridge_h = nn.Linear(hidden, layers * hidden)
        self.bridge_c = nn.Linear(hidden, layers * hidden)
        read = width + width if options.input_feeding else width
        between = options.dropout if layers > 1 else 0.0
        self.lstm = nn.LSTM(read, hidden, layers, batch_first=True, dropout=between)
        self.attention = None if options.score == "none" else LuongAttention(options)
        self.combine = nn.Linear(hidden if self.attention is None else 2 * hidden, width, bias=False)
        self.output = nn.Linear(width, self.embedding.num_embeddings, bias=False)
        self.dropout = Dropout(options.dropout)

    def initialise(self) -> None:
        if self._fill:
            nn.init.normal_(self.embedding.weight, std=self.options.width**-0.5)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
            elif isinstance(module, nn.LSTM):
                initialise_lstm(module)

    @property
    def attention_shape(self) -> AttentionShape | None:
        return None if self.attention is None else AttentionShape(1, 1)

    def begin(self, encoded: Encoded) -> tuple[Memory, State]:
        layers = (self.options.layers, -1)
        states, mask, summary = encoded
        state = {
            "h": torch.tanh(self.bridge_h(summary)).unflatten(-1, layers),
            "c": self.bridge_c(summary).unflatten(-1, layers),
        }
        if self.options.input_feeding:
            state["fed"] = states.new_zeros(len(states), 1, self.options.width)
        if self.options.attention == "local-m":
            state["length"] = torch.zeros_like(mask[:, 0], dtype=torch.int64)
        return (
            {} if self.attention is None else {"states": states, "keys": self.attention.keys(states)}
        ), state

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        # Scaled to unit variance, as the initial weights are N(0, 1/width).
        x = self.dropout(self.embedding(target) * math.sqrt(self.options.width))
        if not self.options.input_feeding:
            decoded = self._read(x, memory, state)
        else:
            steps = []
            for word in x.split(1, dim=1):
                step = self._read(torch.cat([word, state["fed"]], dim=-1), memory, state)
                state = {**step.state, "fed": step.hidden}
                steps.append(step)
            decoded = Decoded(
                torch.cat([step.hidden for step in steps], dim=1),
                state,
                _joined([step.attention for step in steps]),
                _joined([step.scores for step in steps]),
            )
        return decoded if attention else decoded._replace(attention=None, scores=None)

    def _read(self, x: Tensor, memory: Memory, state: State) -> Decoded:
        """Read x (B, T, …): states h_t, context vectors c_t, and `h̃_t = tanh(W_c [c_t; h_t])` (eq. 5)."""
        h, c = state["h"].transpose(0, 1).contiguous(), state["c"].transpose(0, 1).contiguous()
        states, (h, c) = self.lstm(x, (h, c))
        start = state.get("length")
        state = {"h": h.transpose(0, 1), "c": c.transpose(0, 1)}
        if start is not None:
            state["length"] = start + x.shape[1]
        if self.attention is None:
            return Decoded(self.dropout(torch.tanh(self.combine(states))), state, None)
        context, weights, scores = self.attention(states, memory, start)
        attentional = torch.tanh(self.combine(torch.cat([context, states], dim=-1)))
        return Decoded(self.dropout(attentional), state, weights[:, None, None], scores[:, None, None])

    def values(self, memory: Memory) -> Tensor | None:
        return None if self.attention is None else memory["states"][:, None, None]


def _joined(steps: list[Tensor | None]) -> Tensor | None:
    """The weights or scores of all steps, (…, T, S); None without attention."""
    seen = [step for step in steps if step is not None]
    return torch.cat(seen, dim=-2) if seen else None
