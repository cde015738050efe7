"""Items in lists: nothing is lost, doubled or reordered, and nobody waits for what is not there."""

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.chunks import Shard, as_they_come, in_chunks
from seqattn.errors import InputError

WAYS = pytest.mark.parametrize("way", [in_chunks, as_they_come])


@WAYS
@given(items=st.lists(st.integers(), max_size=40), size=st.integers(1, 9))
def test_lists_have_all_items_in_order_and_at_most_the_size(way, items, size):
    found = list(way(iter(items), size))
    assert [item for some in found for item in some] == items
    assert all(1 <= len(some) <= size for some in found)


@given(items=st.lists(st.integers(), max_size=40), size=st.integers(1, 9))
def test_all_chunks_but_the_last_are_full(items, size):
    assert [len(some) for some in in_chunks(items, size)][:-1] == [size] * ((len(items) - 1) // size)


@WAYS
def test_an_error_is_raised_after_the_items_before_it(way):
    def items():
        yield from range(5)
        raise InputError("the sixth is no item")

    found = []
    with pytest.raises(InputError, match="the sixth"):
        for some in way(items(), 3):
            found += some
    assert found == [0, 1, 2, 3, 4]


def test_an_item_is_given_on_while_the_next_is_not_there_yet():
    answered = threading.Event()

    def items():
        for number in range(5):
            # Deadlocks, for at most this time, if an item is kept back until another has come.
            assert number == 0 or answered.wait(60)
            answered.clear()
            yield number

    for expected, some in enumerate(as_they_come(items(), 1000)):
        assert some == [expected]
        answered.set()
    assert expected == 4


@given(total=st.integers(0, 1000), count=st.integers(1, 40))
def test_shards_follow_each_other_and_make_up_the_whole(total, count):
    parts = [Shard(number, count).rows(total) for number in range(1, count + 1)]
    assert [row for part in parts for row in part] == list(range(total))
    sizes = list(map(len, parts))
    assert max(sizes) - min(sizes) <= 1
