"""The attention of a run for one pair: as numbers, in a notebook, as a picture, as a web page."""

from __future__ import annotations

import base64
from pathlib import Path

from torch import Tensor

from seqattn.errors import InputError
from seqattn.pictures.page import page
from seqattn.pictures.panel import Panel
from seqattn.pictures.svg import drawing
from seqattn.writing import write_aside


class AttentionMap(Panel):
    """The attention from target to source of a pair, or with self-attention of one side to itself.

    A notebook displays it as a picture.
    """

    @property
    def source(self) -> list[str]:
        """S words or pieces that are attended to."""
        return self.heads.source

    @property
    def target(self) -> list[str]:
        """T words or pieces that attend."""
        return self.heads.target

    @property
    def weights(self) -> Tensor:
        """(T, S) float32, of the requested layer and head; `heads.weights` has all."""
        return self.attention.weights

    def __repr__(self) -> str:
        size = f"{len(self.target)} × {len(self.source)}"
        return f"{type(self).__name__}({self.run!r}: {self.described}, {size})"

    def to_svg(self) -> str:
        """An SVG picture."""
        return drawing([[(f"{self.run}: {self.described}", self.attention)]])

    def to_html(self) -> str:
        """A self-contained web page of every layer and head."""
        return page([[self]])

    def save(self, path: str | Path) -> None:
        """Write a picture (.svg) or a page of every layer and head (.html); InputError for another suffix."""
        path = Path(path)
        forms = {".svg": self.to_svg, ".html": self.to_html}
        if path.suffix.lower() not in forms:
            raise InputError("must end in .svg or .html", path=path)
        write_aside(path, forms[path.suffix.lower()]().encode("utf-8", "replace"))

    def _repr_html_(self) -> str:
        # As an image, so that its styles and the notebook's do not affect each other.
        data = base64.b64encode(self.to_svg().encode("utf-8", "replace")).decode()
        return f'<img alt="attention" src="data:image/svg+xml;base64,{data}">'
