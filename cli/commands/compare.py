"""seqattn compare."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError, counted

from .shared import (
    RUN,
    Number,
    diagnostics,
    experiment_options,
    gather_settings,
    machine_options,
    refuse_overwriting,
    results,
    set_up,
    write_json,
    write_text,
)

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.comparison.findings import Findings
    from seqattn.comparison.folder import ComparisonFolder, Evaluation
    from seqattn.comparison.plan import Plan
    from seqattn.comparison.systems import Sources

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
@click.option("--gold", type=click.Path(), metavar="FILE", help="Alignments of the test corpus.")
@click.option(
    "--system",
    "named",
    multiple=True,
    metavar="SYSTEM",
    help="A further system: NAME:arch=ARCH,key=value,… or ARCH to train one, NAME=RUN or NAME=FILE.",
)
@click.option(
    "--no-baselines", is_flag=True, help="Train only what --system names, not lstm and transformer."
)
@click.option("--seeds", metavar="N,N,…", help="Train every system with each of these seeds.  [default: 1]")
@click.option(
    "--budget",
    type=click.Choice(["updates", "tokens", "minutes"]),
    help="What each run may spend, as much as --max-… says.  [default: updates, of 30 epochs]",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Runs trained at once."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the comparison.")
@experiment_options
@click.option("--beam", type=click.IntRange(1, 100), help="1 is greedy search.  [default: 5]")
@click.option(
    "--length-penalty", type=Number(0, 10), metavar="A", help="Exponent of the length penalty.  [default: 1]"
)
@click.option("--report", metavar="FILE", help="Write a report as a web page.")
@click.option("--no-texts", is_flag=True, help="Leave the test set and its translations out of the report.")
@click.option("--json", metavar="FILE", help="Write everything as JSON; - for standard output.")
@click.option("--markdown", metavar="FILE", help="Write the verdict and the tables in Markdown.")
@click.option("--latex", metavar="FILE", help="Write the tables in LaTeX.")
@machine_options
def compare(
    runs: tuple[Path, ...],
    train_on: tuple[str, ...],
    test: str | None,
    gold: str | None,
    named: tuple[str, ...],
    jobs: int,
    out: Path | None,
    beam: int | None,
    length_penalty: float | None,
    report: str | None,
    no_texts: bool,
    json: str | None,
    markdown: str | None,
    latex: str | None,
    device: str,
    threads: int | None,
    **training: Any,
) -> None:
    """Compare the LSTM with the Transformer, with further systems, or finished runs with each other.

    All systems train on the same data with the same tokenizer, batches and budget, and translate the same
    test set. Without arguments: on the bundled English-Korean sample, in under three minutes. The same
    command continues a comparison that was interrupted, as does --out alone; its folder shows it again.

    \b
      seqattn compare
      seqattn compare --train train.tsv --valid dev.tsv --test test.tsv --max-minutes 20
      seqattn compare --train train.tsv --test test.tsv --seeds 1,2,3 --jobs 2 --report report.html
      seqattn compare --train train.tsv --test test.tsv --system none:arch=lstm,score=none
      seqattn compare runs/a runs/b --test test.tsv --system other=translations.txt
      seqattn compare runs/compare-20261125-120000 --report report.html
    """
    outputs = {"report": report, "json": json, "markdown": markdown, "latex": latex}
    wanted = {kind: path for kind, path in outputs.items() if path is not None}
    if list(wanted.values()).count("-") > 1:
        raise click.UsageError("Only one of --report, --json, --markdown and --latex can be standard output.")
    if runs and (train_on or out or _given(training, training)):
        raise click.UsageError("Finished runs are compared without training: leave out options for training.")
    if train_on and not test:
        raise click.UsageError("Missing option '--test'.")
    console = diagnostics()
    on = set_up(device, threads)
    from seqattn.comparison.findings import find
    from seqattn.comparison.folder import ComparisonFolder, Evaluation
    from seqattn.comparison.plan import parse_systems
    from seqattn.comparison.systems import finished_sources, given_sources, load_systems, search_of

    baselines = () if runs or training["no_baselines"] else ("lstm", "transformer")
    recipes, given = parse_systems(named, baselines)
    asked = Evaluation(test, gold, given, beam, length_penalty)
    keep: ComparisonFolder | None
    sources: Sources
    if runs:
        if recipes:
            raise click.UsageError("Finished runs are compared without training: give --system NAME=RUN.")
        sources, evaluation, keep = finished_sources(runs, asked)
        _check_outputs(wanted, evaluation, keep.read()[0] if keep else None)
        _tell_missing(console, keep)
    else:
        fixed = set(training) - {"seed", "seeds", "no_baselines"}
        if out and ComparisonFolder(out).exists and not (train_on or _given(training, fixed)):
            keep = ComparisonFolder(out)
            plan, recorded = keep.read()
            plan = plan.with_more(parse_systems(named, ())[0], _seeds(training))
            evaluation = asked.over(recorded)
        else:
            if not train_on and (test or gold or training["valid"]):
                raise click.UsageError("Missing option '--train'.")
            plan, evaluation = _plan(console, recipes, train_on, asked, training)
            keep = _folder(console, out, plan)
        _check_outputs(wanted, evaluation, plan)
        sources = _train(console, plan, evaluation, keep, on, jobs) | given_sources(evaluation.given)
    if evaluation.test is None:
        raise click.UsageError("Missing option '--test'.")
    systems, tested = load_systems(
        sources,
        evaluation,
        on,
        keep,
        lambda name: console.print(f"{name}: translating the test set …", markup=False),
    )
    answers = tested.read_gold(evaluation.gold) if evaluation.gold else None
    console.print("Comparing …")
    _show(console, find(systems, tested, search_of(evaluation), answers), wanted, texts=not no_texts)


def _given(options: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether any of these options is given."""
    return any(options[name] not in (None, (), False, "auto") for name in names)


