"""Attention over images in the terminal: half-blocks, lit where a word attends; without colour, shades."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.color import Color
from rich.console import Console, Group, RenderableType
from rich.style import Style
from rich.text import Text

from seqattn.data.pixels import Image, Shape

from .heatmap import MIN_WIDTH, band, block, caption, fit, flow, legend, side_by_side, visible

if TYPE_CHECKING:
    from seqattn.alignment.reading import Attention
    from seqattn.pictures.image_panel import ImagePanel

UPPER = "▀"
TALLEST, WIDEST = 48, 64
"""Pixels of a frame in half-blocks."""
DARKEST = 0.16
"""The brightness of a cell without attention; the cell with the most has 1."""
INK = " ░▒▓█"
"""From dark to bright, for the image without colour."""
SHADE = 2
"""Characters of a cell without colour."""

Values = NDArray[np.float64]


def frames(panels: Sequence[ImagePanel], console: Console) -> Iterable[RenderableType]:
    """The attention of each run over an image, under a title."""
    for seen in panels:
        title = fit(caption(f"{seen.run}: {seen.described}"), max(console.width, MIN_WIDTH))
        yield Group(
            block([Text(title, style="bold"), Text()]),
            over_image(seen.image, seen.cells, seen.attention, console),
        )


def over_image(image: Image, cells: Shape, attention: Attention, console: Console) -> RenderableType:
    """An image, then a frame for each word: what it attends to."""
    width = max(console.width, MIN_WIDTH)
    colour = shows_colour(console)
    room = width if colour else min(width, SHADE * cells.columns(image))
    drawn = [block([*picture(image, room, colour), Text("the image", style="dim")])]
    for word, weights in zip(attention.target, attention.weights.tolist(), strict=True):
        lines = lit(image, cells, weights, room, colour)
        extent = max(line.cell_len for line in lines)
        named = Text(fit(visible(word), max(extent, 8)), style="bold")
        drawn.append(block([*lines, named, _most(attention.source, weights)]))
    notes = _lightness(width) if colour else legend(width)
    return Group(side_by_side(drawn, width=width), block([Text(), *notes]))


def shows_colour(console: Console) -> bool:
    """Whether half-blocks can be told apart: they differ only in colours."""
    return console.color_system in ("256", "truecolor", "windows") and not console.no_color


def _most(cells: Sequence[str], weights: Sequence[float]) -> Text:
    """The cell with the largest weight."""
    at = max(range(len(weights)), key=weights.__getitem__)
    return Text(f"{cells[at]} {100 * weights[at]:.0f} %", style="dim")


def _lightness(width: int) -> list[Text]:
    """What the light means."""
    notes = ["the darker a cell, the less of the word's attention it gets", "rRcC: its row and column"]
    return flow(map(Text, notes), width)


def picture(image: Image, width: int, colour: bool) -> list[Text]:
    """An image in lines of at most `width` cells."""
    pixels = fitted(_rgb(image), width)
    return half_blocks(pixels) if colour else _inked(pixels, width)


def lit(
    image: Image,
    cells: Shape,
    weights: Sequence[float],
    width: int,
    colour: bool,
    most: int = TALLEST // 2,
) -> list[Text]:
    """An image with the attention (S,) of one word, in at most `most` lines of at most `width` cells.

    In colours each cell is as bright as its share of the largest weight. Without, the cells are shaded.
    """
    grid = np.array(weights).reshape(-1, cells.rows).T
    if not colour:
        return _shaded(grid, width)
    pixels = fitted(_rgb(image), width, 2 * most)
    share = grid / max(grid.max(), 1e-9)
    rows, columns = (
        np.arange(size) * count // size for size, count in zip(pixels.shape, share.shape, strict=False)
    )
    brightness = DARKEST + (1 - DARKEST) * share[rows][:, columns]
    return half_blocks(pixels * brightness[..., None])


def _rgb(image: Image) -> Values:
    """(H, W, 3)."""
    pixels = image.pixels.transpose(1, 2, 0).astype(np.float64)
    return np.broadcast_to(pixels, (*pixels.shape[:2], 3))


def fitted(pixels: Values, width: int, tallest: int = TALLEST) -> Values:
    """Pixels (H, W, 3) made smaller, if need be: at most `width` wide and as large as a frame may be."""
    height = pixels.shape[0]
    # What is much wider than high is a line of text, which may take the whole width.
    widest = width if pixels.shape[1] > 2 * height else min(width, WIDEST)
    scale = min(1.0, min(tallest, TALLEST) / height, widest / pixels.shape[1])
    for axis in (0, 1):
        size = max(1, int(pixels.shape[axis] * scale))
        pixels = _averaged(pixels, size, axis)
    return pixels


def _averaged(pixels: Values, size: int, axis: int) -> Values:
    """Means over an axis, so that it has this size."""
    if size == pixels.shape[axis]:
        return pixels
    starts = np.arange(size) * pixels.shape[axis] // size
    counts = np.diff([*starts, pixels.shape[axis]])
    shape = [1] * pixels.ndim
    shape[axis] = -1
    summed: Values = np.add.reduceat(pixels, starts, axis=axis) / counts.reshape(shape)
    return summed


def half_blocks(pixels: Values) -> list[Text]:
    """Two rows of pixels (H, W, 3) in each line: the upper as the colour of ▀, the lower as its ground."""
    values = pixels.round().astype(int).clip(0, 255)
    lines = []
    for top in range(0, len(values), 2):
        line = Text()
        lower = values[top + 1] if top + 1 < len(values) else [None] * values.shape[1]
        for above, below in zip(values[top], lower, strict=True):
            behind = None if below is None else Color.from_rgb(*below)
            line.append(UPPER, Style(color=Color.from_rgb(*above), bgcolor=behind))
        lines.append(line)
    return lines


def _inked(pixels: Values, width: int) -> list[Text]:
    """An image without colour, half as many lines as it has rows of pixels."""
    small = _averaged(pixels, max(1, len(pixels) // 2), 0).mean(-1)
    steps = (small / 256 * len(INK)).astype(int)
    return [Text("".join(INK[step] for step in row)) for row in steps]


def _shaded(grid: Values, width: int) -> list[Text]:
    """The cells without colour, each as the shade of its weight."""
    size = SHADE if SHADE * grid.shape[1] <= width else 1
    return [
        Text.assemble(*((band(weight)[0] * size, band(weight)[1]) for weight in row)) for row in grid.tolist()
    ]


def joined(parts: Iterable[RenderableType]) -> RenderableType:
    """Parts below each other, a blank line between them."""
    lines: list[RenderableType] = []
    for part in parts:
        lines += [Text(), part] if lines else [part]
    return Group(*lines)
