"""The LSTM encoder of Luong et al. 2015, in one direction or bidirectional (Bahdanau et al. 2015)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqattn.errors import check_ranges
from seqattn.models.attention import padding_mask
from seqattn.models.base import MOST_LAYERS, MOST_WIDTH, Encoded, Encoder, Table
from seqattn.models.dropout import Dropout
from seqattn.models.recurrent import initialise_lstm
from seqattn.symbols import PAD


@dataclass(frozen=True)
class LSTMEncoderOptions:
    """The shape of an LSTM encoder; the defaults are small enough for a laptop."""

    width: int = 256
    """Of embeddings."""
    hidden: int = 512
    """Of the states; half for each direction when bidirectional."""
    layers: int = 1
    bidirectional: bool = True
    dropout: float = 0.2
    """Of embeddings and between layers."""

    def __post_init__(self) -> None:
        check_ranges(
            self, width=(1, MOST_WIDTH), hidden=(1, MOST_WIDTH), layers=(1, MOST_LAYERS), dropout=(0, 0.99)
        )
        if self.bidirectional and self.hidden % 2:
            raise ValueError(f"hidden {self.hidden} must be even for a bidirectional encoder")


def reverse_rows(x: Tensor, lengths: Tensor) -> Tensor:
    """Reverse each row within its length, with padding left on the right: (B, S, …), (B,) → (B, S, …)."""
    position = torch.arange(x.shape[1], device=x.device)
    index = lengths.unsqueeze(1) - 1 - position
    index = torch.where(index >= 0, index, position)
    return x.gather(1, index.unsqueeze(-1).expand_as(x))


class EncoderLayer(nn.Module):
    """One LSTM over the source, or two that read it in both directions: `h̄_s = [h→_s; h←_s]`.

    The backward LSTM reads rows reversed within their lengths: calls over the whole length without packing,
    in which padding is always read last and changes nothing.
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
        backward = reverse_rows(reversed_states, lengths)
        return torch.cat([states, backward], dim=-1), torch.cat([last, backward[:, 0]], dim=-1)


class LSTMEncoder(Encoder):
    """States h̄_s of every source token; the summary is the last state of each direction, `[h→_S; h←_1]`."""

    fills_shared_table = True

    def __init__(self, options: LSTMEncoderOptions, table: Table) -> None:
        super().__init__()
        self.options = options
        self.width = options.hidden
        self.embedding, self._fill = table
        self.layers = nn.ModuleList(
            EncoderLayer(options.hidden if i else options.width, options.hidden, options.bidirectional)
            for i in range(options.layers)
        )
        self.dropout = Dropout(options.dropout)

    def initialise(self) -> None:
        if self._fill:
            nn.init.normal_(self.embedding.weight, std=self.options.width**-0.5)
        for module in self.modules():
            if isinstance(module, nn.LSTM):
                initialise_lstm(module)

    def forward(self, source: Tensor) -> Encoded:
        mask = padding_mask(source, PAD)
        lengths = mask.sum(1)
        # Scaled to unit variance, as the initial weights are N(0, 1/width).
        x = self.dropout(self.embedding(source) * math.sqrt(self.options.width))
        for i, layer in enumerate(self.layers):
            x, last = layer(self.dropout(x) if i else x, lengths)
        return Encoded(x, mask, last)
