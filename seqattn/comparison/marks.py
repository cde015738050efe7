"""How a page tells systems apart: each has a colour, a mark and a kind of line."""

from __future__ import annotations

from seqattn.pictures.document import schemes, shown

HUES = (
    ("#1f5fa8", "#6db1ff"),
    ("#b4530a", "#ffa35a"),
    ("#24794a", "#62d095"),
    ("#86399f", "#d49bff"),
    ("#a82c53", "#ff8fae"),
    ("#5b6470", "#b4bdc9"),
)
"""The colours of systems on light and on dark, each with a contrast of more than 4.5 to the background."""
MARKS = (
    "M-4 0a4 4 0 1 0 8 0a4 4 0 1 0-8 0z",
    "M-3.6-3.6h7.2v7.2h-7.2z",
    "M0-5 4.7 3.4h-9.4z",
    "M0-5.2 5.2 0 0 5.2-5.2 0z",
    "M0 5 4.7-3.4h-9.4z",
)
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "4 4")


def hue(at: int) -> str:
    """The class of a system's colour."""
    return f"s{at % len(HUES)}"


def hues() -> str:
    """The style rules for the colours of systems."""
    light, dark = (
        "".join(f".s{at}{{--hue:{hue[scheme]}}}" for at, hue in enumerate(HUES)) for scheme in (0, 1)
    )
    return schemes(light, dark)


def marks() -> str:
    """The definitions of the marks that `drawing` and `named` use."""
    shapes = "".join(f'<path id="mark{at}" class="mark" d="{shape}"/>' for at, shape in enumerate(MARKS))
    return f'<svg class="definitions" width="0" height="0" aria-hidden="true"><defs>{shapes}</defs></svg>'


def named(at: int, name: str) -> str:
    """A system's name after its mark."""
    return (
        f'<span class="named"><svg class="key {hue(at)}" viewBox="-6 -6 12 12" aria-hidden="true">'
        f'<use href="#mark{at % len(MARKS)}"/></svg><span>{shown(name)}</span></span>'
    )


def swatch(at: int) -> str:
    """A system's line and mark, as in a legend."""
    return (
        f'<svg class="swatch {hue(at)}" viewBox="0 -6 34 12" aria-hidden="true">'
        f'<path class="mean" stroke-dasharray="{DASHES[at % len(DASHES)]}" d="M0 0h34"/>'
        f'<use href="#mark{at % len(MARKS)}" x="17"/></svg>'
    )
