"""Training the runs of a comparison one after the other, each by several processes together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch

from seqattn.comparison.folder import Task
from seqattn.comparison.workers import Began, Failed, failed
from seqattn.hardware import reset_peak_memory
from seqattn.ranks import Ranks
from seqattn.runs.experiment import Experiment
from seqattn.training.divergence import Diverged
from seqattn.training.events import Event


class Jointly:
    """Trains runs as `Workers` does, but with all processes on one run: for the first of them.

    The others call `follow_all`, and are let go after the last run.
    """

    jobs = 1

    def __init__(self, tasks: Sequence[Task], device: torch.device, ranks: Ranks) -> None:
        self.waiting = [task for task in tasks if not task.run.finished]
        self.stopped = False
        self._device, self._ranks = device, ranks

    def __enter__(self) -> Jointly:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to end: when this process fails, so do the others."""

    def stop(self) -> None:
        """Let the run save and end; those that have not begun do not begin."""
        self.stopped = True

    def __iter__(self) -> Iterator[tuple[Task, Began | Event | Failed]]:
        while self.waiting and not self.stopped:
            task = self.waiting.pop(0)
            reset_peak_memory(self._device)
            _next_run(self._ranks, task.path)
            # Nothing here refers to an earlier run, whose memory would be counted too.
            yield from ((task, event) for event in self._train(task.path))
        _next_run(self._ranks, None)

    def _train(self, path: Path) -> Iterator[Began | Event | Failed]:
        try:
            with Experiment.resume(path, {}, self._device, ranks=self._ranks) as experiment:
                experiment.lead()
                progress, options = experiment.trainer.progress, experiment.config.training
                yield Began(progress, options, experiment.parameters, experiment.guessing)
                for event in experiment.run():
                    yield event
                    if self._ranks.decided(self.stopped):
                        experiment.save()
                        break
        except Diverged as error:
            # The traceback of the first error would keep the memory of the run.
            ended = failed(error, path)
        else:
            return
        yield ended


def follow_all(device: torch.device, ranks: Ranks) -> None:
    """Help the first process to train run after run, until there is none left."""
    while (path := _next_run(ranks, None)) is not None:
        # The first process says so.
        with suppress(Diverged):
            Experiment.follow(path, device, ranks)


def _next_run(ranks: Ranks, path: Path | None) -> Path | None:
    """The folder of the run that the first process begins; None after the last."""
    return ranks.decided(path)
