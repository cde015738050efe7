"""What a comparison found: the data behind every report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from seqattn.data.batching import UNLIMITED, lengths_of
from seqattn.data.encoding import encode
from seqattn.evaluation.scores import Scores
from seqattn.evaluation.significance import Spread, spread
from seqattn.runs.run import Run

FIELDS = {"BLEU": "bleu", "chrF": "chrf", "exact match": "exact"}
"""The field of `Scores` and of a validation by the name of a metric."""


@dataclass(frozen=True)
class Point:
    """One validation during training; scores in percent."""

    update: int
    seconds: float
    loss: float
    bleu: float
    chrf: float
    exact: float


@dataclass(frozen=True)
class Costs:
    """What a trained model cost and costs; None for what its run did not record."""

    parameters: int
    embeddings: int
    """Those of the parameters that are in embeddings and the output layer."""
    updates: int | None
    tokens: int | None
    """Source and target ids trained on."""
    seconds: float | None
    """Of training, including validation."""
    updating: float | None
    """Of training alone, seconds."""
    memory: int | None
    """Peak of the process that trained it, or on a GPU of its tensors, bytes."""
    size: int
    """Of the files that translation needs, bytes."""
    ended: str
    """Why training ended; empty if it was interrupted, or not recorded."""

    @property
    def tokens_per_second(self) -> float | None:
        """Of training alone."""
        return self.tokens / self.updating if self.tokens is not None and self.updating else None

    @property
    def other_parameters(self) -> int:
        """Those that are not in embeddings and the output layer: what the sizes of models are matched by."""
        return self.parameters - self.embeddings


@dataclass(frozen=True)
class Member:
    """One set of translations of a system: by the model of one seed, or from a file."""

    name: str
    """In the system: `seed 1`, a file's or a folder's name."""
    hypotheses: tuple[str, ...]
    """One for each test sentence."""
    scores: Scores
    run: Run | None = None
    """None: translated by another tool."""
    costs: Costs | None = None
    """None without a run."""
    curve: tuple[Point, ...] = ()
    decoding_seconds: float | None = None
    output_ids: int = 0
    """Ids decoded, EOS counted."""

    @property
    def sentences_per_second(self) -> float | None:
        """Of decoding the test set."""
        return len(self.hypotheses) / self.decoding_seconds if self.decoding_seconds else None

    def holds(self, pairs: Sequence[tuple[Any, str]]) -> list[bool]:
        """Whether its model has a position for every piece of each pair; without a model all are held."""
        if self.run is None or self.run.model.longest == UNLIMITED:
            return [True] * len(pairs)
        model = self.run.model
        examples = encode(self.run.tokenizer, self.run.sources.given(pairs))
        return [not model.longest.excess(lengths) for lengths in lengths_of(examples, model.collator)]


class Reading(NamedTuple):
    """The models of a system at one validation."""

    x: float
    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class System:
    """A system of a comparison: models alike in all but the seed, or translations of another tool."""

    name: str
    members: tuple[Member, ...]
    """At least one."""

    def spread(self, metric: str) -> Spread:
        """The scores of its members by `BLEU`, `chrF` or `exact match`."""
        return spread([getattr(one.scores, FIELDS[metric]) for one in self.members])

    def mean(self, figure: Callable[[Member], float | None]) -> float | None:
        """The mean of a figure over the members that have it; None if none has it."""
        known = [value for one in self.members if (value := figure(one)) is not None]
        return sum(known) / len(known) if known else None

    def cost(self, name: str) -> float | None:
        """The mean of a field or property of `Costs` over its members; None without models."""
        return self.mean(lambda one: getattr(one.costs, name) if one.costs else None)

    @property
    def hypotheses(self) -> list[tuple[str, ...]]:
        """Of each member."""
        return [one.hypotheses for one in self.members]

    @property
    def models(self) -> int | None:
        """How many models it has; None for translations of another tool."""
        return len(self.members) if any(one.costs for one in self.members) else None

    def readings(self, spot: Callable[[Point], tuple[float, float]]) -> list[Reading]:
        """The validations that all of its models with a curve have, by their updates; x is a mean too."""
        by_update = [{point.update: spot(point) for point in one.curve} for one in self.members if one.curve]
        common = sorted(set.intersection(*map(set, by_update))) if by_update else []
        found = []
        for update in common:
            xs, ys = zip(*(one[update] for one in by_update), strict=True)
            found.append(Reading(sum(xs) / len(xs), sum(ys) / len(ys), min(ys), max(ys)))
        return found


@dataclass(frozen=True)
class Group:
    """A part of the test set, and a figure of each system on it."""

    name: str
    count: int
    """Of what the breakdown counts."""
    values: tuple[float | None, ...]
    """For each system, the mean of its members; None where it is not defined."""


@dataclass(frozen=True)
class Breakdown:
    """A figure of each system on parts of the test set, or several figures on the whole."""

    title: str
    """Such as `BLEU by source length`."""
    grouped_by: str
    """What the names of the groups are: `words`."""
    counted: str
    """What `count` counts: `sentences`."""
    unit: str
    """Of the values: `BLEU`, `%`, or empty for a ratio."""
    groups: tuple[Group, ...]
    remark: str = ""
    """How the figure is computed, in a sentence."""
    higher_is_better: bool = True


@dataclass(frozen=True)
class NGram:
    """Words in a row that one system gets right more often than another."""

    words: tuple[str, ...]
    first: float
    """Occurrences in the references that the first system has in its translation too, mean of its members."""
    second: float
    references: int
    """Occurrences in the references."""


@dataclass(frozen=True)
class Contrasted:
    """A test sentence on which two systems differ."""

    row: int
    """In the test set, from 0."""
    first: float
    """chrF of the sentence, mean of the first system's members."""
    second: float


@dataclass(frozen=True)
class Differing:
    """Where two systems differ most."""

    first: str
    second: str
    first_right: tuple[NGram, ...]
    """What the first gets right more often than the second, the largest difference first."""
    second_right: tuple[NGram, ...]
    first_better: tuple[Contrasted, ...]
    """The sentences that the first translates better, the largest difference first."""
    second_better: tuple[Contrasted, ...]
