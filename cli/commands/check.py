"""seqattn check."""

from __future__ import annotations

from pathlib import Path

import click

from seqattn.errors import InputError

from ..views.messages import say
from .outputs import check_outputs, write_json
from .shared import diagnostics, results


@click.command()
@click.argument("corpora", nargs=-1, required=True, metavar="CORPUS …")
@click.option("--valid", metavar="CORPUS", help="Validation data that must not be in the training data.")
@click.option("--test", metavar="CORPUS", help="Test data that must not be in the training data.")
@click.option("--json", "json_path", metavar="FILE", help="Write everything as JSON; - for standard output.")
@click.option(
    "--write-clean",
    "clean_path",
    metavar="FILE",
    help="Write what remains without what is certainly wrong, as .tsv or .jsonl, also .gz.",
)
def check(
    corpora: tuple[str, ...],
    valid: str | None,
    test: str | None,
    json_path: str | None,
    clean_path: str | None,
) -> None:
    """Tell what is wrong with training data, before an hour of training does.

    Several corpora are checked as one, as with several --train. Findings have line numbers and examples.

    \b
    The exit status is 1 if something would spoil a training or its scores:
      lines that hold no pair, or a text that ends before the other
      no pair with text on both sides
      1 % of the pairs where one side is shifted by some lines against the other
      1 % of the pairs where the sides do not fit each other
      sides that do not belong together at all
      5 % of the test or validation pairs in the training data
      50 % of the test pairs in the validation data
      5 % of the pairs decoded wrongly, or with source and target swapped
      10 % of the targets copied from their sources (normalisation excepted, where most words stay)
      20 % of the pairs with both sides in one language

    \b
      seqattn check train.tsv
      seqattn check train.en,train.de --valid dev.en,dev.de --test test.en,test.de
      seqattn check train.tsv more.jsonl --json findings.json --write-clean clean.tsv

    Whether lines belong together is judged by a lexicon that is learned from the corpus.

    --write-clean leaves out lines that hold no pair, a first line that names the columns, pairs with an
    empty side, where the sides are shifted, of extremely different lengths, in the validation or test data,
    and all but the first of equal pairs. Within texts it removes control characters and lone surrogates,
    turns line breaks and tabs into spaces, and changes nothing else.
    """
    from seqattn.data.checks.cleaning import check_form
    from seqattn.data.checks.corpus_check import check as check_corpora

    from ..views.checking import cleaning_lines, report_view
    from ..views.live import preparing

    check_outputs({"json": json_path, "write-clean": clean_path}, [*corpora, valid, test])
    if clean_path is not None:
        check_form(Path(clean_path))
    console = diagnostics()
    with preparing(console) as progress:
        found = check_corpora(corpora, valid, test, progress)
    clean, failure = None, None
    if clean_path is not None:
        try:
            clean = found.write_clean(clean_path)
        except (InputError, OSError) as error:
            # What was found is told all the same.
            failure = error
    if json_path is not None:
        written = None if clean is None else clean.to_json()
        write_json(found.to_json() | {"clean": written}, json_path)
    if json_path != "-":
        out = results()
        out.print(report_view(found, out.width))
    if failure is not None:
        raise failure
    if clean is not None:
        for line in cleaning_lines(clean):
            say(console, line)
    if found.spoiled:
        raise click.exceptions.Exit(1)
