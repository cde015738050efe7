"""The contract between a model and everything else: training, search and alignment see only this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqattn.errors import check_ranges

Memory = dict[str, Tensor]
"""What encoding leaves fixed while decoding. Every tensor is batch-first, so that rows select alike."""
State = dict[str, Tensor]
"""What changes from one decoding call to the next; batch-first too."""
MOST_WIDTH, MOST_LAYERS = 65_536, 1_000
"""The largest sizes that options admit: more is a slip of the keyboard."""


@dataclass(frozen=True)
class Vocabulary:
    """Sizes of the two vocabularies; `shared` when source and target use one and the same."""

    source: int
    target: int
    shared: bool


@dataclass(frozen=True)
class Reading:
    """Which of a model's attention is read as the alignment of its words."""

    layer: int = 1
    """1 is the first decoder layer."""
    head: int = 0
    """1 is the first head; 0: the mean of all."""
    consumed: bool = False
    """At the step where a target id is read, not where it is predicted (shifted, Chen et al. 2020)."""

    def __post_init__(self) -> None:
        check_ranges(self, layer=(1, None), head=(0, None))


class Decoded(NamedTuple):
    """What one decoding call gives."""

    hidden: Tensor
    """(B, T, D): what the output layer reads."""
    state: State
    """What the next call needs."""
    attention: Tensor | None
    """(B, layers, heads, T, S) weights over the source when asked for, else None."""


class Seq2Seq(nn.Module, ABC):
    """An encoder-decoder.

    The law every architecture keeps: decoding T tokens in one call equals T calls of one token each.
    Training uses the first form (teacher forcing), search the second. Rows of `target` and `state` may be a
    whole multiple of the rows of `memory`: consecutive rows then belong to one sentence (its hypotheses).
    """

    @abstractmethod
    def encode(self, source: Tensor) -> tuple[Memory, State]:
        """Read the source ids (B, S), padded at the right."""

    @abstractmethod
    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        """Read the next target ids (B, T) and predict what follows each."""

    @abstractmethod
    def logits(self, hidden: Tensor) -> Tensor:
        """(…, D) → (…, V). Apart from `decode`, so that a loss need not keep the logits of padding."""

    @abstractmethod
    def values(self, memory: Memory) -> Tensor | None:
        """What attention averages, (B, layers, heads, S, D): context vectors are `attention @ values`."""

    @property
    @abstractmethod
    def longest(self) -> int | None:
        """The most positions a source or target may have, or None when there is no limit."""


def select(tensors: dict[str, Tensor], rows: Tensor) -> dict[str, Tensor]:
    """The given rows (indices, in any order, repeats allowed) of every tensor of a memory or state.

    Nothing is copied when they are all there already, in order: greedy search asks for that at most steps.
    """
    present = len(next(iter(tensors.values()))) if tensors else 0
    if len(rows) == present and torch.equal(rows, torch.arange(present, device=rows.device)):
        return tensors
    return {name: tensor.index_select(0, rows) for name, tensor in tensors.items()}
