"""The progress of training: a live view in a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress import Progress as Bars
from rich.progress import TextColumn
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from seqattn.errors import counted
from seqattn.pictures.legible import duration
from seqattn.shell import command_line

from ..signals import Interruption, interruptible
from .curves import sparkline
from .heatmap import caption
from .messages import rough, say

if TYPE_CHECKING:
    from seqattn.progress import Report
    from seqattn.runs.experiment import Experiment
    from seqattn.runs.folder import RunFolder
    from seqattn.runs.metrics import ValidatedLine
    from seqattn.runs.preparation import Prepared
    from seqattn.runs.records import TrainedRecord
    from seqattn.text.tokenizer import Tokenizer
    from seqattn.training.events import Event, Figures, Validated
    from seqattn.training.schedule import Progress, TrainingOptions

CRITERIA = {"auto": "BLEU", "bleu": "BLEU", "chrf": "chrF", "exact": "exact match", "loss": "loss"}
"""The names of `best_by`."""
PLAIN_LINE_EVERY = 30.0
"""Seconds between plain lines when there is no validation."""
MOST_WARNINGS = 3
"""Of a training corpus."""


@contextmanager
def preparing(console: Console) -> Iterator[Report]:
    """A progress bar while corpora are prepared, in a terminal; nothing elsewhere."""
    # The columns of rich, but what is done may name a file, which is no markup.
    done = TextColumn("{task.description}", style="progress.description", markup=False)
    columns = (done, *Bars.get_default_columns()[1:])
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("reading the corpora", total=None)
        yield lambda what, share: bars.update(
            task, description=caption(what), total=1.0 if share else None, completed=share
        )


def describe_data(console: Console, prepared: Prepared, asked: int) -> None:
    """Report the training data, and what was left out and why.

    `asked` is the vocabulary size that was asked for, 0 if none was.
    """

    from seqattn.runs.preparation import positions_in_words

    record = prepared.record
    tokenizer = prepared.tokenizer
    held = "" if record.valid else " held out"
    largest = max(map(len, tokenizer.vocabularies))
    fewer = " (the corpus yields no more)" if asked > largest else ""
    way = f", {record.direction}" if record.swapped or record.named else ""
    say(
        console,
        f"{record.train_pairs:,} pairs to train on, {record.valid_pairs:,}{held} to validate on{way}; "
        f"{vocabulary_kind(tokenizer)} vocabulary of {vocabulary_size(tokenizer)}{fewer}.",
    )
    if record.synthetic:
        say(console, f"{counted(record.synthetic_pairs, 'synthetic pair')} of {record.synthetic} among them.")
    most = f"{record.longest_taken} {positions_in_words(prepared.sources)}"
    longer = f"longer than {most} (--set max_length=N takes longer ones)"
    left_out = {
        "with an empty side": record.empty,
        longer: record.too_long,
        "whose source is held out": record.held_out_duplicates,
    }
    if any(left_out.values()):
        reasons = ", ".join(f"{count:,} {why}" for why, count in left_out.items() if count)
        say(console, f"Left out of training: {reasons}.")
    if record.valid_too_long:
        say(console, f"Left out of the loss in validation: {record.valid_too_long:,} {longer}.")
    if warning := rough(record.valid_pairs, "validation pair"):
        say(console, warning)
    if shared := record.valid_also_in_train:
        be = "is" if shared == 1 else "are"
        say(
            console,
            f"Warning: {counted(shared, 'validation pair')} {be} in the training data too.",
        )
    for warning in prepared.warnings[:MOST_WARNINGS]:
        say(console, f"Warning: {warning}.")
    if prepared.warnings:
        say(console, f"For details: {command_line('seqattn', 'check', *record.train)}")


def vocabulary_size(tokenizer: Tokenizer) -> str:
    """How many pieces a vocabulary has, or both vocabularies have."""
    return f"{' and '.join(f'{len(side):,}' for side in tokenizer.vocabularies)} pieces"


def vocabulary_kind(tokenizer: Tokenizer) -> str:
    """Which sides have a vocabulary."""
    if not tokenizer.reads_texts:
        return "target"
    return "joint" if tokenizer.joint else "separate"


def announce(console: Console, experiment: Experiment) -> None:
    """Report the size, device, optimizer and limits of the training that begins."""
    training = experiment.config.training
    if training.best_by != "bleu":
        say(console, f"The best weights are those with the best {CRITERIA[training.best_by]} in validation.")
    trained = f"trained with {training.optimizer_name} until {limits(training)}"
    say(console, f"{experiment.parameters:,} parameters on {experiment.device.type}, {trained}.")


def limits(options: TrainingOptions) -> str:
    """When a training ends, in words."""
    ends = [
        counted(options.max_updates, "update") if options.max_updates else "",
        counted(options.max_tokens, "token") if options.max_tokens else "",
        counted(options.max_minutes, "minute") if options.max_minutes else "",
        f"{counted(options.patience, 'validation')} without improvement" if options.patience else "",
    ]
    return " or ".join(filter(None, ends)) or "interrupted"


def watch(console: Console, experiment: Experiment, again: Sequence[str] = ()) -> None:
    """Train to the end and show progress; `again` continues it, by default --resume does.

    Ctrl-C or another signal of `ENDING` saves and exits with 128 and its number; a second one stops at once.
    """
    from seqattn.training.symptoms import Symptoms

    path = experiment.folder.path
    name = path.name
    view = None
    if console.is_terminal:
        view = LiveView(name, experiment.config.training, *before(experiment.folder))
    tokens = sum(map(sum, experiment.prepared.lengths))
    log = PlainLog(console)
    symptoms = Symptoms(experiment.config.training, experiment.guessing, tokens)
    with experiment, interruptible(console) as interruption:
        with shown(view, console, interruption):
            for event in experiment.run():
                with interruption.showing():
                    if view is not None:
                        view.add(event)
                    else:
                        log.add(name, event)
                    for warning in symptoms.add(event):
                        say(console, f"Warning: {warning}.")
                if experiment.ranks.decided(bool(interruption)):
                    break
        if interruption:
            experiment.save()
            with interruption.showing():
                resume = again or ("seqattn", "train", "--resume", "--out", path)
                say(
                    console,
                    f"Interrupted after {counted(experiment.trainer.progress.update, 'update')} and saved; "
                    f"continue with: {command_line(*resume)}",
                )
            raise click.exceptions.Exit(interruption.status)
    if view is not None:
        console.print(view.summary())
    say(console, f"Written to {experiment.folder.path}.")


def before(folder: RunFolder) -> tuple[list[ValidatedLine], TrainedRecord | None]:
    """The validations of a run until now, and the record of its best weights."""
    from seqattn.runs.metrics import ValidatedLine

    lines = [line for line in folder.metrics.read() if isinstance(line, ValidatedLine)]
    return lines, folder.read_model()[1] if folder.has_model else None


@contextmanager
def shown(view: RenderableType | None, console: Console, interruption: Interruption) -> Iterator[None]:
    """Show a view, if there is one, and keep it up to date in this context."""
    if view is None:
        yield
        return
    live = Live(view, console=console, refresh_per_second=4, transient=True)
    with interruption.showing():
        live.start()
    try:
        yield
    finally:
        with interruption.showing():
            live.stop()


class PlainLog:
    """Lines on the progress of trainings: each validation and end, and in between at times an update."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._reported = time.monotonic()

    def add(self, name: str, event: Event) -> None:
        """Report an event of a training, if it is time to."""
        from seqattn.training.events import Skipped, Updated, Validated

        progress = event.progress
        head = f"{name}: update {progress.update:,}, epoch {progress.epoch + 1}, {duration(progress.seconds)}"
        if isinstance(event, Validated):
            self._print(f"{head}: {validation_line(event)}")
        elif isinstance(event, Skipped):
            self._print(f"{head}: left out, {event.fault}.")
        elif not isinstance(event, Updated):
            self._print(f"{head}: done, {event.reason}.")
        elif time.monotonic() - self._reported > PLAIN_LINE_EVERY:
            self._print(f"{head}: loss {event.loss:.3f}, {event.tokens / event.seconds:,.0f} tokens/s")

    def _print(self, line: str) -> None:
        say(self.console, line)
        self._reported = time.monotonic()


