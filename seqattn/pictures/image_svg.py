"""Attention over images as an SVG picture for a paper or a slide: the image once for each word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from torch import Tensor

from seqattn.errors import InputError
from seqattn.pictures.document import MARKS
from seqattn.pictures.image_panel import ImagePanel
from seqattn.pictures.legible import caption, fit, visible
from seqattn.pictures.png import data_uri
from seqattn.pictures.ramp import DARK, LIGHT
from seqattn.pictures.svg import FONT, GAP, MARGIN, MOST_PAIRS, extent, letters, safe

FRAME, WIDEST, ROOM = 112, 720, 900
"""Pixels: the usual height of a frame, its maximum width, and the width of a row of frames."""
LEAST = 0.005
"""Weight that is said."""
VEIL = 0.85
"""How far a cell without attention is veiled; the cell with the most is not."""


def image_drawing(pairs: Sequence[Sequence[ImagePanel]]) -> str:
    """An SVG document: for each image and run a frame for every word.

    A cell is the more veiled, the less of the word's attention it gets; the one that gets most has an
    outline. InputError when there are too many images.
    """
    if len(pairs) > MOST_PAIRS:
        raise InputError(f"a picture holds at most {MOST_PAIRS} images", remedy="--format html holds more")
    marks: list[str] = []
    # Runs of one shape see an image alike.
    names: dict[str, str] = {}
    y, widest = float(MARGIN), 0.0
    for several in pairs:
        for seen in several:
            name = names.setdefault(_image(seen), f"i{len(names)}")
            drawn, width, height = _frames(seen, name)
            marks += [f'<g transform="translate({MARGIN} {y:g})">', *drawn, "</g>"]
            y += height + MARGIN
            widest = max(widest, width)
    width = widest + 2 * MARGIN
    described = "\n".join(_described(seen) for several in pairs for seen in several)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:g}" height="{y:g}" '
            f'viewBox="0 0 {width:g} {y:g}" font-family="system-ui, sans-serif" font-size="{FONT}">',
            "<title>What each word attends to</title>",
            f"<desc>{safe(described)}</desc>",
            f"<style>@media (prefers-color-scheme: dark){{.ground,.veil{{fill:{DARK[0]}}}"
            f"text{{fill:{DARK[1]}}}.most{{stroke:{MARKS[1]}}}}}</style>",
            *(f'<defs><image id="{name}" {image}/></defs>' for image, name in names.items()),
            f'<rect class="ground" width="100%" height="100%" fill="{LIGHT[0]}"/>',
            *marks,
            "</svg>",
        ]
    )


def _image(seen: ImagePanel) -> str:
    """The attributes of the image in a frame's size, to be used in every frame."""
    width, height = _size(seen)
    return (
        f'width="{width:g}" height="{height:g}" preserveAspectRatio="none" '
        f'image-rendering="optimizeSpeed" href="{data_uri(seen.image.pixels)}"'
    )


def _size(seen: ImagePanel) -> tuple[float, float]:
    """Of a frame."""
    height, width = seen.image.pixels.shape[1:]
    scale = min(FRAME / height, WIDEST / width)
    return round(width * scale, 2), round(height * scale, 2)


def _frames(seen: ImagePanel, name: str) -> tuple[list[str], float, float]:
    """A run's frames under a title, and the width and height of all."""
    width, height = _size(seen)
    beside = max(1, int((ROOM + GAP) // (width + GAP)))
    title = f"{caption(seen.run)}: {seen.described}"
    marks = [letters(title, 0, 0.7 * FONT, left=True, weight="bold")]
    top = 2 * FONT
    step = height + 2 * FONT
    for at, (word, grid) in enumerate(zip(seen.attention.target, seen.grids, strict=True)):
        x, y = at % beside * (width + GAP), top + at // beside * step
        shown = fit(visible(word), max(width, 2 * FONT), extent)
        marks += [
            f'<g transform="translate({x:g} {y:g})"><use href="#{name}"/>',
            *_veils(grid, width, height),
            letters(shown, 0, height + 0.8 * FONT, left=True),
            "</g>",
        ]
    count = len(seen.attention.target)
    lines = -(-count // beside)
    across = min(count, beside) * (width + GAP) - GAP
    return marks, max(across, extent(title)), top + lines * step


def _veils(grid: Tensor, width: float, height: float) -> Iterator[str]:
    """The veil over each cell (rows, columns), and the outline of the one with the largest weight."""
    rows, columns = grid.shape
    w, h = width / columns, height / rows
    largest = max(grid.max().item(), 1e-9)
    most = grid.flatten().argmax().item()
    for at, weight in enumerate(grid.flatten().tolist()):
        x, y = at % columns * w, at // columns * h
        place = f'x="{x:.4g}" y="{y:.4g}" width="{w:.4g}" height="{h:.4g}"'
        opacity = VEIL * (1 - weight / largest)
        said = f"<title>{100 * weight:.1f} %</title>" if weight >= LEAST else ""
        yield f'<rect class="veil" {place} fill="{LIGHT[0]}" fill-opacity="{opacity:.3g}">{said}</rect>'
        if at == most:
            yield f'<rect class="most" {place} fill="none" stroke="{MARKS[0]}" stroke-width="2"/>'


def _described(seen: ImagePanel) -> str:
    """What each word attends to most, for screen readers."""
    names = [seen.attention.source[at] for at in seen.attention.weights.argmax(-1).tolist()]
    looks = (f"{visible(word)} to {name}" for word, name in zip(seen.attention.target, names, strict=True))
    return (
        f"{caption(seen.run)}; the cells, by row and column, that each word attends to most: "
        f"{', '.join(looks) or 'there are no words'}."
    )
