"""Examples on disk against the examples they were made from."""

from __future__ import annotations

import gc
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.data.batching import Example
from seqattn.data.examples import Examples

sides = st.lists(st.integers(0, 2**31 - 1), max_size=9)


@given(st.lists(st.builds(Example, sides, sides), max_size=12))
def test_examples_are_read_as_they_were_written(given_examples):
    kept = Examples(iter(given_examples))
    assert list(kept) == given_examples
    assert len(kept) == len(given_examples)
    assert [kept[row] for row in range(len(kept))] == given_examples
    assert kept[1:9:2] == given_examples[1:9:2]
    if given_examples:
        assert kept[-1] == given_examples[-1]


def test_rows_beyond_the_last_are_an_error():
    kept = Examples([Example([5], [6, 2])])
    for row in (1, -2):
        with pytest.raises(IndexError):
            kept[row]


def test_a_million_ids_take_no_python_memory_and_leave_no_file(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    row = list(range(1000, 1500))
    tracemalloc.start()
    try:
        kept = Examples(Example(row, row) for _ in range(1000))
        held, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 50_000 and most < 100_000
    assert kept[999].target == row
    del kept
    gc.collect()
    assert list(Path(tmp_path).iterdir()) == []
