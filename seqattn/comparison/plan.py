"""What is to be compared: systems to train and systems that exist, on which data, with which budget."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from seqattn.errors import InputError, counted
from seqattn.models import BASELINES, parts_of
from seqattn.options import parse_settings
from seqattn.runs.presets import PRESETS
from seqattn.runs.records import read_record

NAME = re.compile(r"[^\W_][\w.+-]{0,99}")
"""Of a system: also the name of its folder."""
RECORD = "comparison.json"
"""The file beside these folders, whose name none of them may have."""
LIMITS = {"updates": "max_updates", "tokens": "max_tokens", "minutes": "max_minutes"}
"""The setting that holds each kind of budget."""
EPOCHS, MINUTES = 30, 20
"""The default budget, of updates or tokens, and of minutes."""


@dataclass(frozen=True)
class Recipe:
    """A system to train, once for each seed."""

    name: str
    architecture: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Its own, which override those of the plan."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_settings(self.settings)


@dataclass(frozen=True)
class Given:
    """A system that exists: the folders of its runs, or files of translations that another tool made."""

    name: str
    paths: tuple[str, ...]

    def __post_init__(self) -> None:
        _check_name(self.name)
        if not self.paths:
            raise ValueError(f"no paths of {self.name}")


def _check_name(name: str) -> None:
    if not NAME.fullmatch(name) or name.lower() == RECORD:
        raise ValueError(f"the name {name!r}")


def _check_settings(settings: Mapping[str, Any]) -> None:
    for name, value in settings.items():
        if not isinstance(value, str | int | float):
            raise ValueError(f"the setting {name} = {value!s:.20}")


@dataclass(frozen=True)
class Plan:
    """A comparison as requested by a user; corpora are named as on the command line."""

    train: tuple[str, ...] = ()
    valid: str | None = None
    recipes: tuple[Recipe, ...] = ()
    seeds: tuple[int, ...] = (1,)
    preset: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of all systems, the budget among them."""
    budget: str | None = None
    """Which of `LIMITS` it is; None: those of the settings, or updates."""

    def __post_init__(self) -> None:
        problems = {
            f"the preset {self.preset!r}": self.preset not in ("auto", *PRESETS),
            f"the budget {self.budget!r}": self.budget is not None and self.budget not in LIMITS,
            f"the seeds {self.seeds}": not self.seeds or not all(0 <= seed < 2**63 for seed in self.seeds),
            "a seed that occurs twice": len(set(self.seeds)) < len(self.seeds),
            "two systems of one name": len({one.name.lower() for one in self.recipes}) < len(self.recipes),
        }
        _check_settings(self.settings)
        if found := [problem for problem, is_one in problems.items() if is_one]:
            raise ValueError(", ".join(found))

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(values: Mapping[str, Any]) -> Plan:
        """From JSON values; ValueError when they are none of a plan."""
        return read_record(Plan, values)

    def with_more(self, recipes: Iterable[Recipe], seeds: Sequence[int]) -> Plan:
        """The plan with further systems and seeds; those that it has already are left as they are."""
        every = {one.name: one for one in (*recipes, *self.recipes)}
        names = dict.fromkeys(one.name for one in (*self.recipes, *recipes))
        both = dict.fromkeys((*self.seeds, *seeds))
        small = [name.lower() for name in names]
        for name in names:
            if small.count(name.lower()) > 1:
                raise InputError(f"there are two systems with the name {name!r}")
        return replace(self, recipes=tuple(every[name] for name in names), seeds=tuple(both))

    def differences_from(self, other: Plan) -> list[str]:
        """In which fields another plan for the same folder trains other models than this one.

        Seeds and systems may be added.
        """
        fields = ("train", "valid", "preset", "budget")
        found = [name for name in fields if getattr(self, name) != getattr(other, name)]
        if _as_text(self.settings) != _as_text(other.settings):
            found.append("settings")
        known = {recipe.name: recipe for recipe in self.recipes}
        return found + [
            f"system {recipe.name}"
            for recipe in other.recipes
            if recipe.name in known
            and (
                recipe.architecture != known[recipe.name].architecture
                or _as_text(recipe.settings) != _as_text(known[recipe.name].settings)
            )
        ]


def _as_text(settings: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(value) for name, value in settings.items()}


