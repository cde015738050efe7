"""Systems of a comparison made of texts, for tests that need no models."""

from __future__ import annotations

from collections.abc import Sequence

from seqattn.comparison.results import Costs, Member, System
from seqattn.evaluation.scores import Scores

UNSCORED = Scores(0.0, 0.0, 0.0, None, None, 1, 1, "", "")
COSTS = Costs(1000, 100, 10, 5000, 9.0, 8.0, None, 4000, "10 updates made")


def outputs(name: str, hypotheses: Sequence[str], scores: Scores = UNSCORED) -> System:
    """Translations of another tool."""
    return System(name, (Member("file", tuple(hypotheses), scores),))


def trained(name: str, *hypotheses: Sequence[str], scores: Scores = UNSCORED) -> System:
    """A system with a model for each set of hypotheses."""
    members = (
        Member(f"seed {n}", tuple(one), scores, costs=COSTS) for n, one in enumerate(hypotheses, start=1)
    )
    return System(name, tuple(members))
