"""What a comparison shows: which system is better, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from seqattn.evaluation.significance import Difference, differences, holm

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
    """Their p-values by randomization, corrected for the number of pairs of systems (Holm)."""
    sentences: int

    def to_json(self) -> dict[str, Any]:
        """As JSON values."""
        metrics = [
            {**asdict(one), "gain": one.gain, "corrected_p": p}
            for one, p in zip(self.differences, self.corrected, strict=True)
        ]
        return {"first": self.first, "second": self.second, "metrics": metrics}

    def in_words(self, metric: str = "BLEU") -> str:
        """The verdict by one metric, in a sentence."""
        at = [one.metric for one in self.differences].index(metric)
        found, p = self.differences[at], self.corrected[at]
        unit = UNITS[metric]
        first, second = (self.first, self.second) if found.gain >= 0 else (self.second, self.first)
        low, high = (found.low, found.high) if found.gain >= 0 else (-found.high, -found.low)
        how_sure = f"95 % interval {low:.2f} to {high:.2f}, {p_value(p)}"
        if p < LEVEL:
            return f"{second} is better than {first} by {abs(found.gain):.2f} {unit} ({how_sure})."
        return (
            f"No difference in {metric} between {first} and {second} that these {self.sentences:,} sentences "
            f"can show: {second} has {abs(found.gain):.2f} {unit} more ({how_sure}). One of about "
            f"{found.detectable:.1f} would probably have been found."
        )


def p_value(p: float) -> str:
    """A p-value in words."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def contrasts(hypotheses: Sequence[tuple[str, Sequence[str]]], references: Sequence[str]) -> list[Contrast]:
    """Every two of the named systems, by their hypotheses for the same test set."""
    pairs = list(combinations(hypotheses, 2))
    found = [differences(first, second, references) for (_, first), (_, second) in pairs]
    by_metric = [holm([one.randomization_p for one in metric]) for metric in zip(*found, strict=True)]
    return [
        Contrast(first, second, tuple(each), corrected, len(references))
        for ((first, _), (second, _)), each, corrected in zip(
            pairs, found, zip(*by_metric, strict=True), strict=True
        )
    ]
