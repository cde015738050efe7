"""Options by name: text or TOML values into the frozen dataclasses that live beside what they configure."""

from __future__ import annotations

import dataclasses
import difflib
import math
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from seqattn.errors import InputError
from seqattn.files import read_lines

Settings = Mapping[str, Any]


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a TOML file; tables named after an architecture become `architecture.key`."""
    try:
        parsed = tomllib.loads("\n".join(read_lines(path)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not TOML: {error}", path=path) from error
    flat: dict[str, Any] = {}
    for key, value in parsed.items():
        if isinstance(value, dict):
            flat |= {f"{key}.{inner}": inner_value for inner, inner_value in value.items()}
        else:
            flat[key] = value
    return flat


def parse_settings(arguments: Iterable[str]) -> dict[str, str]:
    """`key=value` arguments to a mapping."""
    settings: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or not key.strip():
            raise InputError(f"the setting {argument!r} is not of the form key=value")
        settings[key.strip()] = value.strip()
    return settings


def settings_for(architecture: str, architectures: Iterable[str], settings: Settings) -> dict[str, Any]:
    """The settings meant for one architecture: those without a prefix, and over them those with its own."""
    others = tuple(f"{name}." for name in architectures if name != architecture)
    own = f"{architecture}."
    plain = {key: value for key, value in settings.items() if not key.startswith((own, *others))}
    return plain | {key.removeprefix(own): value for key, value in settings.items() if key.startswith(own)}


def apply(settings: Settings, *options: Any) -> tuple[Any, ...]:
    """Copies of the options with the settings in place, each in the dataclass that has its field.

    Every fault is reported in one InputError: unknown names with the nearest known one, and values that do
    not fit their type.
    """
    known = {field.name: holder for holder in options for field in dataclasses.fields(holder)}
    changes: dict[int, dict[str, Any]] = {id(holder): {} for holder in options}
    faults: list[str] = []
    for key, value in settings.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=1)
            faults.append(f"there is no setting {key!r}" + (f", did you mean {near[0]!r}?" if near else ""))
            continue
        hint = get_type_hints(type(known[key]))[key]
        try:
            changes[id(known[key])][key] = convert(value, hint)
        except ValueError as error:
            faults.append(f"{key} must be {error}, not {value!r}")
    changed = []
    for holder in options:
        try:
            changed.append(dataclasses.replace(holder, **changes[id(holder)]))
        except ValueError as error:
            faults.append(str(error))
    if faults:
        unknown = any("no setting" in fault for fault in faults)
        raise InputError(
            "; ".join(faults), remedy=f"the settings are {', '.join(sorted(known))}" if unknown else ""
        )
    return tuple(changed)


def convert(value: Any, hint: Any) -> Any:
    """A value of the hinted type from text or TOML; ValueError says what it must be."""
    if get_origin(hint) is Literal:
        if str(value) in get_args(hint):
            return str(value)
        raise ValueError(f"one of {', '.join(get_args(hint))}")
    if hint is bool:
        named = {"true": True, "yes": True, "on": True, "1": True}
        named |= {"false": False, "no": False, "off": False, "0": False}
        if str(value).lower() in named:
            return named[str(value).lower()]
        raise ValueError("true or false")
    kind = {int: "a whole number, 0 or more", float: "a number, 0 or more"}[hint]
    try:
        converted = hint(str(value))
    except ValueError:
        raise ValueError(kind) from None
    if not 0 <= converted < (2**63 if hint is int else math.inf):
        raise ValueError(kind)
    return converted
