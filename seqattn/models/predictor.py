"""What search needs from a model: less than the whole contract, so that several models can be one."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from seqattn.data.batching import Collator, Limits
from seqattn.models.base import AttentionShape, Memory, Prediction, State


class Predictor(Protocol):
    """Predicts the next target id from a source and the ids so far: one model, or several together.

    The invariant of `Decoder` holds: reading T ids in one call equals T calls of one id.
    """

    @property
    def longest(self) -> Limits:
        """The most positions a source and a target may have."""

    @property
    def collator(self) -> Collator:
        """Turns sources into the tensor that `encode` reads."""

    @property
    def attention_shape(self) -> AttentionShape | None:
        """The layers and heads of attention to the source; None when there is none."""

    @property
    def device(self) -> torch.device:
        """Where it computes."""

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        """Read a source: the memory holds its `mask` (B, S), True where there is a position."""

    def predict(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Prediction:
        """Read the next target ids (B, T): the distribution of the id after each."""
