"""The figures that every table of a comparison shows: what they are called and how they are written."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from seqattn.comparison.findings import Findings
from seqattn.comparison.results import FIELDS, Costs, Member, System
from seqattn.evaluation.significance import Spread
from seqattn.pictures.legible import duration

MISSING = "–"
MEGABYTE = 1e6


@dataclass(frozen=True)
class Figure:
    """A figure of a model; that of a system is the mean over its models."""

    label: str
    of: Callable[[Member], float | None]
    form: Callable[[float], str]

    def text(self, value: float | None) -> str:
        """A value as it is shown."""
        return MISSING if value is None else self.form(value)


@dataclass(frozen=True)
class Scored:
    """The scores of every system by one metric."""

    label: str
    spreads: tuple[Spread | None, ...]
    lower_is_better: bool = False

    @property
    def best(self) -> frozenset[int]:
        """The systems with the best mean as it is written, if the means differ."""
        means = {at: round(one.mean, 2) for at, one in enumerate(self.spreads) if one}
        if len(set(means.values())) < 2:
            return frozenset()
        top = (min if self.lower_is_better else max)(means.values())
        return frozenset(at for at, mean in means.items() if mean == top)


def _cost(of: Callable[[Costs], float | None]) -> Callable[[Member], float | None]:
    return lambda one: of(one.costs) if one.costs else None


def _score(field: str) -> Callable[[Member], float]:
    return lambda one: float(getattr(one.scores, field))


def _megabytes(size: float) -> str:
    return f"{size / MEGABYTE:,.{0 if size >= 10 * MEGABYTE else 1}f}"


_whole = "{:,.0f}".format
_hundredths = "{:.2f}".format
LABELS = {metric: "exact match, %" if metric == "exact match" else metric for metric in FIELDS}
"""Of the scores by each metric."""
SCORES = tuple(Figure(LABELS[metric], _score(field), _hundredths) for metric, field in FIELDS.items())
PARAMETERS = Figure("parameters", _cost(lambda costs: costs.parameters), _whole)
EMBEDDINGS = Figure("in embeddings", _cost(lambda costs: costs.embeddings), _whole)
TOKENS = Figure("tokens trained on", _cost(lambda costs: costs.tokens), _whole)
TIME = Figure("training time", _cost(lambda costs: costs.seconds), duration)
MEMORY = Figure("peak memory, MB", _cost(lambda costs: costs.memory), _megabytes)
SIZE = Figure("size, MB", _cost(lambda costs: costs.size), _megabytes)
DECODING = Figure("decoding sentences/s", lambda one: one.sentences_per_second, "{:,.1f}".format)
COSTS = (
    PARAMETERS,
    EMBEDDINGS,
    Figure("updates", _cost(lambda costs: costs.updates), _whole),
    TOKENS,
    TIME,
    Figure("training tokens/s", _cost(lambda costs: costs.tokens_per_second), _whole),
    MEMORY,
    SIZE,
    DECODING,
)
"""What training and decoding cost."""


def costs_of(systems: Sequence[System]) -> list[Figure]:
    """The `COSTS` that any of the systems has."""
    return [one for one in COSTS if any(system.mean(one.of) is not None for system in systems)]


def scores_of(found: Findings) -> list[Scored]:
    """How well the systems translate, and how well their attention aligns if there are gold links."""
    scores = [
        Scored(LABELS[metric], tuple(system.spread(metric) for system in found.systems)) for metric in FIELDS
    ]
    if found.alignment and found.alignment.error_rates:
        scores.append(Scored("alignment error rate, %", found.alignment.error_rates, lower_is_better=True))
    return scores


def mean_in_words(one: Spread | None) -> str:
    """A mean, with its standard deviation if there are several scores."""
    if one is None:
        return MISSING
    return f"{one.mean:.2f}" + ("" if one.deviation is None else f" ± {one.deviation:.2f}")


def interval_in_words(one: Spread | None) -> str:
    """The 95 % interval of the mean; empty for one score."""
    if one is None or one.low is None or one.high is None:
        return ""
    return f"{one.low:.2f} to {one.high:.2f}"


def agreements(found: Findings) -> dict[tuple[int, int], float]:
    """The links that two systems share, F1 in percent, by the numbers of the systems, the lower first."""
    shares = found.alignment.agreements if found.alignment else None
    pairs = combinations(range(len(found.systems)), 2)
    return {pair: share for pair in pairs if shares and (share := shares[pair[0]][pair[1]]) is not None}
