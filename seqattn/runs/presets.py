"""Default sizes, by the number and the kind of training pairs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Any

from seqattn.errors import InputError
from seqattn.models import ARCHITECTURES, ModelOptions, default_options, parts_of
from seqattn.options import apply, is_setting, settings_for
from seqattn.text.learning import TokenizerOptions
from seqattn.training.schedule import TrainingOptions

SMALL_DATA = {"batch_tokens": 1024, "learning_rate": 3e-3, "warmup": 200}
"""Small batches give many updates from few tokens."""

MEDIUM_DATA = {"batch_tokens": 4096, "learning_rate": 5e-3, "warmup": 1000}
"""A small model takes a high rate."""

LARGE_DATA = {"batch_tokens": 4096, "accumulate": 2, "learning_rate": 7e-4, "warmup": 4000}

SHARED = (
    *("batch_tokens", "accumulate", "max_length", "validate_every", "best_by", "patience"),
    *("max_updates", "max_tokens", "max_minutes", "seed"),
)
"""The training options that the systems of a comparison have in common."""

TINY: dict[str, dict[str, Any]] = {
    "lstm": {
        **SMALL_DATA,
        "width": 128,
        "hidden": 272,
        "dropout": 0.1,
        "weight_decay": 0.1,
        "learning_rate": 6e-3,
    },
    "transformer": {
        **SMALL_DATA,
        "width": 128,
        "feed_forward": 512,
        "heads": 4,
        "encoder_layers": 2,
        "decoder_layers": 2,
        "dropout": 0.1,
        "weight_decay": 0.1,
    },
    "hybrid": {"score": "additive", "decoder.hidden": 208, "learning_rate": 6e-3},
    "lstm+transformer": {"encoder.hidden": 320},
    "grid": {**SMALL_DATA, "width": 132, "dropout": 0.1, "learning_rate": 1.5e-3},
    "patches": {
        **SMALL_DATA,
        "width": 128,
        "feed_forward": 512,
        "heads": 4,
        "layers": 2,
        "dropout": 0.1,
        "learning_rate": 1.5e-3,
    },
    "grid+lstm": {"score": "additive", "decoder.hidden": 208, "learning_rate": 3e-3},
    "patches+lstm": {"score": "additive", "decoder.hidden": 200},
}

MINI: dict[str, dict[str, Any]] = {
    "lstm": {
        **MEDIUM_DATA,
        "width": 128,
        "hidden": 336,
        "dropout": 0.3,
        "word_dropout": 0.1,
        "weight_decay": 0.1,
        "learning_rate": 4e-3,
    },
    "transformer": {
        **MEDIUM_DATA,
        "width": 128,
        "feed_forward": 256,
        "heads": 4,
        "encoder_layers": 4,
        "decoder_layers": 4,
        "dropout": 0.3,
        "weight_decay": 0.1,
    },
    "hybrid": {"score": "additive", "decoder.hidden": 264},
    "lstm+transformer": {"encoder.hidden": 376},
    "grid": {**MEDIUM_DATA, "width": 128, "blocks": 2, "dropout": 0.3, "learning_rate": 1.5e-3},
    "patches": {
        **MEDIUM_DATA,
        "width": 128,
        "feed_forward": 256,
        "heads": 4,
        "layers": 4,
        "dropout": 0.3,
        "learning_rate": 1.5e-3,
    },
    "grid+lstm": {"score": "additive", "decoder.hidden": 264},
    "patches+lstm": {"score": "additive", "decoder.hidden": 264},
}

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "low-resource": {
        **TINY,
        "lstm": {**TINY["lstm"], "dropout": 0.3, "word_dropout": 0.1, "weight_decay": 0.3},
        "transformer": {**TINY["transformer"], "dropout": 0.3, "weight_decay": 0.3},
    },
    "tiny": TINY,
    "mini": MINI,
    "regular": {
        **MINI,
        "lstm": {**MINI["lstm"], "dropout": 0.1, "word_dropout": 0.0, "weight_decay": 0.0},
        "transformer": {**MINI["transformer"], "dropout": 0.1, "weight_decay": 0.0},
    },
    "small": {
        "lstm": {
            "width": 256,
            "hidden": 688,
            "dropout": 0.3,
            "weight_decay": 0.1,
            "learning_rate": 2.5e-3,
        },
        "transformer": {
            "width": 256,
            "feed_forward": 1024,
            "heads": 4,
            "dropout": 0.2,
            "weight_decay": 0.1,
        },
        "hybrid": {"score": "additive", "decoder.hidden": 528, "learning_rate": 2.5e-3},
        "lstm+transformer": {"encoder.hidden": 800},
        "grid": {"width": 256, "blocks": 2, "dropout": 0.2},
        "patches": {"width": 256, "feed_forward": 1024, "heads": 4, "dropout": 0.2},
        "grid+lstm": {"score": "additive", "decoder.hidden": 528},
        "patches+lstm": {"score": "additive", "decoder.hidden": 528},
    },
    "base": {
        "lstm": {
            **LARGE_DATA,
            "width": 512,
            "hidden": 1248,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "dropout": 0.2,
            "weight_decay": 0.1,
        },
        "transformer": {
            **LARGE_DATA,
            "width": 512,
            "feed_forward": 2048,
            "heads": 8,
            "encoder_layers": 6,
            "decoder_layers": 6,
            "dropout": 0.1,
            "weight_decay": 0.1,
        },
        "hybrid": {"score": "additive", "decoder.hidden": 1088},
        "lstm+transformer": {"encoder.hidden": 1376},
        "grid": {**LARGE_DATA, "width": 512, "blocks": 5, "dropout": 0.1},
        "patches": {
            **LARGE_DATA,
            "width": 512,
            "feed_forward": 2048,
            "heads": 8,
            "layers": 6,
            "dropout": 0.1,
        },
        "grid+lstm": {"score": "additive", "decoder.hidden": 1088},
        "patches+lstm": {"score": "additive", "decoder.hidden": 1088},
    },
}
"""Settings by preset and architecture, or encoder of images; those of a mixed pair override its parts'.

