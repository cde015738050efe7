"""A small convolutional network whose feature map is the states of an image (Xu et al. 2015)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn

from seqattn.data.pixels import Shape
from seqattn.errors import check_ranges
from seqattn.models.base import MOST_LAYERS, MOST_WIDTH, Encoded, Encoder, Table
from seqattn.models.dropout import Dropout
from seqattn.models.encoders.images import (
    Augmentation,
    ImageOptions,
    check_grid_width,
    column_mask,
    grid_sinusoids,
    scaled,
)
from seqattn.models.encoders.lstm import EncoderLayer
from seqattn.models.recurrent import initialise_lstm

LEAST_CHANNELS = 16


@dataclass(frozen=True)
class GridEncoderOptions(ImageOptions):
    """The shape of the network; `cell_height` and `cell_width` are powers of two."""

    width: int = 128
    """Of the states; each stage before the last has half the channels of the next, but at least 16."""
    blocks: int = 1
    """Residual convolutions in each stage, after the one that halves the image."""
    row_lstm: bool = False
    """Whether an LSTM reads each row of the feature map in both directions (Deng et al. 2017)."""
    dropout: float = 0.1
    """Of the states, and of what the LSTM reads."""

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ranges(self, width=(1, MOST_WIDTH), blocks=(0, MOST_LAYERS), dropout=(0, 0.99))
        check_grid_width(self.width)
        for name in ("cell_height", "cell_width"):
            size = getattr(self, name)
            if size & (size - 1):
                raise ValueError(f"{name} {size} must be a power of two")

    @property
    def strides(self) -> list[tuple[int, int]]:
        """By how much each stage reduces height and width."""
        down, across = (size.bit_length() - 1 for size in (self.cell_height, self.cell_width))
        return [(1 + (at < down), 1 + (at < across)) for at in range(max(1, down, across))]

    @property
    def channels(self) -> list[int]:
        """Of each stage."""
        stages = len(self.strides)
        return [max(min(LEAST_CHANNELS, self.width), self.width >> (stages - 1 - at)) for at in range(stages)]


class Convolution(nn.Module):
    """Normalised over the channels of each position alone, so that padding changes nothing; then ReLU.

    It is 3 pixels wide, or 4 where it halves the image: a state is then centred on its cell.
    """

    def __init__(self, channels: int, out: int, stride: tuple[int, int] = (1, 1)) -> None:
        super().__init__()
        size = stride[0] + 2, stride[1] + 2
        self.convolution = nn.Conv2d(channels, out, size, stride, padding=1, bias=False)
        self.norm = nn.LayerNorm(out)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) → (B, out, H / stride, W / stride)."""
        normed: Tensor = self.norm(self.convolution(x).permute(0, 2, 3, 1))
        return normed.relu().permute(0, 3, 1, 2)


class Stage(nn.Module):
    """A convolution that reduces the image, and residual ones. What is padding stays zero."""

    def __init__(self, channels: int, out: int, stride: tuple[int, int], blocks: int) -> None:
        super().__init__()
        self.reduce = Convolution(channels, out, stride)
        self.blocks = nn.ModuleList(Convolution(out, out) for _ in range(blocks))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, C, H, W), mask (B, columns) of the cells → (B, out, …)."""
        x = self.reduce(x)
        kept = mask.repeat_interleave(x.shape[-1] // mask.shape[1], 1)[:, None, None].to(x.dtype)
        x = x * kept
        for block in self.blocks:
            x = (x + block(x)) * kept
        return x


class GridEncoder(Encoder):
    """Stages of convolutions, and positions in two dimensions. The summary is the mean of the states."""

    def __init__(self, options: GridEncoderOptions, table: Table) -> None:
        super().__init__()
        self.options, self.width = options, options.width
        self.collator = options.shape.collator
        self.augmentation = Augmentation(options)
        read = [options.shape.channels, *options.channels]
        self.stages = nn.ModuleList(
            Stage(channels, out, stride, options.blocks)
            for channels, out, stride in zip(read, options.channels, options.strides, strict=False)
        )
        self.rows = EncoderLayer(options.width, options.width, True) if options.row_lstm else None
        self.norm = nn.LayerNorm(options.width)
        self.dropout = Dropout(options.dropout)

    @classmethod
    def image_shape(cls, options: GridEncoderOptions) -> Shape:
        return options.shape

    def initialise(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            elif isinstance(module, nn.LSTM):
                initialise_lstm(module)

    def forward(self, source: Tensor) -> Encoded:
        shape = self.options.shape
        columns = column_mask(source, shape)
        x = scaled(self.augmentation(source), self)
        for stage in self.stages:
            x = stage(x, columns)
        # (B, D, rows, columns) → (B, S, D), column by column.
        states = self.norm(x.permute(0, 3, 2, 1).flatten(1, 2))
        positions = grid_sinusoids(shape.rows, columns.shape[1], self.width, x.device)
        states = self.dropout(states + positions.to(states.dtype))
        mask = columns.repeat_interleave(shape.rows, 1)
        if self.rows is not None:
            states = self._along_rows(states, columns.sum(1))
        present = mask.unsqueeze(-1).to(states.dtype)
        return Encoded(states, mask, (states * present).sum(1) / present.sum(1))

    def _along_rows(self, states: Tensor, lengths: Tensor) -> Tensor:
        """The LSTM over each row: (B, S, D), columns of each image (B,) → (B, S, D).

        Deng et al. learn an initial state for each row; here the positions say which row it is.
        """
        assert self.rows is not None
        rows = self.options.shape.rows
        each = states.unflatten(1, (-1, rows)).transpose(1, 2).flatten(0, 1)
        read, _ = self.rows(each, lengths.repeat_interleave(rows))
        kept: Tensor = read.unflatten(0, (-1, rows)).transpose(1, 2).flatten(1, 2)
        return kept
