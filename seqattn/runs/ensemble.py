"""Several runs that translate together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from seqattn.alignment.reading import Attention
from seqattn.data.batching import Example, Lengths
from seqattn.data.pixels import Shape
from seqattn.data.sources import Sources
from seqattn.decoding.translation import Translation
from seqattn.errors import InputError, counted
from seqattn.models.base import Reading
from seqattn.models.mixture import Member, Mixture, the_same
from seqattn.runs.run import Run, load
from seqattn.runs.text_model import TextModel
from seqattn.text.sentences import Splitting
from seqattn.text.tokenizer import Tokenizer
from seqattn.text.unknown import Alphabet


@dataclass(frozen=True, repr=False)
class Ensemble(TextModel):
    """Runs of any architectures that translate together: the next id has the mean of their probabilities."""

    runs: tuple[Run, ...]
    model: Mixture
    tokenizer: Tokenizer
    """The first run's: a source is its ids, from which the others' are made; the target side is shared."""

    def __repr__(self) -> str:
        return (
            f"Ensemble of {counted(len(self.runs), 'run')}: {', '.join(str(run.path) for run in self.runs)}"
        )

    @property
    def max_ratio(self) -> float:
        """The largest of the runs'."""
        return max(run.max_ratio for run in self.runs)

    @property
    def reading(self) -> Reading:
        """The mean of the attention that the runs read, at whichever step.

        InputError when one has none, or splits sources into other pieces.
        """
        self._require_attention()
        return Reading()

    @property
    def sources(self) -> Sources:
        """The runs' own."""
        return self.runs[0].sources

    @property
    def image_shape(self) -> Shape | None:
        """The runs' own."""
        return self.runs[0].image_shape

    @property
    def splitting(self) -> Splitting | None:
        """Parts of so many sentences that each of the runs can translate them."""
        each = [run.splitting for run in self.runs if run.splitting is not None]
        if not each:
            return None
        language = next((one.language for one in each if one.language), "")
        return Splitting(min(one.most for one in each), language)

    @property
    def alphabet(self) -> Alphabet:
        """The characters that all the runs can read."""
        return Alphabet(frozenset.intersection(*(run.alphabet.characters for run in self.runs)))

    def turns(self, corpus: str | Path) -> bool:
        """Whether a corpus, named as on the command line, is translated from its target to its source.

        The runs that know the names of its sides decide, otherwise all. InputError when they disagree.
        """
        named = {named for run in self.runs if (named := run.turns_by_name(corpus)) is not None}
        answers = named or {run.swapped for run in self.runs}
        if len(answers) > 1:
            raise InputError(
                "is read from source to target by some of the runs and from target to source by others",
                path=corpus,
            )
        return answers.pop()

    def attend(self, examples: Sequence[Example]) -> Iterator[Tensor]:
        """The mean of the runs' attention, each at the step at which it is read; otherwise as for a run."""
        self._require_attention()
        for each in zip(*(run.attend(examples) for run in self.runs), strict=True):
            yield torch.stack(each).mean(0)

    def attention_of_translations(self, found: Sequence[Translation]) -> Iterator[list[Attention]]:
        """The mean of the runs' attention of each best translation in words, for each part of its source.

        InputError when a run has none.
        """
        each = [
            run.attention_of_translations([_for_member(one, member.own_source) for one in found])
            for run, member in zip(self.runs, self.model.members, strict=True)
        ]
        for parts in zip(*each, strict=True):
            yield [_mean(seen) for seen in zip(*parts, strict=True)]

    def _require_attention(self) -> None:
        """InputError when the runs' attention has no mean."""
        for run, member in zip(self.runs, self.model.members, strict=True):
            # A run without attention says so itself.
            if run.reading and member.own_source is not the_same:
                raise InputError(
                    f"splits sources into other pieces than {self.runs[0].path}: "
                    "their attention to pieces has no mean",
                    path=run.path,
                )

    def check_lengths(self, lengths: Lengths) -> None:
        for run in self.runs:
            run.check_lengths(lengths)


def ensemble(runs: Iterable[Run | str | Path]) -> Ensemble:
    """Runs, or their folders, as one translator; they need one target vocabulary and direction.

    InputError when a run does not fit the first; ValueError for no runs, or runs on several devices.
    """
    loaded = tuple(run if isinstance(run, Run) else load(run) for run in runs)
    if not loaded:
        raise ValueError("an ensemble needs a run")
    first = loaded[0]
    members = []
    for run in loaded:
        _check_fit(run, first)
        own = _own_source(first.tokenizer, run.tokenizer)
        readable = run.model.attention_shape is not None and own is the_same
        members.append(Member(run.model, run.reading if readable else None, own))
    return Ensemble(loaded, Mixture(members), first.tokenizer)


def _check_fit(run: Run, first: Run) -> None:
    """InputError or ValueError when a run cannot translate together with the first."""
    if run.tokenizer.target.model != first.tokenizer.target.model:
        raise InputError(
            f"has another target vocabulary than {first.path}",
            path=run.path,
            remedy="an ensemble shares one, as do runs trained on the same pairs or by one compare",
        )
    if run.translates_as(first) is False:
        mine, other = run.config.data.direction, first.config.data.direction
        raise InputError(f"translates {mine}, but {first.path} {other}", path=run.path)
    if run.model.device != first.model.device:
        raise ValueError(f"{run.path} is on {run.model.device}, but {first.path} on {first.model.device}")
    if run.tokenizer.source.model != first.tokenizer.source.model:
        if not (run.tokenizer.reads_texts and first.tokenizer.reads_texts):
            raise InputError(
                f"reads other sources than {first.path}",
                path=run.path,
                remedy="an ensemble needs images of one size, colour and cell, or texts",
            )
        for one in (run, first):
            if (most := one.model.longest.source) is not None:
                raise InputError(
                    f"holds at most {most} pieces, which cannot be kept when {first.path} and {run.path} "
                    "split sources into different pieces",
                    path=one.path,
                )


def _own_source(first: Tokenizer, own: Tokenizer) -> Callable[[Any], Any]:
    """From the ids of a source by the first run's tokenizer to those by a run's own."""
    if own.source.model == first.source.model:
        return the_same
    return lambda ids: own.texts.encode(first.texts.decode(ids))


def _for_member(found: Translation, own_source: Callable[[Any], Any]) -> Translation:
    """A translation with the source ids of one member."""
    return found._replace(pieces=tuple(map(own_source, found.pieces)))


def _mean(seen: Sequence[Attention]) -> Attention:
    """The mean of several runs' attention between the same words."""
    return seen[0]._replace(weights=torch.stack([one.weights for one in seen]).mean(0))
