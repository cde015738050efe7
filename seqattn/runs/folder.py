"""Reading and writing a run's folder: model, tokenizer, training state. No pickle is used."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor

from seqattn.as_json import as_json
from seqattn.data.images import sources_of
from seqattn.data.sources import TEXTS, Sources
from seqattn.errors import InputError
from seqattn.files import append, check_creatable, is_part_of, make_folder, named_in_utf8, sync, write_aside
from seqattn.locks import LOCK, Lock
from seqattn.models import ARCHITECTURES, ModelOptions, build, default_options, image_shape
from seqattn.models.base import Reading, Seq2Seq, Vocabulary
from seqattn.options import apply, convert, flat
from seqattn.runs.format1 import upgrade_weights
from seqattn.runs.records import (
    DataRecord,
    FinishedLine,
    MetricsLine,
    TrainedRecord,
    ValidatedLine,
    line_from_json,
    line_to_json,
    read_record,
)
from seqattn.text.tokenizer import Side, Tokenizer, TokenizerOptions
from seqattn.training.schedule import TrainingOptions

FORMAT = 2
"""The format written; format 1, of version 0.1.0, can be read too."""
CONFIG, MODEL, METRICS, CARD = "config.json", "model.safetensors", "metrics.jsonl", "README.md"
LAST = Path("last") / "state.safetensors"
TOKENIZER, TARGET_TOKENIZER = "tokenizer.model", "tokenizer.target.model"
STARTING = TOKENIZER, TARGET_TOKENIZER, MODEL, str(LAST)
"""What a run may have before its config."""


@dataclass(frozen=True)
class RunConfig:
    """How a run was made: the contents of config.json."""

    architecture: str
    model: ModelOptions
    tokenizer: TokenizerOptions
    training: TrainingOptions
    max_ratio: float
    """The most target ids for each source id in search, from the training data."""
    data: DataRecord
    versions: dict[str, str] = field(default_factory=dict)
    command: list[str] = field(default_factory=list)
    """The command line that made the run."""
    alignment: Reading | None = None
    """Which attention aligns words best, measured when training ended."""

    @property
    def sources(self) -> Sources:
        """What its sources are."""
        return sources_of(image_shape(self.architecture, self.model))

    def to_json(self) -> str:
        """The text of config.json."""
        return as_json({"format": FORMAT, **asdict(self)}, indent=2) + "\n"

    @staticmethod
    def from_json(text: str) -> RunConfig:
        """Read config.json; ValueError, KeyError or TypeError when it is not a valid config."""
        values = json.loads(text)
        number = values.pop("format")
        if number not in range(1, FORMAT + 1):
            raise ValueError(f"format {number}")
        fresh = {
            "model": default_options(values["architecture"]),
            "tokenizer": TokenizerOptions(),
            "training": TrainingOptions(),
        }
        for name, options in fresh.items():
            (values[name],) = apply(flat(values[name]), options)
        if values.get("alignment") is not None:
            (values["alignment"],) = apply(values["alignment"], Reading())
        values["max_ratio"] = convert(values["max_ratio"], float)
        values["data"] = read_record(DataRecord, values["data"])
        config = RunConfig(**values)
        if not all(isinstance(word, str) for word in config.command):
            raise TypeError("command")
        config.versions.items()
        return config


class RunFolder:
    """The files of one run."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, config: RunConfig, tokenizer: Tokenizer) -> None:
        """Create the folder; InputError when something of that name exists."""
        self.refuse_existing()
        self.begin(config, tokenizer)

    def lock(self) -> Lock:
        """Keep other processes from training this run; InputError that names the one that does.

        Creates the folder unless it exists.
        """
        make_folder(self.path)
        return Lock(self.path, "wait until it ends, or choose another name")

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
        for name, side in zip((TOKENIZER, TARGET_TOKENIZER), tokenizer.vocabularies, strict=False):
            write_aside(self.path / name, side.model)

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
        write_aside(self.path / CONFIG, config.to_json().encode())

    def read_config(self) -> RunConfig:
        """Read config.json; InputError when the folder is not a run."""
        remedy = "give the folder that training wrote"
        if not self.path.is_dir():
            problem = "is not a folder" if self.path.exists() else "does not exist"
            raise InputError(problem, path=self.path, remedy=remedy)
        try:
            data = (self.path / CONFIG).read_bytes()
        except OSError as error:
            raise InputError(
                f"is not a run, it has no readable {CONFIG}", path=self.path, remedy=remedy
            ) from error
        try:
            return RunConfig.from_json(data.decode())
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
            raise InputError(_not_a_config(data), path=self.path / CONFIG) from error

    def read_tokenizer(self, joint: bool, sources: Sources = TEXTS) -> Tokenizer:
        """Load the tokenizer's model, or both models; only texts have one for the source."""
        one = joint or sources is not TEXTS
        vocabularies = [self._read_side(name) for name in (TOKENIZER, TARGET_TOKENIZER)[: 1 if one else 2]]
        return sources.tokenizer(vocabularies)

    def _read_side(self, name: str) -> Side:
        try:
            side = Side((self.path / name).read_bytes())
        except (OSError, RuntimeError) as error:
            raise InputError("cannot be read as a sentencepiece model", path=self.path / name) from error
        if not len(side):
            raise InputError("is an empty sentencepiece model", path=self.path / name)
        return side

    def write_model(self, tensors: dict[str, Tensor], trained: TrainedRecord) -> None:
        """Write the best weights and their record."""
        known = {name: value for name, value in asdict(trained).items() if value is not None}
        # A single metadata key, because safetensors writes several in arbitrary order.
        write_aside(self.path / MODEL, _serialise(tensors, {"trained": json.dumps(known)}))

    def write_last(self, tensors: dict[str, Tensor], values: Mapping[str, Any]) -> None:
        """Write the newest full training state."""
        make_folder((self.path / LAST).parent)
        # The events before it are not written again.
        sync(self.path / METRICS)
        write_aside(self.path / LAST, _serialise(tensors, {"state": json.dumps(values)}))

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
        lines = self.read_metrics()
        validations = sum(isinstance(line, ValidatedLine) for line in lines)
        return (self.path / METRICS).exists() and validations <= 1 and not self.finished

    def read_last(self) -> tuple[dict[str, Tensor], dict[str, Any]]:
        """The newest full training state."""
        tensors, metadata = _read_tensors(self.path / LAST, "this run cannot be resumed")
        if "state" not in metadata:
            raise InputError("is not a training state", path=self.path / LAST)
        return tensors, json.loads(metadata["state"])

    def read_model(self) -> tuple[dict[str, Tensor], TrainedRecord]:
        """The best weights and their record."""
        tensors, metadata = _read_tensors(self.path / MODEL, "this run has no trained weights yet")
        try:
            trained = read_record(TrainedRecord, json.loads(metadata.get("trained", "{}")))
        except (ValueError, TypeError, RecursionError) as error:
            raise InputError(f"is damaged: {error}", path=self.path / MODEL) from error
        return upgrade_weights(tensors), trained

    def append_metrics(self, line: MetricsLine) -> None:
        """Add one line to metrics.jsonl."""
        append(self.path / METRICS, _line(line).encode())

    def read_metrics(self) -> list[MetricsLine]:
        """The lines of metrics.jsonl; none when there is no such file.

        Malformed lines, truncated by a crash or edited by hand, are skipped.
        """
        path = self.path / METRICS
        if not path.is_file():
            return []
        lines = []
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
            with contextlib.suppress(ValueError, KeyError, TypeError, RecursionError):
                lines.append(line_from_json(json.loads(line)))
        return lines

    @property
    def finished(self) -> bool:
        """Whether training has ended."""
        lines = self.read_metrics()
        return bool(lines) and isinstance(lines[-1], FinishedLine)

    def rewind_metrics(self, update: int, validated: int) -> None:
        """Drop what will be repeated after resuming: updates after one, validations after another."""
        stays = (_line(one) for one in self.read_metrics() if _stays(one, update, validated))
        write_aside(self.path / METRICS, "".join(stays).encode())

    def write_card(self, text: str) -> None:
        """Write the model card, README.md."""
        write_aside(self.path / CARD, text.encode())


