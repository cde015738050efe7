"""The progress of a comparison: which of its runs are trained, and the time left in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console, Group, RenderableType
from rich.text import Text

from seqattn.errors import InputError, counted
from seqattn.pictures.legible import duration
from seqattn.shell import command_line

from ..signals import interruptible
from .live import LiveView, PlainLog, before, limits, shown
from .messages import say

if TYPE_CHECKING:
    from seqattn.comparison.folder import Task
    from seqattn.comparison.workers import Began, Failed, Trainings
    from seqattn.training.events import Event


def watch(console: Console, workers: Trainings, tasks: Sequence[Task], folder: Path) -> None:
    """Train what is missing and show progress. A signal saves and ends; a second ends at once.

    InputError at the end when a run did not finish.
    """
    from seqattn.comparison.workers import Began, Failed
    from seqattn.training.symptoms import Symptoms

    view = ComparisonView(tasks, workers)
    done = len(tasks) - len(workers.waiting)
    if tasks and done:
        say(console, f"{done} of {len(tasks)} runs are trained already.")
    log, symptoms, failed = PlainLog(console), {}, list[Failed]()
    display = view if console.is_terminal else None
    with interruptible(console) as interruption, shown(display, console, interruption):
        for task, event in workers:
            view.add(task, event)
            with interruption.showing():
                if isinstance(event, Failed):
                    failed.append(event)
                    say(console, f"{view.name(task)}: {event.error}")
                elif isinstance(event, Began):
                    symptoms[task] = Symptoms(event.options, event.guessing)
                    say(console, view.begun(task, event))
                elif task not in view.running:
                    console.print(view.summaries[task], soft_wrap=True)
                elif not console.is_terminal:
                    log.add(view.name(task), event)
                if not isinstance(event, Began | Failed):
                    for warning in symptoms[task].add(event):
                        say(console, f"Warning: {view.name(task)}: {warning}.")
            if interruption:
                workers.stop()
    if interruption:
        with interruption.showing():
            say(console, f"Interrupted and saved; {_how_to_continue(folder)}")
        raise click.exceptions.Exit(interruption.status)
    if failed:
        raise _unfinished(failed, tasks, folder)


def _unfinished(failed: Sequence[Failed], tasks: Sequence[Task], folder: Path) -> InputError:
    remedy = "the same command tries again"
    if all(event.diverged for event in failed):
        remedy = "choose other settings, and another folder by --out"
    if any(task.run.finished for task in tasks):
        remedy += f"; what is trained is compared by: {command_line('seqattn', 'compare', folder)}"
    message = f"{len(failed)} of {counted(len(tasks), 'run')} did not finish training"
    return InputError(message, path=folder, remedy=remedy)


@contextmanager
def naming_its_folder(console: Console, folder: Path) -> Iterator[None]:
    """A signal that ends the command in this context is followed by how to continue the comparison."""
    try:
        yield
    except KeyboardInterrupt:
        # The terminal may be closed; rich exits when a pipe is.
        with suppress(OSError, SystemExit):
            say(console, f"Interrupted; {_how_to_continue(folder)}")
        raise


def _how_to_continue(folder: Path) -> str:
    return f"continue with the same command, or: {command_line('seqattn', 'compare', '--out', folder)}"


class ComparisonView:
    """The runs that are being trained, below a line on all of them."""

    def __init__(self, tasks: Sequence[Task], workers: Trainings) -> None:
        self.tasks, self.workers = tasks, workers
        self.running: dict[Task, LiveView] = {}
        self.summaries: dict[Task, Text] = {}
        self._seeds = len({task.seed for task in tasks}) > 1
        self._lasted: dict[Task, float] = {}
        self._before = len(tasks) - len(workers.waiting)

    def name(self, task: Task) -> str:
        """The name of a run: its system, and its seed if there are several."""
        return f"{task.system}, seed {task.seed}" if self._seeds else task.system

    def begun(self, task: Task, event: Began) -> str:
        """A line on a run that begins or continues."""
        systems = list(dict.fromkeys(one.system for one in self.tasks))
        seeds = list(dict.fromkeys(one.seed for one in self.tasks))
        where = f"system {systems.index(task.system) + 1} of {len(systems)}"
        if self._seeds:
            where += f", seed {seeds.index(task.seed) + 1} of {len(seeds)}"
        after = f"after {counted(event.progress.update, 'update')}, " if event.progress.update else ""
        size = f"{event.parameters:,} parameters, {event.options.optimizer_name}"
        return f"{self.name(task)} ({where}): {size}; {after}until {limits(event.options)}."

    def add(self, task: Task, event: Began | Event | Failed) -> None:
        """Add an event of a run."""
        from seqattn.comparison.workers import Began, Failed
        from seqattn.runs.folder import RunFolder
        from seqattn.training.events import Finished

        if isinstance(event, Began):
            self.running[task] = LiveView(self.name(task), event.options, *before(RunFolder(task.path)))
            return
        if isinstance(event, Failed):
            self.running.pop(task, None)
            return
        self.running[task].add(event)
        if isinstance(event, Finished):
            self._lasted[task] = event.progress.seconds
            self.summaries[task] = self.running.pop(task).summary()

    def seconds_left(self) -> float | None:
        """An estimate of the time until all runs are trained; None if nothing is known yet.

        A run takes as long as others of its system, or else as the others.
        """
        whole = dict(self._lasted)
        left = 0.0
        for task, view in self.running.items():
            done = view.progress.spent(view.options) if view.progress else 0.0
            if view.progress and done:
                whole[task] = view.progress.seconds / done
                left += whole[task] - view.progress.seconds
        if not whole:
            return None
        mean = sum(whole.values()) / len(whole)
        unknown = [task for task in self.running if task not in whole]
        for task in [*self.workers.waiting, *unknown]:
            alike = [seconds for one, seconds in whole.items() if one.system == task.system]
            left += sum(alike) / len(alike) if alike else mean
        return left / max(1, min(self.workers.jobs, len(self.running) + len(self.workers.waiting)))

    def __rich__(self) -> RenderableType:
        """The current view."""
        done = self._before + len(self.summaries)
        left = self.seconds_left()
        time = f", about {duration(left)} left in all" if left else ""
        head = Text(f"{done} of {len(self.tasks)} runs trained{time}", style="bold")
        return Group(head, *self.running.values())
