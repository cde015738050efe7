"""Signs that a training is failing, and what to try."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain
from statistics import median

from seqattn.errors import counted
from seqattn.training.events import Event, Finished, Skipped, Updated, Validated
from seqattn.training.schedule import Progress, TrainingOptions

MANY = 20.0
"""Percent of the translations with a fault."""
RISEN, RISEN_BY = 1.05, 0.05
"""The factor by which a loss is above its lowest, and the nats: near 0 small changes are large factors."""
HARDLY = 0.9
"""The share of the loss of guessing that a model which learns is soon below."""
FAULTS = {
    "same": "are one and the same, so the model ignores its source: lower learning_rate or lengthen warmup, "
    "and see with `seqattn check` whether the lines of both sides belong together",
    "untranslated": "copy their source: see with `seqattn check` whether the training pairs are translated",
    "empty": "are empty: see with `seqattn check` whether the training targets are complete",
    "repetition": "repeat words: train longer or on more pairs, or raise dropout",
}
"""By the field of `Faults`: what the translations do, and what to try."""
SLOW, WINDOW = 2.0, 100
"""How many times as long as before the same work takes, by the median of so many updates."""
EPOCHS, UPDATES = 3, 5_000
"""Before both of which a model is not expected to translate."""
LONG, TIMED = 2.0, 5
"""An epoch of at least so many hours is told if nothing limits the training; so many updates measure it."""


class Symptoms:
    """Watches the events of a training; `add` returns warnings, each kind once."""

    def __init__(self, options: TrainingOptions, guessing: float = math.inf, epoch_tokens: int = 0) -> None:
        """`guessing`: the loss of guessing, nats an id. `epoch_tokens`: source and target ids of an epoch;
        0: unknown."""
        self._options = options
        self._guessing = guessing
        limited = options.max_updates or options.max_tokens or options.max_minutes
        self._epoch_tokens = 0 if limited else epoch_tokens
        self._said: set[str] = set()
        self._sum, self._updates = 0.0, 0
        self._trained = math.inf
        self._lowest_trained = math.inf
        self._lowest_validated = math.inf
        self._pace = Pace()
        self._first: list[float] = []

    def add(self, event: Event) -> list[str]:
        """What an event shows for the first time."""
        if isinstance(event, Updated):
            self._sum, self._updates = self._sum + event.loss, self._updates + 1
            seconds = event.seconds / max(1, event.tokens)
            paces = chain(self._pace.add(seconds), self._long_epoch(seconds))
            return self._new(chain(_signs_of_update(event), paces))
        if isinstance(event, Skipped):
            return self._new(_signs_of_update(event))
        if isinstance(event, Finished) or event.averaged:
            return []
        return self._new(self._signs(event))

    def _new(self, signs: Iterable[tuple[str, str]]) -> list[str]:
        """The texts of signs of a kind that was not seen before."""
        found = [(kind, text) for kind, text in signs if kind not in self._said]
        self._said |= {kind for kind, _ in found}
        return [text for _, text in found]

    def _signs(self, event: Validated) -> Iterator[tuple[str, str]]:
        loss, faults = event.validation.loss, event.validation.faults
        before = self._trained
        # The mean of a few updates is chance.
        if self._updates and self._updates >= self._options.validate_every / 2:
            self._trained = self._sum / self._updates
        self._sum, self._updates = 0.0, 0
        falls = self._trained < before
        if _risen(self._trained, self._lowest_trained):
            yield (
                "rate",
                f"the training loss has risen from {self._lowest_trained:.2f} to {self._trained:.2f}: "
                "lower learning_rate or lengthen warmup",
            )
        elif event.progress.update > self._options.warmup and self._worse_than_guessing(loss):
            yield (
                "rate",
                f"the training loss, {self._trained:.2f}, is above that of guessing, {self._guessing:.2f}, "
                f"and the validation loss is {loss:.2f}: lower learning_rate or lengthen warmup",
            )
        elif falls and not event.improved and _risen(loss, self._lowest_validated):
            yield (
                "overfitting",
                f"the validation loss has risen from {self._lowest_validated:.2f} to {loss:.2f} while the "
                "training loss falls, so the model learns its pairs by heart: raise dropout or word_dropout, "
                "take a smaller preset, or more pairs; if scores stay low, see with `seqattn check` whether "
                "the lines of both sides belong together",
            )
        self._lowest_trained = min(self._trained, self._lowest_trained)
        self._lowest_validated = min(loss, self._lowest_validated)
        if not self._early(event.progress):
            many = {kind: share for kind in FAULTS if (share := getattr(faults, kind)) >= MANY}
            if "same" in many:
                # The one sentence often repeats words too.
                many.pop("repetition", None)
            for kind, share in many.items():
                yield kind, f"{share:.0f} % of the translations {FAULTS[kind]}"

    def _worse_than_guessing(self, validated: float) -> bool:
        return HARDLY * self._guessing < validated and self._guessing < self._trained < math.inf

    def _long_epoch(self, seconds: float) -> Iterator[tuple[str, str]]:
        """A sign, by the median of the first updates; each is given as the seconds that an id took."""
        if len(self._first) == TIMED:
            return
        self._first.append(seconds)
        hours = self._epoch_tokens * median(self._first) / 3600
        if len(self._first) == TIMED and hours >= LONG:
            yield (
                "long epoch",
                f"an epoch takes about {counted(round(hours), 'hour')} at this speed: with --max-minutes and "
                "without --preset, the size is chosen for the time there is",
            )

    def _early(self, progress: Progress) -> bool:
        begun = progress.epoch < EPOCHS and progress.update < UPDATES
        return begun or progress.update <= 2 * self._options.warmup


def _risen(loss: float, lowest: float) -> bool:
    return loss > max(RISEN * lowest, lowest + RISEN_BY)


class Pace:
    """Watches the time that an id takes."""

    def __init__(self) -> None:
        self._last: list[float] = []
        self._fastest = math.inf

    def add(self, seconds: float) -> Iterator[tuple[str, str]]:
        """A sign if the last updates were much slower, for the ids they had, than updates have been."""
        self._last.append(seconds)
        if len(self._last) < WINDOW:
            return
        now, self._last = median(self._last), []
        if now > SLOW * self._fastest:
            yield (
                "slow",
                f"updates take {now / self._fastest:.1f} times as long as they did: "
                "if other programs use this machine, fewer --threads are faster",
            )
        self._fastest = min(now, self._fastest)


def _signs_of_update(event: Updated | Skipped) -> Iterator[tuple[str, str]]:
    if isinstance(event, Skipped):
        yield (
            "skipped",
            f"update {event.progress.update:,} was left out, because {event.fault}: if that is not rare, "
            f"{event.remedy}",
        )
        return
    if event.divided:
        yield (
            "divided",
            "a batch did not fit into memory and was computed in parts: if that is not rare, a lower "
            "batch_tokens with a higher accumulate is faster",
        )
    if event.left_out:
        yield (
            "left out",
            f"{counted(event.left_out, 'pair')} did not fit into memory even alone and was left out: lower "
            "max_length, or raise batch_memory if it is set",
        )
