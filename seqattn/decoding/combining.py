"""Answers for the parts of a line to answers for the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import nlargest
from operator import itemgetter
from typing import Any

from seqattn.decoding.search import Hypothesis

Answer = tuple[str, Hypothesis | None]
"""The text of a part, and the hypothesis it is from; None where the model can read nothing."""


def best_sums(parts: Iterable[Sequence[Answer]], most: int) -> list[list[Answer]]:
    """The best choices of an answer for each part, by the sum of scores, best first: at most so many."""
    best: list[tuple[float, Any]] = [(0.0, None)]
    for own in parts:
        # Linked to the choice before it, as a line may have many parts.
        longer = ((total + _score(one), (before, one)) for total, before in best for one in own)
        best = nlargest(most, longer, key=itemgetter(0))
    return [_unlinked(choice) for _, choice in best]


def drawn(parts: Sequence[Sequence[Answer]]) -> list[list[Answer]]:
    """The first draws of all parts, the second ones and so on, sorted by the sum of scores, best first."""
    draws = max(map(len, parts), default=1)
    # A part that cannot be read is the same in all.
    whole = [own if len(own) == draws else list(own) * draws for own in parts]
    every = [[own[draw] for own in whole] for draw in range(draws)]
    return sorted(every, key=lambda line: sum(map(_score, line)), reverse=True)


def _score(answer: Answer) -> float:
    return answer[1].score if answer[1] else 0.0


def _unlinked(choice: Any) -> list[Answer]:
    found: list[Answer] = []
    while choice is not None:
        choice, last = choice
        found.append(last)
    return found[::-1]
