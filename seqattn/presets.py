"""Sizes to begin from, by how many pairs there are to learn from."""

from __future__ import annotations

from typing import Any

PRESETS: dict[str, dict[str, dict[str, Any]]] = {
    "tiny": {
        "lstm": {"width": 128, "hidden": 256, "dropout": 0.2},
        "transformer": {
            "width": 128,
            "feed_forward": 512,
            "heads": 4,
            "encoder_layers": 2,
            "decoder_layers": 2,
            "dropout": 0.1,
        },
    },
    "small": {
        "lstm": {"width": 256, "hidden": 512, "dropout": 0.3},
        "transformer": {"width": 256, "feed_forward": 1024, "heads": 4, "dropout": 0.2},
    },
    "base": {
        "lstm": {"width": 512, "hidden": 1024, "encoder_layers": 2, "decoder_layers": 2, "dropout": 0.2},
        "transformer": {
            "width": 512,
            "feed_forward": 2048,
            "heads": 8,
            "encoder_layers": 6,
            "decoder_layers": 6,
            "dropout": 0.1,
        },
    },
}
"""Settings of each architecture under the preset's name."""


def choose_preset(pairs: int) -> str:
    """tiny below 20 thousand pairs, small below a million, base from there."""
    return "tiny" if pairs < 20_000 else "small" if pairs < 1_000_000 else "base"