def _seeds(training: Mapping[str, Any]) -> tuple[int, ...]:
    """The seeds that are asked for, none if none are."""
    from seqattn.comparison.plan import parse_seeds

    if training["seeds"] and training["seed"] is not None:
        raise click.UsageError("Give --seed or --seeds, not both.")
    if training["seeds"]:
        return parse_seeds(training["seeds"])
    return () if training["seed"] is None else (training["seed"],)


def _check_outputs(wanted: Mapping[str, str], evaluation: Evaluation, plan: Plan | None) -> None:
    """Refuse what cannot be written, before anything is trained."""
    inputs = [evaluation.test, evaluation.gold, *(path for one in evaluation.given for path in one.paths)]
    inputs += [*plan.train, plan.valid] if plan else []
    for path in wanted.values():
        refuse_overwriting(path, *(one for one in inputs if one))
        if path != "-" and not Path(path).absolute().parent.is_dir():
            raise InputError("cannot be written: there is no such folder", path=path)


def sample_folder() -> Path:
    """The bundled en-ko corpus in the installed package."""
    from importlib.resources import files

    folder = Path(str(files("seqattn_samples"))) / "en-ko"
    if not folder.is_dir():
        raise InputError("the bundled sample is missing", path=folder, remedy="install seqattn again")
    return folder


