"""Write the English-Korean corpus: train.tsv, valid.tsv, test.tsv and the alignment test.gold."""

from __future__ import annotations

import argparse
from pathlib import Path

from pairs import Draw, Pair
from sentences import Sentences

SEED = 2031
SIZES = {"train": 9200, "valid": 400, "test": 400}


def corpus() -> dict[str, list[Pair]]:
    """The pairs of each split; no English sentence occurs twice, within or across splits."""
    draw = Draw(SEED)
    sentences = Sentences(draw)
    pairs: dict[str, Pair] = {}
    while len(pairs) < sum(SIZES.values()):
        pair = sentences.pair()
        pairs.setdefault(pair.source, pair)
    drawn = list(pairs.values())
    splits = {}
    for split, size in reversed(SIZES.items()):
        splits[split], drawn = drawn[:size], drawn[size:]
    return splits


def main() -> None:
    """Generate into the given folder, by default beside this script."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder to write to")
    out: Path = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    splits = corpus()
    for split, pairs in splits.items():
        with (out / f"{split}.tsv").open("w", encoding="utf-8", newline="\n") as stream:
            stream.writelines(f"{pair.source}\t{pair.target}\n" for pair in pairs)
    with (out / "test.gold").open("w", encoding="utf-8", newline="\n") as stream:
        stream.writelines(f"{pair.links}\n" for pair in splits["test"])


if __name__ == "__main__":
    main()
