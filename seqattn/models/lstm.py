"""The LSTM encoder-decoder with global attention of Luong et al. 2015."""

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
    dot_scores,
    fold_queries,
    general_keys,
    padding_mask,
    unfold_queries,
)
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


@dataclass(frozen=True)
class LSTMOptions:
    """The shape of an LSTM encoder-decoder; the defaults are small enough for a laptop."""

    width: int = 256
    """Of embeddings and of the attentional vector, which the output layer reads."""
    hidden: int = 512
    """Of the decoder's state, and of the encoder's (half for each direction when bidirectional)."""
    encoder_layers: int = 1
    decoder_layers: int = 1
    bidirectional: bool = True
    score: Literal["dot", "general", "additive", "none"] = "dot"
    """How decoder and encoder states are compared; none: no attention, the source is one fixed vector."""
    input_feeding: bool = False
    """Give the decoder its last attentional vector beside the next word (Luong section 3.3)."""
    dropout: float = 0.2
    """Of embeddings, between layers, and of the attentional vector."""
    tied: bool = True
    """One matrix for the output layer and all the embeddings that share its vocabulary."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            width=(1, MOST_WIDTH),
            hidden=(1, MOST_WIDTH),
            encoder_layers=(1, MOST_LAYERS),
            decoder_layers=(1, MOST_LAYERS),
            dropout=(0, 0.99),
        )
        if self.bidirectional and self.hidden % 2:
            raise ValueError(f"hidden {self.hidden} must be even for a bidirectional encoder")


def reverse_rows(x: Tensor, lengths: Tensor) -> Tensor:
    """Turn each row round within its length, padding staying at the right: (B, S, …), (B,) → (B, S, …)."""
    position = torch.arange(x.shape[1], device=x.device)
    index = lengths.unsqueeze(1) - 1 - position
    index = torch.where(index >= 0, index, position)
    return x.gather(1, index.unsqueeze(-1).expand_as(x))


class EncoderLayer(nn.Module):
    """One LSTM over the source, or two that read it in both directions: `h̄_s = [h→_s; h←_s]`.

    The backward LSTM reads rows turned round within their lengths: whole-length calls without packing,
    and padding, always read last, changes nothing.
    """

    def __init__(self, width: int, hidden: int, bidirectional: bool) -> None:
        super().__init__()
        self.forwards = nn.LSTM(width, hidden // 2 if bidirectional else hidden, batch_first=True)
        self.backwards = nn.LSTM(width, hidden // 2, batch_first=True) if bidirectional else None

    def forward(self, x: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """(B, S, W), (B,) → states of every token (B, S, H), and the last state of each direction (B, H)."""
        states, _ = self.forwards(x)
        last = states[torch.arange(len(lengths), device=x.device), lengths - 1]
        if self.backwards is None:
            return states, last
        reversed_states, _ = self.backwards(reverse_rows(x, lengths))
        turned = reverse_rows(reversed_states, lengths)
        return torch.cat([states, turned], dim=-1), torch.cat([last, turned[:, 0]], dim=-1)


class LuongAttention(nn.Module):
    """Global attention, Luong section 3.1: scores, their softmax, the context vector."""

    def __init__(self, hidden: int, score: Literal["dot", "general", "additive"]) -> None:
        super().__init__()
        self.score = score
        if score == "general":
            self.weight = nn.Parameter(torch.empty(hidden, hidden))
            nn.init.xavier_uniform_(self.weight)
        elif score == "additive":
            self.query = nn.Linear(hidden, hidden, bias=False)
            self.key = nn.Linear(hidden, hidden)
            self.vector = nn.Parameter(torch.empty(hidden))
            nn.init.normal_(self.vector, std=hidden**-0.5)

    def keys(self, states: Tensor) -> Tensor:
        """What the scores compare with, computed once a sentence from its encoder states (B, S, H)."""
        if self.score == "general":
            return general_keys(states, self.weight)
        return self.key(states) if self.score == "additive" else states

    def forward(self, queries: Tensor, memory: Memory) -> Attended:
        """Decoder states (k·B, T, H) over a memory of B rows → context (k·B, T, H), weights (k·B, T, S)."""
        folded, keys = fold_queries(queries, memory["states"].shape[0]), memory["keys"]
        if self.score == "additive":
            scores = additive_scores(self.query(folded), keys, self.vector)
        else:
            scores = dot_scores(folded, keys)
        context, weights = attend(scores, memory["states"], memory["mask"][:, None, :])
        rows = queries.shape[0]
        return Attended(unfold_queries(context, rows), unfold_queries(weights, rows))


class LSTM(Seq2Seq):
    """Encoder-decoder of Luong et al. 2015, figure 2, or figure 4 with input feeding.

    Memory: `states` h̄ (B, S, H), what they are compared by `keys` (B, S, H), `mask` (B, S); without
    attention only the mask. State: `h`, `c` (B, layers, H), and `fed`, the last attentional vector (B, 1, W),
    with input feeding.

    Each decoder layer starts from a bridge, `h = tanh(W_h [h→_S; h←_1])`, `c = W_c [h→_S; h←_1]` (as in
    Bahdanau et al. 2015, A.2.2). Initial weights: Glorot uniform for what reads inputs, orthogonal for what
    reads states (Saxe et al. 2014), forget gates biased by 1 (Jozefowicz et al. 2015).
    """

    def __init__(self, options: LSTMOptions, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.options = options
        width, hidden = options.width, options.hidden
        self.scale = math.sqrt(width)
        self.target_embedding = nn.Embedding(vocabulary.target, width)
        shared = options.tied and vocabulary.shared
        self.source_embedding = self.target_embedding if shared else nn.Embedding(vocabulary.source, width)
        self.encoder = nn.ModuleList(
            EncoderLayer(hidden if i else width, hidden, options.bidirectional)
            for i in range(options.encoder_layers)
        )
        self.bridge_h = nn.Linear(hidden, options.decoder_layers * hidden)
        self.bridge_c = nn.Linear(hidden, options.decoder_layers * hidden)
        layers = options.decoder_layers
        read = width + width if options.input_feeding else width
        between = options.dropout if layers > 1 else 0.0
        self.decoder = nn.LSTM(read, hidden, layers, batch_first=True, dropout=between)
        self.attention = None if options.score == "none" else LuongAttention(hidden, options.score)
        self.combine = nn.Linear(hidden if self.attention is None else 2 * hidden, width, bias=False)
        self.output = nn.Linear(width, vocabulary.target, bias=False)
        self.dropout = Dropout(options.dropout)
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.xavier_uniform_(module.weight)
            elif isinstance(module, nn.Embedding):
                nn.init.normal_(module.weight, std=width**-0.5)
            elif isinstance(module, nn.LSTM):
                initialise(module)
        if options.tied:
            self.output.weight = self.target_embedding.weight

    @property
    def longest(self) -> int | None:
        return None

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        mask = padding_mask(source, PAD)
        lengths = mask.sum(1)
        x = self.dropout(self.source_embedding(source) * self.scale)
        for i, layer in enumerate(self.encoder):
            x, last = layer(self.dropout(x) if i else x, lengths)
        layers = (self.options.decoder_layers, -1)
        state = {
            "h": torch.tanh(self.bridge_h(last)).unflatten(-1, layers),
            "c": self.bridge_c(last).unflatten(-1, layers),
        }
        if self.options.input_feeding:
            state["fed"] = x.new_zeros(len(source), 1, self.options.width)
        if self.attention is None:
            return {"mask": mask}, state
        return {"states": x, "keys": self.attention.keys(x), "mask": mask}, state

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        x = self.dropout(self.target_embedding(target) * self.scale)
        if not self.options.input_feeding:
            decoded = self._read(x, memory, state)
        else:
            steps = []
            for word in x.split(1, dim=1):
                step = self._read(torch.cat([word, state["fed"]], dim=-1), memory, state)
                state = {**step.state, "fed": step.hidden}
                steps.append(step)
            seen = [step.attention for step in steps if step.attention is not None]
            weights = torch.cat(seen, dim=-2) if seen else None
            decoded = Decoded(torch.cat([step.hidden for step in steps], dim=1), state, weights)
        return decoded if attention else decoded._replace(attention=None)

    def _read(self, x: Tensor, memory: Memory, state: State) -> Decoded:
        """Read x (B, T, …): states h_t, context vectors c_t, and `h̃_t = tanh(W_c [c_t; h_t])` (eq. 5)."""
        h, c = state["h"].transpose(0, 1).contiguous(), state["c"].transpose(0, 1).contiguous()
        states, (h, c) = self.decoder(x, (h, c))
        state = {"h": h.transpose(0, 1), "c": c.transpose(0, 1)}
        if self.attention is None:
            return Decoded(self.dropout(torch.tanh(self.combine(states))), state, None)
        context, weights = self.attention(states, memory)
        attentional = torch.tanh(self.combine(torch.cat([context, states], dim=-1)))
        return Decoded(self.dropout(attentional), state, weights[:, None, None])

    def logits(self, hidden: Tensor) -> Tensor:
        scores: Tensor = self.output(hidden)
        return scores

    def values(self, memory: Memory) -> Tensor | None:
        return None if self.attention is None else memory["states"][:, None, None]


def initialise(lstm: nn.LSTM) -> None:
    """Fill an LSTM's weights as the class above says; torch orders the gates input, forget, cell, output."""
    for name, parameter in lstm.named_parameters():
        if name.startswith("weight_ih"):
            for gate in parameter.chunk(4):
                nn.init.xavier_uniform_(gate)
        elif name.startswith("weight_hh"):
            for gate in parameter.chunk(4):
                nn.init.orthogonal_(gate)
        else:
            nn.init.zeros_(parameter)
            if name.startswith("bias_ih"):
                with torch.no_grad():
                    parameter.chunk(4)[1].fill_(1.0)
