"""metrics.jsonl: the events in the training of a run, a line each."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

from seqattn.as_json import as_json
from seqattn.files import read_binary
from seqattn.runs.records import read_record
from seqattn.training.events import Event, Figures, Skipped, Updated, Validated
from seqattn.writing import append, sync, write_aside

MOST_BYTES = 2**31
"""Bytes that are read at most."""


@dataclass(frozen=True)
class MetricsLine:
    """A line of metrics.jsonl: an event in training."""

    event: ClassVar[str]
    update: int
    epoch: int
    all_tokens: int
    """Source and target ids trained on so far."""
    all_seconds: float
    """Of training and validation so far."""


@dataclass(frozen=True)
class UpdatedLine(MetricsLine):
    """An update was made."""

    event = "updated"
    loss: float
    learning_rate: float
    tokens: int
    """Of this update, as are the seconds."""
    seconds: float


@dataclass(frozen=True)
class SkippedLine(MetricsLine):
    """An update was left out."""

    event = "skipped"
    fault: str
    """What was wrong."""


@dataclass(frozen=True)
class ValidatedLine(Figures, MetricsLine):
    """The weights were validated."""

    event = "validated"
    improved: bool
    averaged: bool


@dataclass(frozen=True)
class FinishedLine(MetricsLine):
    """Training ended."""

    event = "finished"
    reason: str
    memory: int | None = None
    """Peak of the process, or on a GPU of its tensors, bytes."""


LINES: dict[str, type[MetricsLine]] = {
    line.event: line for line in (UpdatedLine, SkippedLine, ValidatedLine, FinishedLine)
}


def line_of(event: Event, memory: int | None = None) -> MetricsLine:
    """The line of metrics.jsonl for an event; `memory` is the peak so far, bytes."""
    progress = event.progress
    at = (progress.update, progress.epoch, progress.tokens, round(progress.seconds, 3))
    if isinstance(event, Updated):
        seconds = round(event.seconds, 4)
        return UpdatedLine(*at, event.loss, event.learning_rate, event.tokens, seconds)
    if isinstance(event, Skipped):
        return SkippedLine(*at, event.fault)
    if isinstance(event, Validated):
        return ValidatedLine(*at, *event.validation.all, event.improved, event.averaged)
    return FinishedLine(*at, event.reason, memory)


def line_to_json(line: MetricsLine) -> dict[str, Any]:
    """A line as JSON values."""
    return {"event": line.event, **asdict(line)}


def line_from_json(values: Mapping[str, Any]) -> MetricsLine:
    """A line from JSON values; ValueError or KeyError when it is malformed."""
    return read_record(LINES[values["event"]], values)


class Metrics:
    """The file of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, line: MetricsLine) -> None:
        """Add one line."""
        append(self.path, _written(line))

    def sync(self) -> None:
        """Have the lines on disk."""
        sync(self.path)

    def read(self) -> list[MetricsLine]:
        """The lines; none when there is no such file.

        Malformed lines, truncated by a crash or edited by hand, are skipped.
        """
        if not self.path.is_file():
            return []
        lines = []
        for line in read_binary(self.path, MOST_BYTES).decode(errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                lines.append(line_from_json(json.loads(line)))
        return lines

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        lines = self.read()
        return bool(lines) and isinstance(lines[-1], FinishedLine)

    def rewind(self, update: int, validated: int) -> None:
        """Drop what will be repeated after resuming: updates after one, validations after another."""
        stays = (_written(one) for one in self.read() if _stays(one, update, validated))
        write_aside(self.path, b"".join(stays))


def _written(line: MetricsLine) -> bytes:
    return f"{as_json(line_to_json(line))}\n".encode()


def _stays(line: MetricsLine, update: int, validated: int) -> bool:
    """Whether a line remains valid when the run continues after an update; the end of training does not."""
    if isinstance(line, ValidatedLine):
        return line.update <= validated and not line.averaged
    return line.update <= update and not isinstance(line, FinishedLine)
