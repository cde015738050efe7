"""What a comparison shows: which system is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from seqattn.comparison.results import System
from seqattn.evaluation.significance import ROUNDING, Difference, all_differences, holm

LEVEL = 0.05
"""Of significance."""
UNITS = {"BLEU": "BLEU", "chrF": "chrF", "exact match": "points of exact match"}
"""What differences by each metric are counted in."""


@dataclass(frozen=True)
class Contrast:
    """Two systems on one test set."""

    first: str
    second: str
    differences: tuple[Difference, ...]
    """By each metric."""
    corrected: tuple[float, ...]
    """Their p-values, corrected for the number of pairs of systems (Holm)."""
    sentences: int
    models: tuple[int | None, int | None] = (None, None)
    """How many models of each system were compared; None for translations of another tool."""

    @property
    def of_systems(self) -> bool:
        """Whether it shows which system is better, not only which model: that takes several seeds."""
        return 1 not in self.models

    def by(self, metric: str) -> tuple[Difference, float]:
        """The difference by one metric, and its corrected p-value."""
        at = [one.metric for one in self.differences].index(metric)
        return self.differences[at], self.corrected[at]

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        metrics = [
            {**asdict(one), "gain": one.gain, "corrected_p": p, "verdict": self.in_words(one.metric)}
            for one, p in zip(self.differences, self.corrected, strict=True)
        ]
        return {"first": self.first, "second": self.second, "models": self.models, "metrics": metrics}

    def in_words(self, metric: str = "BLEU") -> str:
        """The verdict by one metric, in a sentence or two."""
        found, p = self.by(metric)
        names, scores = (self.first, self.second), (found.first, found.second)
        models, low, high = self.models, found.low, found.high
        if found.gain < 0:
            names, scores, models, low, high = names[::-1], scores[::-1], models[::-1], -high, -low
        worse, better = names
        if max(abs(found.gain), found.test_error, found.seed_error or 0.0) < ROUNDING:
            return f"{worse} and {better} have the same {metric}, {scores[0]:.2f}, however they are tested."
        by = f"{abs(found.gain):.2f} {UNITS[metric]}"
        ahead = f"{scores[1]:.2f} against {scores[0]:.2f}"
        how_sure = f"95 % interval {low:.2f} to {high:.2f}, {p_value(found.p)}"
        if p_value(p) != p_value(found.p):
            how_sure += f", corrected {p_value(p)}"
        if p >= LEVEL:
            power = "So few sentences cannot show any difference."
            if found.detectable is not None:
                least = f"{found.detectable:.2f}" if found.detectable >= 0.01 else f"{found.detectable:.1g}"
                power = f"A difference of {least} would have been found with a probability of 80 %."
            return (
                f"No difference in {metric} between {worse} and {better} is shown by {self._evidence()}: "
                f"{better} has {by} more, {ahead} ({how_sure}). {power}"
            )
        if self.of_systems:
            return f"{better} is better than {worse} by {by}, {ahead} ({how_sure})."
        single = " and ".join(name for name, count in zip(names, models, strict=True) if count == 1)
        what = {None: f"These translations of {better} score", 1: f"This model of {better} scores"}.get(
            models[1], f"The {models[1]} models of {better} score, in the mean,"
        )
        that = "that" if models[0] == 1 else "those"
        return (
            f"{what} {by} higher than {that} of {worse}, {ahead} ({how_sure}): more than "
            f"the choice of test sentences explains, but other seeds of {single} may differ as much."
        )

    def _evidence(self) -> str:
        sentences = f"these {self.sentences:,} sentences" if self.sentences > 1 else "this one sentence"
        models = [(n, name) for n, name in zip(self.models, (self.first, self.second), strict=True) if n]
        if not self.of_systems or not models:
            return sentences
        if self.models[0] == self.models[1]:
            return f"{sentences} and {self.models[0]} models of each"
        return ", ".join([sentences, *(f"{count} models of {name}" for count, name in models)])

    def uncertainty(self, metric: str = "BLEU") -> str:
        """Which uncertainties the verdict counts, in words, with their standard errors."""
        found, _ = self.by(metric)
        test = f"the choice of test sentences ±{found.test_error:.2f}"
        if found.seed_error is None:
            return f"Standard error of the difference in {metric}: {test}; seeds not counted."
        return f"Standard errors of the difference in {metric}: {test}, seeds ±{found.seed_error:.2f}."


def p_value(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def contrasts(systems: Sequence[System], references: Sequence[str]) -> list[Contrast]:
    """Every two of the systems, by their translations of one test set."""
    pairs = list(combinations(systems, 2))
    found = all_differences([one.hypotheses for one in systems], references)
    by_metric = [holm([one.p for one in metric]) for metric in zip(*found, strict=True)]
    return [
        Contrast(
            first.name, second.name, tuple(each), corrected, len(references), (first.models, second.models)
        )
        for (first, second), each, corrected in zip(pairs, found, zip(*by_metric, strict=True), strict=True)
    ]
