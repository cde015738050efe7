"""The attention of one run over one image, in the rows and columns of its cells."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from seqattn.data.pixels import Image, Shape
from seqattn.pictures.panel import Panel


@dataclass(frozen=True, eq=False, repr=False)
class ImagePanel(Panel):
    """One run and image on a page."""

    image: Image
    """As the model reads it."""
    cells: Shape
    """How it is divided into cells."""

    @property
    def columns(self) -> int:
        """The cells beside each other."""
        return self.cells.columns(self.image)

    @property
    def grids(self) -> Tensor:
        """The requested attention of each word in the places of the cells: (T, rows, columns)."""
        return grid(self.attention.weights, self.cells)


def grid(weights: Tensor, shape: Shape) -> Tensor:
    """Weights of cells, column by column, in their places: (…, S) → (…, rows, columns)."""
    placed: Tensor = weights.unflatten(-1, (-1, shape.rows)).transpose(-1, -2)
    return placed
