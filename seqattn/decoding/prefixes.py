"""Step-by-step decoding, shared by greedy search, beam search, sampling and single steps.

It depends only on `seqattn.models.predictor`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.models.base import Memory, Prediction, State, select
from seqattn.models.predictor import Predictor
from seqattn.symbols import BOS, EOS, PAD, UNK

NEVER_PROPOSED = [PAD, BOS, UNK]


class Prefixes(NamedTuple):
    """Partial targets of some sources: R rows, the same number for each source, in the order of the sources.

    The ids themselves are kept by the caller; this holds what the next step needs.
    """

    model: Predictor
    memory: Memory
    state: State
    limits: Tensor
    """(sources,) int64: the maximum number of ids of each target, EOS counted."""
    length: int = 0
    """The number of ids of each target so far."""

    @staticmethod
    def begin(model: Predictor, source: Tensor, max_ratio: float, max_extra: int) -> Prefixes:
        """An empty target for each source, with at most `max_ratio · source + max_extra` ids."""
        memory, state = model.encode(source)
        limits = (memory["mask"].sum(1) * max_ratio).long() + max_extra
        return Prefixes(model, memory, state, limits.clamp(min=1, max=model.longest))

    def step(self, last: Tensor, *, attention: bool = False) -> tuple[Prefixes, Tensor, Prediction]:
        """Read the last id of each row (R,), BOS at first.

        → prefixes longer by one id; log-probabilities of that id (R, V) float32, over the whole vocabulary;
        and the output of the model.
        """
        found = self.model.predict(last.unsqueeze(1), self.memory, self.state, attention=attention)
        return self._replace(state=found.state, length=self.length + 1), found.log_p[:, -1], found

    def restrict(self, log_p: Tensor) -> Tensor:
        """Set to -inf in `log_p` (R, V) what may not follow: PAD, BOS, UNK, and at the limit all but EOS.

        It is changed in place, because a vocabulary is large.
        """
        log_p[:, NEVER_PROPOSED] = -torch.inf
        at_limit = (self.limits <= self.length).repeat_interleave(len(log_p) // len(self.limits))
        if at_limit.any():
            ends = log_p[at_limit, EOS]
            log_p[at_limit] = -torch.inf
            log_p[at_limit, EOS] = ends
        return log_p

    def take(self, sources: Tensor, rows: Tensor) -> Prefixes:
        """The prefixes at the given rows (indices), of the given sources, the same number for each."""
        return self._replace(
            memory=select(self.memory, sources), state=select(self.state, rows), limits=self.limits[sources]
        )
