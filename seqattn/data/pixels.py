"""Images as an encoder reads them: of one height, in cells, each of which becomes a state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from seqattn.data.batching import Collator
from seqattn.errors import check_ranges

Pixels = NDArray[np.uint8]
PADDING = -1
"""What stands in a batch to the right of narrower images."""
TALLEST = 4096


@dataclass(frozen=True, eq=False)
class Image:
    """An image as it is read: of its shape's height, as wide as its whole cells."""

    pixels: Pixels
    """(C, H, W), C 1 for grey or 3 for red, green and blue."""
    name: str = ""
    """Its file, or whatever else names it."""
    size: tuple[int, int] = (0, 0)
    """Width and height of the original."""


@dataclass(frozen=True)
class Shape:
    """How images are read: their height, their colours, and the size of a cell, all in pixels.

    Cells are counted column by column, from left to right, each from top to bottom: those of a narrower image
    are the first of a batch, as the ids of a shorter text are.
    """

    height: int = 32
    colour: bool = True
    cell_height: int = 8
    cell_width: int = 8

    def __post_init__(self) -> None:
        check_ranges(self, height=(1, TALLEST), cell_height=(1, TALLEST), cell_width=(1, TALLEST))
        if self.height % self.cell_height:
            raise ValueError(f"height {self.height} must be a multiple of cell_height {self.cell_height}")

    @property
    def channels(self) -> int:
        """1 for grey, 3 for colours."""
        return 3 if self.colour else 1

    @property
    def rows(self) -> int:
        """The cells above each other."""
        return self.height // self.cell_height

    @property
    def collator(self) -> Collator:
        """Turns images into a batch (B, C, H, W)."""
        return Collator(self.positions, self.stack)

    def columns(self, image: Image) -> int:
        """The cells of an image beside each other."""
        return int(image.pixels.shape[2]) // self.cell_width

    def positions(self, image: Image) -> int:
        """The cells of an image."""
        return self.rows * self.columns(image)

    def stack(self, images: Sequence[Image], length: int) -> Tensor:
        """Images (B, C, H, W) int16, 0 … 255, `PADDING` to the right of the narrower ones.

        W is that of the widest, or of at least `length` cells if that is more.
        """
        columns = max(-(-length // self.rows), *map(self.columns, images))
        shape = len(images), self.channels, self.height, columns * self.cell_width
        batch = np.full(shape, PADDING, dtype=np.int16)
        for row, image in zip(batch, images, strict=True):
            row[:, :, : image.pixels.shape[2]] = image.pixels
        return torch.from_numpy(batch)

    def names(self, image: Image) -> list[str]:
        """A name for each cell, of its row and column from 1: `r2c5`."""
        return [
            f"r{row + 1}c{column + 1}" for column in range(self.columns(image)) for row in range(self.rows)
        ]
