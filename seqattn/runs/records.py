"""The records of a run's data and weights, and how records are read."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from seqattn.errors import check_ranges
from seqattn.files import refuse_device
from seqattn.training.events import Figures

R = TypeVar("R")


def is_code(text: str) -> bool:
    """Whether a text can be the code of a language, such as en or pt-BR."""
    return re.fullmatch("[A-Za-z0-9]{1,8}([-_][A-Za-z0-9]{1,8})*", text) is not None


@dataclass(frozen=True)
class DataRecord:
    """The training and validation data of a run."""

    train: tuple[str, ...]
    """Corpora, as on the command line."""
    valid: str | None
    """A corpus; None: a part held out of the others."""
    train_fingerprint: str = ""
    valid_fingerprint: str | None = None
    empty: int = 0
    """Training pairs left out because a side was empty."""
    too_long: int = 0
    """Training pairs left out because a side had more than `longest_taken` ids."""
    longest_taken: int = 0
    valid_too_long: int = 0
    """Validation pairs with more, which the loss leaves out."""
    held_out_duplicates: int = 0
    """Training pairs left out because their source is held out."""
    valid_also_in_train: int = 0
    train_pairs: int = 0
    """Pairs that remain to train on."""
    valid_pairs: int = 0
    guide: str | None = None
    """The file of links that guided attention."""
    guide_fingerprint: str | None = None
    synthetic: str | None = None
    """The corpus of synthetic pairs that were added to train on."""
    synthetic_fingerprint: str | None = None
    synthetic_pairs: int = 0
    swapped: bool = False
    """Trained from the target to the source of its corpora."""
    sides: tuple[str, ...] | None = None
    """Names of source and target, such as en and de, if the names of the corpora's files have them."""
    languages: tuple[str, ...] | None = None
    """The codes of the languages of source and target, such as en and de, if they were named."""
    source_sentences: int = 0
    """The most sentences of 95 % of the training sources; 0: not recorded."""
    source_characters: str = ""
    """Every character of the training sources, sorted; empty: not recorded."""
    initialised_from: str | None = None
    """The run whose weights it was initialised with."""
    initial_fingerprint: str | None = None
    """SHA-256 of the file of the weights it was initialised with; None: not recorded, or none."""

    @property
    def corpora(self) -> tuple[str, ...]:
        """All that was trained on: the corpora, and that of synthetic pairs."""
        return self.train if self.synthetic is None else (*self.train, self.synthetic)

    @property
    def files(self) -> list[str]:
        """The files, or both sides of a corpus, that the data was read from."""
        named = [*self.train, *filter(None, (self.valid, self.guide, self.synthetic))]
        return [part for name in named for part in dict.fromkeys((name, *name.split(",")))]

    def refuse_devices(self) -> None:
        """InputError when a corpus, as recorded, is a device or a pipe.

        A run from elsewhere may name anything. None can be read again where it was one when training began.
        """
        for file in self.files:
            refuse_device(Path(file))

    @property
    def direction(self) -> str:
        """From what to what, in words."""
        if self.named is not None:
            return f"from {self.named[0]} to {self.named[1]}"
        return "from target to source" if self.swapped else "from source to target"

    @property
    def named(self) -> tuple[str, ...] | None:
        """The languages of source and target, or the names of their sides, which may be their codes."""
        return self.sides if self.languages is None else self.languages

    @property
    def language(self) -> str:
        """The code of the source's language, if its name is one; empty: unknown."""
        return self.named[0] if self.named is not None and self.named[0].isascii() else ""

    def __post_init__(self) -> None:
        for name in ("sides", "languages"):
            both = getattr(self, name)
            if both is not None and (len(both) != 2 or both[0] == both[1]):
                raise ValueError(f"{name} are {both}")
        if not all(map(is_code, self.languages or ())):
            raise ValueError(f"languages are {self.languages}")
        check_ranges(self, **{one.name: (0, None) for one in fields(self) if type(one.default) is int})


@dataclass(frozen=True)
class TrainedRecord:
    """Which weights a model has, and their validation scores."""

    update: int = 0
    averaged: bool = False
    """An average of several validated weights."""
    loss: float | None = None
    """None, like the scores, if not validated."""
    bleu: float | None = None
    chrf: float | None = None
    exact: float | None = None

    @property
    def figures(self) -> Figures | None:
        """The figures of its validation; None if it was not validated."""
        if self.loss is None or self.bleu is None or self.chrf is None or self.exact is None:
            return None
        return Figures(self.loss, self.bleu, self.chrf, self.exact)


def read_record(kind: type[R], values: Mapping[str, Any]) -> R:
    """A record from JSON values; ValueError names a field that is missing or has the wrong type.

    Unknown fields are ignored.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"{quoted(values)} is no record")
    hints = get_type_hints(kind)
    found = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            found[field.name] = _fitted(field.name, values[field.name], hints[field.name])
        elif field.default is MISSING:
            raise ValueError(f"{field.name} is missing")
    return kind(**found)


def _fitted(name: str, value: Any, hint: Any) -> Any:
    """A JSON value as the hinted type, one of those used in records."""
    kinds = get_args(hint) if NoneType in get_args(hint) else (hint,)
    if value is None and NoneType in kinds:
        return None
    (kind,) = (one for one in kinds if one is not NoneType)
    if isinstance(kind, type) and is_dataclass(kind):
        return read_record(kind, value)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(_fitted(name, one, get_args(kind)[0]) for one in value)
    if get_origin(kind) is Mapping and isinstance(value, dict):
        return {key: _fitted(name, one, type(one)) for key, one in value.items()}
    if kind is float and type(value) is int:
        # What is too large for a float is not finite either.
        value = float(value) if abs(value) < 2**1000 else math.inf
    largest = math.inf if kind is float else 2**63
    if type(value) is not kind or (kind in (int, float) and not abs(value) < largest):
        raise ValueError(f"{name} is {quoted(value)}")
    return value


def quoted(value: Any) -> str:
    """A value from a file as an error quotes it."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except ValueError:
        # Python writes no integer of more than some thousand digits.
        text = "a number of very many digits"
    return text if len(text) <= 40 else f"{text[:40]}…"