def parse_systems(
    arguments: Iterable[str], baselines: Sequence[str] = BASELINES
) -> tuple[tuple[Recipe, ...], tuple[Given, ...]]:
    """The systems of a comparison: the baselines and those named by `--system`.

    `NAME:arch=ARCHITECTURE,key=value,…` trains a system, `ARCHITECTURE` alone one of that name and no own
    settings, `NAME=PATH,PATH,…` takes runs or translations that exist. A name of a baseline replaces it.
    """
    recipes = {name: Recipe(name, name) for name in baselines}
    given: dict[str, Given] = {}
    seen: set[str] = set()
    for argument in arguments:
        system = parse_system(argument)
        # Folders of some systems do not distinguish small and large letters.
        if system.name.lower() in seen or system.name.lower() in {*recipes} - {system.name}:
            raise InputError(f"there are two systems with the name {system.name!r}")
        seen.add(system.name.lower())
        if isinstance(system, Given):
            recipes.pop(system.name, None)
            given[system.name] = system
        else:
            recipes[system.name] = system
    return tuple(recipes.values()), tuple(given.values())


def parse_system(argument: str) -> Recipe | Given:
    """A system as named on the command line; InputError when it is malformed."""
    name, separator, rest = re.match(r"([^:=]*)([:=]?)(.*)", argument, re.DOTALL).groups()  # type: ignore[union-attr]
    name = name.strip()
    try:
        _check_name(name)
    except ValueError as error:
        raise InputError(
            f"the system {argument[:120]!r} has no name of 1 to 100 letters, digits and . + - _",
            remedy="write NAME:arch=…,key=value, NAME=PATH or an architecture",
        ) from error
    parts = [part for part in map(str.strip, rest.split(",")) if part]
    if separator == "=":
        if not parts:
            raise InputError(f"the system {argument!r} names no run and no file")
        return Given(name, tuple(parts))
    settings: dict[str, Any] = parse_settings(parts)
    if len(settings) < len(parts):
        raise InputError(f"the system {name!r} has a setting twice")
    architecture = str(settings.pop("arch", name))
    parts_of(architecture)
    if "seed" in settings:
        raise InputError(f"the system {name!r} sets a seed", remedy="give --seeds")
    return Recipe(name, architecture, settings)


def parse_seeds(text: str) -> tuple[int, ...]:
    """Seeds separated by commas; InputError when one is no whole number or occurs twice."""
    parts = [part.strip() for part in text.split(",")]
    # Python converts no text of thousands of digits.
    if not all(part.isdecimal() and len(part) < 20 and int(part) < 2**63 for part in parts):
        raise InputError(f"the seeds {text[:100]!r} are not whole numbers below 2^63, separated by commas")
    seeds = tuple(map(int, parts))
    if len(set(seeds)) < len(seeds):
        raise InputError(f"a seed occurs twice in {text!r}")
    return seeds


def with_budget(plan: Plan, updates_an_epoch: int, tokens_an_epoch: int) -> dict[str, Any]:
    """The plan's settings with its budget: of the kind that is asked for, or any that the settings limit."""
    settings = dict(plan.settings)
    limited = [kind for kind, limit in LIMITS.items() if float(settings.get(limit) or 0)]
    if limited and plan.budget is None:
        return settings
    kind = plan.budget or "updates"
    if other := [LIMITS[one].replace("_", "-") for one in limited if one != kind]:
        raise InputError(f"a budget of {kind} excludes --{' and --'.join(other)}")
    default = {
        "updates": EPOCHS * updates_an_epoch,
        "tokens": EPOCHS * tokens_an_epoch,
        "minutes": float(MINUTES),
    }
    return {LIMITS[kind]: default[kind]} | settings


def budget_in_words(settings: Mapping[str, Any]) -> str:
    """What each run may spend, such as `1,900 updates or 1.7 minutes, whichever is reached first`."""
    amounts = {kind: float(settings.get(limit) or 0) for kind, limit in LIMITS.items()}
    parts = [
        counted(amount if kind == "minutes" else math.ceil(amount), kind.removesuffix("s"))
        for kind, amount in amounts.items()
        if amount
    ]
    return " or ".join(parts) + (", whichever is reached first" if len(parts) > 1 else "")