`low-resource` is `tiny` with the strong dropout that few pairs of natural text need (Sennrich and Zhang
2019); of few pairs that rules make, such as commands, a model learns more with little. `regular` is `mini`
with the little dropout, and no weight decay, that many pairs need which are no natural text, such as
spellings and pronunciations.

The models of a preset have the same number of parameters within 5 percent, so that they can be compared.
"""


MUON = {"optimizer": "muon"}
FAST = {**MUON, "learning_rate": 9e-3, "warmup": 300}
WITH_MUON: dict[str, dict[str, dict[str, Any]]] = {
    "low-resource": {"transformer": MUON},
    "tiny": {"transformer": MUON},
    "mini": {"transformer": FAST},
    "regular": {"transformer": FAST},
    "small": {"transformer": {**FAST, "learning_rate": 6e-3}},
    "base": {"transformer": {**FAST, "learning_rate": 4e-3}},
}
"""What differs, by preset and architecture, for those that are trained with Muon unless Adam is asked for."""


PAIRS = {"tiny": 0, "mini": 20_000, "small": 60_000, "base": 1_000_000}
"""From how many training pairs each preset is chosen."""


def suitable_presets(pairs: int, natural: bool) -> list[str]:
    """The preset for so many training pairs and smaller ones, for targets of natural text or others."""
    sizes = [name for name, fewest in PAIRS.items() if pairs >= fewest]
    if natural:
        return ["low-resource"] if sizes == ["tiny"] else sizes[::-1]
    regular = {"mini": "regular", "small": "regular"}
    return list(dict.fromkeys(regular.get(name, name) for name in reversed(sizes)))


def preset_of(architecture: str, preset: str, optimizer: str | None = None) -> dict[str, Any]:
    """A preset's settings for an architecture, and for the optimizer that is asked for.

    Each part of a mixed pair has the settings of the architecture that uses it on both sides; the training
    options are those of the encoder's architecture. Settings of the pair itself override both.
    InputError when there is no such preset.
    """
    if preset not in PRESETS:
        raise InputError(f"there is no preset {preset!r}", remedy=f"the presets are {', '.join(PRESETS)}")
    sizes = PRESETS[preset]
    encoder, decoder = parts_of(architecture)
    if encoder == decoder:
        with_muon = WITH_MUON.get(preset, {}).get(architecture, {})
        return sizes.get(architecture, {}) | ({} if optimizer == "adam" else with_muon)
    training = {field.name for field in fields(TrainingOptions)}
    own = dict(sizes.get(encoder, {}))
    chosen = {name: value for name, value in own.items() if name in training}
    for part, other in (("encoder", own), ("decoder", sizes.get(decoder, {}))):
        foreign = "decoder_" if part == "encoder" else "encoder_"
        for name, value in other.items():
            if name not in training and not name.startswith(foreign):
                chosen[f"{part}.{name.removeprefix(f'{part}_')}"] = value
    return chosen | sizes.get(architecture, {})


def compose(
    architecture: str, preset: str, settings: Mapping[str, Any]
) -> tuple[ModelOptions, TokenizerOptions, TrainingOptions]:
    """The options of the model, the tokenizer and the training: a preset's, overridden by the settings.

    A prefix restricts a setting to one architecture, as in `lstm.score`.
    """
    # Settings for other architectures are read too, so that errors in them are reported.
    for other in ARCHITECTURES.keys() - {architecture}:
        prefix = f"{other}."
        meant = {k.removeprefix(prefix): v for k, v in settings.items() if k.startswith(prefix)}
        options = default_options(other), TokenizerOptions(), TrainingOptions()
        _check_owned(other, meant, options)
        apply(meant, *options)
    asked = settings_for(architecture, ARCHITECTURES, settings)
    defaults = default_options(architecture), TokenizerOptions(), TrainingOptions()
    _check_owned(architecture, asked, defaults)
    own = preset_of(architecture, preset, asked.get("optimizer"))
    model, tokenizer, training = apply(asked, *apply(own, *defaults))
    return model, tokenizer, training


def _check_owned(architecture: str, settings: Iterable[str], options: Sequence[Any]) -> None:
    """InputError when a setting is one of other architectures alone."""
    for key in settings:
        owners = [name for name in ARCHITECTURES if is_setting(key, default_options(name))]
        if owners and not any(is_setting(key, one) for one in options):
            named = " or ".join(f"{name}.{key}" for name in owners)
            raise InputError(
                f"{key} is a setting of {' and '.join(owners)}, not of {architecture}",
                remedy=f"leave it out, or where several are trained write {named}",
            )


def check_alike(
    recipes: Mapping[str, tuple[ModelOptions, TokenizerOptions, TrainingOptions]],
) -> None:
    """InputError when systems would not share tokenizer, batches, budget and validation."""
    first, *others = recipes.items()
    for name, (_, tokenizer, training) in others:
        differing = [
            field.name
            for field in fields(tokenizer)
            if getattr(tokenizer, field.name) != getattr(first[1][1], field.name)
        ]
        differing += [one for one in SHARED if getattr(training, one) != getattr(first[1][2], one)]
        if differing:
            raise InputError(
                f"{first[0]} and {name} differ in {', '.join(differing)}: a comparison needs one tokenizer, "
                "one way to batch and one budget"
            )
