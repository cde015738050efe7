"""The Transformer's encoder over the patches of an image (Dosovitskiy et al. 2021), without a class token."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqattn.data.pixels import Shape
from seqattn.models.base import Table
from seqattn.models.dropout import Dropout
from seqattn.models.encoders.images import (
    Augmentation,
    ImageOptions,
    check_grid_width,
    column_mask,
    grid_sinusoids,
    scaled,
)
from seqattn.models.encoders.transformer import SelfAttentionEncoder
from seqattn.models.sublayers import Positions, TransformerOptions, initialise_layers


@dataclass(frozen=True)
class PatchEncoderOptions(TransformerOptions, ImageOptions):
    """The shape of the encoder; a cell is a patch.

    With learned positions `max_positions` is the most columns of cells.
    """

    def __post_init__(self) -> None:
        TransformerOptions.__post_init__(self)
        ImageOptions.__post_init__(self)
        check_grid_width(self.width)

    @property
    def longest(self) -> int | None:
        """The most cells, or None when there is no limit."""
        return self.max_positions * self.shape.rows if self.positions == "learned" else None


def cells_of(x: Tensor, shape: Shape) -> Tensor:
    """The pixels of each cell, column by column: (B, C, H, W) → (B, S, C · cell height · cell width)."""
    cells: Tensor = x.unflatten(3, (-1, shape.cell_width)).unflatten(2, (-1, shape.cell_height))
    return cells.permute(0, 4, 2, 1, 3, 5).flatten(3).flatten(1, 2)


class Patches(nn.Module):
    """Patches and their positions: `E x + PE(row, column)` (Dosovitskiy et al. 2021, eq. 1), with dropout."""

    def __init__(self, options: PatchEncoderOptions) -> None:
        super().__init__()
        self.shape = options.shape
        pixels = self.shape.channels * self.shape.cell_height * self.shape.cell_width
        self.map, self.width = nn.Linear(pixels, options.width), options.width
        self.row: Positions | None = None
        self.column: Positions | None = None
        if options.positions == "learned":
            self.row = Positions(self.shape.rows, options.width)
            self.column = Positions(options.max_positions, options.width)
        self.dropout = Dropout(options.dropout)

    def forward(self, pixels: Tensor) -> Tensor:
        """(B, C, H, W) from -1 to 1 → (B, S, D)."""
        mapped = self.map(cells_of(pixels, self.shape))
        embedded: Tensor = self.dropout(mapped + self.positions(mapped.shape[1], mapped.device))
        return embedded

    def positions(self, length: int, device: torch.device) -> Tensor:
        """The positions of S cells: (S, D)."""
        rows, columns = self.shape.rows, length // self.shape.rows
        if self.row is None or self.column is None:
            return grid_sinusoids(rows, columns, self.width, device)
        if columns > len(self.column.weight):
            raise ValueError(f"{columns} columns requested, {len(self.column.weight)} learned")
        learned: Tensor = self.row.weight + self.column.weight[:columns].unsqueeze(1)
        return learned.flatten(0, 1)


class PatchEncoder(SelfAttentionEncoder):
    """N layers of self-attention over patches."""

    def __init__(self, options: PatchEncoderOptions, table: Table) -> None:
        super().__init__()
        self.options = options
        self.width, self.longest = options.width, options.longest
        self.collator = options.shape.collator
        self.augmentation = Augmentation(options)
        self.patches = Patches(options)
        self.build(options)

    @classmethod
    def image_shape(cls, options: PatchEncoderOptions) -> Shape:
        return options.shape

    def initialise(self) -> None:
        initialise_layers(self.layers)
        nn.init.xavier_uniform_(self.patches.map.weight)
        nn.init.zeros_(self.patches.map.bias)
        for table in (self.patches.row, self.patches.column):
            if table is not None:
                nn.init.normal_(table.weight, std=0.02)

    def read(self, source: Tensor) -> tuple[Tensor, Tensor]:
        mask = column_mask(source, self.options.shape).repeat_interleave(self.options.shape.rows, 1)
        return self.patches(scaled(self.augmentation(source), self)), mask
