"""Systems and test sets of a comparison made of texts, for tests that need no models."""

from __future__ import annotations

import random
from collections.abc import Sequence

from hypothesis import strategies as st

from seqattn.comparison.differing import all_differing
from seqattn.comparison.results import Costs, Differing, Member, System
from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import Scores

UNSCORED = Scores(0.0, 0.0, 0.0, None, None, None, 1.0, 1, 1, "", "")
COSTS = Costs(1000, 100, 10, 5000, 9.0, 8.0, None, 4000, "10 updates made")
TOKENS = ["a", "b", "the", "Tom", "7", "12:30", ".", "?"]

lines = st.lists(st.sampled_from(TOKENS), max_size=7).map(" ".join)


def outputs(name: str, hypotheses: Sequence[str], scores: Scores = UNSCORED) -> System:
    """Translations of another tool."""
    return System(name, (Member("file", tuple(hypotheses), scores),))


def trained(name: str, *hypotheses: Sequence[str], scores: Scores = UNSCORED) -> System:
    """A system with a model for each set of hypotheses."""
    members = (
        Member(f"seed {n}", tuple(one), scores, costs=COSTS) for n, one in enumerate(hypotheses, start=1)
    )
    return System(name, tuple(members))


def system(*outputs: Sequence[str], name: str = "a") -> System:
    """The outputs of each member."""
    unknown = Scores(0, 0, 0, 0, 0, 1, 1, len(outputs[0]), len(outputs[0]), "", "")
    return System(name, tuple(Member(f"seed {n}", tuple(one), unknown) for n, one in enumerate(outputs)))


def differing(first: System, second: System, pairs: Sequence[Pair], *most: int) -> Differing:
    """Where two systems differ most: so many n-grams and so many sentences each way."""
    (found,) = all_differing([first, second], pairs, *most)
    return found


def corpora(
    texts: st.SearchStrategy[str] = lines, hypotheses: int = 3
) -> st.SearchStrategy[tuple[list[Pair], list[tuple[str, ...]]]]:
    """Pairs, and hypotheses for each."""
    rows = st.lists(st.tuples(*[texts] * (2 + hypotheses)), min_size=1, max_size=6)
    return rows.map(lambda rows: ([Pair(*row[:2]) for row in rows], list(zip(*rows, strict=True))[2:]))


def noisy(texts: Sequence[str], seed: int) -> list[str]:
    """Texts with a fifth of the words exchanged by chance."""
    chance = random.Random(seed)
    return [
        " ".join(word if chance.random() < 0.8 else chance.choice(TOKENS) for word in text.split())
        for text in texts
    ]


def varied(count: int = 200, longest: int = 20) -> list[Pair]:
    """Sources of many lengths, with noisy copies as references."""
    chance = random.Random(1)
    sources = [" ".join(chance.choices(TOKENS, k=chance.randint(1, longest))) for _ in range(count)]
    return [Pair(source, text) for source, text in zip(sources, noisy(sources, 2), strict=True)]
