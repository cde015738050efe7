"""Reading and writing a run's folder: model, tokenizer, training state. No pickle is used."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from torch import Tensor

from seqattn.data.sources import TEXTS
from seqattn.errors import InputError, naming
from seqattn.files import read_binary, within
from seqattn.locks import LOCK, Lock
from seqattn.models.base import Seq2Seq
from seqattn.models.weights import all_finite, check_weights, fill, load_weights
from seqattn.runs.building import new_model, outline
from seqattn.runs.config import RunConfig
from seqattn.runs.format1 import upgrade_weights
from seqattn.runs.metrics import (
    Metrics,
    ValidatedLine,
)
from seqattn.runs.records import TrainedRecord, read_record
from seqattn.runs.tensors import open_tensors, write_tensors
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.tokenizer import Side, Tokenizer
from seqattn.writing import check_creatable, is_part_of, make_folder, write_aside

CONFIG, MODEL, METRICS, CARD = "config.json", "model.safetensors", "metrics.jsonl", "README.md"
LAST = Path("last") / "state.safetensors"
TOKENIZER, TARGET_TOKENIZER = "tokenizer.model", "tokenizer.target.model"
STARTING = TOKENIZER, TARGET_TOKENIZER, MODEL, str(LAST)
"""What a run may have before its config."""
MOST_CONFIG, MOST_TOKENIZER = 2**24, 2**28
"""Bytes that are read of a file at most."""


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lock(self) -> Lock:
        """Keep other processes from training this run; InputError that names the one that does.

        Creates the folder unless it exists.
        """
        make_folder(self.path)
        return Lock(self.path, "wait until it ends, or choose another name")

    @property
    def metrics(self) -> Metrics:
        """Its file of the events in training."""
        return Metrics(self._file(METRICS))

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        return self.metrics.finished

    @property
    def begun(self) -> bool:
        """Whether the folder holds a run: its config is written last."""
        return (self.path / CONFIG).exists()

    def begin(self, config: RunConfig, tokenizer: Tokenizer) -> None:
        """Write what a run starts with, in a folder that may exist."""
        make_folder(self.path)
        self.write_tokenizer(tokenizer)
        self.write_config(config)

    def write_tokenizer(self, tokenizer: Tokenizer) -> None:
        """Write the models of a tokenizer's vocabularies."""
        for name, data in tokenizer_files(tokenizer).items():
            write_aside(self._file(name), data)

    def refuse_existing(self) -> None:
        """InputError when something of that name exists.

        An empty folder may be filled, and so may one in which a process was killed before its run had begun.
        """
        if not self._free:
            check_creatable(self.path, "choose another name, or continue an interrupted run with --resume")

    @property
    def _free(self) -> bool:
        if not self.path.is_dir():
            return False
        if not (self.path / LOCK).exists():
            return not any(self.path.iterdir())
        inside = (path.relative_to(self.path) for path in self.path.rglob("*"))
        return not self.begun and all(map(_precedes_config, inside))

    def discard(self) -> None:
        """Remove what was written of a run that has not begun."""
        if self.begun:
            return
        for name in STARTING:
            with contextlib.suppress(OSError):
                (self.path / name).unlink()
        with contextlib.suppress(OSError):
            (self.path / LAST).parent.rmdir()

    def remove_empty(self) -> None:
        """Remove the folder if nothing is in it."""
        with contextlib.suppress(OSError):
            self.path.rmdir()

    def write_config(self, config: RunConfig) -> None:
        """Write config.json."""
        write_aside(self._file(CONFIG), config.to_json().encode())

    def read_config(self) -> RunConfig:
        """Read config.json; InputError when the folder is not a run."""
        remedy = "give the folder that training wrote"
        if not self.path.is_dir():
            problem = "is not a folder" if self.path.exists() else "does not exist"
            raise InputError(problem, path=self.path, remedy=remedy)
        if not self.begun:
            raise InputError(f"is not a run, it has no {CONFIG}", path=self.path, remedy=remedy)
        data = read_binary(self._file(CONFIG), MOST_CONFIG)
        with naming(self.path / CONFIG):
            return RunConfig.from_json(data)

    def read_tokenizer(self, config: RunConfig) -> Tokenizer:
        """Load the tokenizer's model, or both models; only texts have one for the source."""
        one = config.tokenizer.joint or config.sources is not TEXTS
        names = (TOKENIZER, TARGET_TOKENIZER)[: 1 if one else 2]
        return config.sources.tokenizer([self._read_side(name, config.checksums.get(name)) for name in names])

    def _read_side(self, name: str, checksum: str | None) -> Side:
        path = self._file(name)
        data = read_binary(path, MOST_TOKENIZER)
        if checksum is not None and sha256(data).hexdigest() != checksum:
            raise InputError(
                f"is not the tokenizer of this run: its checksum differs from the one in {CONFIG}",
                path=path,
                remedy="put back the file that training wrote",
            )
        if not data:
            raise InputError("is empty", path=path)
        try:
            side = Side(data)
            # Only unigram and bpe models can do this, the kinds that a run may have.
            side.sample_all([[EOS]], 0.1, 0)
            # Fails for a piece that is not UTF-8.
            side.processor.id_to_piece(list(range(len(side))))
        except (RuntimeError, ValueError) as error:
            raise InputError("cannot be read as a sentencepiece model", path=path) from error
        held = side.processor
        if (held.pad_id(), held.bos_id(), held.eos_id(), held.unk_id()) != (PAD, BOS, EOS, UNK):
            raise InputError("is a sentencepiece model with other special symbols than a run's", path=path)
        return side

    def _file(self, name: str | Path) -> Path:
        """The path of a file of the run; InputError when it leads out of the folder, or is a device."""
        return within(self.path, name)

    def write_model(self, tensors: Mapping[str, Tensor], trained: TrainedRecord, run: str = "") -> None:
        """Write the best weights and their record; `run` is the identity of the run."""
        known = {name: value for name, value in asdict(trained).items() if value is not None}
        write_tensors(self._file(MODEL), tensors, "trained", known, run)

    def write_last(self, tensors: Mapping[str, Tensor], values: Mapping[str, Any], run: str = "") -> None:
        """Write the newest full training state; `run` is the identity of the run."""
        path = self._file(LAST)
        make_folder(path.parent)
        # The events before it are not written again.
        self.metrics.sync()
        write_tensors(path, tensors, "state", values, run)

    @property
    def has_model(self) -> bool:
        """Whether weights have been saved."""
        return (self.path / MODEL).is_file()

    def check_complete(self) -> None:
        """InputError when the run can neither be used nor continued, because files of it were lost."""
        begun = self.begun or self.has_model or (self.path / METRICS).exists()
        needed = (MODEL,) if self.finished else () if self.unsaved else (MODEL, LAST)
        needed = (CONFIG, *needed) if begun else ()
        for name in needed:
            if not (self.path / name).is_file():
                raise InputError(
                    f"{name} is missing",
                    path=self.path,
                    remedy="delete this folder: the same command then trains the run again",
                )

    @property
    def unsaved(self) -> bool:
        """Whether training was interrupted before a state was saved, at the latest after the first weights.

        A run whose state was deleted, to ship it, is none.
        """
        if (self.path / LAST).exists():
            return False
        if not self.has_model:
            return True
        lines = self.metrics.read()
        validations = sum(isinstance(line, ValidatedLine) for line in lines)
        return (self.path / METRICS).exists() and validations <= 1 and not self.finished

    def read_last(self, config: RunConfig | None = None) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest full training state; with a config, InputError when it is of another run."""
        path = self._present(LAST, "this run cannot be resumed")
        saved = open_tensors(path, "state")
        if not saved.record:
            raise InputError("is not a training state", path=path)
        saved.verify(saved.run if config is None else config.identity)
        return saved.tensors, saved.record

    def read_model(
        self, config: RunConfig | None = None, like: Seq2Seq | None = None
    ) -> tuple[dict[str, Tensor], TrainedRecord]:
        """The best weights and their record.

        With a config, InputError when they are of another run; with a model, which may be without memory
        (on the device meta), when they do not fit it, before they are read.
        """
        path = self._present(MODEL, "this run has no trained weights yet")
        saved = open_tensors(path, "trained")
        tensors = upgrade_weights(saved.tensors)
        try:
            trained = read_record(TrainedRecord, saved.record)
        except ValueError as error:
            raise InputError(f"is damaged: {error}", path=path) from error
        if like is not None:
            _check_fit(like, tensors, path)
        saved.verify(saved.run if config is None else config.identity)
        if like is not None and not all_finite(tensors):
            raise InputError("has weights that are infinite or not a number", path=path)
        return tensors, trained

    @property
    def weights_hash(self) -> str:
        """SHA-256 of the file of its best weights."""
        with self._present(MODEL, "this run has no trained weights yet").open("rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def load_model(self, config: RunConfig, tokenizer: Tokenizer) -> tuple[Seq2Seq, TrainedRecord]:
        """A model with the best weights, and their record.

        Its memory is allocated only when the sizes in the config agree with the weights.
        """
        with naming(self.path / CONFIG):
            model = outline(config, tokenizer)
        tensors, trained = self.read_model(config, model)
        if not fill(model, tensors):
            model = new_model(config, tokenizer)
            load_weights(model, tensors)
        return model, trained

    def _present(self, name: str | Path, otherwise: str) -> Path:
        """The path of a file to read; InputError when there is none."""
        path = self._file(name)
        if not path.exists():
            raise InputError(f"is missing, {otherwise}", path=path)
        return path

    def write_card(self, text: str) -> None:
        """Write the model card, README.md."""
        # Names of files may have bytes that are not UTF-8.
        write_aside(self._file(CARD), text.encode(errors="backslashreplace"))


def _precedes_config(path: Path) -> bool:
    """Whether a path within a run may exist before its config, or is the config half written."""
    if path in {Path(LOCK), LAST.parent, *map(Path, STARTING)}:
        return True
    files = map(Path, (CONFIG, *STARTING))
    return any(path.parent == file.parent and is_part_of(path, file.name) for file in files)


def tokenizer_files(tokenizer: Tokenizer) -> dict[str, bytes]:
    """The files of a tokenizer by name."""
    sides = zip((TOKENIZER, TARGET_TOKENIZER), tokenizer.vocabularies, strict=False)
    return {name: side.model for name, side in sides}


def checksums(tokenizer: Tokenizer) -> dict[str, str]:
    """SHA-256 of the files of a tokenizer by name."""
    return {name: sha256(data).hexdigest() for name, data in tokenizer_files(tokenizer).items()}


def _check_fit(model: Seq2Seq, tensors: Mapping[str, Tensor], path: Path) -> None:
    """InputError when weights do not fit a model."""
    try:
        check_weights(dict(model.named_parameters()), tensors)
    except (KeyError, ValueError) as error:
        raise InputError(f"does not fit the config beside it: {error.args[0]}", path=path) from error
