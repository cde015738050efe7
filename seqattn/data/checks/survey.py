"""One pass over a corpus: what is counted of every pair, and the faults that single pairs show."""

from __future__ import annotations

import re
from array import array
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from seqattn.data.checks import sides, texts
from seqattn.data.checks.lines import STEP, Rows
from seqattn.data.checks.scripts import explain_disguised, has_disguised, scripts_in
from seqattn.data.checks.texts import plain
from seqattn.data.corpus import Entry, Pair
from seqattn.errors import InputError
from seqattn.progress import Report


@dataclass(frozen=True)
class PairCheck:
    """A fault that a pair shows by itself."""

    kind: str
    found: Callable[[Pair], bool | None]
    """Whether a pair has it; None for a pair that cannot have it."""
    explain: Callable[[Pair], str]
    """What exactly is wrong with a pair that has it."""


def _of_characters(kind: str, pattern: re.Pattern[str]) -> PairCheck:
    """That texts have characters which do not belong there."""
    return PairCheck(kind, partial(texts.has_any, of=pattern), partial(texts.code_points, of=pattern))


PAIR_CHECKS = (
    PairCheck("mojibake", texts.has_mojibake, texts.explain_mojibake),
    _of_characters("surrogates", texts.SURROGATES),
    PairCheck("lost", texts.has_lost, lambda pair: ""),
    _of_characters("controls", texts.CONTROLS),
    _of_characters("invisible", texts.INVISIBLE),
    PairCheck("disguised", has_disguised, explain_disguised),
    PairCheck("placeholders", sides.alike(sides.placeholders), sides.differences(sides.placeholders)),
    PairCheck("tags", sides.alike(sides.tags), sides.differences(sides.tags)),
    PairCheck("unbalanced", sides.has_unbalanced, sides.explain_unbalanced),
    PairCheck("entities", texts.has_entities, texts.explain_entities),
    PairCheck("numbers", sides.alike(sides.numbers), sides.differences(sides.numbers)),
    PairCheck("sentences", sides.sentences_differ, sides.explain_sentences),
    PairCheck("spaces", texts.has_spaces, texts.explain_spaces),
    PairCheck("long", texts.is_long, texts.explain_length),
)
"""What is looked for in every pair."""


@dataclass(frozen=True)
class Survey:
    """What one pass over lines has found; about 70 bytes for each line."""

    complete: NDArray[np.bool_]
    """(rows,) Whether a line holds a pair with text on both sides."""
    unreadable: Rows
    """The rows that hold no pair."""
    unequal: Rows
    """The rows where one of two texts has ended."""
    reasons: Mapping[int, str]
    """Why the first of these cannot be read."""
    pairs: NDArray[np.int64]
    """(rows,) A hash of both texts."""
    texts: NDArray[np.int64]
    """(rows, 2) A hash of each text."""
    words: NDArray[np.int64]
    """(rows, 2) The number of words of each text."""
    characters: NDArray[np.int64]
    """(rows, 2) The number of characters of each text."""
    scripts: NDArray[np.int64]
    """(rows, 2) The scripts of each text as bits."""
    copied: Rows
    """The rows whose sides are equal and have letters."""
    faults: Mapping[str, Rows]
    """The rows that have a fault, by its kind."""
    possible: Mapping[str, int]
    """How many pairs could have it."""

    @property
    def rows(self) -> Rows:
        """The complete rows."""
        return np.flatnonzero(self.complete)


REASONS = 20
"""So many reasons are kept."""


def survey(lines: Iterable[Entry], checks: Iterable[PairCheck], report: Report, what: str) -> Survey:
    """Read all lines once, and look for the faults that single pairs show."""
    checks = tuple(checks)
    found: dict[str, array[int]] = {check.kind: array("q") for check in checks}
    possible = dict.fromkeys(found, 0)
    pairs, both, words, characters, scripts = (array("q") for _ in range(5))
    copied, unreadable, unequal = (array("q") for _ in range(3))
    complete = bytearray()
    reasons: dict[int, str] = {}
    for row, entry in enumerate(lines):
        if row % STEP == 0:
            report(f"{what}, line {row:,}" if row else what, 0.0)
        pair = Pair("", "") if isinstance(entry, InputError) else entry
        if isinstance(entry, InputError):
            (unequal if entry.line is None else unreadable).append(row)
            if len(reasons) < REASONS:
                reasons[row] = str(entry)
        source, target = plain(pair.source), plain(pair.target)
        full = bool(source and target)
        complete.append(full)
        pairs.append(hash((source, target)))
        both.extend((hash(source), hash(target)))
        words.extend((1 + source.count(" ") if source else 0, 1 + target.count(" ") if target else 0))
        characters.extend((len(source), len(target)))
        if not full:
            scripts.extend((0, 0))
            continue
        scripts.extend((scripts_in(source), scripts_in(target)))
        if source == target and scripts[-1]:
            copied.append(row)
        for check in checks:
            answer = check.found(pair)
            if answer is not None:
                possible[check.kind] += 1
                if answer:
                    found[check.kind].append(row)
    return Survey(
        complete=np.frombuffer(bytes(complete), dtype=np.bool_),
        unreadable=_table(unreadable)[:, 0],
        unequal=_table(unequal)[:, 0],
        reasons=reasons,
        pairs=_table(pairs)[:, 0],
        texts=_table(both, 2),
        words=_table(words, 2),
        characters=_table(characters, 2),
        scripts=_table(scripts, 2),
        copied=_table(copied)[:, 0],
        faults={kind: _table(rows)[:, 0] for kind, rows in found.items()},
        possible=possible,
    )


def _table(numbers: array[int], columns: int = 1) -> NDArray[np.int64]:
    return np.array(numbers, dtype=np.int64).reshape(-1, columns)
