"""Write strips of handwritten digits, with random gaps and heights, from a file of single digits.

DIGITS.npz holds `images` (N, 8, 8), values 0 to 16, and `labels` (N,), as the optical recognition data set of
the University of California, Irvine, does. The first 1,300 digits are trained on, the last 497 tested on, which
other people wrote. Training digits are also turned, slanted and scaled a little at random, and more of their
strips are short, from which attention is learned first.
"""

from __future__ import annotations

import argparse
import json
import math
import random
from pathlib import Path

import numpy as np

SEED = 1998
SIZES = {"train": 12_000, "valid": 500, "test": 2_000}
TRAINED, HELD = 1_300, 150
"""The digits that are not for testing, and how many of these, the last, are for validation."""
HEIGHT, DIGIT = 24, 16
"""Pixels of a strip, and of a digit."""
MOST, GAP = 6, 8
"""The most digits of a strip, and pixels between or around them."""


def resampled(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """A digit (8, 8), mapped by a matrix about its centre, as (DIGIT, DIGIT): bilinear, 0 outside."""
    half = (DIGIT - 1) / 2
    place = (np.indices((DIGIT, DIGIT)).reshape(2, -1) - half) * 8 / DIGIT
    y, x = matrix @ place + 3.5
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bordered = np.pad(image.astype(float), 1)
    total = np.zeros(y.shape)
    for down in (0, 1):
        for right in (0, 1):
            row, column = top + down, left + right
            share = (1 - abs(y - row)) * (1 - abs(x - column))
            total += share * bordered[np.clip(row + 1, 0, 9), np.clip(column + 1, 0, 9)]
    return total.reshape(DIGIT, DIGIT)


def distortion(chance: random.Random) -> np.ndarray:
    """A small rotation, slant and scale, as a matrix of (down, across)."""
    angle, slant = (math.radians(12) * (2 * chance.random() - 1) for _ in range(2))
    down, across = (1 + 0.15 * (2 * chance.random() - 1) for _ in range(2))
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    return turn @ np.array([[1, 0], [math.tan(slant), 1]]) @ np.diag([down, across])


def strip(
    images: np.ndarray, labels: np.ndarray, chance: random.Random, distorted: bool
) -> tuple[np.ndarray, str, list[list[int]]]:
    """A strip (HEIGHT, W), its digits separated by spaces, and the box of each: [word, l, t, r, b]."""
    drawn = chance.random()
    count = 2 + int((MOST - 1) * (drawn * drawn if distorted else drawn))
    canvas = np.zeros((HEIGHT, (count + 1) * GAP + count * DIGIT))
    x, words, boxes = 0, [], []
    for number in range(count):
        x += int((GAP + 1) * chance.random())
        at = int(len(images) * chance.random())
        matrix = distortion(chance) if distorted else np.eye(2)
        y = int((HEIGHT - DIGIT + 1) * chance.random())
        digit = resampled(images[at], matrix)
        canvas[y : y + DIGIT, x : x + DIGIT] = digit
        rows, columns = (np.flatnonzero(digit.max(axis) >= 4) for axis in (1, 0))
        box = [x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1]
        boxes.append([number, *map(int, box)])
        words.append(str(labels[at]))
        x += DIGIT
    x += int((GAP + 1) * chance.random())
    pixels = (canvas[:, :x] * 255 / 16).round().clip(0, 255).astype(np.uint8)
    return pixels, " ".join(words), boxes


def main() -> None:
    """Write train, valid and test .npz, and the boxes of the test strips."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("digits", type=Path, metavar="DIGITS.npz", help="single digits and their labels")
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    arguments = parser.parse_args()
    with np.load(arguments.digits) as data:
        images, labels = data["images"], data["labels"]
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    parts = {
        "train": slice(0, TRAINED - HELD),
        "valid": slice(TRAINED - HELD, TRAINED),
        "test": slice(TRAINED, None),
    }
    for split, part in parts.items():
        strips = [strip(images[part], labels[part], chance, split == "train") for _ in range(SIZES[split])]
        widths = np.array([pixels.shape[1] for pixels, _, _ in strips])
        padded = np.zeros((len(strips), HEIGHT, widths.max()), np.uint8)
        for row, (pixels, _, _) in zip(padded, strips, strict=True):
            row[:, : pixels.shape[1]] = pixels
        texts = np.array([text for _, text, _ in strips])
        np.savez_compressed(out / f"{split}.npz", images=padded, widths=widths, texts=texts)
        if split == "test":
            with (out / "test.boxes.jsonl").open("w", encoding="utf-8", newline="\n") as stream:
                stream.writelines(f"{json.dumps(boxes)}\n" for _, _, boxes in strips)


if __name__ == "__main__":
    main()
