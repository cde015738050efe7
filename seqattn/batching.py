"""Pairs of ids to batches: about equal in tokens, alike in length, shuffled from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.symbols import BOS, PAD


class Example(NamedTuple):
    """A pair as ids, each side ending in EOS."""

    source: list[int]
    target: list[int]


class Batch(NamedTuple):
    """Padded ids. Teacher forcing: the decoder reads `target[:, :-1]` and learns `target[:, 1:]`."""

    source: Tensor
    """(B, S) int64, EOS then PAD at the right."""
    target: Tensor
    """(B, T + 1) int64, BOS first, EOS then PAD at the right."""


def pad(rows: Sequence[Sequence[int]]) -> Tensor:
    """Rows of ids to one tensor, PAD at the right: → (rows, longest) int64."""
    longest = max(map(len, rows))
    return torch.tensor([[*row, *[PAD] * (longest - len(row))] for row in rows], dtype=torch.int64)


def collate(examples: Sequence[Example]) -> Batch:
    """One batch from examples."""
    return Batch(pad([e.source for e in examples]), pad([[BOS, *e.target] for e in examples]))


def group_by_tokens(order: Iterable[int], lengths: Sequence[int], max_tokens: int) -> Iterator[list[int]]:
    """Cut an order of rows into groups of at most `max_tokens`, padding counted; a longer row goes alone."""
    group: list[int] = []
    longest = 0
    for row in order:
        longest = max(longest, lengths[row])
        if group and longest * (len(group) + 1) > max_tokens:
            yield group
            group, longest = [], lengths[row]
        group.append(row)
    if group:
        yield group


def epoch_batches(examples: Sequence[Example], max_tokens: int, seed: int, epoch: int) -> list[list[int]]:
    """The batches of one epoch as lists of rows; the same seed and epoch give the same batches.

    Rows of like length go together, ties in random order; neither side of a batch holds more than
    `max_tokens` with its padding; then the batches are shuffled.
    """
    generator = random.Random(f"{seed} {epoch}")
    order = list(range(len(examples)))
    generator.shuffle(order)
    order.sort(key=lambda row: (len(examples[row].target), len(examples[row].source)))
    # The decoder reads BOS and predicts EOS: as many steps as the target has ids.
    lengths = [max(len(e.source), len(e.target)) for e in examples]
    batches = list(group_by_tokens(order, lengths, max_tokens))
    generator.shuffle(batches)
    return batches
