"""One training from start to end: data, model, loop, and the run's folder."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqattn.alignment.reading import judge_readings, read_every_way
from seqattn.data.sources import Sources
from seqattn.errors import InputError
from seqattn.hardware import peak_memory
from seqattn.locks import Lock
from seqattn.models import ModelOptions
from seqattn.models.base import Reading
from seqattn.models.size import size_of
from seqattn.models.weights import load_weights, temporary_weights
from seqattn.progress import Report, silent
from seqattn.ranks import ALONE, Ranks
from seqattn.runs.building import new_model, outline
from seqattn.runs.card import model_card
from seqattn.runs.choices import settle
from seqattn.runs.config import RunConfig
from seqattn.runs.folder import LAST, RunFolder, checksums
from seqattn.runs.format1 import upgrade_state
from seqattn.runs.metrics import line_of
from seqattn.runs.preparation import Data, Prepared, prepare, read_again
from seqattn.runs.records import DataRecord, TrainedRecord
from seqattn.runs.run import Run
from seqattn.runs.sampling import sampling_of
from seqattn.runs.validation import validation_of
from seqattn.text.learning import TokenizerOptions
from seqattn.training.divergence import Diverged, guessing_loss
from seqattn.training.events import Event, Finished, Updated, Validated
from seqattn.training.guide import Guide, guided_reading
from seqattn.training.loop import Trainer
from seqattn.training.schedule import Progress, TrainingOptions

JUDGED_PAIRS = 1000
"""The training pairs that decide which attention aligns best."""
SAVE_EVERY = 600.0
"""Seconds of training after which the state is saved although no validation is due."""
LIMITS = ("max_updates", "max_tokens", "max_minutes", "patience", "batch_memory")
"""The training options that may change when a run is resumed."""
Reader = Callable[[Path, DataRecord, Sources], Data]
"""Reads the data of a run that exists: `read_again`, or a partial of it where corpora have moved."""


def new_config(
    prepared: Prepared,
    architecture: str,
    model: ModelOptions,
    tokenizer: TokenizerOptions,
    training: TrainingOptions,
    command: Sequence[str] = (),
    processes: int = 1,
) -> RunConfig:
    """The config of a new run, with what is chosen from its data and for so many processes."""
    versions = {name: version(name) for name in ("seqattn", "torch", "sentencepiece", "sacrebleu")}
    versions["python"] = platform.python_version()
    return RunConfig(
        architecture,
        model,
        tokenizer,
        settle(training, prepared, processes),
        prepared.max_ratio,
        prepared.record,
        versions,
        list(command),
        checksums=checksums(prepared.tokenizer),
    ).identified()


def _continued(record: DataRecord, initial: Run) -> DataRecord:
    """The record of data that the model of another run is trained on; it knows the characters of both."""
    known = initial.config.data.source_characters
    characters = "".join(sorted({*known, *record.source_characters})) if known else ""
    return replace(
        record,
        source_characters=characters,
        initialised_from=str(initial.path),
        initial_fingerprint=RunFolder(initial.path).weights_hash,
    )


class Experiment:
    """A run during training: `run` trains it and keeps its folder up to date.

    Until training has ended, or a context of it is left, no other process can train the run.
    """

    lock: Lock | None = None
    """Of the folder; the process that writes has it."""

    def __init__(
        self,
        folder: RunFolder,
        config: RunConfig,
        prepared: Prepared,
        device: torch.device,
        ranks: Ranks = ALONE,
    ) -> None:
        self.folder, self.config, self.prepared, self.device = folder, config, prepared, device
        self.ranks = ranks
        self.model = new_model(config, prepared.tokenizer).to(device)
        validate = validation_of(prepared, config.training, self.model.collator, ranks)
        self.guide: Guide | None = None
        if prepared.guide is not None:
            config.training.check_guidable()
            self.guide = Guide(prepared.guide, guided_reading(self.model.require_attention("guide")))
        sample = sampling_of(prepared, config, self.model.longest)
        self.trainer = Trainer(
            self.model, prepared.train, config.training, validate, self.guide, sample, ranks
        )
        self._saved: Progress | None = None
        """The progress at the newest state that was saved."""
        prepared.check_held(self.model.longest)

    @property
    def parameters(self) -> int:
        """The number of learned parameters."""
        return size_of(self.model).parameters

    @property
    def guessing(self) -> float:
        """The loss of guessing among all pieces of the target, nats an id."""
        return guessing_loss(self.model)

    @staticmethod
    def start(
        path: Path,
        prepared: Prepared,
        architecture: str,
        model: ModelOptions,
        tokenizer: TokenizerOptions,
        training: TrainingOptions,
        device: torch.device,
        command: Sequence[str] = (),
        initial: Run | None = None,
        ranks: Ranks = ALONE,
    ) -> Experiment:
        """A new run in a new folder, with newly drawn weights or those of another run."""
        folder = RunFolder(path)
        folder.refuse_existing()
        if initial is not None:
            prepared = replace(prepared, record=_continued(prepared.record, initial))
        config = new_config(prepared, architecture, model, tokenizer, training, command, ranks.size)
        experiment = Experiment(folder, config, prepared, device, ranks)
        if initial is not None:
            load_weights(experiment.model, dict(initial.model.named_parameters()))
        experiment._begin(with_weights=initial is not None)
        return experiment

    def _begin(self, with_weights: bool) -> None:
        """Write the folder, its config last; nothing of it remains after an error."""
        folder = self.folder
        with ExitStack() as undo:
            if not folder.path.exists():
                undo.callback(folder.remove_empty)
            lock = folder.lock()
            undo.callback(lock.release)
            # Another process may have begun it in between.
            folder.refuse_existing()
            undo.callback(folder.discard)
            folder.write_tokenizer(self.prepared.tokenizer)
            if with_weights:
                # They are drawn from nothing that the config names.
                self.save()
            folder.write_config(self.config)
            undo.pop_all()
        self.lock = lock

    @staticmethod
    def resume(
        path: Path,
        limits: Mapping[str, Any],
        device: torch.device,
        read: Reader = read_again,
        report: Report = silent,
        ranks: Ranks = ALONE,
    ) -> Experiment:
        """Continue a run from its last saved state, with new limits where given.

        A run that was interrupted before it saved anything begins anew, as its config says. The data must be
        that of the start of the run; `read` reads it.
        """
        folder = RunFolder(path)
        folder.read_config()
        lock = folder.lock()
        try:
            config = folder.read_config()
            anew = folder.unsaved and config.data.initialised_from is None
            state = None if anew else folder.read_last(config)
            config = replace(config, training=replace(config.training, **limits))
            experiment = Experiment._open(folder, config, device, read, report, ranks)
            if state is not None:
                experiment._restore(*state)
            folder.write_config(config)
            folder.metrics.rewind(experiment.trainer.progress.update, experiment.trainer.validated)
        except BaseException:
            lock.release()
            raise
        experiment.lock = lock
        return experiment

    def __enter__(self) -> Experiment:
        return self

    def __exit__(self, *_: object) -> None:
        if self.lock is not None:
            self.lock.release()

    @staticmethod
    def join(path: Path, device: torch.device, ranks: Ranks, read: Reader = read_again) -> Experiment:
        """The run that the first of several processes leads, for another of them; it waits for that."""
        ranks.decided(None)
        folder = RunFolder(path)
        experiment = Experiment._open(folder, folder.read_config(), device, read, silent, ranks)
        nothing: tuple[dict[str, Tensor], dict[str, Any], dict[str, Tensor]] = {}, {}, {}
        experiment.trainer.restore(*ranks.decided(nothing))
        return experiment

    @staticmethod
    def follow(path: Path, device: torch.device, ranks: Ranks, read: Reader = read_again) -> None:
        """Join a run and train until it ends, or until the first process decides to stop."""
        for _ in Experiment.join(path, device, ranks, read).run():
            if ranks.decided(False):
                break

    def lead(self) -> None:
        """Let the other processes join the run, with the state of this one."""
        if self.ranks.size == 1:
            return
        self.ranks.decided(None)
        tensors, values = self.trainer.state()
        # Tensors of a GPU would be opened on that one by all processes.
        state, best = ({n: one.cpu() for n, one in t.items()} for t in (tensors, self.trainer.best or {}))
        self.ranks.decided((state, values, best))

    @staticmethod
    def _open(
        folder: RunFolder,
        config: RunConfig,
        device: torch.device,
        read: Reader,
        report: Report,
        ranks: Ranks,
    ) -> Experiment:
        """A run that exists, with the data of its start, without its state."""
        path, recorded = folder.path, config.data
        data = read(path, recorded, config.sources)
        for part in ("train", "valid", "guide", "synthetic"):
            field = f"{part}_fingerprint"
            if getattr(data.record, field) != getattr(recorded, field):
                raise InputError(
                    f"the {part}{'' if part == 'guide' else ' corpus'} differs from that of this run",
                    path=path,
                    remedy="give the same texts, or start a new run with --init-from",
                )
        if recorded.swapped:
            data = data.swapped()
        known = folder.read_tokenizer(config)
        if folder.has_model:
            # Before a model of the sizes in the config is built.
            folder.read_model(config, outline(config, known))
        prepared = prepare(data, config.tokenizer, config.training.max_length, known, report)
        return Experiment(folder, config, prepared, device, ranks)

    def _restore(self, tensors: dict[str, Tensor], values: dict[str, Any]) -> None:
        try:
            tensors = upgrade_state(tensors, [name for name, _ in self.model.named_parameters()])
            self.trainer.restore(tensors, values, self.folder.read_model(self.config, self.model)[0])
        except (KeyError, ValueError) as error:
            message = f"its saved state does not fit its config: {error.args[0]!s:.200}"
            raise InputError(message, path=self.folder.path / LAST) from error
        self._saved = self.trainer.progress

    def run(self) -> Iterator[Event]:
        """Train, saving at every validation and every ten minutes; a consumer that stops early calls `save`.

        Of several processes the first writes.
        """
        try:
            for event in self.trainer.run():
                if self.ranks.first:
                    self._record(event)
                yield event
        except Diverged as error:
            saved = self._saved
            kept = f"what was saved at update {saved.update:,} is kept" if saved else "nothing was saved yet"
            raise Diverged(error.fault, error.update, kept) from error
        if self.lock is not None:
            self.lock.release()

    def _record(self, event: Event) -> None:
        if isinstance(event, Finished):
            # Before the run is known to have ended, so that all of it is there then.
            self._choose_alignment()
            _, trained = self.folder.read_model()
            self.folder.write_card(model_card(self.config, self.parameters, trained))
        memory = peak_memory(self.device) if isinstance(event, Finished) else None
        self.folder.metrics.add(line_of(event, memory))
        if isinstance(event, Validated) and event.improved:
            self._write_best(event)
        since = self.trainer.progress.seconds - (self._saved.seconds if self._saved else 0.0)
        if isinstance(event, Validated) or (isinstance(event, Updated) and since > SAVE_EVERY):
            self.save()

    def save(self) -> None:
        """Write the newest state, from which `resume` continues."""
        self._saved = self.trainer.progress
        if self.trainer.validated < 0:
            trained = TrainedRecord(self.trainer.progress.update)
            self.folder.write_model(dict(self.model.named_parameters()), trained, self.config.identity)
        self.folder.write_last(*self.trainer.state(), self.config.identity)

    def _choose_alignment(self) -> None:
        """Record in config.json which layer and head of the best weights aligns words best."""
        if self.trainer.best is None:
            return
        if self.guide is not None:
            self._set_alignment(self.guide.reading)
            return
        if self.model.attention_shape is None or not self.prepared.tokenizer.reads_texts:
            # Only words can be judged by the correlation of their occurrences.
            return
        self.model.eval()
        some = self.prepared.train[:JUDGED_PAIRS]
        with temporary_weights(self.model, self.trainer.best):
            scores = judge_readings(list(read_every_way(self.model, self.prepared.tokenizer, some)))
        if scores:
            self._set_alignment(max(scores, key=scores.__getitem__))

    def _set_alignment(self, reading: Reading) -> None:
        self.config = replace(self.config, alignment=reading)
        self.folder.write_config(self.config)

    def _write_best(self, event: Validated) -> None:
        assert self.trainer.best is not None
        trained = TrainedRecord(event.progress.update, event.averaged, *event.validation.all)
        self.folder.write_model(self.trainer.best, trained, self.config.identity)
