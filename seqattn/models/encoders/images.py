"""What encoders of images have in common: the shape of images, two-dimensional positions, augmentation."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from seqattn.data.pixels import PADDING, TALLEST, Shape
from seqattn.errors import check_ranges
from seqattn.models.sublayers import sinusoids


@dataclass(frozen=True)
class ImageOptions:
    """How images are read, and changed a little at random in training."""

    image_height: int = 32
    """Pixels; images of another height are scaled to it, in proportion."""
    colour: bool = True
    """Whether colours are read, or only grey."""
    cell_height: int = 8
    cell_width: int = 8
    """Pixels of a cell, of which a state is made."""
    shift: float = 0.0
    """Augmentation: the most pixels by which an image is moved, in each direction."""
    rotation: float = 0.0
    """Augmentation: the most degrees by which it is turned."""
    brightness: float = 0.0
    """Augmentation: the largest share by which its pixels are made brighter or darker."""

    def __post_init__(self) -> None:
        side = (1, TALLEST)
        check_ranges(self, image_height=side, cell_height=side, cell_width=side)
        check_ranges(self, shift=(0, 1000), rotation=(0, 180), brightness=(0, 1))
        if self.image_height % self.cell_height:
            raise ValueError(
                f"image_height {self.image_height} must be a multiple of cell_height {self.cell_height}"
            )

    @property
    def shape(self) -> Shape:
        """How images are read."""
        return Shape(self.image_height, self.colour, self.cell_height, self.cell_width)


def column_mask(source: Tensor, shape: Shape) -> Tensor:
    """Images (B, C, H, W) → (B, columns): True for the columns of cells that an image has."""
    return source[:, 0, 0, :: shape.cell_width] != PADDING


def scaled(source: Tensor, reader: nn.Module) -> Tensor:
    """Pixels 0 … 255 to -1 … 1, padding to 0: (B, C, H, W) int16 → floats such as the reader's weights."""
    kind = next(one.dtype for one in reader.parameters() if one.is_floating_point())
    return torch.where(source == PADDING, 0.0, source.to(kind) / 127.5 - 1)


def grid_sinusoids(rows: int, columns: int, width: int, device: torch.device | None = None) -> Tensor:
    """Positions in two dimensions: half of the width for the row, half for the column.

    `PE(r, c) = [PE(r); PE(c)]` with the sinusoids of Vaswani et al. 2017, section 3.5, of width/2 (Parmar et
    al. 2018). → (columns · rows, width), column by column.
    """
    vertical = sinusoids(0, rows, width // 2, device)
    horizontal = sinusoids(0, columns, width // 2, device)
    return torch.cat([vertical.repeat(columns, 1), horizontal.repeat_interleave(rows, 0)], dim=-1)


def check_grid_width(width: int) -> None:
    """ValueError when a width cannot be halved for sinusoids in two dimensions."""
    if width % 4:
        raise ValueError(f"width {width} must be a multiple of 4 for positions in two dimensions")


class Augmentation(nn.Module):
    """Moves, turns and lightens each image a little at random, in training mode only.

    What enters at an edge repeats the pixels of that edge. All is drawn from torch's global generator, as
    dropout is.
    """

    def __init__(self, options: ImageOptions) -> None:
        super().__init__()
        self.shift, self.rotation = options.shift, options.rotation
        self.brightness = options.brightness

    def forward(self, source: Tensor) -> Tensor:
        """(B, C, H, W) int16 → the same shape and padding."""
        if not self.training or not (self.shift or self.rotation or self.brightness):
            return source
        padding = source == PADDING
        x = source.float()
        if self.shift or self.rotation:
            angle, right, down = self._drawn(source, 3)
            x = warped(
                x, (~padding[:, 0, 0]).sum(-1), angle * math.radians(self.rotation), right * self.shift,
                down * self.shift,
            )  # fmt: skip
        if self.brightness:
            (factor,) = self._drawn(source, 1)
            x = (x * (1 + self.brightness * factor)[:, None, None, None]).clamp(0, 255)
        return torch.where(padding, PADDING, x.round()).to(source.dtype)

    @staticmethod
    def _drawn(source: Tensor, count: int) -> Tensor:
        """Numbers in [-1, 1) for each image: (count, B). Drawn on the CPU, so that devices agree."""
        return (2 * torch.rand(count, len(source)) - 1).to(source.device)


def warped(x: Tensor, widths: Tensor, angle: Tensor, right: Tensor, down: Tensor) -> Tensor:
    """Images (B, C, H, W) of their own widths (B,), turned about their centres and moved.

    `angle` is in radians, `right` and `down` in pixels, each (B,).
    """
    height, width = x.shape[-2:]
    last = torch.stack([widths - 1, torch.full_like(widths, height - 1)], dim=-1)[:, None, None].float()
    down_, across = torch.meshgrid(
        torch.arange(height, device=x.device), torch.arange(width, device=x.device), indexing="ij"
    )
    from_centre = torch.stack([across, down_], dim=-1) - last / 2
    cos, sin = angle.cos(), angle.sin()
    turn = torch.stack([torch.stack([cos, sin], -1), torch.stack([-sin, cos], -1)], -2)
    place = from_centre @ turn.transpose(-1, -2)[:, None] - torch.stack([right, down], -1)[:, None, None]
    place = torch.minimum((place + last / 2).clamp(min=0), last)
    size = torch.tensor([max(1, width - 1), max(1, height - 1)], device=x.device)
    moved: Tensor = nn.functional.grid_sample(x, 2 * place / size - 1, align_corners=True)
    return moved