def _plan(
    console: Console,
    recipes: Any,
    train_on: Sequence[str],
    asked: Evaluation,
    training: dict[str, Any],
) -> tuple[Plan, Evaluation]:
    """What is to be trained, by the options; without a corpus, the bundled sample."""
    from seqattn.comparison.folder import Evaluation
    from seqattn.comparison.plan import Plan, parse_seeds

    seeds = _seeds(training)
    for name in ("no_baselines", "seeds", "seed"):
        del training[name]
    valid, budget, preset = (training.pop(name) for name in ("valid", "budget", "preset"))
    settings = gather_settings(training.pop("config"), training.pop("assignments"), **training)
    if not train_on:
        console.print("The bundled sample: English to Korean, from a grammar, with gold alignments.")
        sample = sample_folder()
        train_on, valid = [str(sample / "train.tsv")], str(sample / "valid.tsv")
        asked = asked.over(Evaluation(str(sample / "test.tsv"), str(sample / "test.gold")))
        settings = SAMPLE_SETTINGS | settings
    if "seed" in settings:
        seeds = seeds or parse_seeds(str(settings["seed"]))
        del settings["seed"]
    return Plan(tuple(train_on), valid, recipes, seeds or (1,), preset, settings, budget), asked


def _folder(console: Console, out: Path | None, plan: Plan) -> ComparisonFolder:
    """The folder for a plan: that of --out, of the same comparison if it was interrupted, or a new one."""
    from seqattn.comparison.folder import ComparisonFolder, interrupted

    if out is not None:
        folder = ComparisonFolder(out)
        if folder.exists:
            folder.check(plan)
        return folder
    begun = interrupted(Path("runs"), plan)
    if begun is not None:
        console.print(f"Continuing {begun.path}, which was interrupted.", markup=False, soft_wrap=True)
        return begun
    return ComparisonFolder(Path("runs") / time.strftime("compare-%Y%m%d-%H%M%S"))


def _train(
    console: Console,
    plan: Plan,
    evaluation: Evaluation,
    folder: ComparisonFolder,
    device: torch.device,
    jobs: int,
) -> dict[str, Sequence[Path]]:
    """Train what is missing; the runs of each system."""
    import torch

    from seqattn.comparison.starting import check, start
    from seqattn.comparison.systems import given_sources, read_test_set, translated_elsewhere
    from seqattn.comparison.workers import Workers

    from ..views.comparing import watch
    from ..views.live import describe_data, preparing

    if evaluation.test is not None:
        # What cannot be used is told now, not after the training.
        test = read_test_set(evaluation.test)
        if evaluation.gold:
            test.read_gold(evaluation.gold)
        for path in (path for paths in given_sources(evaluation.given).values() for path in paths):
            if not path.is_dir():
                translated_elsewhere(path, test)
    check(plan)
    if not folder.exists:
        folder.refuse_existing()
    with preparing(console) as report:
        started = start(plan, evaluation, folder, ["seqattn", *sys.argv[1:]], report)
    if started.prepared is not None:
        describe_data(console, started.prepared, started.asked_vocabulary)
        console.print(f"{started.budget}; preset {started.preset}.", markup=False)
    console.print(f"The comparison is in {folder.path}.", markup=False, soft_wrap=True)
    tasks = started.tasks
    # The runs read the data themselves.
    del started
    threads = max(1, torch.get_num_threads() // jobs)
    with folder.alone(), Workers(tasks, (plan.train, plan.valid), device, threads, jobs) as workers:
        watch(console, workers, tasks, folder.path)
    return {name: [run.path for run in runs] for name, runs in folder.runs(plan).items()}


def _tell_missing(console: Console, folder: ComparisonFolder | None) -> None:
    """Say which runs of a comparison are not trained."""
    if folder is None or not folder.exists:
        return
    plan, _ = folder.read()
    runs = [run for each in folder.runs(plan).values() for run in each]
    missing = sum(not run.finished for run in runs)
    if missing:
        console.print(
            f"{missing} of {counted(len(runs), 'run')} not finished; continue with: "
            f"seqattn compare --out {folder.path}",
            markup=False,
            soft_wrap=True,
        )


def _show(console: Console, found: Findings, wanted: Mapping[str, str], texts: bool) -> None:
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
            console.print(f"Written to {path}.", markup=False, soft_wrap=True)
    if "-" not in wanted.values():
        out = results()
        out.print(comparison(found, out.width))
