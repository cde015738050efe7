"""seqattn info."""

from __future__ import annotations

from pathlib import Path

import click

from .shared import RUN, results


@click.command()
@click.argument("run", type=RUN)
def info(run: Path) -> None:
    """Show what a run is: architecture, size, data, scores, and how it was made."""
    from seqattn.runs.folder import RunFolder
    from seqattn.runs.run import load_run

    from ..views.render import run_facts

    loaded = load_run(run)
    events = RunFolder(run).metrics.read()
    facts = run_facts(loaded, events[-1] if events else None)
    results().print(facts, soft_wrap=True)
