"""The lines of corpora, readable or not, read as often as a check needs them."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqattn.data.corpus import Entry, Pair, files_of, read_entries, short_names
from seqattn.errors import InputError
from seqattn.files import modified

Rows = NDArray[np.int64]
"""Numbers of lines, ascending, counted from 0 through all corpora."""
NOTHING: Rows = np.zeros(0, dtype=np.int64)
STEP = 20_000
"""Rows between reports of progress."""


class Place(NamedTuple):
    """A line of a corpus; lines are counted from 1."""

    corpus: str
    line: int


class Lines:
    """The lines of several corpora, one after the other; nothing of them stays in memory.

    Iterating reads all files anew. InputError when a file is missing, cannot be read twice, or has changed
    since it was read first.
    """

    def __init__(self, corpora: Sequence[str]) -> None:
        self.corpora = tuple(corpora)
        self.files = tuple(file for corpus in self.corpora for file in files_of(corpus))
        self._starts: list[int] = []
        self._states: list[tuple[int, int]] = []
        for file in self.files:
            if file.exists() and not file.is_file() and not file.is_dir():
                raise InputError(
                    "can be read only once, a check reads several times",
                    path=file,
                    remedy="save it to a file first",
                )

    def __iter__(self) -> Iterator[Entry]:
        states = [modified(file) for file in self.files]
        if self._states and states != self._states:
            raise InputError("has changed while it was checked", path=" + ".join(self.corpora))
        self._states = states
        starts = [0]
        for corpus in self.corpora:
            starts.append(starts[-1])
            for entry in read_entries(corpus):
                starts[-1] += 1
                yield entry
        self._starts = starts

    def __len__(self) -> int:
        """The number of lines, once all have been read."""
        return self._starts[-1] if self._starts else 0

    @property
    def firsts(self) -> list[int]:
        """The first row of each corpus that has any."""
        starts = zip(self._starts, self._starts[1:], strict=False)
        return [start for start, stop in starts if start < stop]

    def at(self, rows: Iterable[int]) -> Iterator[tuple[int, Pair]]:
        """The pairs in some rows, ascending; a line that cannot be read counts as two empty texts."""
        wanted = iter(rows)
        following = next(wanted, None)
        for row, entry in enumerate(self):
            if following is None:
                return
            if row == following:
                yield row, Pair("", "") if isinstance(entry, InputError) else entry
                following = next(wanted, None)

    def corpora_of(self, rows: Rows) -> NDArray[np.int64]:
        """The number of the corpus of each row."""
        return np.searchsorted(self._starts, rows, side="right") - 1

    def place(self, row: int) -> Place:
        """Where a row is."""
        at = bisect_right(self._starts, row) - 1
        return Place(self.corpora[at], row - self._starts[at] + 1)

    def named(self, row: int) -> str:
        """Where a row is, in words; the corpus is named if there are several."""
        place = self.place(row)
        name = f"{short_names(self.corpora)[place.corpus]}, " if len(self.corpora) > 1 else ""
        return f"{name}line {place.line:,}"

    def by_corpus(self, rows: Rows) -> Mapping[str, Rows]:
        """The line numbers of some rows, for each corpus that has any."""
        found: dict[str, Rows] = {}
        for number, corpus in enumerate(self.corpora):
            low, high = np.searchsorted(rows, self._starts[number : number + 2])
            if low < high:
                own = rows[low:high] - self._starts[number] + 1
                found[corpus] = np.concatenate([found[corpus], own]) if corpus in found else own
        return found
