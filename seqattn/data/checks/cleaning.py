"""A corpus without what is certainly wrong."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from seqattn.as_json import as_json
from seqattn.data.checks.lines import Lines, Rows
from seqattn.data.checks.survey import Survey
from seqattn.data.checks.texts import cleaned
from seqattn.data.corpus import Pair, pair_format
from seqattn.errors import InputError
from seqattn.writing import replacing

REASONS = {
    "unequal": "on one side only",
    "unreadable": "without a pair",
    "header": "naming the columns",
    "empty": "with an empty side",
    "misaligned": "where the sides are shifted",
    "lengths": "with sides of extremely different lengths",
    "valid-in-train": "in the validation data too",
    "test-in-train": "in the test data too",
    "repeated": "repeating earlier ones",
}
"""Why lines are left out of a clean corpus. Each is counted under the first reason that holds."""


@dataclass(frozen=True)
class Clean:
    """A clean corpus that was written."""

    path: Path
    pairs: int
    removed: Mapping[str, int]
    """How many lines were left out, by reason."""
    changed: int
    """Pairs written without control characters, lone surrogates, line breaks or tabs that they had."""

    @property
    def removed_in_words(self) -> list[tuple[str, int]]:
        """Why and how many."""
        return [(REASONS[reason], number) for reason, number in self.removed.items()]

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "path": str(self.path),
            "pairs": self.pairs,
            "removed": dict(self.removed),
            "changed": self.changed,
        }


def removable(survey: Survey, found: Mapping[str, Rows]) -> dict[str, Rows]:
    """The rows to leave out by reason, each once; of equal pairs that would remain, the first does."""
    remain = np.ones(len(survey.complete), dtype=np.bool_)
    chosen: dict[str, Rows] = {}
    for reason in REASONS:
        rows = found.get(reason)
        if reason == "repeated":
            rest = np.flatnonzero(remain)
            _, first = np.unique(survey.pairs[rest], return_index=True)
            rows = np.delete(rest, first)
        if rows is not None:
            chosen[reason] = rows[remain[rows]]
            remain[rows] = False
    return chosen


def check_form(path: Path) -> str:
    """The format of a file of pairs, from its name; InputError when it is none."""
    form = pair_format(path)
    if form is None:
        raise InputError(
            "is not named as a file of pairs",
            path=path,
            remedy="end its name in .tsv or .jsonl, or .gz after that",
        )
    return form


def write_clean(path: Path, lines: Lines, leave_out: Mapping[str, Rows]) -> Clean:
    """Write the pairs of lines as .tsv or .jsonl, gzipped with .gz, without the rows to leave out.

    Within texts control characters and lone surrogates are removed, line breaks and tabs become spaces, and
    nothing else is changed. The file is complete or not there. InputError when it is one of those read, has
    another ending, or no pair would remain.
    """
    form = check_form(path)
    for read in lines.files:
        if path.exists() and read.exists() and path.samefile(read):
            raise InputError("is also an input, which would be overwritten", path=path)
    remain = np.ones(len(lines), dtype=np.bool_)
    for rows in leave_out.values():
        remain[rows] = False
    if not remain.any():
        raise InputError("no pair would remain, nothing was written", path=path)
    changed = 0
    with replacing(path) as file, _compressing(file, path) as out:
        for row, pair in enumerate(lines):
            if row >= len(remain) or not remain[row] or isinstance(pair, InputError):
                continue
            clean = Pair(*map(cleaned, pair))
            changed += clean != pair
            record = as_json(clean._asdict()) if form == "json" else "\t".join(clean)
            out.write(f"{record}\n".encode())
    removed = {reason: len(rows) for reason, rows in leave_out.items() if len(rows)}
    return Clean(path, int(remain.sum()), removed, changed)


def _compressing(file: BinaryIO, path: Path) -> AbstractContextManager[BinaryIO | gzip.GzipFile]:
    """A file, or one that compresses what is written to it, if its name says so."""
    zipped = path.suffix.lower() == ".gz"
    # Without a name and a time in it, the same pairs give the same bytes.
    return gzip.GzipFile("", "wb", 6, file, 0) if zipped else nullcontext(file)
