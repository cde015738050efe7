"""seqattn compare."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError

from .shared import (
    BEAM,
    LENGTH_PENALTY,
    RUN,
    diagnostics,
    experiment_options,
    gather_settings,
    machine_options,
    refuse_overwriting,
    results,
    set_up,
    write_json,
)

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.alignment.links import Agreement
    from seqattn.comparison.systems import System
    from seqattn.comparison.verdict import Contrast
    from seqattn.data.corpus import Pair

SHOWN_DIFFERENCES = 4
SAMPLE_SETTINGS: dict[str, Any] = {
    "vocab_size": 2400,
    "validate_every": 400,
    "max_updates": 1900,
    "max_minutes": 1.7,
    "average": 0,
    "transformer.learning_rate": 4e-3,
    "transformer.dropout": 0.05,
}
"""Settings that train both models on the bundled sample within three minutes on two cores."""


@click.command()
@click.argument("runs", type=RUN, nargs=-1, metavar="[RUN RUN …]")
@click.option("--train", "train_on", multiple=True, metavar="CORPUS", help="Training data; may be repeated.")
@click.option("--valid", metavar="CORPUS", help="Validation data.  [default: held out of --train]")
@click.option("--test", metavar="CORPUS", help="Test data to compare on.")
@click.option(
    "--gold", type=click.Path(path_type=Path), metavar="FILE", help="Alignments of the test corpus."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the runs.")
@experiment_options
@BEAM
@LENGTH_PENALTY
@click.option("--json", "json_path", metavar="FILE", help="Write the figures as JSON; - for standard output.")
@machine_options
def compare(
    runs: tuple[Path, ...],
    train_on: tuple[str, ...],
    valid: str | None,
    test: str | None,
    gold: Path | None,
    out: Path | None,
    beam: int,
    length_penalty: float,
    json_path: str | None,
    device: str,
    threads: int | None,
    **chosen: Any,
) -> None:
    """Compare the LSTM with the Transformer, or finished runs with each other.

    Both architectures train on the same data with the same tokenizer, batches and budget, and translate the
    same test set. Without arguments: on the bundled English-Korean sample, in under three minutes.

    \b
      seqattn compare
      seqattn compare --train train.tsv --valid dev.tsv --test test.tsv --max-minutes 20
      seqattn compare runs/a runs/b runs/c --test test.tsv
    """
    shaped = chosen["preset"] != "auto" or any(
        v not in (None, ()) for k, v in chosen.items() if k != "preset"
    )
    if runs and (train_on or valid or out or shaped):
        raise click.UsageError("Finished runs are compared without training: leave out options for training.")
    if (runs or train_on) and not test:
        raise click.UsageError("Missing option '--test'.")
    if not runs and not train_on and (valid or test or gold):
        raise click.UsageError("Missing option '--train'.")

    refuse_overwriting(json_path, *train_on, *(one for one in (valid, test) if one))
    console = diagnostics()
    on = set_up(device, threads)
    from seqattn.alignment.links import agreement
    from seqattn.alignment.words import read_answers
    from seqattn.comparison.systems import system, turned_by_all, unique_names
    from seqattn.comparison.verdict import contrasts
    from seqattn.data.corpus import read_corpus
    from seqattn.runs.run import load_run

    defaults: dict[str, Any] = {}
    if not runs and not train_on:
        sample = sample_folder()
        train_on, valid, test = (
            (str(sample / "train.tsv"),),
            str(sample / "valid.tsv"),
            str(sample / "test.tsv"),
        )
        gold, defaults = sample / "test.gold", SAMPLE_SETTINGS
        console.print("The bundled sample: English to Korean, from a grammar, with gold alignments.")
    assert test is not None
    pairs = read_corpus(test).pairs
    answers = read_answers(gold, pairs) if gold else None
    if not runs:
        runs = _train_all(console, train_on, valid, out, on, chosen, defaults)
    names = unique_names(runs)
    every = [load_run(path, on) for path in runs]
    if turned_by_all(every, test):
        console.print(f"{test}: read from target to source, as the runs were trained.", markup=False)
        pairs = tuple(pair.swapped() for pair in pairs)
        answers = [answer.turned() for answer in answers] if answers else None
    systems = []
    for loaded, name in zip(every, names, strict=True):
        console.print(f"{name}: translating {len(pairs):,} test sentences …", markup=False)
        systems.append(system(loaded, pairs, beam, length_penalty, name))
    agreements = [
        agreement(one.run.align(pairs), answers) if answers and one.run.model.attention_shape else None
        for one in systems
    ]
    references = [pair.target for pair in pairs]
    found = contrasts([(one.name, one.assessment.hypotheses) for one in systems], references)
    if json_path:
        figures = [one.to_json() for one in systems]
        for figure, aligned in zip(figures, agreements, strict=True):
            figure["alignment_error_rate"] = aligned.error_rate if aligned else None
        write_json(
            {
                "test": test,
                "beam": beam,
                "length_penalty": length_penalty,
                "systems": figures,
                "contrasts": [one.to_json() for one in found],
            },
            json_path,
        )
    if json_path != "-":
        _show(results(), systems, pairs, agreements, found, beam)


def sample_folder() -> Path:
    """The bundled en-ko corpus in the installed package."""
    from importlib.resources import files

    folder = Path(str(files("seqattn_samples"))) / "en-ko"
    if not folder.is_dir():
        raise InputError("the bundled sample is missing", path=folder, remedy="install seqattn again")
    return folder


def _train_all(
    console: Console,
    train_on: Sequence[str],
    valid: str | None,
    out: Path | None,
    device: torch.device,
    chosen: dict[str, Any],
    defaults: dict[str, Any],
) -> tuple[Path, ...]:
    """Train every architecture on the same data and budget, each in its own folder under `out`."""
    from seqattn.runs.setup import Request, set_up_alike

    from ..views.live import announce, describe_data, preparing, watch

    preset = chosen.pop("preset")
    settings = gather_settings(chosen.pop("config"), chosen.pop("assignments"), **chosen)
    out = out or Path("runs") / time.strftime("compare-%Y%m%d-%H%M%S")
    request = Request(train_on, valid, preset, settings, command=["seqattn", *sys.argv[1:]])
    with preparing(console) as report:
        starters = set_up_alike(request, out, device, defaults, report)
    paths: list[Path] = []
    for architecture, start in starters.items():
        experiment, size = start()
        if not paths:
            describe_data(console, experiment.prepared, experiment.config.tokenizer.vocab_size)
        console.print(f"\n{architecture} ({size}):", markup=False)
        announce(console, experiment)
        watch(console, experiment, architecture)
        paths.append(experiment.folder.path)
    return tuple(paths)


def _show(
    console: Console,
    systems: Sequence[System],
    pairs: Sequence[Pair],
    agreements: Sequence[Agreement | None],
    found: Sequence[Contrast],
    beam: int,
) -> None:
    from rich.text import Text

    from seqattn.comparison.systems import most_different, representative_sentence

    from ..views.curves import curves
    from ..views.heatmap import side_by_side
    from ..views.render import attention_map, differences, systems_table, verdict

    def heading(text: str) -> None:
        console.print()
        console.print(Text(text, style="bold"))

    if found:
        console.print()
        console.print(verdict(found))
    console.print()
    console.print(systems_table(systems, beam, agreements))
    if any(one.curve for one in systems):
        heading("Validation BLEU in the course of training")
        drawn = {one.name: [(point.seconds, point.bleu) for point in one.curve] for one in systems}
        console.print(
            curves(drawn, width=min(console.width, 100), height=10, x_label="seconds", y_label="BLEU")
        )
    rows = most_different(systems, pairs, SHOWN_DIFFERENCES)
    if rows:
        heading("Where they differ most")
        console.print(differences(systems, pairs, rows))
    elif len(systems) > 1:
        heading("All systems translate every test sentence in the same way")
    row = representative_sentence(systems, pairs)
    source = pairs[row].source
    # Two maps are set side by side if each has room for a sentence.
    room = console.width if console.width < 100 else (console.width - 3) // 2
    maps = [
        attention_map(
            one.run.attention(source, one.assessment.hypotheses[row]).attention, width=room, title=one.name
        )
        for one in systems
        if one.run.model.attention_shape
    ]
    without = [one.name for one in systems if not one.run.model.attention_shape]
    if maps:
        heading("What each target word attended to")
        console.print(side_by_side(maps, width=console.width))
    if without:
        console.print(Text(f"No attention to show: {', '.join(without)}"))
