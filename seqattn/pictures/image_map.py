"""Attention over an image: which cells each word attends to."""

from __future__ import annotations

from seqattn.alignment.reading import Heads
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.data.pixels import Image, Shape
from seqattn.models.base import Reading
from seqattn.pictures.image_page import image_page
from seqattn.pictures.image_panel import ImagePanel
from seqattn.pictures.image_svg import image_drawing
from seqattn.pictures.maps import AttentionMap


class ImageMap(ImagePanel, AttentionMap):
    """The attention from target to an image; a notebook displays it as the image, once for each word."""

    def to_svg(self) -> str:
        """An SVG picture: the image for each word, with what it attends to."""
        return image_drawing([[self]])

    def to_html(self) -> str:
        """A self-contained web page of every layer and head."""
        return image_page([[self]])


def map_of(
    run: str,
    pair: Pair,
    example: Example,
    heads: Heads,
    reading: Reading,
    own: Reading | None,
    shape: Shape | None,
) -> AttentionMap:
    """The attention of a pair over its image if it has one of this shape, or else between words."""
    if shape is None or heads.place != "cross":
        return AttentionMap(run, pair, heads, reading, own)
    assert isinstance(example.source, Image)
    return ImageMap(run, pair, heads, reading, own, example.source, shape)
