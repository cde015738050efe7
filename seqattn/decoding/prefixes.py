"""Step-by-step decoding, shared by greedy search, beam search, sampling and single steps.

It depends only on `seqattn.models.predictor`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.errors import InputError
from seqattn.models.base import Memory, Prediction, State, select
from seqattn.models.predictor import Predictor
from seqattn.symbols import BOS, EOS, PAD, UNK

NEVER_PROPOSED = [PAD, BOS, UNK]


def check_numbers(log_p: Tensor) -> None:
    """InputError when log-probabilities (…, V) are NaN, as no search would end with them.

    One logit that is NaN or infinite makes every log-probability of its row NaN.
    """
    if log_p[..., 0].isnan().any():
        raise InputError(
            "the model predicts what is not a number: it has weights that are damaged, or too large",
            remedy="train it again, with a lower learning_rate if that was high",
        )


class Beginning(NamedTuple):
    """What every target must begin with: an automaton that reads the ids of a target.

    It starts at place 0, and each id takes it to a later place. At the last one anything may follow; before
    it a target cannot end.
    """

    after: Tensor
    """(places, V) int32: the place that each id leads to, -1 where it may not follow."""
    remaining: Tensor
    """(places,) float32: the fewest ids from each place to the last."""

    @property
    def end(self) -> int:
        """The last place."""
        return len(self.after) - 1

    def barred(self, places: Tensor, most: int | None) -> Tensor:
        """Which ids may not follow at places (R,), if fewer than `most` can follow them: → (R, V) bool."""
        to = self.after[places]
        barred = to < 0
        return barred if most is None else barred | (self.remaining[to.clamp(min=0)] >= most)


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
    beginning: Beginning | None = None
    """What every target begins with."""
    places: Tensor | None = None
    """(R,) where the automaton of the beginning is; None without one."""

    @staticmethod
    def begin(
        model: Predictor,
        source: Tensor,
        max_ratio: float,
        max_extra: int,
        beginning: Beginning | None = None,
    ) -> Prefixes:
        """An empty target for each source, with at most `max_ratio · source + max_extra` ids.

        A beginning may have more ids than that; InputError when the model cannot hold it.
        """
        memory, state = model.encode(source)
        longest = model.longest.target
        limits = ((memory["mask"].sum(1) * max_ratio).long() + max_extra).clamp(min=1, max=longest)
        if beginning is None:
            return Prefixes(model, memory, state, limits)
        if longest is not None and beginning.remaining[0] >= longest:
            raise InputError(f"the beginning of a target is too long for the {longest} ids of this model")
        beginning = Beginning(*(part.to(source.device) for part in beginning))
        places = torch.zeros_like(limits, dtype=torch.int32)
        return Prefixes(model, memory, state, limits, beginning=beginning, places=places)

    def step(self, last: Tensor, *, attention: bool = False) -> tuple[Prefixes, Tensor, Prediction]:
        """Read the last id of each row (R,), BOS at first.

        → prefixes longer by one id; log-probabilities of that id (R, V) float32, over the whole vocabulary;
        and the output of the model. InputError when these are not numbers.
        """
        found = self.model.predict(last.unsqueeze(1), self.memory, self.state, attention=attention)
        check_numbers(found.log_p[:, -1])
        longer = self._replace(state=found.state, length=self.length + 1, places=self._places(last))
        return longer, found.log_p[:, -1], found

    def _places(self, last: Tensor) -> Tensor | None:
        """The places of the beginning after the last id of each row."""
        if self.beginning is None or self.places is None or not self.length:
            return self.places
        # A row that may not go on has no probability left: any place will do.
        return self.beginning.after[self.places, last].clamp(min=0)

    def restrict(self, log_p: Tensor) -> Tensor:
        """Set to -inf in `log_p` (R, V) what may not follow: PAD, BOS, UNK, and at the limit all but EOS.

        With a beginning, what does not agree with it is, and a target that has not reached its end goes on.

        It is changed in place, because a vocabulary is large.
        """
        log_p[:, NEVER_PROPOSED] = -torch.inf
        at_limit = (self.limits <= self.length).repeat_interleave(len(log_p) // len(self.limits))
        if self.beginning is not None and self.places is not None:
            at_limit &= self.places == self.beginning.end
            unfinished = (self.places < self.beginning.end).nonzero().flatten()
            longest = self.model.longest.target
            # EOS needs a place as well.
            most = None if longest is None else longest - self.length
            barred = self.beginning.barred(self.places[unfinished], most)
            log_p[unfinished] = log_p[unfinished].masked_fill(barred, -torch.inf)
        if at_limit.any():
            ends = log_p[at_limit, EOS]
            log_p[at_limit] = -torch.inf
            log_p[at_limit, EOS] = ends
        return log_p

    def take(self, sources: Tensor, rows: Tensor) -> Prefixes:
        """The prefixes at the given rows (indices), of the given sources, the same number for each."""
        return self._replace(
            memory=select(self.memory, sources),
            state=select(self.state, rows),
            limits=self.limits[sources],
            places=None if self.places is None else self.places[rows],
        )
