"""Pairs of ids to batches: about equal in tokens, similar in length, shuffled from a seed.

Batches have few distinct shapes. A CPU compiles a kernel for each new shape of a product in bf16, in the time
of several such products; with a shape for every length and number of rows, that was two fifths of a training
step of a small model (docs/decisions.md).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor

from seqattn.errors import out_of_memory
from seqattn.hardware import empty_caches, side_by_side
from seqattn.symbols import BOS, PAD

Item = TypeVar("Item")

ROWS = 8
"""Training batches with at least this many rows have a multiple of it."""


class Example(NamedTuple):
    """A source as ids, or whatever else the collator takes, and its target as ids; ids end in EOS."""

    source: Any
    target: list[int]


class Lengths(NamedTuple):
    """How many positions the source of an example has, and how many ids its target."""

    source: int
    target: int


class Limits(NamedTuple):
    """The most positions that a model can hold of a source, and ids of a target; None: any number."""

    source: int | None = None
    target: int | None = None

    def within(self, most: int) -> Limits:
        """These limits, and at most so many on either side."""
        return Limits(*(most if limit is None else min(most, limit) for limit in self))

    def excess(self, lengths: Lengths, model: str = "this model") -> str:
        """What of a pair is more than a model can hold, in words; empty if nothing is."""
        for side, length, limit in zip(Lengths._fields, lengths, self, strict=True):
            if limit is not None and length > limit:
                return f"a {side} of {length:,} positions, more than the {limit:,} that {model} can hold"
        return ""


UNLIMITED = Limits()


class Batch(NamedTuple):
    """Padded sources and targets.

    Teacher forcing: the decoder reads `target[:, :-1]` and learns `target[:, 1:]`.
    """

    source: Tensor
    """(B, S) int64, EOS then PAD on the right; or whatever else the encoder reads."""
    target: Tensor
    """(B, T + 1) int64, BOS first, EOS then PAD on the right."""


def round_up(length: int, limit: int | None = None) -> int:
    """The length to which a side of a batch is padded, at most `limit`: a multiple of 4, then 8, 16, … .

    Eight to sixteen steps for every doubling: beyond 32 ids at most an eighth of a side is padding.
    """
    step = 1 << max(2, length.bit_length() - 4)
    rounded = -(-length // step) * step
    return rounded if limit is None else max(length, min(rounded, limit))


def pad(rows: Sequence[Sequence[int]], length: int = 0) -> Tensor:
    """Rows of ids to one tensor, PAD on the right: → (rows, longest, or `length` if more) int64."""
    longest = max(length, *map(len, rows))
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows], dtype=torch.int64)


class Collator(NamedTuple):
    """Turns sources into the tensor that an encoder reads; only these two know what a source is."""

    positions: Callable[[Any], int]
    """How many states a source will have."""
    stack: Callable[[Sequence[Any], int], Tensor]
    """Sources as one tensor, padded to the longest, or to a number of positions if that is more."""


IDS = Collator(len, pad)
"""Sources that are ids."""


def lengths_of(examples: Iterable[Example], collator: Collator = IDS) -> list[Lengths]:
    """The lengths of each; equal ones share one object, so that a million of them take little memory."""
    known: dict[Lengths, Lengths] = {}
    every = (Lengths(collator.positions(example.source), len(example.target)) for example in examples)
    return [known.setdefault(lengths, lengths) for lengths in every]


def collate(examples: Sequence[Example], collator: Collator = IDS, limits: Limits = UNLIMITED) -> Batch:
    """One batch from examples, both sides of a rounded length, padded to at most the limits."""
    sources = [example.source for example in examples]
    source = round_up(max(map(collator.positions, sources)), limits.source)
    target = round_up(max(len(example.target) for example in examples), limits.target)
    targets = [[BOS, *example.target] for example in examples]
    return Batch(collator.stack(sources, source), pad(targets, 1 + target))


def group_by_tokens(
    order: Iterable[int], lengths: Sequence[int], max_tokens: int, multiple: int = 1
) -> Iterator[list[int]]:
    """Cut an order of rows into groups of at most `max_tokens`, padding counted; a longer row is alone.

    A group has a multiple of `multiple` rows, except for the last and for those with fewer.
    """
    group: list[int] = []
    longest = 0
    for row in order:
        longest = max(longest, lengths[row])
        while group and longest * (len(group) + 1) > max_tokens:
            size = len(group) // multiple * multiple or len(group)
            yield group[:size]
            group = group[size:]
            longest = max(lengths[kept] for kept in (*group, row))
        group.append(row)
    if group:
        yield group


def as_memory_allows(
    compute: Callable[[list[int]], Iterable[Item]],
) -> Callable[[list[int]], list[Item]]:
    """The same, for a batch in halves if memory runs out; it is an error if it does for a single row."""

    def divided(rows: list[int]) -> list[Item]:
        try:
            return list(compute(rows))
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error) or len(rows) < 2:
                raise
        empty_caches()
        middle = len(rows) // 2
        return divided(rows[:middle]) + divided(rows[middle:])

    return divided


def in_batches(
    compute: Callable[[list[int]], Iterable[Item]],
    lengths: Sequence[int],
    max_tokens: int,
    device: torch.device,
) -> list[Item]:
    """What `compute` makes of each row, in the order of the rows; it gets batches of similar length.

    Several are computed at once on a CPU. `max_tokens` is as for `group_by_tokens`; batches are smaller where
    memory runs out.
    """
    order = sorted(range(len(lengths)), key=lengths.__getitem__)
    groups = list(group_by_tokens(order, lengths, max_tokens))
    work = as_memory_allows(compute)
    results = side_by_side(work, groups) if device.type == "cpu" else map(work, groups)
    found = dict(zip(order, chain.from_iterable(results), strict=True))
    return [found[row] for row in range(len(lengths))]


def epoch_batches(lengths: Sequence[Lengths], max_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch as lists of rows; the same seed and epoch give the same batches.

    Rows whose sides are padded to the same lengths are grouped, in random order; neither side of a batch has
    more than `max_tokens`, padding counted, and every epoch has batches of the same shapes. Then the batches
    are shuffled.
    """
    generator = random.Random(f"{seed} {epoch}")
    order = list(range(len(lengths)))
    generator.shuffle(order)
    rounded = {each: (round_up(each.target), round_up(each.source)) for each in set(lengths)}
    shapes = [rounded[each] for each in lengths]
    order.sort(key=shapes.__getitem__)
    # The decoder reads BOS and predicts EOS: as many steps as the target has ids.
    batches = list(group_by_tokens(order, [max(shape) for shape in shapes], max_tokens, ROWS))
    generator.shuffle(batches)
    return batches
