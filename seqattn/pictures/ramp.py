"""The colours of pictures and pages; larger weights stand out more from a light or dark background."""

from __future__ import annotations

LIGHT, DARK = ("#ffffff", "#1a1c24"), ("#14161f", "#e6e7ee")
"""Background and text."""
# From indigo through teal to nearly white. Lightness in OKLab rises evenly from 0.27 to 0.98, so that the
# order is visible without colour vision and in grey print; hue falls from 275° to 125°.
COLOURS = (
    *("#1d2248", "#1f2c54", "#1f3760", "#1d436c", "#1b4f76", "#175b7f", "#146787", "#16738e", "#1e8093"),
    *("#2c8c98", "#3d979c", "#4fa29f", "#63ada3", "#77b7a8", "#8cc0ad", "#a1cab5", "#b5d3be", "#c8dcc9"),
    *("#d9e5d7", "#eaeee7", "#f8f8f8"),
)
STEPS = len(COLOURS) - 1
_WHITE_INK = 9
"""On this many of them white text is easier to read than black."""


def step(weight: float) -> int:
    """The step of a weight in [0, 1]: 0 … STEPS."""
    return round(STEPS * min(max(0.0, weight), 1.0))


def ramp(*, dark: bool) -> list[tuple[str, str]]:
    """The colour of each step and of the text on it, for a dark or a light background."""
    inks = ("#ffffff",) * _WHITE_INK + ("#000000",) * (len(COLOURS) - _WHITE_INK)
    return list(zip(COLOURS, inks, strict=True))[:: 1 if dark else -1]
