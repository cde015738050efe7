"""Pairs of ids on disk: a training set may be larger than memory."""

from __future__ import annotations

import mmap
from array import array
from collections.abc import Iterable, Sequence
from typing import overload

from seqattn.data.batching import Example
from seqattn.files import temporary_file


class Examples(Sequence[Example]):
    """Examples in a memory-mapped temporary file, four bytes per id.

    Only the start of each side is kept in memory, sixteen bytes per pair; the system caches as much of the
    file as it has room for. The file is deleted with the object, or at the latest when the process ends.
    """

    def __init__(self, examples: Iterable[Example]) -> None:
        self._starts = array("q", [0])
        with temporary_file() as file:
            for example in examples:
                for side in example:
                    array("i", side).tofile(file)
                    self._starts.append(self._starts[-1] + len(side))
            file.flush()
            # An empty file cannot be mapped.
            self._ids: memoryview = memoryview(b"").cast("i")
            if self._starts[-1]:
                self._ids = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)).cast("i")

    def __len__(self) -> int:
        return len(self._starts) // 2

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        start, middle, end = self._starts[2 * row : 2 * row + 3]
        return Example(self._ids[start:middle].tolist(), self._ids[middle:end].tolist())
