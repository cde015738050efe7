"""The coverage penalty: hypotheses that leave a source word without attention score lower.

Wu et al. 2016, eq. 14: the score of a target Y of a source X is `log P(Y | X) / lp(Y) + cp(X; Y)`.
"""

from __future__ import annotations

import torch
from torch import Tensor

from seqattn.data.batching import Collator, Limits
from seqattn.errors import InputError
from seqattn.models.base import AttentionShape, Memory, Prediction, Reading, State
from seqattn.models.predictor import Predictor

RECEIVED = "attention received"


def coverage_penalty(received: Tensor, words: Tensor, beta: float) -> Tensor:
    """`cp(X; Y) = β Σ_i log(min(Σ_j p_ij, 1))`, 0 when every source word is covered, else below.

    `received` (…, S) is `Σ_j p_ij`, the attention of every step j to position i; only positions where
    `words` (…, S) is True count. One that received none counts as if it had received the smallest normal
    float32, so that a score stays finite.
    """
    shares = received.float().clamp(torch.finfo(torch.float32).tiny, 1)
    return beta * shares.log().masked_fill(~words, 0).sum(-1)


class Covering:
    """A `Predictor` that adds up, in its state, the attention that each source position has received.

    The attention is one layer's, of a head or the mean of all, as a reading says; every step counts, that of
    EOS too.
    """

    def __init__(self, model: Predictor, reading: Reading) -> None:
        """InputError when the model has no attention, or no such layer or head."""
        if model.attention_shape is None:
            raise InputError("this model has no attention to measure coverage by")
        reading.check(model.attention_shape)
        self.model = model
        self.reading = reading

    @property
    def longest(self) -> Limits:
        """That of the model."""
        return self.model.longest

    @property
    def device(self) -> torch.device:
        """That of the model."""
        return self.model.device

    @property
    def collator(self) -> Collator:
        """That of the model."""
        return self.model.collator

    @property
    def attention_shape(self) -> AttentionShape | None:
        """That of the model."""
        return self.model.attention_shape

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        """Read a source; nothing has been attended to."""
        memory, state = self.model.encode(source)
        return memory, {**state, RECEIVED: torch.zeros_like(memory["mask"], dtype=torch.float32)}

    def predict(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Prediction:
        """Read the next target ids (B, T): the distribution of the id after each."""
        found = self.model.predict(target, memory, state, attention=True)
        assert found.attention is not None
        received = state[RECEIVED] + self.reading.weights(found.attention).sum(-2)
        return found._replace(state={**found.state, RECEIVED: received})

    @staticmethod
    def penalties(memory: Memory, state: State, beta: float, eos: bool = True) -> Tensor:
        """The `coverage_penalty` of every row (R,) if it ended here.

        Neither padding counts nor, with `eos`, the last position of a source, which is its EOS.
        """
        received, words = state[RECEIVED], memory["mask"]
        if eos:
            words = torch.nn.functional.pad(words[:, 1:], (0, 1))
        return coverage_penalty(received, words.repeat_interleave(len(received) // len(words), 0), beta)
