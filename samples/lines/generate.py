"""Render short lines of English, from the sentences of the en-ko sample, in several sizes and inks.

Needs Pillow, whose own font is used. No line occurs twice, within or across splits. Many lines to train on are
short, from which attention is learned first.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

SEED = 1440
SIZES = {"train": 14_000, "valid": 300, "test": 1000}
HEIGHT, WIDEST, LETTERS = 32, 320, 26
"""Pixels of a line and its maximum width; the most letters."""
POINTS = (15, 16, 17, 18, 19, 20)
CORPUS = Path(__file__).parent.parent / "en-ko" / "train.tsv"


def phrases(chance: random.Random, short: bool) -> list[str]:
    """Stretches of up to `LETTERS` letters of the sentences, or many of them `short`, in random order."""
    found: dict[str, None] = {}
    for line in CORPUS.read_text(encoding="utf-8").splitlines():
        words = line.split("\t")[0].split()
        while words:
            most = LETTERS * (chance.random() if short else 1)
            count = 1
            while count < len(words) and len(" ".join(words[: count + 1])) <= most:
                count += 1
            count = max(1, count - int(2 * chance.random()))
            found.setdefault(" ".join(words[:count]))
            words = words[count:]
    order = list(found)
    for at in range(len(order) - 1, 0, -1):
        other = int((at + 1) * chance.random())
        order[at], order[other] = order[other], order[at]
    return order


def rendered(text: str, chance: random.Random) -> np.ndarray:
    """A line as grey pixels (HEIGHT, W) uint8, dark on bright with a little noise."""
    font = ImageFont.load_default(POINTS[int(len(POINTS) * chance.random())])
    left, top, right, bottom = font.getbbox(text)
    before, after = (2 + int(10 * chance.random()) for _ in range(2))
    ground, ink = 255 - int(50 * chance.random()), int(90 * chance.random())
    picture = Image.new("L", (min(WIDEST, int(right - left) + before + after), HEIGHT), ground)
    lift = int(max(1, HEIGHT - (bottom - top)) * chance.random())
    ImageDraw.Draw(picture).text((before - left, lift - top), text, fill=ink, font=font)
    noise = np.random.default_rng(int(2**32 * chance.random())).normal(0, 6, (HEIGHT, picture.width))
    return (np.asarray(picture) + noise).round().clip(0, 255).astype(np.uint8)


def main() -> None:
    """Write train, valid and test .npz into a folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    chance = random.Random(SEED)
    held = phrases(chance, short=False)[: SIZES["valid"] + SIZES["test"]]
    parts = {
        "train": [text for text in phrases(chance, short=True) if text not in held][: SIZES["train"]],
        "valid": held[: SIZES["valid"]],
        "test": held[SIZES["valid"] :],
    }
    for split, part in parts.items():
        lines = [rendered(text, chance) for text in part]
        widths = np.array([line.shape[1] for line in lines])
        padded = np.zeros((len(lines), HEIGHT, widths.max()), np.uint8)
        for row, line in zip(padded, lines, strict=True):
            row[:, : line.shape[1]] = line
        np.savez_compressed(out / f"{split}.npz", images=padded, widths=widths, texts=np.array(part))


if __name__ == "__main__":
    main()
