"""The folder of a comparison: its plan, its runs, and their translations of the test set.

comparison.json                what is compared, and how it was asked for
SYSTEM/seed-N/                 a run
SYSTEM/seed-N.txt, .json       its translations of the test set, a line each, and how they were made
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seqattn.as_json import as_json
from seqattn.comparison.plan import RECORD, Given, Plan
from seqattn.errors import InputError, check_ranges
from seqattn.files import read_binary, within
from seqattn.locks import LOCK, Lock
from seqattn.runs.folder import CONFIG, RunFolder
from seqattn.runs.records import read_record
from seqattn.writing import check_creatable, is_part_of, make_folder, write_aside

FORMAT = 1


@dataclass(frozen=True)
class Evaluation:
    """What is translated and how, as asked for; None: as before, or the default."""

    test: str | None = None
    gold: str | None = None
    given: tuple[Given, ...] = ()
    """Systems that exist, beside those of the plan."""
    beam: int | None = None
    length_penalty: float | None = None

    def __post_init__(self) -> None:
        ranges = {"beam": (1, 100), "length_penalty": (0, 10)}
        check_ranges(self, **{name: ends for name, ends in ranges.items() if getattr(self, name) is not None})

    def over(self, recorded: Evaluation) -> Evaluation:
        """This one, completed by what was recorded."""
        same = self.test in (None, recorded.test)
        given = (*(recorded.given if same else ()), *self.given)
        return Evaluation(
            self.test or recorded.test,
            self.gold or (recorded.gold if same else None),
            tuple({one.name: one for one in given}.values()),
            recorded.beam if self.beam is None else self.beam,
            recorded.length_penalty if self.length_penalty is None else self.length_penalty,
        )


@dataclass(frozen=True)
class Decoded:
    """A run's translations of a test set."""

    hypotheses: tuple[str, ...]
    output_ids: int
    seconds: float


@dataclass(frozen=True)
class _Kept:
    """The record of kept translations."""

    made: Mapping[str, Any]
    """How."""
    output_ids: int
    seconds: float
    digest: str

    def __post_init__(self) -> None:
        check_ranges(self, output_ids=(0, None), seconds=(0, None))


class Task(NamedTuple):
    """A run of a comparison."""

    system: str
    seed: int
    path: Path

    @property
    def run(self) -> RunFolder:
        """Its folder."""
        return RunFolder(self.path)


