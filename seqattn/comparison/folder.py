"""The folder of a comparison: its plan, its runs, and their translations of the test set.

comparison.json                what is compared, and how it was asked for
SYSTEM/seed-N/                 a run
SYSTEM/seed-N.txt, .json       its translations of the test set, a line each, and how they were made
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from seqattn.comparison.plan import Given, Plan
from seqattn.errors import InputError
from seqattn.files import locked, read_binary, write_aside
from seqattn.runs.folder import CONFIG, RunFolder

FORMAT = 1
PLAN = "comparison.json"


@dataclass(frozen=True)
class Evaluation:
    """What is translated and how, as asked for; None: as before, or the default."""

    test: str | None = None
    gold: str | None = None
    given: tuple[Given, ...] = ()
    """Systems that exist, beside those of the plan."""
    beam: int | None = None
    length_penalty: float | None = None

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

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Evaluation:
        """From JSON values; KeyError or TypeError when they are none of an evaluation."""
        given = tuple(Given(str(one["name"]), tuple(map(str, one["paths"]))) for one in values["given"])
        return Evaluation(values["test"], values["gold"], given, values["beam"], values["length_penalty"])


@dataclass(frozen=True)
class Decoded:
    """A run's translations of a test set."""

    hypotheses: tuple[str, ...]
    output_ids: int
    seconds: float


class ComparisonFolder:
    """The files of one comparison."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def exists(self) -> bool:
        """Whether a comparison was begun here."""
        return (self.path / PLAN).is_file()

    def refuse_existing(self) -> None:
        """InputError when something else has this name."""
        RunFolder(self.path).refuse_existing()

    def check(self, plan: Plan) -> None:
        """InputError when this is another comparison; seeds and systems may be added."""
        if differing := self.read()[0].differences_from(plan):
            raise InputError(
                f"holds a comparison with another {', '.join(differing)}",
                path=self.path,
                remedy="choose another folder with --out",
            )

    def run(self, system: str, seed: int) -> RunFolder:
        """The folder of one of its runs."""
        return RunFolder(self.path / system / f"seed-{seed}")

    def write(self, plan: Plan, evaluation: Evaluation, command: Sequence[str] = ()) -> None:
        """Make the folder, or write the plan again, with what was added to it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot be created: {error.strerror}", path=self.path) from error
        record = {
            "format": FORMAT,
            "plan": plan.to_json(),
            "evaluation": asdict(evaluation),
            "command": list(command),
        }
        write_aside(self.path / PLAN, (json.dumps(record, indent=2, ensure_ascii=False) + "\n").encode())

    def read(self) -> tuple[Plan, Evaluation]:
        """What is compared; InputError when the file is damaged or of a later version."""
        path = self.path / PLAN
        try:
            record = json.loads(read_binary(path))
            if record["format"] != FORMAT:
                raise InputError(
                    f"has format {record['format']!s:.20}, this version reads {FORMAT}", path=path
                )
            return Plan.from_json(record["plan"]), Evaluation.from_json(record["evaluation"])
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise InputError(f"is damaged: {error!s:.100}", path=path) from error

    def runs(self, plan: Plan) -> dict[str, list[RunFolder]]:
        """The runs of each system of a plan, in the order of the seeds."""
        return {one.name: [self.run(one.name, seed) for seed in plan.seeds] for one in plan.recipes}

    def trained(self) -> dict[str, list[Path]]:
        """The runs of each system that have weights."""
        plan, _ = self.read()
        return {name: [run.path for run in runs if run.has_model] for name, runs in self.runs(plan).items()}

    def finished(self, plan: Plan) -> bool:
        """Whether all runs of a plan are trained and have translated."""
        runs = [run for each in self.runs(plan).values() for run in each]
        return all(run.finished and _beside(run)[1].is_file() for run in runs)

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """No other process trains this comparison in this context; InputError when one does."""
        with locked(self.path) as alone:
            if not alone:
                raise InputError(
                    "is being trained by another process",
                    path=self.path,
                    remedy="wait for it, or choose another folder with --out",
                )
            yield

    def read_translations(self, run: RunFolder, made: Mapping[str, Any]) -> Decoded | None:
        """The kept translations of a run, if they were made in the same way."""
        texts, record = _beside(run)
        try:
            values = json.loads(read_binary(record))
            lines = read_binary(texts).decode().split("\n")[:-1]
            if values["made"] != dict(made) or values["digest"] != _digest(lines):
                return None
            return Decoded(tuple(lines), int(values["output_ids"]), float(values["seconds"]))
        except (InputError, ValueError, KeyError, TypeError, RecursionError):
            return None

    def keep_translations(self, run: RunFolder, made: Mapping[str, Any], decoded: Decoded) -> None:
        """Write a run's translations beside it."""
        texts, record = _beside(run)
        values = {
            "made": dict(made),
            "output_ids": decoded.output_ids,
            "seconds": decoded.seconds,
            "digest": _digest(decoded.hypotheses),
        }
        write_aside(texts, "".join(f"{line}\n" for line in decoded.hypotheses).encode())
        write_aside(record, (json.dumps(values, indent=2) + "\n").encode())


def interrupted(parent: Path, plan: Plan) -> ComparisonFolder | None:
    """The newest comparison in a folder that has this plan and was not shown yet, if there is one."""
    for path in sorted(parent.glob("compare-*"), reverse=True):
        folder = ComparisonFolder(path)
        with contextlib.suppress(InputError):
            if folder.exists and folder.read()[0] == plan and not folder.finished(plan):
                return folder
    return None


def runs_in(path: Path) -> list[Path]:
    """The runs directly in a folder, as `compare` of version 0.1.0 wrote them, by name."""
    if not path.is_dir() or (path / CONFIG).exists():
        return []
    return sorted(each for each in path.iterdir() if (each / CONFIG).is_file())


def _beside(run: RunFolder) -> tuple[Path, Path]:
    return run.path.with_name(f"{run.path.name}.txt"), run.path.with_name(f"{run.path.name}.json")


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
