"""From rows with a fault to findings with line numbers and examples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from seqattn.data.checks.kinds import KINDS, SEVERITIES, Severity
from seqattn.data.checks.lines import Lines, Rows
from seqattn.data.checks.report import Example, Finding
from seqattn.data.corpus import Pair

EXAMPLES = 2
"""Pairs that are shown for each finding."""
Explain = Callable[[int, Mapping[int, Pair]], str]
"""What exactly is wrong with a row, given it and all pairs that were read."""


def of_pair(explain: Callable[[Pair], str]) -> Explain:
    """An explanation that needs the pair alone."""
    return lambda row, pairs: explain(pairs[row])


def _nothing(row: int, pairs: Mapping[int, Pair]) -> str:
    return ""


@dataclass(frozen=True)
class Found:
    """Rows with a fault, before their pairs are read."""

    kind: str
    lines: Lines
    rows: Rows
    of: int
    """How many could have it."""
    explain: Explain = _nothing
    details: tuple[str, ...] = ()
    severity: Severity | None = None
    """None: by the share of the rows."""
    shown: Sequence[int] | None = None
    """The rows of the examples; None: the first ones."""
    related: Sequence[int] = ()
    """Further rows, whose pairs the explanation needs."""
    count: int | None = None
    """None: the number of rows."""

    @property
    def number(self) -> int:
        """How many have the fault."""
        return len(self.rows) if self.count is None else self.count

    @property
    def counts(self) -> bool:
        """Whether it is a fault at all."""
        return KINDS[self.kind].counts(self.number, self.of)

    @property
    def seriousness(self) -> Severity:
        """How serious it is, if it is a fault."""
        return self.severity or KINDS[self.kind].severity(self.number, self.of)

    @property
    def serious(self) -> bool:
        """Whether it is more than a remark."""
        return self.seriousness != "remark"

    @property
    def examples(self) -> list[int]:
        """The rows of the examples."""
        return self.rows[:EXAMPLES].tolist() if self.shown is None else list(self.shown)


def findings(found: Sequence[Found]) -> tuple[Finding, ...]:
    """Findings with examples, the most serious first, then in the order of `KINDS`."""
    kinds = list(KINDS)
    every = [finding for lines in dict.fromkeys(one.lines for one in found) for finding in _of(lines, found)]
    return tuple(sorted(every, key=lambda one: (SEVERITIES.index(one.severity), kinds.index(one.kind))))


def _of(lines: Lines, found: Sequence[Found]) -> Iterator[Finding]:
    """The findings in some lines, whose pairs are read at once."""
    own = [one for one in found if one.lines is lines]
    pairs = dict(lines.at(sorted({row for one in own for row in (*one.examples, *one.related)})))
    for one in own:
        examples = (
            Example(lines.place(row), *pairs[row], one.explain(row, pairs))
            for row in one.examples
            if row in pairs
        )
        yield Finding(
            one.kind,
            one.seriousness,
            one.number,
            one.of,
            lines.by_corpus(one.rows),
            one.details,
            tuple(examples),
        )
