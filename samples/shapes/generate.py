"""Draw scenes of two to four coloured shapes, each with a sentence that says where they are.

Shapes are named from left to right, each with its place relative to the one before. For the test set the boxes
of the shapes are written too, for the words that name their colour and their kind.
"""

from __future__ import annotations

import argparse
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np

SEED = 2017
SIZES = {"train": 8000, "valid": 400, "test": 1000}
SIDE, FINE = 64, 4
"""Pixels of a scene, and how many times finer it is drawn."""
COLOURS = {
    "red": (214, 40, 40),
    "green": (46, 148, 66),
    "blue": (42, 84, 204),
    "yellow": (240, 200, 40),
    "purple": (140, 60, 170),
    "black": (30, 30, 30),
}
KINDS = ("circle", "square", "triangle", "cross", "ring")
RADII = {"small": (4.0, 5.0), "": (7.0, 8.0), "large": (10.0, 11.0)}
MARGIN, APART, CLEAR = 1, 5, 1.3
"""Pixels between shapes; between centres, from left to right; how much longer one of two distances is."""


class Shape(NamedTuple):
    """One shape of a scene."""

    size: str
    colour: str
    kind: str
    x: float
    y: float
    radius: float

    @property
    def words(self) -> list[str]:
        """Its name."""
        return [word for word in ("a", self.size, self.colour, self.kind) if word]

    @property
    def box(self) -> list[int]:
        """Left, top, right, bottom, in pixels."""
        low, high = self.x - self.radius, self.x + self.radius
        return [int(low), int(self.y - self.radius), int(high) + 1, int(self.y + self.radius) + 1]


def within(low: float, high: float, chance: random.Random) -> float:
    """A number between two."""
    return low + (high - low) * chance.random()


def choice(options: tuple[str, ...], chance: random.Random) -> str:
    """One of several."""
    return options[int(len(options) * chance.random())]


def one_shape(chance: random.Random) -> Shape:
    """A shape anywhere."""
    size = choice(tuple(RADII), chance)
    radius = within(*RADII[size], chance)
    x, y = (within(radius + 1, SIDE - radius - 1, chance) for _ in range(2))
    return Shape(size, choice(tuple(COLOURS), chance), choice(KINDS, chance), x, y, radius)


def fits(shape: Shape, others: list[Shape]) -> bool:
    """Whether a shape touches no other, and is clearly left or right of each."""
    for other in others:
        across, down = abs(shape.x - other.x), abs(shape.y - other.y)
        if across < APART or max(across, down) < shape.radius + other.radius + MARGIN:
            return False
    return True


def relation(shape: Shape, following: Shape) -> str:
    """Where a shape is, seen from the next one to the right; empty if that is not clear."""
    across, down = following.x - shape.x, following.y - shape.y
    if max(across, abs(down)) < CLEAR * min(across, abs(down)):
        return ""
    return "left of" if across > abs(down) else "above" if down > 0 else "below"


def scene(chance: random.Random) -> tuple[list[Shape], list[str]]:
    """Shapes from left to right, and the relation of each to the next."""
    while True:
        count = 2 + int(3 * chance.random())
        shapes: list[Shape] = []
        for _ in range(20 * count):
            shape = one_shape(chance)
            if fits(shape, shapes):
                shapes.append(shape)
            if len(shapes) == count:
                break
        shapes.sort(key=lambda shape: shape.x)
        relations = [relation(*two) for two in pairwise(shapes)]
        if len(shapes) == count and all(relations):
            return shapes, relations


def sentence(shapes: list[Shape], relations: list[str]) -> tuple[str, list[list[int]]]:
    """The sentence, and for each word of a colour or a kind its number and the box: [word, l, t, r, b]."""
    words: list[str] = []
    boxes = []
    for number, shape in enumerate(shapes):
        words += shape.words
        boxes += [[len(words) - back, *shape.box] for back in (2, 1)]
        if number < len(relations):
            words += ["which"] * (number > 0) + ["is", *relations[number].split()]
    return " ".join(words), boxes


def covered(kind: str, across: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Which points of a shape's box, from -1 to 1, it covers."""
    far = np.maximum(abs(across), abs(down))
    round_ = across**2 + down**2
    return {
        "circle": round_ <= 1,
        "square": far <= 0.9,
        "triangle": (abs(across) <= (down + 1) / 2) & (down <= 0.9),
        "cross": np.minimum(abs(across), abs(down)) <= 0.33,
        "ring": (round_ <= 1) & (round_ >= 0.35),
    }[kind]


def drawn(shapes: list[Shape], chance: random.Random) -> np.ndarray:
    """A scene as pixels (SIDE, SIDE, 3) uint8, its edges smooth."""
    ground = within(225, 255, chance)
    canvas = np.full((SIDE, SIDE, 3), ground)
    places = (np.arange(SIDE * FINE) + 0.5) / FINE
    for shape in shapes:
        across, down = ((places - centre) / shape.radius for centre in (shape.x, shape.y))
        inside = covered(shape.kind, across[None], down[:, None])
        inside &= np.maximum(abs(across[None]), abs(down[:, None])) <= 1
        share = inside.reshape(SIDE, FINE, SIDE, FINE).mean((1, 3))[..., None]
        colour = np.array([value + within(-15, 15, chance) for value in COLOURS[shape.colour]])
        canvas = share * colour.clip(0, 255) + (1 - share) * canvas
    return canvas.round().astype(np.uint8)


def main() -> None:
    """Draw the corpus into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    for split, size in SIZES.items():
        scenes = [scene(chance) for _ in range(size)]
        texts, boxes = zip(*(sentence(*one) for one in scenes), strict=True)
        images = np.stack([drawn(shapes, chance) for shapes, _ in scenes])
        np.savez_compressed(out / f"{split}.npz", images=images, texts=np.array(texts))
        if split == "test":
            with (out / "test.boxes.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(f"{json.dumps(each)}\n" for each in boxes)


if __name__ == "__main__":
    main()
