"""The events of training: after each update, made or left out, after each validation, and at the end."""

from __future__ import annotations

from dataclasses import dataclass, field

from seqattn.training.schedule import Progress


@dataclass(frozen=True)
class Figures:
    """The figures of a validation."""

    loss: float
    """Mean -log p of a target id, nats."""
    bleu: float
    chrf: float
    exact: float
    """Percent."""

    @property
    def all(self) -> tuple[float, float, float, float]:
        """Loss, BLEU, chrF and exact match."""
        return self.loss, self.bleu, self.chrf, self.exact

    def score(self, by: str) -> float:
        """The figure to choose by, BLEU for `auto`; higher is better."""
        return -self.loss if by == "loss" else float(getattr(self, "bleu" if by == "auto" else by))


@dataclass(frozen=True)
class Faults:
    """How many of a model's translations have a fault, percent."""

    repetition: float = 0.0
    untranslated: float = 0.0
    empty: float = 0.0
    same: float = 0.0
    """The share of the most frequent translation, less that of the most frequent reference."""


@dataclass(frozen=True)
class Validation(Figures):
    """The result of a validation, computed by the caller of the loop."""

    samples: tuple[tuple[str, str, str], ...]
    """Some (source, hypothesis, reference)."""
    faults: Faults = field(default_factory=Faults)


@dataclass(frozen=True)
class Updated:
    """An update was made."""

    progress: Progress
    loss: float
    """Of this update's batches, label smoothing and the guide included, nats an id."""
    learning_rate: float
    tokens: int
    """Of this update."""
    seconds: float
    """Of this update."""
    divided: bool = False
    """A batch was computed in parts, because memory did not suffice for all of it."""
    left_out: int = 0
    """Pairs for which memory did not suffice at all."""


@dataclass(frozen=True)
class Skipped:
    """An update was left out: the weights are as before, its pairs are not used."""

    progress: Progress
    fault: str
    """What was wrong, such as `the loss is nan`."""
    remedy: str
    """What to try if it is not rare."""


@dataclass(frozen=True)
class Validated:
    """The weights were validated."""

    progress: Progress
    validation: Validation
    improved: bool
    """These are the best weights so far."""
    averaged: bool = False
    """These are an average, made after the last update."""


@dataclass(frozen=True)
class Finished:
    """Training ended."""

    progress: Progress
    reason: str


Event = Updated | Skipped | Validated | Finished
