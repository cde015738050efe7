"""The formats in which `align` shows attention, each a function that prints to standard output.

A format receives, for each pair, the attention of every run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import click

from seqattn.as_json import as_json

from ..commands.shared import results

if TYPE_CHECKING:
    from seqattn.pictures.image_map import ImageMap
    from seqattn.pictures.maps import AttentionMap

Found = Iterable[Sequence["AttentionMap"]]


def heatmaps(found: Found) -> None:
    """Heat maps, those of one pair side by side if there is room."""
    from .heatmap import side_by_side
    from .render import attention_map

    console = results()
    for number, several in enumerate(found):
        if number:
            console.print()
        # Two maps are set side by side if each has room for a sentence.
        together = len(several) > 1 and console.width >= 100
        room = (console.width - 3) // 2 if together else console.width
        maps = [
            attention_map(one.attention, width=room, title=f"{one.run}: {one.described}") for one in several
        ]
        console.print(side_by_side(maps, width=console.width))


def headmaps(found: Found) -> None:
    """Small maps of every layer and head, one run below another."""
    from seqattn.models.base import AttentionShape
    from seqattn.pictures.panel import described

    from .multiples import multiples

    console = results()
    for several in found:
        for number, one in enumerate(several):
            if number:
                console.print()
            own = one.own if one.own and one.own.consumed == one.reading.consumed else None
            shown = described(one.reading, AttentionShape(1, 1), one.heads.place)
            title = f"{one.run}: {shown}" if shown else one.run
            console.print(multiples(one.heads, own, width=console.width, title=title))


def jsonl(found: Found) -> None:
    """A JSON object on one line for each pair and run."""
    for several in found:
        for one in several:
            record = {"run": one.run, **one.attention.to_json()}
            click.echo(as_json(record))


def html(found: Found) -> None:
    """A web page."""
    from seqattn.pictures.page import page

    click.echo(page(found), nl=False)


def svg(found: Found) -> None:
    """A picture, the runs of a pair side by side, one pair below another."""
    from seqattn.pictures.svg import MOST_PAIRS, drawing

    # One more than the maximum is enough to detect that there are too many.
    pairs = [
        [(f"{one.run}: {one.described}", one.attention) for one in several]
        for several in islice(found, MOST_PAIRS + 1)
    ]
    click.echo(drawing(pairs))


def frames(found: Found) -> None:
    """Images, lit for each word, in half-blocks."""
    from .images import frames, joined

    console = results()
    for number, several in enumerate(found):
        if number:
            console.print()
        console.print(joined(frames(_over_images(several), console)))


def image_html(found: Found) -> None:
    """A web page of images."""
    from seqattn.pictures.image_page import image_page

    click.echo(image_page(map(_over_images, found)), nl=False)


def image_svg(found: Found) -> None:
    """A picture with a frame for each word."""
    from seqattn.pictures.image_svg import image_drawing
    from seqattn.pictures.svg import MOST_PAIRS

    click.echo(image_drawing([_over_images(several) for several in islice(found, MOST_PAIRS + 1)]))


def _over_images(several: Sequence[AttentionMap]) -> list[ImageMap]:
    from seqattn.pictures.image_map import ImageMap

    return [one for one in several if isinstance(one, ImageMap)]


FORMATS: dict[str, Callable[[Found], None]] = {
    "heatmap": heatmaps,
    "jsonl": jsonl,
    "html": html,
    "svg": svg,
}
IMAGE_FORMATS: dict[str, Callable[[Found], None]] = {
    "heatmap": frames,
    "jsonl": jsonl,
    "html": image_html,
    "svg": image_svg,
}
"""The same for attention over images."""
