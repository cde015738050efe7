"""config.json: how a run was made, as a record and as JSON."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, TypeVar

from seqattn.as_json import as_json
from seqattn.data.images import sources_of
from seqattn.data.sources import Sources
from seqattn.errors import InputError
from seqattn.models import ModelOptions, default_options, image_shape
from seqattn.models.base import Reading
from seqattn.options import apply, flat, flat_options
from seqattn.runs.records import DataRecord, quoted, read_record
from seqattn.text.learning import TokenizerOptions
from seqattn.training.schedule import TrainingOptions

O = TypeVar("O")  # noqa: E741
FORMAT = 2
"""The format written; format 1, of version 0.1.0, can be read too."""
MOST_RATIO = 10_000
"""The largest `max_ratio`: with a larger one the search for a single translation could last for ever."""
LONGEST_REASON = 300
"""Characters of an error, which may quote what is in a file."""


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
    checksums: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the tokenizer's files by name; none in a run that did not record them."""
    identity: str = ""
    """Names the run in its weights and states: SHA-256 of how it was begun; empty: not recorded."""

    @property
    def sources(self) -> Sources:
        """What its sources are."""
        return sources_of(image_shape(self.architecture, self.model))

    def to_json(self) -> str:
        """The text of config.json."""
        return as_json({"format": FORMAT, **asdict(self)}, indent=2) + "\n"

    def identified(self) -> RunConfig:
        """The config of a run that begins, with its identity: what decides how its weights are trained."""
        values = asdict(self)
        made_of = ("architecture", "model", "tokenizer", "training", "data", "checksums")
        text = json.dumps({name: values[name] for name in made_of}, sort_keys=True)
        return replace(self, identity=hashlib.sha256(text.encode()).hexdigest())

    @staticmethod
    def from_json(text: str | bytes) -> RunConfig:
        """Read config.json; InputError, without the file's name, says what is wrong with it."""
        values = _object(text)
        number = values.pop("format", None)
        if type(number) is int and number > FORMAT:
            raise InputError(
                f"has format {number!s:.20}, which a later version of seqattn wrote; "
                f"this one reads up to {FORMAT}"
            )
        if type(number) is not int or number < 1:
            raise InputError(f"is not a config of a run: format is {quoted(number)}")
        try:
            return _read(values)
        except (ValueError, InputError) as error:
            raise InputError(f"is not valid: {_without_remedy(error):.{LONGEST_REASON}}") from error


def _object(text: str | bytes) -> dict[str, Any]:
    """The JSON object that a text is."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        why = (
            str(error) if isinstance(error, json.JSONDecodeError | UnicodeError) else "too deep or too large"
        )
        raise InputError(f"is not JSON: {why}") from error
    if not isinstance(values, dict):
        raise InputError("is not a config of a run: it is no JSON object")
    return values


def _read(values: Mapping[str, Any]) -> RunConfig:
    """A config from JSON values without the format; ValueError or InputError names the field."""
    known = [one.name for one in fields(RunConfig)]
    if unknown := [name for name in values if name not in known]:
        raise ValueError(f"there is no field {quoted(unknown[0])}")
    if missing := [name for name in known[:6] if name not in values]:
        raise ValueError(f"{missing[0]} is missing")
    architecture = values["architecture"]
    if not isinstance(architecture, str):
        raise ValueError(f"architecture is {quoted(architecture)}")
    alignment = values.get("alignment")
    command = values.get("command", [])
    if not isinstance(command, list) or not all(isinstance(word, str) for word in command):
        raise ValueError(f"command is {quoted(command)}, not a list of texts")
    identity = values.get("identity", "")
    if not isinstance(identity, str):
        raise ValueError(f"identity is {quoted(identity)}")
    return RunConfig(
        architecture,
        _options("model", values["model"], default_options(architecture)),
        _options("tokenizer", values["tokenizer"], TokenizerOptions()),
        _options("training", values["training"], TrainingOptions()),
        _ratio(values["max_ratio"]),
        _data(values["data"]),
        _texts("versions", values.get("versions", {})),
        command,
        None if alignment is None else _options("alignment", alignment, Reading()),
        _texts("checksums", values.get("checksums", {})),
        identity,
    )


def _options(name: str, values: Any, fresh: O) -> O:
    """Options from a JSON object of their fields; text is only a name to choose, never a number."""
    if not isinstance(values, dict):
        raise ValueError(f"{name} is {quoted(values)}, not an object")
    settings = flat(values)
    for key, standard in flat_options(fresh).items():
        for kind in (bool, str):
            if key in settings and isinstance(settings[key], kind) != isinstance(standard, kind):
                raise ValueError(f"{name}: {key} is {quoted(settings[key])}")
    try:
        (options,) = apply(settings, fresh)
    except InputError as error:
        raise ValueError(f"{name}: {_without_remedy(error)}") from error
    return options  # type: ignore[no-any-return]


def _without_remedy(error: Exception) -> str:
    """What is wrong; remedies are for those who type options."""
    return str(error).removesuffix(f" ({getattr(error, 'remedy', '')})")


def _ratio(value: Any) -> float:
    if type(value) not in (int, float) or not 0 <= value <= MOST_RATIO:
        raise ValueError(f"max_ratio is {quoted(value)}, not a number from 0 to {MOST_RATIO:,}")
    return float(value)


def _data(values: Any) -> DataRecord:
    try:
        return read_record(DataRecord, values)
    except ValueError as error:
        raise ValueError(f"data: {error}") from error


def _texts(name: str, values: Any) -> dict[str, str]:
    if not isinstance(values, dict) or not all(isinstance(one, str) for one in values.values()):
        raise ValueError(f"{name} is {quoted(values)}, not an object of texts")
    return values
