"""What `align` does with runs that read images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqattn.errors import InputError, naming

from .run_arguments import refuse_misspelt_run
from .shared import results

if TYPE_CHECKING:
    from seqattn.data.corpus import Pair
    from seqattn.models.base import Reading
    from seqattn.runs.run import Run


def refuse_no_source(argument: str, run: Path) -> None:
    """InputError for an argument that was probably meant to be a run, unless the run reads files: images."""
    try:
        refuse_misspelt_run(argument, run)
    except InputError:
        from seqattn.runs.folder import RunFolder

        if RunFolder(run).read_config().sources.noun == "text":
            raise


def refuse_links(form: str | None, for_links: bool, pairs: bool, gold: bool) -> None:
    """A usage error for what makes links; `for_links`: an option is given that is only for these."""
    if for_links or form == "pharaoh":
        raise click.UsageError("The run reads images, which have no words: leave out what is for links.")
    if pairs and form is None and not gold:
        raise click.UsageError("The run reads images: with --pairs give --gold, or a --format such as html.")


def point(run: Run, pairs: Sequence[Pair], gold: Path, reading: Reading | None) -> None:
    """Print how many words attend most to what they name, by a reading; None: by each layer and head."""
    from seqattn.alignment.pointing import read_boxes
    from seqattn.alignment.reading import every_reading

    from ..views.render import readings_table

    boxes = read_boxes(gold, pairs)
    if reading is not None:
        with naming(gold):
            found = run.point(pairs, boxes, [reading])[reading]
        click.echo(f"pointing {found.share:.2f} % ({found.right:,} of {found.words:,} words)")
        return
    readings = every_reading(run.model.require_attention())
    with naming(gold):
        shares = {reading: found.share for reading, found in run.point(pairs, boxes, readings).items()}
    console = results()
    console.print("pointing, %")
    console.print(readings_table(shares, run.reading, best=max))
