"""Options by name: text or TOML values to the frozen dataclasses defined beside the code they configure."""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin, get_type_hints

from seqattn.errors import InputError
from seqattn.files import read_lines

Settings = Mapping[str, Any]


def read_settings(path: Path) -> dict[str, Any]:
    """The settings of a TOML file; `key = value` in a table `[part]` is the setting `part.key`.

    InputError when the file is no TOML, or a value is a list or a time, which no setting is.
    """
    try:
        parsed = tomllib.loads("\n".join(read_lines(path)))
    except (ValueError, RecursionError) as error:
        raise InputError(f"is not TOML: {error}", path=path) from error
    settings = flat(parsed)
    for key, value in settings.items():
        if not isinstance(value, str | int | float):
            raise InputError(f"{key} must be text, a number, true or false, not {value!s:.40}", path=path)
    return settings


def flat(settings: Settings, prefix: str = "") -> dict[str, Any]:
    """Nested mappings as a single one, with dotted names."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found |= flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {f"{prefix}{key}": value}
    return found


def flat_options(options: Any) -> dict[str, Any]:
    """The values of a dataclass; those of nested dataclasses have dotted names."""
    return flat(dataclasses.asdict(options))


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
    """The settings for one architecture: those without a prefix, overridden by those with its own prefix."""
    others = tuple(f"{name}." for name in architectures if name != architecture)
    own = f"{architecture}."
    plain = {key: value for key, value in settings.items() if not key.startswith((own, *others))}
    return plain | {key.removeprefix(own): value for key, value in settings.items() if key.startswith(own)}


class _Name(NamedTuple):
    """A setting's name in its parts, `architecture.part.field`, of which the first two may be missing."""

    architecture: str
    part: str
    field: str

    @staticmethod
    def of(key: str) -> _Name:
        *before, field = re.sub(r"(^|\.)(encoder|decoder)_", r"\1\2.", key).split(".")
        part = before.pop() if before and before[-1] in ("encoder", "decoder") else ""
        return _Name(".".join(before), part, field)

    def includes(self, other: _Name) -> bool:
        """Whether it applies wherever the other does."""
        return (
            self.field == other.field
            and self.part in ("", other.part)
            and self.architecture in ("", other.architecture)
        )


def override(weaker: Settings, stronger: Settings) -> dict[str, Any]:
    """The settings of two sources as one: where both apply, the stronger counts, however general its name is.

    Of `transformer.dropout` and a stronger `dropout` only the latter remains.
    """
    asked = {key: _Name.of(key) for key in stronger}
    left = {
        key: value
        for key, value in weaker.items()
        if not any(one.includes(_Name.of(key)) for one in asked.values())
    }
    # A weaker `encoder.layers` remains, but not for the architecture of a stronger `lstm.layers`.
    own = {
        f"{one.architecture}.{other}": stronger[key]
        for key, one in sorted(asked.items(), key=lambda item: item[1].part)
        for other, name in zip(left, map(_Name.of, left), strict=True)
        if one.architecture
        and not name.architecture
        and one.includes(name._replace(architecture=one.architecture))
    }
    return left | own | dict(stronger)


def apply(settings: Settings, *options: Any) -> tuple[Any, ...]:
    """Copies of the options with the settings applied, each to the dataclass that has its field.

    A field of a nested dataclass is named `part.field`; `field` alone applies to every part that has it,
    and `part_field` is the same as `part.field`. All errors are reported in one InputError: unknown names,
    with the nearest known one, and values of the wrong type.
    """
    hints = [_hints(holder) for holder in options]
    full = {name for each in hints for name in each}
    changes: list[dict[str, Any]] = [{} for _ in options]
    problems: list[str] = []
    unknown = False
    # A name of one field takes precedence over a name of several.
    for key, value in sorted(settings.items(), key=lambda setting: setting[0] in full):
        names = _meant(key, full)
        if not names:
            near = difflib.get_close_matches(key, [*full, *(name.rpartition(".")[2] for name in full)], n=1)
            unknown = True
            problems.append(f"there is no setting {key!r}" + (f", did you mean {near[0]!r}?" if near else ""))
            continue
        for name in names:
            at = next(number for number, each in enumerate(hints) if name in each)
            try:
                changes[at][name] = convert(value, hints[at][name])
            except ValueError as error:
                problems.append(f"{key} must be {error}, not {value!r}")
                break
    changed = [_replaced(holder, made, problems) for holder, made in zip(options, changes, strict=True)]
    if problems:
        raise InputError(
            "; ".join(dict.fromkeys(problems)),
            remedy=f"the settings are {', '.join(sorted(full))}" if unknown else "",
        )
    return tuple(changed)


def is_setting(key: str, options: Any) -> bool:
    """Whether a setting applies to these options."""
    return bool(_meant(key, set(_hints(options))))


def _hints(holder: Any, prefix: str = "") -> dict[str, Any]:
    """The type of each field by its full name."""
    hints = get_type_hints(type(holder))
    found: dict[str, Any] = {}
    for field in dataclasses.fields(holder):
        value = getattr(holder, field.name)
        nested = dataclasses.is_dataclass(value)
        name = prefix + field.name
        found |= _hints(value, f"{name}.") if nested else {name: hints[field.name]}
    return found


def _meant(key: str, full: set[str]) -> list[str]:
    """The full names of the fields that a setting applies to."""
    if key in full:
        return [key]
    return sorted(name for name in full if key in (name.rpartition(".")[2], name.replace(".", "_", 1)))


def _replaced(holder: Any, changes: Mapping[str, Any], problems: list[str]) -> Any:
    """A copy with changes by full names; errors from its checks are added to `problems`."""
    own = {name: value for name, value in changes.items() if "." not in name}
    for part in {name.partition(".")[0] for name in changes if "." in name}:
        within = {n.removeprefix(f"{part}."): v for n, v in changes.items() if n.startswith(f"{part}.")}
        found: list[str] = []
        own[part] = _replaced(getattr(holder, part), within, found)
        problems += [f"{part}.{problem}" for message in found for problem in message.split("; ")]
    try:
        return dataclasses.replace(holder, **own)
    except ValueError as error:
        problems.append(str(error))
        return holder


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
