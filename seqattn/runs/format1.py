"""Renaming the tensors of runs in format 1, whose models were single modules."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

Renamed = tuple[tuple[str, str], ...]

LSTM: Renamed = (
    ("target_embedding.", "decoder.embedding."),
    ("source_embedding.", "encoder.embedding."),
    ("encoder.", "encoder.layers."),
    ("bridge_h.", "decoder.bridge_h."),
    ("bridge_c.", "decoder.bridge_c."),
    ("decoder.", "decoder.lstm."),
    ("attention.", "decoder.attention."),
    ("combine.", "decoder.combine."),
    ("output.", "decoder.output."),
)
TRANSFORMER: Renamed = (
    ("source_embedding.", "encoder.embedding."),
    ("target_embedding.", "decoder.embedding."),
    ("encoder.", "encoder.layers."),
    ("decoder.", "decoder.layers."),
    ("encoder_norm.", "encoder.norm."),
    ("decoder_norm.", "decoder.norm."),
    ("output.", "decoder.output."),
)
"""Old and new prefixes of names, in the order in which the models held their parameters."""


def is_old(names: Sequence[str]) -> bool:
    """Whether names are those of a model in format 1."""
    return any(name.startswith(("source_embedding.", "target_embedding.")) for name in names)


def upgrade_weights(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Weights under their current names; those of a newer format are unchanged."""
    if not is_old([*tensors]):
        return tensors
    shared = not any(name.startswith("source_embedding.") for name in tensors)
    renamed = {}
    for name, tensor in tensors.items():
        old, new = next((pair for pair in _renamed([*tensors]) if name.startswith(pair[0])), ("", ""))
        if shared and old == "target_embedding.":
            new = "encoder.embedding."
        renamed[new + name.removeprefix(old)] = tensor
    return renamed


def upgrade_state(tensors: dict[str, Tensor], parameters: Sequence[str]) -> dict[str, Tensor]:
    """A training state under its current names; one of a newer format is unchanged.

    `parameters` are the names of the model's parameters: format 1 numbered the optimizer's moments.
    """
    parts: dict[str, dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition(".")
        if part == "pool":
            number, _, rest = rest.partition(".")
            part = f"pool.{number}"
        parts.setdefault(part, {})[rest] = tensor
    old = [*parts.get("weights", ())]
    if not is_old(old):
        return tensors
    starts = [new for _, new in _renamed(old)]
    first = {
        name: next((at for at, new in enumerate(starts) if name.startswith(new)), 0) for name in parameters
    }
    if "target_embedding.weight" in old and "source_embedding.weight" not in old:
        first["encoder.embedding.weight"] = 0
    numbered = sorted(parameters, key=first.__getitem__)
    upgraded = {}
    for part, held in parts.items():
        if part == "optimizer":
            for name, tensor in held.items():
                number, _, key = name.partition(".")
                if not number.isdecimal() or int(number) >= len(numbered):
                    raise ValueError(f"the tensor optimizer.{name} is unknown")
                upgraded[f"optimizer.{numbered[int(number)]}.{key}"] = tensor
        else:
            named = upgrade_weights(held) if is_old([*held]) else held
            upgraded |= {f"{part}.{name}": tensor for name, tensor in named.items()}
    return upgraded


def _renamed(names: Sequence[str]) -> Renamed:
    layered = any(name.startswith(("source_embedding.tokens.", "target_embedding.tokens.")) for name in names)
    return TRANSFORMER if layered else LSTM
