"""The files that seqattn compare writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..views.messages import say
from .outputs import check_outputs, images_of, write_json, write_text
from .shared import results

if TYPE_CHECKING:
    from rich.console import Console

    from seqattn.comparison.findings import Findings
    from seqattn.comparison.folder import ComparisonFolder, Evaluation
    from seqattn.comparison.plan import Plan


def inputs_of(evaluation: Evaluation, plan: Plan | None) -> list[str | None]:
    """The files that a comparison reads."""
    given = [path for one in evaluation.given for path in one.paths]
    return [evaluation.test, evaluation.gold, *given, *((*plan.train, plan.valid) if plan else ())]


def given_parts(evaluation: Evaluation) -> list[Path]:
    """The files and folders of systems that exist."""
    from seqattn.comparison.folder import parts_of

    return parts_of(Path(path) for one in evaluation.given for path in one.paths)


def refuse_rewritten(folder: ComparisonFolder, evaluation: Evaluation, plan: Plan) -> None:
    """A usage error when a file that is read is one of the translations that the comparison keeps."""
    systems = [one.resolve() for one in folder.systems(plan)]
    for name in filter(None, inputs_of(evaluation, plan)):
        for path in map(Path, (name, *name.split(","))):
            if path.is_file() and any(map(path.resolve().is_relative_to, systems)):
                raise click.UsageError(
                    f"{path} is part of {folder.path}, which is written to: give a copy of it."
                )


def show(console: Console, found: Findings, wanted: Mapping[str, str], texts: bool) -> None:
    """Write what is asked for; show the comparison unless standard output is used for something else."""
    from seqattn.comparison.report import report
    from seqattn.comparison.tables import latex, markdown

    from ..views.comparison import comparison

    writers: dict[str, Callable[[Findings], str]] = {
        "report": partial(report, texts=texts),
        "markdown": markdown,
        "latex": latex,
    }
    check_outputs(wanted, images_of(found.pairs))
    for kind, path in wanted.items():
        if kind == "json":
            write_json(found.to_json(), path)
        else:
            write_text(writers[kind](found), path)
        if path != "-":
            say(console, f"Written to {path}.")
    if "-" not in wanted.values():
        out = results()
        out.print(comparison(found, out.width))
