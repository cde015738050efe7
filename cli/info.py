"""seqattn info."""

from __future__ import annotations

from pathlib import Path

import click

from .shared import RUN, results


@click.command()
@click.argument("run", type=RUN)
def info(run: Path) -> None:
    """Show what a run is: architecture, size, data, scores, and how it was made."""
    from seqattn.checkpoint import load_run

    from .render import run_facts

    loaded = load_run(run)
    parameters = sum(parameter.numel() for parameter in loaded.model.parameters())
    results().print(run_facts(loaded.config, parameters, loaded.trained), soft_wrap=True)
