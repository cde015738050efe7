"""How well attention to images points: whether a word attends most to what it names (Zhang et al. 2016)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.alignment.reading import Attention
from seqattn.data.corpus import Pair
from seqattn.data.pixels import Image, Shape
from seqattn.errors import InputError, counted
from seqattn.files import parse_json, read_lines_for
from seqattn.text.normalising import normalise

FORM = "write [[word, left, top, right, bottom], …] on each line, words from 0 and the rest in pixels"


class Box(NamedTuple):
    """Where what a target word names is in an image, in pixels of the file, upright."""

    word: int
    """Counted from 0."""
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True)
class Pointing:
    """How many words point at what they name."""

    right: int
    words: int
    """Those that have a box."""

    @property
    def share(self) -> float:
        """Percent; 0 without words."""
        return 100 * self.right / self.words if self.words else 0.0


def read_boxes(path: Path, pairs: Sequence[Pair]) -> list[tuple[Box, ...]]:
    """The boxes of each pair, from a .jsonl file with a list of them on each line; a word may have several.

    InputError when the file does not fit the pairs.
    """
    lines = read_lines_for(path, len(pairs), "pair")
    return [
        tuple(_box(one, pair, path, number) for one in _listed(line, path, number))
        for number, (line, pair) in enumerate(zip(lines, pairs, strict=True), start=1)
    ]


def _listed(line: str, path: Path, number: int) -> list[Any]:
    found = parse_json(line, path, number, FORM)
    if not isinstance(found, list):
        raise InputError("is no list of boxes", path=path, line=number, remedy=FORM)
    return found


def _box(value: Any, pair: Pair, path: Path, number: int) -> Box:
    numbers = isinstance(value, list) and all(type(one) in (int, float) for one in value)
    if not numbers or len(value) != 5 or type(value[0]) is not int:
        shown = json.dumps(value, ensure_ascii=False)[:60]
        raise InputError(f"{shown} is no box", path=path, line=number, remedy=FORM)
    box = Box(*value)
    text = normalise(pair.target)
    words = len(text.split(" ")) if text else 0
    if not 0 <= box.word < words:
        raise InputError(
            f"a box is of word {box.word}, but the text has {counted(words, 'word')}", path=path, line=number
        )
    if not (box.left < box.right and box.top < box.bottom):
        raise InputError(f"the box {value} is empty", path=path, line=number, remedy=FORM)
    return box


def check_boxes(images: Iterable[Image], boxes: Iterable[Sequence[Box]]) -> None:
    """InputError when there is no box, or one of them has no part of its image."""
    found = 0
    for number, (image, own) in enumerate(zip(images, boxes, strict=True), start=1):
        width, height = image.size
        for box in own:
            found += 1
            if not (box.left < width and box.right > 0 and box.top < height and box.bottom > 0):
                raise InputError(
                    f"the box {list(box)} of pair {number:,} is outside its image of {width:,} × {height:,}",
                    remedy="boxes are in pixels of the image file, upright",
                )
    if not found:
        raise InputError("there is no box", remedy=FORM)


def peak(weights: Tensor, image: Image, shape: Shape) -> tuple[float, float]:
    """Where the weights (S,) of a word are largest: across and down, in pixels of the file.

    It is the centre of mass of the cell with the most and of those around it: what lies on several cells
    divides its attention among them, and its maximum is between their centres.
    """
    cells = weights.double().unflatten(0, (-1, shape.rows))
    column, row = divmod(int(weights.argmax()), shape.rows)
    left, top = max(0, column - 1), max(0, row - 1)
    near = cells[left : column + 2, top : row + 2]
    across, down = (near.sum(1 - axis) / near.sum() for axis in (0, 1))
    scale = image.size[1] / shape.height
    x = left + 0.5 + float(across @ torch.arange(len(across), dtype=torch.float64))
    y = top + 0.5 + float(down @ torch.arange(len(down), dtype=torch.float64))
    return x * shape.cell_width * scale, y * shape.cell_height * scale


def points_at(weights: Tensor, image: Image, shape: Shape, box: Box) -> bool:
    """Whether the weights (S,) of a word are largest in a box; of one row of cells only across counts."""
    x, y = peak(weights, image, shape)
    return box.left <= x < box.right and (shape.rows == 1 or box.top <= y < box.bottom)


def pointing(
    attended: Iterable[Attention], images: Iterable[Image], shape: Shape, boxes: Iterable[Sequence[Box]]
) -> Pointing:
    """How many of the words with boxes attend most to what is in one of them."""
    right = words = 0
    for attention, image, own in zip(attended, images, boxes, strict=True):
        for word in {box.word for box in own}:
            words += 1
            weights = attention.weights[word]
            right += any(points_at(weights, image, shape, box) for box in own if box.word == word)
    return Pointing(right, words)
