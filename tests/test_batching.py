"""Batches: every row once per epoch, within the limit, shuffled from a seed; and their tensors."""

from __future__ import annotations

from itertools import pairwise

import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.data.batching import (
    ROWS,
    Example,
    Lengths,
    Limits,
    collate,
    epoch_batches,
    group_by_tokens,
    lengths_of,
    pad,
    round_up,
)
from seqattn.symbols import BOS, EOS, PAD


def example(source: int, target: int) -> Example:
    """A pair of the given lengths, EOS counted."""
    return Example([*[7] * (source - 1), EOS], [*[8] * (target - 1), EOS])


examples_lists = st.lists(st.builds(example, st.integers(1, 30), st.integers(1, 30)), max_size=60)
limits = st.integers(1, 120)


@given(examples=examples_lists, limit=limits, seed=st.integers(0, 5), epoch=st.integers(0, 5))
def test_every_row_occurs_exactly_once_per_epoch(examples, limit, seed, epoch):
    batches = epoch_batches(lengths_of(examples), limit, seed, epoch)
    assert sorted(row for batch in batches for row in batch) == list(range(len(examples)))
    assert all(batches)


@given(examples=examples_lists, limit=limits)
def test_no_side_of_a_batch_exceeds_the_limit_with_its_padding_unless_one_row_does(examples, limit):
    for rows in epoch_batches(lengths_of(examples), limit, 1, 0):
        source, target = collate([examples[row] for row in rows])
        read = target[:, :-1]
        if len(rows) > 1:
            assert source.numel() <= limit
            assert read.numel() <= limit


@given(lengths=st.lists(st.integers(1, 30), max_size=40), limit=limits)
def test_groups_keep_the_order_and_are_as_large_as_the_limit_allows(lengths, limit):
    groups = list(group_by_tokens(range(len(lengths)), lengths, limit))
    assert [row for group in groups for row in group] == list(range(len(lengths)))
    for group, following in pairwise(groups):
        grown = [*group, following[0]]
        assert max(lengths[row] for row in grown) * len(grown) > limit
    for group in groups:
        assert len(group) == 1 or max(lengths[row] for row in group) * len(group) <= limit


def test_a_row_longer_than_the_limit_is_alone():
    assert list(group_by_tokens([0, 1, 2, 3], [3, 20, 3, 3], 9)) == [[0], [1], [2, 3]]


def test_groups_follow_the_given_order_of_rows():
    assert list(group_by_tokens([3, 1, 0, 2], [5, 5, 5, 5], 10)) == [[3, 1], [0, 2]]


EXAMPLES = [example(3 + row % 7, 2 + row % 5) for row in range(200)]


def test_the_same_seed_and_epoch_give_the_same_batches():
    assert epoch_batches(lengths_of(EXAMPLES), 40, 3, 2) == epoch_batches(lengths_of(EXAMPLES), 40, 3, 2)


def test_another_epoch_or_seed_gives_another_order_and_other_batches():
    base = epoch_batches(lengths_of(EXAMPLES), 40, 3, 2)
    for seed, epoch in ((3, 1), (4, 2), (2, 3)):
        other = epoch_batches(lengths_of(EXAMPLES), 40, seed, epoch)
        assert other != base
        assert {frozenset(batch) for batch in other} != {frozenset(batch) for batch in base}


def test_batches_are_shuffled_and_not_sorted_by_length():
    lengths = [len(EXAMPLES[batch[0]].target) for batch in epoch_batches(lengths_of(EXAMPLES), 40, 1, 0)]
    assert lengths != sorted(lengths)
    assert lengths != sorted(lengths, reverse=True)


def test_rows_of_similar_length_are_grouped():
    spread = [
        max(len(EXAMPLES[row].target) for row in batch) - min(len(EXAMPLES[row].target) for row in batch)
        for batch in epoch_batches(lengths_of(EXAMPLES), 40, 1, 0)
    ]
    assert sum(gap > 3 for gap in spread) <= 2
    assert max(spread) <= 4


def shapes(examples, limit, epoch):
    """The shapes of the tensors of an epoch's batches, sorted."""
    batches = [
        collate([examples[row] for row in rows])
        for rows in epoch_batches(lengths_of(examples), limit, 1, epoch)
    ]
    return sorted((*source.shape, *target.shape) for source, target in batches)


@given(examples=examples_lists, limit=limits)
def test_every_epoch_has_batches_of_the_same_shapes(examples, limit):
    assert shapes(examples, limit, 0) == shapes(examples, limit, 1)


def test_batches_have_few_shapes():
    many = [example(1 + row % 31, 1 + row % 29) for row in range(4000)]
    seen = shapes(many, 400, 0)
    assert len(seen) > 150
    assert len(set(seen)) < 80
    assert sum(rows % ROWS != 0 for rows, *_ in seen) <= 1


@given(length=st.integers(1, 4000), limit=st.integers(1, 4000))
def test_lengths_are_rounded_up_a_little_and_never_beyond_the_limit_of_the_model(length, limit):
    rounded = round_up(length)
    assert length <= rounded <= max(length + 3, 1.125 * length)
    assert round_up(rounded) == rounded
    assert length <= round_up(length, limit) <= max(length, limit)


def test_rounding_takes_few_steps_to_a_doubling():
    assert len({round_up(length) for length in range(33, 65)}) == 8
    assert len({round_up(length) for length in range(257, 513)}) == 8


def test_pad_fills_rows_on_the_right():
    padded = pad([[5, 6, EOS], [EOS], [7, EOS]])
    assert torch.equal(padded, torch.tensor([[5, 6, 2], [2, 0, 0], [7, 2, 0]]))
    assert padded.dtype == torch.int64


def test_collate_places_bos_eos_and_pad():
    source, target = collate([Example([5, 6, EOS], [7, EOS]), Example([8, EOS], [9, 10, 11, EOS])])
    assert torch.equal(source, torch.tensor([[5, 6, EOS, PAD], [8, EOS, PAD, PAD]]))
    assert torch.equal(target, torch.tensor([[BOS, 7, EOS, PAD, PAD], [BOS, 9, 10, 11, EOS]]))
    assert source.dtype == target.dtype == torch.int64


def test_collate_pads_at_most_to_the_limit():
    source, target = collate([Example([5, 6, EOS], [7, EOS])], limits=Limits(3, 3))
    assert torch.equal(source, torch.tensor([[5, 6, EOS]]))
    assert torch.equal(target, torch.tensor([[BOS, 7, EOS, PAD]]))


def test_each_side_of_a_pair_has_a_limit_of_its_own():
    limits = Limits(None, 40)
    assert not limits.excess(Lengths(1_000, 40))
    assert limits.excess(Lengths(1_000, 41)).startswith("a target of 41 positions, more than the 40")
    assert limits.within(256) == Limits(256, 40) and limits.within(30) == Limits(30, 30)
