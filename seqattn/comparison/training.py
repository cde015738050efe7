"""Training the runs of a comparison: all on the same data, each in a process of its own.

A process of its own shows the memory that a training needs, and can be stopped at any time; what it had saved
is continued.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqattn.comparison.folder import ComparisonFolder, Evaluation
from seqattn.comparison.plan import Plan, Recipe, budget_in_words, with_budget
from seqattn.data.batching import IDS, epoch_batches, lengths_of
from seqattn.data.encoding import Report, silent
from seqattn.errors import InputError
from seqattn.hardware import keep_freed_memory
from seqattn.models import ModelOptions, build
from seqattn.models.base import Size, Vocabulary, size_of
from seqattn.runs.experiment import Experiment, new_config
from seqattn.runs.folder import RunConfig, RunFolder
from seqattn.runs.preparation import Prepared, load_data, prepare
from seqattn.runs.presets import check_alike, choose_preset, compose
from seqattn.text.tokenizer import Tokenizer, TokenizerOptions
from seqattn.training.events import Event
from seqattn.training.schedule import Progress, TrainingOptions

Composed = tuple[ModelOptions, TokenizerOptions, TrainingOptions]


class Task(NamedTuple):
    """A run of a comparison."""

    system: str
    seed: int
    path: Path


@dataclass(frozen=True)
class Started:
    """A comparison whose runs have their folders."""

    tasks: tuple[Task, ...]
    """Of every system and seed, the seeds of a system together."""
    prepared: Prepared | None
    """The data; None if it was not needed, because no run was missing."""
    preset: str = ""
    asked_vocabulary: int = 0
    """Its size as asked for, 0 if it was chosen."""
    budget: str = ""
    """Of each run, in words."""


def check(plan: Plan) -> None:
    """InputError for settings that cannot be compared, before a corpus is read."""
    _compose(plan, "tiny" if plan.preset == "auto" else plan.preset, plan.settings)


def start(
    plan: Plan,
    evaluation: Evaluation,
    folder: ComparisonFolder,
    command: Sequence[str] = (),
    report: Report = silent,
) -> Started:
    """Record the plan and make the folders of the runs that are missing.

    InputError before anything is written when the data cannot be used or runs that exist do not fit the plan.
    """
    tasks = tuple(
        Task(recipe.name, seed, folder.run(recipe.name, seed).path)
        for recipe in plan.recipes
        for seed in plan.seeds
    )
    begun = [task for task in tasks if RunFolder(task.path).begun]
    if len(begun) == len(tasks):
        folder.write(plan, evaluation, command)
        return Started(tasks, None)
    data = load_data(plan.train, plan.valid)
    preset = choose_preset(len(data.train)) if plan.preset == "auto" else plan.preset
    _, tokenizer_options, training = next(iter(_compose(plan, preset, plan.settings).values()))
    known = _tokenizer_of(begun, data.record.train_fingerprint)
    prepared = prepare(data, tokenizer_options, training.max_length, known, report)
    settings = with_budget(plan, *_epoch(prepared, training))
    composed = _compose(plan, preset, settings)
    for recipe in plan.recipes:
        refuse_long_sentences(recipe, composed[recipe.name], prepared)
    architectures = {recipe.name: recipe.architecture for recipe in plan.recipes}
    new: list[tuple[RunFolder, RunConfig]] = []
    for task in tasks:
        model, tokenizer, training = composed[task.system]
        training = replace(training, seed=task.seed)
        config = new_config(prepared, architectures[task.system], model, tokenizer, training, command)
        run = RunFolder(task.path)
        if run.begun:
            _check_alike(run, config)
        else:
            new.append((run, config))
    folder.write(plan, evaluation, command)
    for run, config in new:
        run.begin(config, prepared.tokenizer)
    budget = f"Budget of each run: {budget_in_words(settings)}"
    return Started(tasks, prepared, preset, tokenizer_options.vocab_size, budget)


def sizes(plan: Plan, preset: str, tokenizer: Tokenizer) -> dict[str, Size]:
    """How large the model of each system to train is."""
    composed = _compose(plan, preset, plan.settings)
    return {
        recipe.name: size_of(_empty(recipe.architecture, composed[recipe.name][0], tokenizer))
        for recipe in plan.recipes
    }


def _empty(architecture: str, options: ModelOptions, tokenizer: Tokenizer) -> Any:
    """A model without weights."""
    with torch.device("meta"):
        sizes = Vocabulary(len(tokenizer.source), len(tokenizer.target), tokenizer.joint)
        return build(architecture, options, sizes)


def refuse_long_sentences(recipe: Recipe, composed: Composed, prepared: Prepared) -> None:
    """InputError when a model has fewer positions than a sentence has pieces."""
    longest = _empty(recipe.architecture, composed[0], prepared.tokenizer).longest
    if longest is not None and prepared.longest > longest:
        raise InputError(
            f"a sentence has {prepared.longest} pieces, the model of {recipe.name} only {longest} positions",
            remedy="raise max_positions, or shorten the texts",
        )


def _compose(plan: Plan, preset: str, settings: Mapping[str, Any]) -> dict[str, Composed]:
    recipes = {
        one.name: compose(one.architecture, preset, {**settings, **one.settings}) for one in plan.recipes
    }
    check_alike(recipes)
    return recipes


def _tokenizer_of(begun: Sequence[Task], fingerprint: str) -> Tokenizer | None:
    """The tokenizer that the runs share; InputError when they were trained on other texts."""
    for task in begun:
        run = RunFolder(task.path)
        config = run.read_config()
        if config.data.train_fingerprint != fingerprint:
            raise InputError(
                "was trained on other texts than the training corpus holds now",
                path=run.path,
                remedy="choose another folder with --out",
            )
        return run.read_tokenizer(config.tokenizer.joint)
    return None


def _epoch(prepared: Prepared, training: TrainingOptions) -> tuple[int, int]:
    """The updates and the tokens of one epoch."""
    lengths = lengths_of(prepared.train, IDS)
    batches = epoch_batches(lengths, training.batch_tokens, training.seed, 0)
    return -(-len(batches) // training.accumulate), sum(map(sum, lengths))


def _check_alike(run: RunFolder, wanted: RunConfig) -> None:
    """InputError when a run that exists was trained in another way than the plan says."""
    config = run.read_config()
    parts = ("architecture", "model", "tokenizer", "training")
    differing = [part for part in parts if getattr(config, part) != getattr(wanted, part)]
    if config.data.valid_fingerprint != wanted.data.valid_fingerprint:
        differing.append("validation corpus")
    if differing:
        raise InputError(
            f"has another {' and '.join(differing)} than this comparison asks for",
            path=run.path,
            remedy="choose another folder with --out",
        )


@dataclass(frozen=True)
class Began:
    """A run has been loaded and its training begins, or continues."""

    progress: Progress
    options: TrainingOptions
    parameters: int


@dataclass
class _Worker:
    task: Task
    process: BaseProcess
    connection: Connection
    ended: bool = False


class Workers:
    """Trains runs, `jobs` at a time, each in a process of its own; an iterator of their events.

    A run is begun or continued, and one that is finished is left as it is. With several GPUs the jobs are
    divided among them. Leaving the context ends what still runs.
    """

    def __init__(
        self,
        tasks: Sequence[Task],
        corpora: tuple[Sequence[str], str | None],
        device: torch.device,
        threads: int,
        jobs: int = 1,
    ) -> None:
        self.waiting = [task for task in tasks if not RunFolder(task.path).finished]
        self.stopped = False
        self.jobs = jobs
        self._corpora, self._device, self._threads = corpora, device, threads
        self._running: list[_Worker] = []

    def __enter__(self) -> Workers:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._running:
            worker.process.terminate()
            worker.process.join()
            worker.connection.close()

    def stop(self) -> None:
        """Let the runs save and end; those that have not begun do not begin."""
        if not self.stopped:
            self.stopped = True
            for worker in self._running:
                with contextlib.suppress(OSError):
                    worker.connection.send("stop")

    def __iter__(self) -> Iterator[tuple[Task, Began | Event]]:
        while True:
            while self.waiting and len(self._running) < self.jobs and not self.stopped:
                self._running.append(self._begin(self.waiting.pop(0)))
            if not self._running:
                return
            ready = wait([worker.connection for worker in self._running])
            for worker in [one for one in self._running if one.connection in ready]:
                try:
                    event = worker.connection.recv()
                except (EOFError, OSError):
                    self._end(worker)
                    continue
                if isinstance(event, BaseException):
                    raise event
                yield worker.task, event

    def _begin(self, task: Task) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        taken = {worker.process.name for worker in self._running}
        device = next(name for name in self._devices() if name not in taken)
        arguments = (theirs, task.path, self._corpora, device.partition("/")[0], self._threads)
        process = context.Process(target=_train, args=arguments, name=device, daemon=True)
        with _without_interrupts():
            process.start()
        theirs.close()
        return _Worker(task, process, ours)

    def _devices(self) -> Iterator[str]:
        """A name for each job: its device, and its number where several share one."""
        count = torch.cuda.device_count() if self._device == torch.device("cuda") else 0
        for job in range(self.jobs):
            yield f"{f'cuda:{job % count}' if count else self._device}/{job}"

    def _end(self, worker: _Worker) -> None:
        worker.process.join()
        worker.connection.close()
        self._running.remove(worker)
        if worker.process.exitcode:
            raise InputError(
                f"its training ended unexpectedly ({_cause(worker.process.exitcode)})",
                path=worker.task.path,
                remedy="the same command continues from what was saved",
            )


def _cause(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"by {signal.Signals(-status).name}"
    return f"exit status {status}"


@contextlib.contextmanager
def _without_interrupts() -> Iterator[None]:
    """A process started in this context ignores Ctrl-C: it is told by the one that started it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)


def _train(
    connection: Connection, path: Path, corpora: tuple[Sequence[str], str | None], device: str, threads: int
) -> None:
    """Train one run to the end in a process of its own, sending its events."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        keep_freed_memory()
        torch.set_num_threads(threads)
        experiment = Experiment.resume(path, {}, torch.device(device), load_data(*corpora))
        progress, options = experiment.trainer.progress, experiment.config.training
        connection.send(Began(progress, options, experiment.parameters))
        for event in experiment.run():
            connection.send(event)
            if connection.poll():
                experiment.save()
                break
    except (InputError, MemoryError, torch.OutOfMemoryError) as error:
        connection.send(error)
    except (BrokenPipeError, ConnectionError, EOFError):
        # Nobody listens any more.
        pass
    connection.close()


def _end_with_parent() -> None:
    """End this process at once when the one that started it has ended, however that was."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)
