"""Reading a saved training state: everything is checked before any of it is used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, NamedTuple, TypeVar, get_type_hints

import torch
from torch import Tensor

from seqattn.models.weights import check_weights

T = TypeVar("T")
Tensors = dict[str, Tensor]


class SavedTensors(NamedTuple):
    """The tensors of a state by what they are."""

    weights: Tensors
    mean: Tensors
    """The moving average of the weights; empty without one."""
    moments: dict[str, Tensors]
    """Those of the optimizers by the name of the parameter; one without an update has none."""
    pool: list[Tensors]
    """The weights kept for averaging."""
    random: Tensors
    """The state of the random numbers of the CPU, and of a GPU."""


def sort_tensors(
    tensors: Mapping[str, Tensor], parameters: Mapping[str, Tensor], moments: Mapping[str, Tensors]
) -> SavedTensors:
    """The tensors of a state for a model of these parameters, whose optimizers keep tensors like `moments`.

    ValueError or KeyError names what does not fit: an optimizer that trusts shapes would write beyond the end
    of a moment that is too small.
    """
    parts: dict[str, Tensors] = {part: {} for part in ("weights", "mean", "optimizer", "pool", "random")}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part not in parts:
            raise ValueError(f"the tensor {name} is unknown")
        parts[part][rest] = tensor
    check_weights(parameters, parts["weights"])
    if parts["mean"]:
        check_weights(parameters, parts["mean"])
    return SavedTensors(
        parts["weights"],
        parts["mean"],
        _moments(parts["optimizer"], moments),
        _pool(parts["pool"], parameters),
        _random(parts["random"]),
    )


def _moments(held: Tensors, like: Mapping[str, Tensors]) -> dict[str, Tensors]:
    found: dict[str, Tensors] = {}
    for name, tensor in held.items():
        parameter, _, key = name.rpartition(".")
        if key not in like.get(parameter, {}):
            raise ValueError(f"the tensor optimizer.{name} is unknown")
        found.setdefault(parameter, {})[key] = tensor
    for parameter, moments in found.items():
        wanted = {f"{parameter}.{key}": tensor for key, tensor in like[parameter].items()}
        check_weights(wanted, {f"{parameter}.{key}": tensor for key, tensor in moments.items()})
    return found


def _pool(held: Tensors, parameters: Mapping[str, Tensor]) -> list[Tensors]:
    kept: dict[str, Tensors] = {}
    for name, tensor in held.items():
        number, _, rest = name.partition(".")
        kept.setdefault(number, {})[rest] = tensor
    if kept.keys() != {str(number) for number in range(len(kept))}:
        raise ValueError("the weights kept for averaging are not numbered from 0")
    for weights in kept.values():
        check_weights(parameters, weights)
    return [kept[str(number)] for number in range(len(kept))]


def _random(held: Tensors) -> Tensors:
    if "cpu" not in held or not held.keys() <= {"cpu", "cuda"}:
        raise ValueError("the state of the random numbers is missing")
    for tensor in held.values():
        if tensor.dtype != torch.uint8 or tensor.ndim != 1:
            raise ValueError("the state of the random numbers is damaged")
    try:
        torch.Generator().set_state(held["cpu"])
    except RuntimeError as error:
        raise ValueError("the state of the random numbers is damaged") from error
    return held


def record_from(kind: type[T], values: Any, least: int = 0) -> T:
    """A dataclass of numbers, and of lists of a score and an update, from JSON values; ValueError if wrong.

    Whole numbers are at least `least`.
    """
    if not isinstance(values, Mapping):
        raise ValueError(f"the {kind.__name__.strip('_').lower()} of training is missing")
    hints = get_type_hints(kind)
    found: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        if field.name in values:
            value = values[field.name]
            if hints[field.name] in (int, float):
                found[field.name] = _number(field.name, value, hints[field.name], least)
            elif isinstance(value, list) and all(_is_pair(one) for one in value):
                found[field.name] = [
                    (_number(field.name, score, float, least), _number(field.name, update, int, least))
                    for score, update in value
                ]
            else:
                raise ValueError(f"{field.name} is {value!s:.20}")
    return kind(**found)


def _is_pair(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) == 2


def _number(name: str, value: Any, kind: type, least: int) -> Any:
    """A JSON number of a type; an integer also as a float."""
    whole = type(value) is int and -(2**63) <= value < 2**63
    if kind is float and (whole or type(value) is float):
        return float(value)
    if kind is int and whole and value >= least:
        return value
    raise ValueError(f"{name} is {str(value)[:20] if type(value) is not int else 'out of range'}")