def validation_line(event: Validated) -> str:
    """The figures of a validation on one line."""
    best = ", best so far" if event.improved else ""
    return f"{_figures_line(event.validation, event.averaged)}{best}"


def _figures_line(found: Figures, averaged: bool) -> str:
    kind = "average of the best weights" if averaged else "validation"
    return (
        f"{kind}: loss {found.loss:.3f}, BLEU {found.bleu:.2f}, chrF {found.chrf:.2f}, "
        f"exact {found.exact:.1f} %"
    )


class LiveView:
    """The terminal view of a training, including the validations before it was resumed."""

    def __init__(
        self,
        name: str,
        options: TrainingOptions,
        earlier: Sequence[ValidatedLine] = (),
        kept: TrainedRecord | None = None,
    ) -> None:
        """`kept`: the best weights before it was resumed, of which an average has no line any more."""
        self.name = caption(name)
        self.options = options
        self.progress: Progress | None = None
        self.loss = self.rate = 0.0
        self.scores = [line.score(options.best_by) for line in earlier]
        self.validations: list[Validated] = []
        best = None if kept is None else kept.figures
        self.best = "no validation" if kept is None or best is None else _figures_line(best, kept.averaged)
        self.reason = ""

    def add(self, event: Event) -> None:
        """Add an event."""
        from seqattn.training.events import Finished, Updated, Validated

        self.progress = event.progress
        if isinstance(event, Updated):
            rate = event.tokens / event.seconds
            # Exponential means, so that the figures can be read.
            self.loss = event.loss if not self.loss else 0.95 * self.loss + 0.05 * event.loss
            self.rate = rate if not self.rate else 0.9 * self.rate + 0.1 * rate
        elif isinstance(event, Validated):
            self.validations.append(event)
            if event.improved:
                self.best = _figures_line(event.validation, event.averaged)
            self.scores.append(event.validation.score(self.options.best_by))
        elif isinstance(event, Finished):
            self.reason = event.reason

    def __rich__(self) -> RenderableType:
        """The current view."""
        if self.progress is None:
            return Text(f"{self.name}: starting …", style="dim")
        done = self.progress.spent(self.options)
        left = f", {duration(self.progress.seconds * (1 - done) / done)} left" if 0 < done < 1 else ""
        head = Table.grid(padding=(0, 1))
        head.add_row(
            Text(self.name, style="bold"),
            ProgressBar(total=1.0, completed=done, width=30) if done else "",
            Text(f"{duration(self.progress.seconds)}{left}"),
        )
        figures = Text(
            f"update {self.progress.update:,} · epoch {self.progress.epoch + 1} · "
            f"{self.rate:,.0f} tokens/s · loss {self.loss:.3f}"
        )
        lines: list[RenderableType] = [head, figures]
        if self.validations:
            last = self.validations[-1]
            by = "loss (sign flipped)" if self.options.best_by == "loss" else CRITERIA[self.options.best_by]
            lines.append(Text(f"{by} {sparkline(self.scores[-60:])}  {validation_line(last)}"))
            samples = last.validation.samples
            source, hypothesis, reference = samples[len(self.validations) % len(samples)]
            sample = Table.grid(padding=(0, 2))
            for label, text in (("source", source), ("model", hypothesis), ("reference", reference)):
                sample.add_row(Text(label, style="dim"), Text(caption(text)))
            lines.append(sample)
        return Panel(Group(*lines), expand=False, border_style="dim")

    def summary(self) -> Text:
        """The line that remains after the view."""
        assert self.progress is not None
        return Text(
            f"{self.name}: {counted(self.progress.update, 'update')} in {duration(self.progress.seconds)} "
            f"({self.reason}); best {self.best}"
        )