class ComparisonFolder:
    """The files of one comparison."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def record(self) -> Path:
        """The file of the plan."""
        return self.path / RECORD

    @property
    def exists(self) -> bool:
        """Whether a comparison was begun here."""
        return self.record.is_file()

    def joined(self, plan: Plan) -> Plan:
        """The plan, with the systems and seeds that the folder has already; InputError for another."""
        if not self.exists:
            return plan
        recorded, _ = self.read()
        if differing := recorded.differences_from(plan):
            raise InputError(
                f"holds a comparison that differs in {', '.join(differing)}",
                path=self.path,
                remedy="choose another folder with --out, or continue this one by --out alone",
            )
        return recorded.with_more(plan.recipes, plan.seeds)

    def write(self, plan: Plan, evaluation: Evaluation, command: Sequence[str] = ()) -> None:
        """Write the plan, or write it again with what was added to it; the first command is kept."""
        first = self._record().get("command") if self.exists else None
        self._write_record(
            {
                "format": FORMAT,
                "plan": plan.to_json(),
                "evaluation": asdict(evaluation),
                "command": first or list(command),
                "shown": False,
            }
        )

    def record_shown(self) -> None:
        """Record that the comparison has been shown as its plan is now."""
        self._write_record(self._record() | {"shown": True})

    def _record(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(read_binary(self.record))
        return found

    def _write_record(self, record: Mapping[str, Any]) -> None:
        write_aside(within(self.path, RECORD), (as_json(record, indent=2) + "\n").encode())

    def read(self) -> tuple[Plan, Evaluation]:
        """What is compared; InputError when the file is damaged or of a later version."""
        path = self.record
        try:
            record = self._record()
            if type(record["format"]) is not int or record["format"] != FORMAT:
                raise InputError(
                    f"has format {record['format']!s:.20}, this version reads {FORMAT}", path=path
                )
            return Plan.from_json(record["plan"]), read_record(Evaluation, record["evaluation"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"is damaged: {error!s:.100}", path=path) from error

    def tasks(self, plan: Plan) -> tuple[Task, ...]:
        """The runs of a plan, those of a system together, in the order of the seeds."""
        return tuple(
            Task(one.name, seed, self.path / one.name / f"seed-{seed}")
            for one in plan.recipes
            for seed in plan.seeds
        )

    def systems(self, plan: Plan) -> list[Path]:
        """The folders of its systems."""
        return [self.path / one.name for one in plan.recipes]

    def trained(self, plan: Plan) -> dict[str, list[Path]]:
        """The runs of each system that have weights; systems without any are left out."""
        found: dict[str, list[Path]] = {}
        for task in self.tasks(plan):
            if task.run.has_model:
                found.setdefault(task.system, []).append(task.path)
        return found

    def untrained(self, plan: Plan) -> list[Task]:
        """The runs without weights."""
        return [task for task in self.tasks(plan) if not task.run.has_model]

    def finished(self, plan: Plan) -> bool:
        """Whether all runs of a plan are trained and have translated, and it has been shown."""
        translated = all(task.run.finished and _beside(task.path)[1].is_file() for task in self.tasks(plan))
        # Those made before it was recorded count as shown.
        return translated and bool(self._record().get("shown", True))

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process works on this comparison in this context, which may create the folder.

        InputError when one does, or when the folder holds something else. If nothing was written to a new
        folder it is removed again.
        """
        new = not self.exists
        if new and not (self.path.is_dir() and all(map(_is_unfinished, self.path.iterdir()))):
            check_creatable(self.path, "choose another folder with --out")
            make_folder(self.path)
        lock = Lock(self.path, "wait until it ends, or choose another folder with --out")
        try:
            yield
        finally:
            lock.release()
            if new:
                # Only an empty folder can be removed.
                with contextlib.suppress(OSError):
                    self.path.rmdir()

    def read_translations(self, run: Path, made: Mapping[str, Any]) -> Decoded | None:
        """The kept translations of a run, if they were made in the same way."""
        texts, record = _beside(run)
        try:
            kept = read_record(_Kept, json.loads(read_binary(record)))
            lines = read_binary(texts).decode().split("\n")[:-1]
        except (InputError, ValueError, RecursionError):
            return None
        if kept.made != made or kept.digest != _digest(lines):
            return None
        return Decoded(tuple(lines), kept.output_ids, kept.seconds)

    def keep_translations(self, run: Path, made: Mapping[str, Any], decoded: Decoded) -> None:
        """Write a run's translations beside it."""
        if not run.resolve().is_relative_to(self.path.resolve()):
            return
        # Links within this folder could lead out of it, to what would be overwritten.
        texts, record = (within(run.parent, path.name) for path in _beside(run))
        kept = _Kept(made, decoded.output_ids, decoded.seconds, _digest(decoded.hypotheses))
        write_aside(texts, "".join(f"{line}\n" for line in decoded.hypotheses).encode())
        write_aside(record, (as_json(asdict(kept), indent=2) + "\n").encode())


def interrupted(parent: Path, plan: Plan) -> ComparisonFolder | None:
    """The newest comparison in a folder that has this plan and is not finished, if there is one."""
    for path in sorted(parent.glob("compare-*"), reverse=True):
        folder = ComparisonFolder(path)
        with contextlib.suppress(InputError):
            if folder.exists and folder.read()[0] == plan and not folder.finished(plan):
                return folder
    return None


def parts_of(paths: Iterable[Path]) -> list[Path]:
    """The files and folders that must stay as they are: runs, and those of the comparisons they belong to."""
    found = []
    for path in filter(Path.is_dir, paths):
        if (path / CONFIG).exists():
            found.append(path)
        for folder in (path, path.absolute().parent.parent):
            if ComparisonFolder(folder).exists:
                found += [folder / RECORD, *filter(Path.is_dir, folder.iterdir())]
    return found


def runs_in(path: Path) -> list[Path]:
    """The runs directly in a folder, as `compare` of version 0.1.0 wrote them, by name."""
    if not path.is_dir() or (path / CONFIG).exists():
        return []
    return sorted(each for each in path.iterdir() if (each / CONFIG).is_file())


def _is_unfinished(file: Path) -> bool:
    """Whether a file was left by a process that was killed before the record was written."""
    return file.name == LOCK or is_part_of(file, RECORD)


def _beside(run: Path) -> tuple[Path, Path]:
    return run.with_name(f"{run.name}.txt"), run.with_name(f"{run.name}.json")


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
