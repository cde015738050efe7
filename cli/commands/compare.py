"""seqattn compare."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import counted
from seqattn.shell import command_line

from ..views.messages import say
from .compare_outputs import given_parts, inputs_of, refuse_rewritten, show
from .compare_plan import all_exist, given_any, systems_named, what_is_asked
from .outputs import check_outputs
from .shared import (
    RUN,
    Number,
    diagnostics,
    experiment_options,
    follow,
    is_given,
    machine_options,
    preset_option,
    set_up,
    share_cores,
)

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.comparison.findings import Findings
    from seqattn.comparison.finished import Paths
    from seqattn.comparison.folder import ComparisonFolder, Evaluation
    from seqattn.comparison.plan import Plan
    from seqattn.ranks import Ranks


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
    help="Equal for all runs: as much as --max-… says, or 30 epochs or 20 minutes.  [default: updates]",
)
@click.option(
    "--jobs", type=click.IntRange(1, 256), default=1, show_default=True, help="Runs trained at once."
)
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Folder for the comparison.")
@preset_option("Size of all models; auto: by the number and kind of pairs.")
@experiment_options
@click.option("--beam", type=click.IntRange(1, 100), help="1 is greedy search.  [default: 5]")
@click.option(
    "--length-penalty", type=Number(0, 10), metavar="A", help="Exponent of the length penalty.  [default: 1]"
)
@click.option("--report", metavar="FILE", help="Write a report as a web page.")
@click.option(
    "--no-texts", is_flag=True, help="Leave the test set and its translations out of --report, not of --json."
)
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
    test set. Without arguments: on the bundled English-Korean sample, in about three minutes. The same
    command continues a comparison that was interrupted, as does --out alone; its folder shows it again.

    \b
      seqattn compare
      seqattn compare --train train.tsv --valid dev.tsv --test test.tsv --max-minutes 20
      seqattn compare --train train.tsv --test test.tsv --seeds 1,2,3 --jobs 2 --report report.html
      seqattn compare --train train.tsv --test test.tsv --system none:arch=lstm,score=none
      seqattn compare runs/a runs/b --test test.tsv --system other=translations.txt
      seqattn compare --system a=runs/a-1,runs/a-2 --system b=runs/b-1,runs/b-2 --test test.tsv
      seqattn compare runs/compare-20261125-120000 --report report.html
    """
    outputs = {"report": report, "json": json, "markdown": markdown, "latex": latex}
    wanted = {kind: path for kind, path in outputs.items() if path is not None}
    options = training.keys() - {"no_baselines"}
    trains = bool(train_on or out) or is_given("jobs") or given_any(training, options)
    existing = all_exist(named) and not train_on
    if (runs and (trains or training["no_baselines"])) or (existing and trains and test and not out):
        raise click.UsageError("Finished runs are compared without training: leave out options for training.")
    if test is None and (train_on or (existing and training["no_baselines"])):
        raise click.UsageError("Missing option '--test'.")
    if no_texts and report is None:
        raise click.UsageError("--no-texts needs --report, which it is for.")
    finished = bool(runs) or (existing and test is not None and not trains)
    console = diagnostics()
    if not finished:
        share_cores(console, threads)
    device_chosen = set_up(device, threads)
    from seqattn.comparison.findings import evaluate
    from seqattn.comparison.folder import Evaluation
    from seqattn.comparison.jointly import follow_all
    from seqattn.ranks import own_device, started_together, together

    from ..views.comparing import naming_its_folder

    if started_together() and (finished or jobs > 1):
        raise click.UsageError(
            "Several processes train one run together: leave out torchrun to compare finished runs, or "
            "--jobs."
        )
    asked = Evaluation(test, gold, (), beam, length_penalty)
    on = own_device(device_chosen)
    with together(on) as ranks:
        if not ranks.first:
            follow(partial(follow_all, on, ranks))
            return
        if finished:
            found = _compare_finished(console, runs, named, asked, wanted, on)
            show(console, found, wanted, texts=not no_texts)
        else:
            config = training["config"]
            folder, plan, evaluation = what_is_asked(console, named, train_on, out, asked, training)
            kept = [folder.record, *folder.systems(plan), *given_parts(evaluation)]
            check_outputs(wanted, [*inputs_of(evaluation, plan), config], kept)
            refuse_rewritten(folder, evaluation, plan)
            with folder.alone():
                sources = _train(console, plan, evaluation, folder, on, jobs, ranks)
                with naming_its_folder(console, folder.path):
                    found = evaluate(sources, evaluation, on, folder, partial(_tell, console))
                    show(console, found, wanted, texts=not no_texts)
                folder.record_shown()


