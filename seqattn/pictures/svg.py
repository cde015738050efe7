"""Attention as an SVG picture for a paper or a slide: rows attend to columns."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from seqattn.alignment.reading import Attention
from seqattn.errors import InputError
from seqattn.pictures.legible import SIGNS, caption, fit, right_to_left, visible
from seqattn.pictures.ramp import DARK, LIGHT, STEPS, ramp, step

MOST_PAIRS = 20
CELL, FONT, GAP, MARGIN, WORD = 28, 14, 8, 20, 320
"""Sizes in pixels; `WORD` is the maximum width of a word."""
NARROW = frozenset("abcdefghijklnopqrstuvxyz0123456789.,:;!|()[]'-/ ·")


class Box(NamedTuple):
    """One heat map, drawn from (0, 0)."""

    width: float
    height: float
    marks: list[str]


def drawing(pairs: Sequence[Sequence[tuple[str, Attention]]]) -> str:
    """An SVG document: a row for each pair with a heat map for each title and attention (T, S).

    It is light, or dark where the reader prefers dark. Programs without style sheet support show it light.
    InputError when there are too many pairs.
    """
    if len(pairs) > MOST_PAIRS:
        raise InputError(f"a picture holds at most {MOST_PAIRS} pairs", remedy="--format html holds more")
    rows = [[_panel(title, attention) for title, attention in several] for several in pairs]
    columns = [max(panel.width for panel in column) for column in zip(*rows, strict=True)]
    marks: list[str] = []
    y = float(MARGIN)
    for row in rows:
        x = float(MARGIN)
        for panel, room in zip(row, columns, strict=True):
            marks += [f'<g transform="translate({x:g} {y:g})">', *panel.marks, "</g>"]
            x += room + 2 * MARGIN
        y += max(panel.height for panel in row) + 2 * MARGIN
    legend = _legend()
    width = max(sum(columns) + 2 * MARGIN * len(columns), legend.width + 2 * MARGIN)
    height = y + legend.height
    dark = "".join(f".w{k}{{fill:{fill}}}" for k, (fill, _) in enumerate(ramp(dark=True)))
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:g}" height="{height:g}" '
            f'viewBox="0 0 {width:g} {height:g}" font-family="system-ui, sans-serif" font-size="{FONT}">',
            "<title>What each word attends to</title>",
            f"<desc>{safe(_described(pairs))}</desc>",
            f"<style>@media (prefers-color-scheme: dark){{.ground{{fill:{DARK[0]}}}text{{fill:{DARK[1]}}}"
            f"{dark}}}</style>",
            f'<rect class="ground" width="100%" height="100%" fill="{LIGHT[0]}"/>',
            *marks,
            f'<g transform="translate({MARGIN} {y:g})">',
            *legend.marks,
            "</g>",
            "</svg>",
        ]
    )


def _panel(title: str, attention: Attention) -> Box:
    """A heat map under its title; for a right-to-left source it runs from right to left as well."""
    source = [fit(visible(word), WORD, extent) for word in attention.source]
    target = [fit(visible(word), WORD, extent) for word in attention.target]
    title = caption(title)
    top = 2 * FONT + max(map(extent, source), default=0) + GAP
    side = max(map(extent, target), default=0) + GAP
    width = max(side + CELL * len(source), extent(title))
    mirrored = right_to_left(source)

    def across(x: float) -> float:
        return width - x if mirrored else x

    marks = [letters(title, across(0), 0.7 * FONT, left=not mirrored, weight="bold")]
    for column, word in enumerate(source):
        x = across(side + CELL * (column + 0.5))
        marks.append(letters(word, x, top - GAP, left=True, upwards=True))
    for row, (word, weights) in enumerate(zip(target, attention.weights.tolist(), strict=True)):
        y = top + CELL * row
        marks.append(letters(word, across(side - GAP), y + CELL / 2, left=mirrored))
        for column, weight in enumerate(weights):
            x = across(side + CELL * (column + mirrored))
            label = f"{word} ← {source[column]}: {100 * weight:.1f} %"
            marks.append(_cell(x, y, CELL - 1, weight, f"<title>{safe(label)}</title>"))
    return Box(width, top + CELL * len(target), marks)


def _legend() -> Box:
    """The colour ramp, from 0 to 100 %."""
    size, start = 10, extent("0 %") + GAP
    marks = [letters("0 %", 0, size / 2, left=True)]
    marks += [_cell(start + size * k, 0, size, k / STEPS) for k in range(STEPS + 1)]
    words = "100 % of a word's attention"
    end = start + size * (STEPS + 1) + GAP
    return Box(end + extent(words), size + MARGIN, [*marks, letters(words, end, size / 2, left=True)])


def _cell(x: float, y: float, size: float, weight: float, within: str = "") -> str:
    fill, _ = ramp(dark=False)[step(weight)]
    return (
        f'<rect class="w{step(weight)}" x="{x:g}" y="{y:g}" width="{size}" height="{size}" fill="{fill}">'
        f"{within}</rect>"
    )


def letters(
    text: str, x: float, y: float, *, left: bool, upwards: bool = False, weight: str = "normal"
) -> str:
    """Text with its left or right end at (x, y), vertically centred."""
    backwards = right_to_left([text])
    return (
        f'<text transform="translate({x:g} {y:g}){" rotate(-90)" if upwards else ""}" dy=".35em" '
        f'text-anchor="{"start" if left != backwards else "end"}" '
        f'direction="{"rtl" if backwards else "ltr"}" font-weight="{weight}" fill="{LIGHT[1]}">'
        f"{safe(text)}</text>"
    )


def _described(pairs: Sequence[Sequence[tuple[str, Attention]]]) -> str:
    """A description of the picture, for screen readers."""
    lines = ["Rows are the words that attend, columns those attended to."]
    for title, attention in (one for several in pairs for one in several):
        most = attention.weights.argmax(-1).tolist()
        looks = (
            f"{visible(word)} to {visible(attention.source[s])}"
            for word, s in zip(attention.target, most, strict=True)
        )
        lines.append(f"{caption(title)}; each attends most: {', '.join(looks) or 'there are no words'}.")
    return "\n".join(lines)


def extent(text: str) -> int:
    """The maximum width of a text in pixels, in usual fonts: the actual font is not known here."""
    return math.ceil(FONT * sum(map(_ems, text)))


def _ems(char: str) -> float:
    if char in NARROW:
        return 0.64
    if unicodedata.category(char) in ("Mn", "Me", "Cf") and char not in SIGNS:
        return 0.0
    return 1.05 if unicodedata.east_asian_width(char) in "WF" else 0.95


def safe(text: str) -> str:
    """Text as XML, which cannot represent two characters."""
    return escape(re.sub("[\ufffe\uffff]", "\ufffd", text))
