"""How well attention to images points: whether a word attends most to what it names (Zhang et al. 2016)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from seqattn.alignment.reading import Attention
from seqattn.data.corpus import Pair
from seqattn.data.pixels import Image, Shape
from seqattn.errors import InputError, counted
from seqattn.files import parse_json, read_lines_for
from seqattn.text.tokenizer import normalise

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


def points_at(cell: int, image: Image, shape: Shape, box: Box) -> bool:
    """Whether a cell is in a box: across and down, the centre of one of them is in the other.

    A cell may be larger than what is named, such as one that is as high as a line of text.
    """
    scale = image.size[1] / shape.height
    column, row = divmod(cell, shape.rows)
    across = (column * shape.cell_width * scale, (column + 1) * shape.cell_width * scale)
    down = (row * shape.cell_height * scale, (row + 1) * shape.cell_height * scale)
    return _meet(across, (box.left, box.right)) and _meet(down, (box.top, box.bottom))


def _meet(one: tuple[float, float], other: tuple[float, float]) -> bool:
    """Whether the centre of one of two intervals is in the other."""
    return other[0] <= sum(one) / 2 < other[1] or one[0] <= sum(other) / 2 < one[1]


def pointing(
    attended: Iterable[Attention], images: Iterable[Image], shape: Shape, boxes: Iterable[Sequence[Box]]
) -> Pointing:
    """How many of the words with boxes attend most to a cell that is in one of them."""
    right = words = 0
    for attention, image, own in zip(attended, images, boxes, strict=True):
        most = attention.weights.argmax(-1).tolist()
        for word in {box.word for box in own}:
            words += 1
            right += any(points_at(most[word], image, shape, box) for box in own if box.word == word)
    return Pointing(right, words)
