"""What a check of a corpus has found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from seqattn.data.checks.cleaning import Clean, write_clean
from seqattn.data.checks.kinds import KINDS, SEVERITIES, Severity
from seqattn.data.checks.lengths import Lengths
from seqattn.data.checks.lines import Lines, Place, Rows
from seqattn.data.checks.shifts import Alignment

ROLES = {"train": "training", "valid": "validation", "test": "test"}
"""What the data of each role is called."""


@dataclass(frozen=True)
class Example:
    """A pair that has a fault."""

    place: Place
    source: str
    target: str
    note: str
    """What exactly is wrong with it, if that can be told."""


@dataclass(frozen=True)
class Finding:
    """A kind of fault that a corpus has."""

    kind: str
    """Its name in `kinds.KINDS`."""
    severity: Severity
    count: int
    of: int
    """How many could have it."""
    lines: Mapping[str, Rows]
    """Their line numbers, ascending, by corpus."""
    details: tuple[str, ...]
    """What is known beyond their number, in sentences."""
    examples: tuple[Example, ...]

    @property
    def share(self) -> float:
        """The share that has it, 0 … 1."""
        return self.count / self.of

    @property
    def sentence(self) -> str:
        """How many have it, in words."""
        return KINDS[self.kind].sentence(self.count)

    @property
    def remedy(self) -> str:
        """What to do about it."""
        return KINDS[self.kind].remedy

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "kind": self.kind,
            "severity": self.severity,
            "sentence": self.sentence,
            "count": self.count,
            "of": self.of,
            "share": self.share,
            "details": list(self.details),
            "remedy": self.remedy,
            "lines": {corpus: rows.tolist() for corpus, rows in self.lines.items()},
            "examples": [
                {**one.place._asdict(), "source": one.source, "target": one.target, "note": one.note}
                for one in self.examples
            ],
        }


@dataclass(frozen=True)
class Size:
    """How large a corpus is; the lengths are those of its pairs with text on both sides."""

    role: str
    """A key of `ROLES`."""
    corpora: tuple[str, ...]
    lines: int
    pairs: int
    """Those with text on both sides."""
    source_words: Lengths
    source_characters: Lengths
    target_words: Lengths
    target_characters: Lengths

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        lengths = {name: one for name, one in vars(self).items() if isinstance(one, Lengths)}
        return {
            "role": self.role,
            "corpora": list(self.corpora),
            "lines": self.lines,
            "pairs": self.pairs,
            **{name: asdict(one) | {"where": one.where._asdict()} for name, one in lengths.items()},
        }


@dataclass(frozen=True)
class CorpusReport:
    """What a check has found, the most serious first."""

    sizes: tuple[Size, ...]
    """Of the training, validation and test data, as far as they have pairs."""
    alignment: Alignment | None
    """None if there were too few lines to judge it."""
    findings: tuple[Finding, ...]
    _lines: Lines = field(repr=False)
    _removable: Mapping[str, Rows] = field(repr=False)

    def of(self, severity: Severity) -> tuple[Finding, ...]:
        """The findings that are so serious."""
        return tuple(finding for finding in self.findings if finding.severity == severity)

    @property
    def spoiled(self) -> bool:
        """Whether something would spoil a training or its scores."""
        return bool(self.of("error"))

    def write_clean(self, path: str | Path) -> Clean:
        """Write the pairs that remain without what is certainly wrong; see `cleaning.write_clean`."""
        return write_clean(Path(path), self._lines, self._removable)

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        alignment = None
        if self.alignment is not None:
            place = self._lines.place
            spans = [
                {
                    "first": place(span.first)._asdict(),
                    "last": place(span.last)._asdict(),
                    "shift": span.shift,
                }
                for span in self.alignment.spans
            ]
            alignment = asdict(self.alignment) | {"spans": spans}
        return {
            "corpora": [size.to_json() for size in self.sizes],
            "alignment": alignment,
            **{f"{severity}s": len(self.of(severity)) for severity in SEVERITIES},
            "findings": [finding.to_json() for finding in self.findings],
        }
