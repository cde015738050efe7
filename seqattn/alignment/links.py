"""Word links: Pharaoh format, symmetrization, alignment error rate."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from seqattn.errors import InputError
from seqattn.files import read_lines

Link = tuple[int, int]
"""(source word, target word), 0-based."""
Links = frozenset[Link]
"""Those of one sentence pair."""


class Gold(NamedTuple):
    """The hand-made links of a sentence pair."""

    sure: Links
    possible: Links
    """Including the sure ones."""

    def turned(self) -> Gold:
        """The links of the swapped pair."""
        return Gold(turned(self.sure), turned(self.possible))


def format_pharaoh(links: Iterable[Link]) -> str:
    """`i-j` for each link: source word i, target word j, 0-based, separated by spaces."""
    return " ".join(f"{source}-{target}" for source, target in sorted(links))


def read_gold(path: Path) -> list[Gold]:
    """Gold links, one sentence pair on each line: `i-j` sure, `i?j` or `ipj` possible, 0-based."""
    gold = []
    for number, line in enumerate(read_lines(path), start=1):
        sure, possible = set(), set()
        for token in line.split():
            match = re.fullmatch(r"(\d{1,9})([-?p])(\d{1,9})", token)
            if match is None:
                raise InputError(
                    f"{token!r} is not a link",
                    path=path,
                    line=number,
                    remedy="write 3-4 if sure, 3?4 if possible",
                )
            link = (int(match[1]), int(match[3]))
            possible.add(link)
            if match[2] == "-":
                sure.add(link)
        gold.append(Gold(frozenset(sure), frozenset(possible)))
    return gold


def turned(links: Iterable[Link]) -> Links:
    """The links with source and target swapped."""
    return frozenset((target, source) for source, target in links)


def intersection(forward: Links, backward: Links) -> Links:
    """The links of both directions."""
    return forward & backward


def union(forward: Links, backward: Links) -> Links:
    """The links of either direction."""
    return forward | backward


NEIGHBOURS = ((0, -1), (-1, 0), (0, 1), (1, 0), (-1, -1), (1, -1), (-1, 1), (1, 1))
"""(source, target) steps to the links that touch one, in the order of Koehn et al. 2005."""


def grow_diag_final_and(forward: Links, backward: Links) -> Links:
    """Koehn et al. 2005: grown from the intersection within the union.

    As long as there are any, links of the union are added that touch a chosen one, diagonally too, and whose
    source or target word has no link yet; then links of the forward and of the backward direction whose words
    both have no link yet. Which come first decides, so all is done in the order of target words.
    """
    every, chosen = forward | backward, set(forward & backward)
    ordered = sorted(every, key=_by_target)
    sources, targets = {source for source, _ in chosen}, {target for _, target in chosen}

    def add(link: Link) -> None:
        chosen.add(link)
        sources.add(link[0])
        targets.add(link[1])

    before = 0
    while len(chosen) > before:
        before = len(chosen)
        # Those that are chosen on the way have their turn in the same round.
        for link in ordered:
            for step in NEIGHBOURS if link in chosen else ():
                near = link[0] + step[0], link[1] + step[1]
                if near in every and (near[0] not in sources or near[1] not in targets):
                    add(near)
    for link in (*sorted(forward, key=_by_target), *sorted(backward, key=_by_target)):
        if link[0] not in sources and link[1] not in targets:
            add(link)
    return frozenset(chosen)


def _by_target(link: Link) -> Link:
    return link[1], link[0]


SYMMETRISED: dict[str, Callable[[Links, Links], Links]] = {
    "intersection": intersection,
    "union": union,
    "grow-diag-final-and": grow_diag_final_and,
}
"""Ways to symmetrize two alignments, both as (source word, target word) of the forward direction."""


@dataclass(frozen=True)
class Agreement:
    """How well links agree with gold links, in percent (Och and Ney 2003)."""

    precision: float
    """|A ∩ P| / |A|."""
    recall: float
    """|A ∩ S| / |S|."""
    error_rate: float
    """AER = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|)."""
    sentences: int
    links: int


def agreement(proposed: Sequence[Iterable[Link]], gold: Sequence[Gold]) -> Agreement:
    """Precision, recall and alignment error rate over all sentences together."""
    found = sure = found_sure = found_possible = 0
    for aligned, reference in zip(proposed, gold, strict=True):
        answer = set(aligned)
        found += len(answer)
        sure += len(reference.sure)
        found_sure += len(answer & reference.sure)
        found_possible += len(answer & (reference.possible | reference.sure))
    return Agreement(
        precision=100 * found_possible / found if found else 0.0,
        recall=100 * found_sure / sure if sure else 0.0,
        error_rate=100 * (1 - (found_sure + found_possible) / (found + sure)) if found + sure else 0.0,
        sentences=len(gold),
        links=found,
    )
