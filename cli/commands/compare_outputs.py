"""The files that seqattn compare writes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ..views.messages import say
from .shared import results, write_json, write_text

if TYPE_CHECKING:
    from rich.console import Console

    from seqattn.comparison.findings import Findings
    from seqattn.comparison.folder import Evaluation
    from seqattn.comparison.plan import Plan


def inputs_of(evaluation: Evaluation, plan: Plan | None) -> list[str | None]:
    """The files that a comparison reads."""
    given = [path for one in evaluation.given for path in one.paths]
    return [evaluation.test, evaluation.gold, *given, *((*plan.train, plan.valid) if plan else ())]


def given_parts(evaluation: Evaluation) -> list[Path]:
    """The files and folders of systems that exist."""
    from seqattn.comparison.folder import parts_of

    return parts_of(Path(path) for one in evaluation.given for path in one.paths)


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
