"""Several models as one, for search: the probability of the next id is the mean of theirs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.data.batching import Collator, Limits
from seqattn.models.base import AttentionShape, Memory, Prediction, Reading, Seq2Seq, State


def the_same(source: Any) -> Any:
    """For a member that reads sources as the first member does."""
    return source


class Member(NamedTuple):
    """One of several models."""

    model: Seq2Seq
    reading: Reading | None = None
    """The attention that is read from it; None: it has none, or none over the same source ids."""
    own_source: Callable[[Any], Any] = the_same
    """From a source, as the first member's collator takes it, to the same source for this member."""


def mean_probability(each: Sequence[Tensor]) -> Tensor:
    """`log (1/M Σ_m p_m)` of M log-probabilities (…), computed from the largest: no sum underflows.

    Equal ones are returned bit for bit.
    """
    # Where all are -inf their difference would not be a number.
    highest = reduce(torch.maximum, each).clamp(min=torch.finfo(each[0].dtype).min)
    total = (each[0] - highest).exp_()
    for one in each[1:]:
        total += (one - highest).exp_()
    return total.div_(len(each)).log_().add_(highest)


class Mixture:
    """A `Predictor` whose next id is distributed as the mean of its members' distributions.

    `p(y_t | y_<t, x) = 1/M Σ_m p_m(y_t | y_<t, x)`. Members differ in anything but the target vocabulary and
    the device. Its attention has one layer, with a head for each member: what the member's reading says.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        self.members = tuple(members)
        self.models = tuple(member.model for member in members)

    @property
    def longest(self) -> Limits:
        """The most positions that every member can hold."""
        sides = zip(*(model.longest for model in self.models), strict=True)
        return Limits(*(min((one for one in each if one is not None), default=None) for each in sides))

    @property
    def device(self) -> torch.device:
        """The device of all members."""
        return self.models[0].device

    @property
    def attention_shape(self) -> AttentionShape | None:
        """One layer with a head for each member; None when one has no attention that can be read."""
        readable = all(member.reading is not None for member in self.members)
        return AttentionShape(1, len(self.members)) if readable else None

    @property
    def collator(self) -> Collator:
        """Stacks the members' sources side by side: (B, M, S), S the most positions that a member needs."""
        return Collator(self._positions, self._stack)

    def _positions(self, source: Any) -> int:
        return max(one.model.collator.positions(one.own_source(source)) for one in self.members)

    def _stack(self, sources: Sequence[Any], length: int) -> Tensor:
        length = max(length, *map(self._positions, sources))
        each = [
            one.model.collator.stack([one.own_source(source) for source in sources], length)
            for one in self.members
        ]
        return torch.stack(each, dim=1)

    def encode(self, source: Tensor) -> tuple[Memory, State]:
        """Read the members' sources (B, M, S).

        `mask` (B, S) is True where any member has a position.
        """
        read = [model.encode(own) for model, own in zip(self.models, source.unbind(1), strict=True)]
        memories, states = zip(*read, strict=True)
        mask = torch.stack([memory["mask"] for memory in memories]).any(0)
        return {**_together(memories), "mask": mask}, _together(states)

    def predict(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Prediction:
        """Read the next target ids (B, T): the mean distribution of the id after each."""
        each = [
            model.predict(target, _apart(memory, at), _apart(state, at), attention=attention)
            for at, model in enumerate(self.models)
        ]
        return Prediction(
            mean_probability([one.log_p for one in each]),
            _together([one.state for one in each]),
            self._read(each) if attention else None,
        )

    def _read(self, each: Sequence[Prediction]) -> Tensor:
        """What the members' readings say: (B, 1, M, T, S)."""
        found = []
        for member, prediction in zip(self.members, each, strict=True):
            assert member.reading is not None and prediction.attention is not None
            found.append(member.reading.weights(prediction.attention))
        return torch.stack(found, dim=1).unsqueeze(1)


def _together(each: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """The members' tensors in one dictionary, so that rows are selected from all of them."""
    return {f"{at} {name}": tensor for at, own in enumerate(each) for name, tensor in own.items()}


def _apart(tensors: dict[str, Tensor], at: int) -> dict[str, Tensor]:
    """The tensors of one member."""
    mark = f"{at} "
    return {name.removeprefix(mark): one for name, one in tensors.items() if name.startswith(mark)}
