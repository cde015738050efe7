"""Small maps of every layer and head for one pair, a row of maps for each layer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from seqattn.pictures.legible import reordered

from .heatmap import (
    FAINT,
    MAX_HEADING,
    MIN_WIDTH,
    block,
    caption,
    cell,
    fit,
    flow,
    legend,
    visible,
)

if TYPE_CHECKING:
    from seqattn.alignment.reading import Heads
    from seqattn.models.base import Reading

GAP = 2
"""Cells between two maps."""
LEAST = 9
"""The least cells of a map, so that its entropy fits below it."""


class Small(NamedTuple):
    """One of the maps."""

    name: str
    """With a star at the end for the run's own reading."""
    weights: list[list[float]]
    """(T, S)."""
    entropy: float
    """The mean over rows, in bits."""


def multiples(heads: Heads, own: Reading | None, *, width: int, title: str = "") -> RenderableType:
    """Draw each head's attention, and each layer's mean, as a map of one or two cells per source word.

    `own` is the reading chosen in training, if it is at the step shown; its map has a star.
    Rows are target words. Columns are numbered by their last digit; the numbers are explained once. No line
    is wider than `width` cells, which is raised to 20 if it is less: heads that do not fit side by side
    continue below, and source words in further panels.
    """
    width = max(width, MIN_WIDTH)
    names = [visible(word) for word in heads.source]
    labels = [visible(word) for word in heads.target]
    lines = [Text(fit(caption(title), width), style="bold")] if title else []
    if not labels:
        return block([*lines, Text(fit("no target words to show", width))])
    numbered = [Text(fit(f"{n} {fit(name, MAX_HEADING)}", width)) for n, name in enumerate(names, start=1)]
    # A terminal that reorders right-to-left words would separate them from their numbers.
    apart = any(map(reordered, names))
    side = Text("target" if heads.place == "decoder" else "source")
    lines += [side, *numbered] if apart else flow([side, *numbered], width)
    layers = [list(_maps(heads, own, layer)) for layer in range(1, len(heads.weights) + 1)]
    label = min(max(map(cell_len, labels)), width // 4)
    label = max(label, len(f"layer {len(layers)}"))
    room = width - label - 1
    size = 2 if len(layers[0]) * (2 * len(names) + GAP) - GAP <= room else 1
    panels = math.ceil(len(names) * size / room)
    bounds = [len(names) * panel // panels for panel in range(panels + 1)]
    for start, stop in pairwise(bounds):
        if panels > 1:
            lines += [Text(), Text(fit(f"source words {start + 1}–{stop} of {len(names)}", width), "italic")]
        columns = range(start, stop)
        extent = max(LEAST, size * len(columns))
        beside = max(1, (room + GAP) // (extent + GAP))
        for layer, maps in enumerate(layers, start=1):
            for first in range(0, len(maps), beside):
                some = maps[first : first + beside]
                lines += [Text(), *_beside(f"layer {layer}", some, labels, columns, size, label, extent)]
    lines += [Text(), *legend(width, *(["* the run's own"] if own else []), "bits: row entropy")]
    return block(lines)


def _maps(heads: Heads, own: Reading | None, layer: int) -> Iterator[Small]:
    """The mean of a layer, if it has several heads, and each head."""
    from seqattn.alignment.measures import entropy
    from seqattn.models.base import Reading

    count = heads.weights.shape[1]
    for head in range(count + 1) if count > 1 else [1]:
        weights = Reading(layer, head).weights(heads.weights)
        name = f"head {head}" if head else "mean"
        starred = own is not None and own.layer == layer and (own.head == head or count == 1)
        yield Small(name + "*" * starred, weights.tolist(), entropy(weights).mean().item())


def _beside(
    heading: str, maps: Sequence[Small], labels: list[str], columns: range, size: int, label: int, extent: int
) -> Iterator[Text]:
    """The lines of some maps of a layer, with row labels on the left."""

    def line(name: str, cells: Sequence[Text], style: str = "") -> Text:
        shown = fit(name, label)
        parts = [Text(shown.rjust(label - cell_len(shown) + len(shown)), style=style)]
        for at, some in enumerate(cells):
            some.pad_right(extent - some.cell_len)
            parts += [Text(" " * (GAP if at else 1)), some]
        return Text.assemble(*parts)

    ruler = "".join(str((column + 1) % 10).ljust(size) for column in columns)
    yield line(heading, [Text(one.name, "bold" if one.name.endswith("*") else "") for one in maps], "bold")
    yield line("", [Text(ruler, FAINT) for _ in maps])
    for row, name in enumerate(labels):
        rows = (one.weights[row] for one in maps)
        yield line(name, [Text.assemble(*(cell(weights[at], size) for at in columns)) for weights in rows])
    yield line("", [Text(f"{one.entropy:.2f} bits", FAINT) for one in maps])