def _line(line: MetricsLine) -> str:
    return as_json(line_to_json(line)) + "\n"


def _stays(line: MetricsLine, update: int, validated: int) -> bool:
    """Whether a line remains valid when the run continues after an update; the end of training does not."""
    if isinstance(line, ValidatedLine):
        return line.update <= validated and not line.averaged
    return line.update <= update and not isinstance(line, FinishedLine)


def _precedes_config(path: Path) -> bool:
    """Whether a path within a run may exist before its config, or is the config half written."""
    if path in {Path(LOCK), LAST.parent, *map(Path, STARTING)}:
        return True
    files = map(Path, (CONFIG, *STARTING))
    return any(path.parent == file.parent and is_part_of(path, file.name) for file in files)


def _not_a_config(data: bytes) -> str:
    """Why config.json cannot be read: it was written by a later version, or is otherwise invalid."""
    try:
        number = json.loads(data)["format"]
    except (ValueError, KeyError, TypeError, RecursionError):
        number = None
    if isinstance(number, int) and number > FORMAT:
        return f"has format {number}, which a later version of seqattn wrote; this one reads up to {FORMAT}"
    return f"is not a config of this version (format {FORMAT}, {' or '.join(ARCHITECTURES)})"


def new_model(config: RunConfig, tokenizer: Tokenizer) -> Seq2Seq:
    """A model of the config's shape with new weights, drawn from its seed."""
    torch.manual_seed(config.training.seed)
    return build(config.architecture, config.model, vocabulary_of(tokenizer))


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """The sizes of a tokenizer's vocabularies."""
    return Vocabulary(tokenizer.source.size, len(tokenizer.target), tokenizer.joint)


def _serialise(tensors: dict[str, Tensor], metadata: Mapping[str, str]) -> bytes:
    data: bytes = to_safetensors({name: t.contiguous().cpu() for name, t in tensors.items()}, dict(metadata))
    return data


def _read_tensors(path: Path, otherwise: str) -> tuple[dict[str, Tensor], dict[str, str]]:
    if not path.exists():
        raise InputError(f"is missing, {otherwise}", path=path)
    try:
        with named_in_utf8(path) as name:
            with safe_open(name, framework="pt") as file:
                metadata = file.metadata() or {}
            return load_file(name), dict(metadata)
    except (SafetensorError, OSError) as error:
        raise InputError(f"is damaged: {error}", path=path) from error
