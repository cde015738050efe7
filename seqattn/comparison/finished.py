"""What is compared without training: runs, folders of them, and files of translations."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from seqattn.comparison.folder import ComparisonFolder, Evaluation, Task, runs_in
from seqattn.comparison.plan import Given, Plan
from seqattn.errors import InputError
from seqattn.files import unique_names
from seqattn.shell import command_line

Paths = Mapping[str, Sequence[Path]]
"""The runs, or the file of translations, of each system by its name."""


def given_sources(given: Iterable[Given]) -> dict[str, Sequence[Path]]:
    """The runs and files of systems that exist; a folder of runs stands for those in it."""
    return {one.name: [each for path in one.paths for each in _runs_of(Path(path))] for one in given}


def _runs_of(path: Path) -> list[Path]:
    """The runs in the folder of a comparison, or in a folder of runs; else the path itself."""
    return [run for _, runs in _systems_of(path) for run in runs]


def _systems_of(path: Path) -> list[tuple[Path, Sequence[Path]]]:
    """The runs of each system of a comparison, each run in a folder of runs, or the path itself.

    Each with the path that names it.
    """
    folder = ComparisonFolder(path)
    if not folder.exists:
        return [(run, [run]) for run in runs_in(path) or [path]]
    trained = folder.trained(folder.read()[0])
    if not trained:
        raise _untrained(path)
    return [(path / name, runs) for name, runs in trained.items()]


def _untrained(path: Path) -> InputError:
    return InputError(
        "has no trained run yet",
        path=path,
        remedy=f"continue it with: {command_line('seqattn', 'compare', '--out', path)}",
    )


class Finished(NamedTuple):
    """What is compared without training."""

    sources: Paths
    evaluation: Evaluation
    keep: ComparisonFolder | None
    """Where translations are kept."""
    comparison: tuple[ComparisonFolder, Plan] | None
    """If it is a single one."""
    untrained: Sequence[Task]
    """The runs of comparisons that are missing."""


def finished_sources(paths: Sequence[Path], asked: Evaluation) -> Finished:
    """Systems that are given, runs, each a system of its own, and the systems of comparisons.

    A single comparison says too how its systems are evaluated, where that is not asked for otherwise.
    InputError when a comparison has no trained run yet.
    """
    folder = ComparisonFolder(paths[0]) if len(paths) == 1 else None
    if folder is None or not folder.exists:
        every = [each for path in paths for each in _systems_of(path)]
        names = unique_names([path.absolute() for path, _ in every])
        sources = {name: runs for name, (_, runs) in zip(names, every, strict=True)}
        return Finished(with_given(sources, asked), asked, None, None, _untrained_in(paths))
    plan, recorded = folder.read()
    # Translations are kept of one test set.
    keep = folder if asked.test in (None, recorded.test) else None
    asked = asked.over(recorded)
    trained = folder.trained(plan)
    if not trained and not asked.given:
        raise _untrained(folder.path)
    return Finished(with_given(trained, asked), asked, keep, (folder, plan), folder.untrained(plan))


def _untrained_in(paths: Iterable[Path]) -> list[Task]:
    """The runs that are missing in those of the folders that are comparisons."""
    folders = filter(lambda folder: folder.exists, map(ComparisonFolder, paths))
    return [task for folder in folders for task in folder.untrained(folder.read()[0])]


def with_given(sources: Paths, evaluation: Evaluation) -> Paths:
    """These systems and those that are given; InputError when two have one name."""
    given = given_sources(evaluation.given)
    names = {name.lower() for name in sources}
    for name in given:
        if name.lower() in names:
            raise InputError(
                f"there are two systems with the name {name!r}", remedy="give --system another name"
            )
    return {**sources, **given}
