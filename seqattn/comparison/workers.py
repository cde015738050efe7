"""Training the runs of a comparison, each in a process of its own.

A process of its own shows the memory that a training needs, and can be stopped at any time; what it had saved
is continued.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

import torch

from seqattn.comparison.folder import Task
from seqattn.errors import InputError, no_memory, out_of_memory
from seqattn.hardware import tune_memory
from seqattn.processes import Started, start
from seqattn.runs.experiment import Experiment
from seqattn.training.divergence import Diverged
from seqattn.training.events import Event
from seqattn.training.schedule import Progress, TrainingOptions


@dataclass(frozen=True)
class Began:
    """A run has been loaded and its training begins, or continues."""

    progress: Progress
    options: TrainingOptions
    parameters: int
    guessing: float
    """The loss of guessing, nats an id."""


@dataclass(frozen=True)
class Failed:
    """The training of a run cannot go on; the others do."""

    error: InputError
    """Names the run, or a file of it."""
    diverged: bool = False
    """Whether it ended by its own settings, so that it would again."""


@dataclass
class _Worker:
    task: Task
    started: Started


class Trainings(Protocol):
    """The runs of a comparison being trained; an iterator of their events."""

    waiting: list[Task]
    """What has not begun yet."""
    jobs: int
    """How many are trained at once."""

    def stop(self) -> None:
        """Let the runs save and end; those that have not begun do not begin."""

    def __iter__(self) -> Iterator[tuple[Task, Began | Event | Failed]]: ...


class Workers:
    """Trains runs, `jobs` at a time, each in a process of its own; an iterator of their events.

    A run is begun or continued, and one that is finished is left as it is. When one fails the others go on.
    With several GPUs the jobs are divided among them. Leaving the context ends what still runs.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        device: torch.device,
        threads: int,
        jobs: int = 1,
    ) -> None:
        self.waiting = [task for task in tasks if not task.run.finished]
        self.stopped = False
        self.jobs = jobs
        self._device, self._threads = device, threads
        self._running: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._running:
            worker.started.end()

    def stop(self) -> None:
        """Let the runs save and end; those that have not begun do not begin."""
        if not self.stopped:
            self.stopped = True
            for worker in self._running:
                with contextlib.suppress(OSError):
                    worker.started.connection.send("stop")

    def __iter__(self) -> Iterator[tuple[Task, Began | Event | Failed]]:
        while True:
            while self.waiting and len(self._running) < self.jobs and not self.stopped:
                self._running.append(self._begin(self.waiting.pop(0)))
            if not self._running:
                return
            ready = wait([worker.started.connection for worker in self._running])
            for worker in [one for one in self._running if one.started.connection in ready]:
                try:
                    event = worker.started.connection.recv()
                except (EOFError, OSError):
                    event = self._end(worker)
                if event is not None:
                    yield worker.task, event

    def _begin(self, task: Task) -> _Worker:
        taken = {worker.started.process.name for worker in self._running}
        device = next(name for name in self._devices() if name not in taken)
        arguments = task.path, device.partition("/")[0], self._threads
        # Optimizers load it.
        started = start(_train, *arguments, name=device, needs=["torch._dynamo"])
        return _Worker(task, started)

    def _devices(self) -> Iterator[str]:
        """A name for each job: its device, and its number where several share one."""
        count = torch.cuda.device_count() if self._device == torch.device("cuda") else 0
        for job in range(self.jobs):
            yield f"{f'cuda:{job % count}' if count else self._device}/{job}"

    def _end(self, worker: _Worker) -> Failed | None:
        """Forget a worker whose process has ended; how it failed if it could not say so itself."""
        cause = worker.started.cause()
        worker.started.end()
        self._running.remove(worker)
        if not worker.started.process.exitcode or worker.task.run.finished:
            return None
        return Failed(
            InputError(
                f"its training {cause}",
                path=worker.task.path,
                remedy="the same command continues from what was saved",
            )
        )


def failed(error: InputError, path: Path) -> Failed:
    """That the training of the run in a folder ended by an error."""
    named = error if error.path is not None else InputError(str(error), path=path)
    return Failed(named, isinstance(error, Diverged))


def _train(connection: Connection, path: Path, device: str, threads: int) -> None:
    """Train one run to the end in a process of its own, sending its events."""
    try:
        tune_memory()
        torch.set_num_threads(threads)
        with Experiment.resume(path, {}, torch.device(device)) as experiment:
            progress, options = experiment.trainer.progress, experiment.config.training
            connection.send(Began(progress, options, experiment.parameters, experiment.guessing))
            for event in experiment.run():
                connection.send(event)
                if connection.poll():
                    experiment.save()
                    break
    except InputError as error:
        connection.send(failed(error, path))
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        connection.send(Failed(no_memory(path)))
