"""What seqattn translate reads: the lines of a file or of standard input, or images."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click

from seqattn.chunks import Shard, as_they_come, in_chunks
from seqattn.errors import InputError

if TYPE_CHECKING:
    from seqattn.data.sources import Sources

STDIN = "standard input"


@dataclass(frozen=True)
class Reader:
    """How lines are read."""

    plain: bool
    """Whatever they look like; otherwise it is an error if they are plainly of a format with markup."""
    replaced: Callable[[int], None] | None
    """Is told the number of each line that is not UTF-8; None: such a line is an error."""

    def lines(self, path: Path, shard: Shard | None) -> tuple[Iterator[str], int]:
        """The lines of a file, or a part of them, and how many are before it."""
        from seqattn.files import decode_lines, first_bytes, raw_lines, refuse_device

        # A pipe can be read only once.
        head = first_bytes(path, self._most) if path.is_file() else None
        if shard is None:
            return decode_lines(self._checked(raw_lines(path), path, head), path, replaced=self.replaced), 0
        # It is read twice: to count its lines, and to translate some of them.
        refuse_device(path)
        rows = shard.rows(sum(1 for _ in raw_lines(path)))
        part = islice(self._checked(raw_lines(path), path, head), rows.start, rows.stop)
        return decode_lines(part, path, rows.start + 1, self.replaced), rows.start

    def arriving(self, sources: Sources, shard: Shard | None, chunk: int | None) -> Iterator[list[str]]:
        """The lines of standard input in chunks: of what has arrived, unless their size is given."""
        from seqattn.decoding.translation import TranslationOptions
        from seqattn.files import decode_lines, lines_within

        if shard:
            raise click.UsageError("--shard needs INPUT: standard input cannot be divided.")
        if sys.stdin is None:
            raise InputError("is closed", path=STDIN)
        file = _own_stdin()
        raw = self._checked(lines_within(file, STDIN), STDIN, _ahead(file, self._most))
        lines = sources.listed(decode_lines(raw, STDIN, replaced=self.replaced), STDIN)
        return as_they_come(lines, TranslationOptions.chunk) if chunk is None else in_chunks(lines, chunk)

    @property
    def _most(self) -> int:
        from seqattn.data.recognition import HEAD

        return HEAD

    def _checked(self, lines: Iterator[bytes], name: Path | str, head: bytes | None) -> Iterator[bytes]:
        """The lines, unless they are of another format by the head of the file, or else by the first line."""
        from seqattn.data.recognition import ALONE, refuse_formats

        first = [] if self.plain or head is not None else list(islice(lines, 1))
        if not self.plain:
            remedy = f"{ALONE}, or insist with --plain; other formats cannot be read yet"
            refuse_formats(b"".join(first) if head is None else head, name, remedy)
        yield from chain(first, lines)


def part_of(sources: Iterator[Any], shard: Shard | None) -> tuple[Iterable[Any], int]:
    """All sources, each when it is asked for, or a part of them; and how many are before it."""
    if shard is None:
        return sources, 0
    every = list(sources)
    rows = shard.rows(len(every))
    return every[rows.start : rows.stop], rows.start


def _own_stdin() -> BinaryIO:
    """Standard input through an object of its own: Python aborts if it exits while a thread reads its own."""
    try:
        return open(sys.stdin.fileno(), "rb", closefd=False)
    except OSError:
        return sys.stdin.buffer


def _ahead(file: BinaryIO, most: int) -> bytes | None:
    """The next bytes of a file, which remain to be read; None for a pipe or a terminal."""
    try:
        number = file.fileno()
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return None
        return os.pread(number, most, os.lseek(number, 0, os.SEEK_CUR))
    except (OSError, ValueError, AttributeError):
        # Windows has no pread.
        return None
