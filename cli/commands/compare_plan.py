"""What `seqattn compare` is asked to train, by its options and by what its folder has already."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError

from ..views.messages import say
from .shared import gather_settings

if TYPE_CHECKING:
    from rich.console import Console

    from seqattn.comparison.folder import ComparisonFolder, Evaluation
    from seqattn.comparison.plan import Given, Plan, Recipe

SAMPLE = "train.tsv"
SAMPLE_SETTINGS: dict[str, Any] = {
    "vocab_size": 2400,
    "validate_every": 400,
    "max_updates": 1500,
    "max_minutes": 1.7,
    "average": 0,
    "optimizer": "adam",
    "transformer.learning_rate": 4e-3,
    "transformer.dropout": 0.05,
}
"""Settings that train both models on the bundled sample within three minutes on two cores."""


def given_any(options: Mapping[str, Any], names: Iterable[str]) -> bool:
    """Whether any of these options is given."""
    return any(
        (value := options[name]) is not None and value is not False and value not in ((), "auto")
        for name in names
    )


def systems_named(named: Sequence[str], *, baselines: bool) -> tuple[tuple[Recipe, ...], tuple[Given, ...]]:
    """The systems to train, with or without the baselines, and those that exist."""
    from seqattn.comparison.plan import parse_systems
    from seqattn.models import BASELINES

    return parse_systems(named, BASELINES if baselines else ())


def all_exist(named: Sequence[str]) -> bool:
    """Whether there are systems and none of them is to be trained. Loads no torch."""
    recipes, given = systems_named(named, baselines=False)
    return bool(given) and not recipes


def _seeds(training: Mapping[str, Any]) -> tuple[int, ...]:
    """The seeds that are asked for, none if none are."""
    from seqattn.comparison.plan import parse_seeds

    if training["seeds"] and training["seed"] is not None:
        raise click.UsageError("Give --seed or --seeds, not both.")
    if training["seeds"] is not None:
        return parse_seeds(training["seeds"])
    return () if training["seed"] is None else (training["seed"],)


def sample_folder() -> Path:
    """The bundled en-ko corpus in the installed package."""
    from importlib.resources import files

    folder = Path(str(files("seqattn_samples"))) / "en-ko"
    if not folder.is_dir():
        raise InputError("the bundled sample is missing", path=folder, remedy="install seqattn again")
    return folder


def _with_those_of_the_sample(settings: Mapping[str, Any], budget: str | None) -> dict[str, Any]:
    """Settings over those for the bundled sample, whose limits are for who asks for no others."""
    from seqattn.comparison.plan import LIMITS
    from seqattn.options import override

    limited = not settings.keys().isdisjoint(LIMITS.values())
    excluded = {limit for kind, limit in LIMITS.items() if limited or budget not in (None, kind)}
    standard = {name: value for name, value in SAMPLE_SETTINGS.items() if name not in excluded}
    return override(standard, settings)


def what_is_asked(
    console: Console,
    named: Sequence[str],
    train_on: Sequence[str],
    out: Path | None,
    asked: Evaluation,
    training: dict[str, Any],
) -> tuple[ComparisonFolder, Plan, Evaluation]:
    """What is to be trained and compared, and where: by the options and by what the folder has already."""
    from seqattn.comparison.folder import ComparisonFolder

    folder = ComparisonFolder(out) if out else None
    begun = folder.read()[0] if folder and folder.exists else None
    fixed = training.keys() - {"seed", "seeds", "no_baselines"}
    alone = begun is not None and not train_on and not given_any(training, fixed)
    recipes, given = systems_named(named, baselines=not alone and not training["no_baselines"])
    asked = replace(asked, given=given)
    if begun and alone:
        plan = replace(begun, recipes=recipes, seeds=_seeds(training) or begun.seeds)
    else:
        if begun and not train_on and begun.train != (str(sample_folder() / SAMPLE),):
            raise click.UsageError(
                f"{out} holds a comparison, whose settings stay as they are: add seeds and systems, "
                "or give --train and another --out."
            )
        if not train_on and (asked.test or asked.gold or training["valid"]):
            raise click.UsageError("Missing option '--train'.")
        plan, asked = _plan(console, recipes, train_on, asked, training)
    if folder is None:
        folder = _folder(console, plan)
    if folder.exists:
        asked = asked.over(folder.read()[1])
    return folder, folder.joined(plan), asked


def _plan(
    console: Console,
    recipes: tuple[Recipe, ...],
    train_on: Sequence[str],
    asked: Evaluation,
    training: dict[str, Any],
) -> tuple[Plan, Evaluation]:
    """What is to be trained, by the options; without a corpus, the bundled sample."""
    from seqattn.comparison.folder import Evaluation
    from seqattn.comparison.plan import Plan, parse_seeds

    seeds = _seeds(training)
    for name in ("no_baselines", "seeds", "seed"):
        del training[name]
    valid, budget, preset = (training.pop(name) for name in ("valid", "budget", "preset"))
    settings = gather_settings(training.pop("config"), training.pop("assignments"), **training)
    if not train_on:
        console.print("The bundled sample: English to Korean, from a grammar, with gold alignments.")
        sample = sample_folder()
        train_on, valid = [str(sample / SAMPLE)], str(sample / "valid.tsv")
        asked = asked.over(Evaluation(str(sample / "test.tsv"), str(sample / "test.gold")))
        settings = _with_those_of_the_sample(settings, budget)
    if "seed" in settings:
        if seeds:
            raise click.UsageError("Give --seeds or the setting seed, not both.")
        seeds = parse_seeds(str(settings.pop("seed")))
    return Plan(tuple(train_on), valid, recipes, seeds or (1,), preset, settings, budget), asked


def _folder(console: Console, plan: Plan) -> ComparisonFolder:
    """The folder for a plan without a name: of the same comparison if it was interrupted, or a new one."""
    from seqattn.comparison.folder import ComparisonFolder, interrupted

    begun = interrupted(Path("runs"), plan)
    if begun is None:
        return ComparisonFolder(Path("runs") / time.strftime("compare-%Y%m%d-%H%M%S"))
    say(console, f"Continuing {begun.path}, which was interrupted.")
    return begun