def _compare_finished(
    console: Console,
    runs: Sequence[Path],
    named: Sequence[str],
    asked: Evaluation,
    wanted: Mapping[str, str],
    device: torch.device,
) -> Findings:
    """Compare what is trained already."""
    from seqattn.comparison.findings import evaluate
    from seqattn.comparison.finished import finished_sources
    from seqattn.comparison.folder import parts_of

    recipes, given = systems_named(named, baselines=False)
    if recipes:
        raise click.UsageError("Finished runs are compared without training: give --system NAME=RUN.")
    sources, evaluation, keep, comparison, untrained = finished_sources(runs, replace(asked, given=given))
    if evaluation.test is None:
        raise click.UsageError("Missing option '--test'.")
    kept = parts_of([*runs, *(path for paths in sources.values() for path in paths)])
    check_outputs(wanted, inputs_of(evaluation, comparison[1] if comparison else None), kept)
    if comparison:
        if keep:
            refuse_rewritten(comparison[0], evaluation, comparison[1])
        _tell_missing(console, *comparison)
    return evaluate(sources, evaluation, device, keep, partial(_tell, console), untrained)


def _train(
    console: Console,
    plan: Plan,
    evaluation: Evaluation,
    folder: ComparisonFolder,
    device: torch.device,
    jobs: int,
    ranks: Ranks,
) -> Paths:
    """Train what is missing; the runs of each system, and what is given."""
    import torch

    from seqattn.comparison.finished import with_given
    from seqattn.comparison.jointly import Jointly
    from seqattn.comparison.starting import sources_of_plan, start
    from seqattn.comparison.systems import check_before_training
    from seqattn.comparison.workers import Workers

    from ..views.comparing import watch
    from ..views.live import describe_data, preparing

    # What cannot be used is told now, not after the training.
    check_before_training(plan, evaluation, sources_of_plan(plan))
    with preparing(console) as report:
        started = start(plan, evaluation, folder, ["seqattn", *sys.argv[1:]], report, ranks.size)
    if started.prepared is not None:
        describe_data(console, started.prepared, started.asked_vocabulary)
        say(console, f"{started.budget}; preset {started.preset}.")
    say(console, f"The comparison is in {folder.path}.")
    plan, tasks = started.plan, started.tasks
    # The runs read the data themselves.
    del started
    threads = max(1, torch.get_num_threads() // jobs)
    alone = ranks.size == 1
    with Workers(tasks, device, threads, jobs) if alone else Jointly(tasks, device, ranks) as workers:
        watch(console, workers, tasks, folder.path)
    return with_given(folder.trained(plan), evaluation)


def _tell(console: Console, what: str) -> None:
    say(console, f"{what} …")


def _tell_missing(console: Console, folder: ComparisonFolder, plan: Plan) -> None:
    """Say which runs of a comparison are not trained."""
    tasks = folder.tasks(plan)
    missing = sum(not task.run.finished for task in tasks)
    if missing:
        say(
            console,
            f"{missing} of {counted(len(tasks), 'run')} not finished; continue with: "
            f"{command_line('seqattn', 'compare', '--out', folder.path)}",
        )
