"""Made-up corpora of two languages, files of them, and what a check says of these."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import seqattn
from seqattn.data.checks.kinds import SEVERITIES
from seqattn.data.corpus import Pair

SYLLABLES = ["ka", "lo", "mi", "tu", "re", "san", "be", "or", "vi", "ne"]


@cache
def translated(count: int = 600, words: int = 150, seed: int = 1) -> tuple[Pair, ...]:
    """Sentences of three to nine words, frequent ones more often, each word with one translation."""
    chance = random.Random(seed)

    def language(endings: str) -> list[str]:
        found: dict[str, None] = {}
        while len(found) < words:
            found["".join(chance.choices(SYLLABLES, k=chance.randint(1, 3))) + chance.choice(endings)] = None
        return list(found)

    source, target = language("aeiou"), language("bdfgk")
    frequency = [1 / (rank + 3) for rank in range(words)]
    pairs = []
    for _ in range(count):
        chosen = chance.choices(range(words), frequency, k=chance.randint(3, 9))
        moved = sorted(range(len(chosen)), key=lambda at: at + chance.uniform(0, 1.5))
        translation = " ".join(target[chosen[at]] for at in moved)
        pairs.append(Pair(" ".join(source[word] for word in chosen).capitalize() + ".", translation + "."))
    return tuple(pairs)


def write_texts(folder: Path, sources: Sequence[str], targets: Sequence[str]) -> str:
    """Two line-aligned texts, which may have different numbers of lines; gives the CORPUS argument."""
    paths = folder / "pairs.aa", folder / "pairs.bb"
    for path, lines in zip(paths, (sources, targets), strict=True):
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return ",".join(map(str, paths))


def without(lines: Sequence[str], at: int, count: int = 1) -> list[str]:
    """Lines without some of them."""
    return [*lines[:at], *lines[at + count :]]


def damaged(
    folder: Path, *, source: Sequence[int] = (), target: Sequence[int] = (), count: int = 600, lost: int = 1
) -> str:
    """A corpus in which `lost` lines are missing at some places of the source and of the target.

    Both texts are as long as the shorter one.
    """
    pairs = translated(count)
    sides = [[pair.source for pair in pairs], [pair.target for pair in pairs]]
    for number, places in enumerate((source, target)):
        for at in sorted(places, reverse=True):
            sides[number] = without(sides[number], at, lost)
    shorter = min(map(len, sides))
    return write_texts(folder, sides[0][:shorter], sides[1][:shorter])


CLEAN = translated()


def write_jsonl(path, pairs):
    path.write_text("".join(json.dumps(pair._asdict()) + "\n" for pair in pairs), encoding="utf-8")
    return path


def checked(tmp_path, pairs, **more):
    """The report on pairs, which may hold anything."""
    return seqattn.check(str(write_jsonl(tmp_path / "pairs.jsonl", pairs)), **more)


def found(report, kind):
    """The only finding of a kind; None if there is none."""
    (one,) = [finding for finding in report.findings if finding.kind == kind] or [None]
    return one


def lines_of(finding):
    (lines,) = finding.lines.values()
    return lines.tolist()


def kinds(report, *severities):
    return {finding.kind for finding in report.findings if finding.severity in (severities or SEVERITIES)}


def replaced(count, change):
    """CLEAN with `count` evenly spaced pairs changed, and their line numbers."""
    step = len(CLEAN) // count
    rows = range(0, step * count, step)
    pairs = [change(pair) if row in rows else pair for row, pair in enumerate(CLEAN)]
    return pairs, [row + 1 for row in rows]
