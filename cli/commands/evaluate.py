"""seqattn evaluate."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import click

from ..views.messages import rough, say
from .outputs import check_outputs, images_of, write_json
from .shared import (
    BEAM,
    COVERAGE_PENALTY,
    LENGTH_PENALTY,
    PRECISION,
    RUN,
    diagnostics,
    machine_options,
    open_together,
    results,
)


@click.command()
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="RUN...")
@click.option("--test", required=True, metavar="CORPUS", help="Sources and their reference translations.")
@click.option(
    "--references",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Further references for what the run produces: a text with one a line, or a .jsonl file with a list "
    "of texts on the line of each test pair. May be repeated.",
)
@BEAM
@LENGTH_PENALTY
@COVERAGE_PENALTY
@click.option(
    "--tokenize",
    type=click.Choice(["13a", "intl", "char", "zh", "none"]),
    help="How BLEU splits words.  [default: 13a; char for scripts without spaces]",
)
@click.option("--no-split", is_flag=True, help="Translate lines of several sentences whole.")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write the translations.")
@click.option("--json", "json_path", metavar="FILE", help="Write the figures as JSON; - for standard output.")
@PRECISION
@machine_options
def evaluate(
    runs: tuple[Path, ...],
    test: str,
    references: tuple[Path, ...],
    beam: int,
    length_penalty: float,
    coverage_penalty: float,
    tokenize: str | None,
    no_split: bool,
    output: Path | None,
    json_path: str | None,
    precision: str,
    device: str,
    threads: int | None,
) -> None:
    """Translate a test corpus and score it: BLEU, chrF, exact match, error rates, speed.

    Several runs translate together, by the mean of their probabilities. The target side of the corpus is a
    reference, for a run trained with --swap its source side; --references adds others. Error rates are word
    error rate (for phonemes separated by spaces the phoneme error rate) and character error rate, against the
    closest reference; the sentence error rate is 100 - exact match.
    """
    if output is not None and str(output) == "-":
        raise click.UsageError("--output needs a file: only --json can be written to standard output.")
    wanted = {"output": output, "json": json_path}
    check_outputs(wanted, [test, *references], runs)
    loaded = open_together(runs, device, threads, precision)

    from seqattn.data.references import read_references
    from seqattn.errors import counted
    from seqattn.writing import write_aside

    from ..views.render import assessment_facts

    pairs = loaded.read_pairs(test)
    check_outputs(wanted, images_of(pairs))
    if loaded.turns(test):
        say(diagnostics(), f"{test}: read from target to source, as the run was trained.")
    if empty := sum(not pair.complete for pair in pairs):
        say(diagnostics(), f"{test}: {counted(empty, 'pair')} with an empty side scored too.")
    further = read_references(references, len(pairs))
    found = loaded.evaluate(
        pairs,
        references=further,
        beam=beam,
        length_penalty=length_penalty,
        coverage_penalty=coverage_penalty,
        tokenize=tokenize,
        split=not no_split,
    )
    if warning := rough(len(pairs), "sentence"):
        say(diagnostics(), warning)
    if output:
        write_aside(output, "".join(f"{text}\n" for text in found.hypotheses).encode())
    if json_path:
        figures = {
            "runs": [str(run) for run in runs],
            "test": test,
            "reference_files": [str(path) for path in references],
            **asdict(found.scores),
            "beam": beam,
            "length_penalty": length_penalty,
            "coverage_penalty": coverage_penalty,
            "precision": precision,
            "seconds": found.seconds,
            "sentences_per_second": found.scores.sentences / found.seconds,
            "ids_per_second": found.output_ids / found.seconds,
            "translations": found.hypotheses,
        }
        write_json(figures, json_path)
    if json_path != "-":
        results().print(assessment_facts(found, beam), soft_wrap=True)
