"""A trained run and its operations, for Python and the commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from seqattn.alignment.lexicon import links_by_lexicon, score_words
from seqattn.alignment.links import SYMMETRISED, Links, turned
from seqattn.alignment.pointing import Box, Pointing, check_boxes, pointing
from seqattn.alignment.reading import (
    Attention,
    attention_of,
    heads_of,
    links_of,
    read_as,
    usual_image_reading,
    usual_reading,
    usual_self_reading,
)
from seqattn.alignment.words import UNITS
from seqattn.data.batching import Example, Lengths, Limits
from seqattn.data.corpus import side_names
from seqattn.data.encoding import encode
from seqattn.data.pixels import Shape
from seqattn.data.sources import Sources
from seqattn.decoding.translation import Translation
from seqattn.errors import InputError, naming
from seqattn.hardware import choose_device, tune_memory
from seqattn.models import image_shape
from seqattn.models.base import Place, Reading, Seq2Seq
from seqattn.models.int8 import quantize
from seqattn.models.size import Size, size_of
from seqattn.pictures.image_map import map_of
from seqattn.pictures.maps import AttentionMap
from seqattn.progress import Report, silent
from seqattn.runs.config import RunConfig
from seqattn.runs.folder import RunFolder
from seqattn.runs.records import TrainedRecord
from seqattn.runs.text_model import TextModel
from seqattn.text.sentences import Splitting
from seqattn.text.tokenizer import Tokenizer
from seqattn.text.unknown import Alphabet

SelfAttention = Literal["encoder", "decoder"]
"""The part whose self-attention is read."""


@dataclass(frozen=True, repr=False)
class Run(TextModel):
    """A trained model with its configuration and tokenizer."""

    path: Path
    config: RunConfig
    tokenizer: Tokenizer
    model: Seq2Seq
    """In evaluation mode."""
    trained: TrainedRecord
    size: Size

    @property
    def parameters(self) -> int:
        """The number of learned parameters."""
        return self.size.parameters

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}: {self.config.architecture}, {self.parameters:,} parameters)"

    @property
    def reading(self) -> Reading:
        """Which attention is read as the alignment: chosen in training, or a default.

        The default is for images, which have no words, and for a training that was interrupted.

        InputError when the model has no attention.
        """
        if self.config.alignment is not None:
            return self.config.alignment
        with naming(self.path):
            shape = self.model.require_attention()
            return usual_reading(shape) if self.tokenizer.reads_texts else usual_image_reading(shape)

    @property
    def swapped(self) -> bool:
        """Whether it was trained from target to source."""
        return self.config.data.swapped

    @property
    def max_ratio(self) -> float:
        """The most target ids for each source id in search, from the training data."""
        return self.config.max_ratio

    @property
    def sources(self) -> Sources:
        """What its sources are."""
        return self.config.sources

    @property
    def image_shape(self) -> Shape | None:
        """How it reads images; None when it reads texts."""
        return image_shape(self.config.architecture, self.config.model)

    @property
    def splitting(self) -> Splitting | None:
        """How lines are cut that have more sentences than the sources the model was trained on."""
        data = self.config.data
        if not self.tokenizer.reads_texts:
            return None
        return Splitting(max(1, data.source_sentences), data.language)

    @property
    def alphabet(self) -> Alphabet:
        """The characters that the model can read; if not recorded, those of its vocabulary."""
        characters = self.config.data.source_characters or self.tokenizer.texts.characters
        return Alphabet(frozenset(characters))

    def turns(self, corpus: str | Path) -> bool:
        """Whether the run translates a corpus, named as on the command line, from its target to its source.

        This follows from the names of the sides, as in `test.en,test.de`, if the file names of this corpus
        and of the training corpora have them; otherwise from the direction of training.
        """
        named = self.turns_by_name(corpus)
        return self.swapped if named is None else named

    def turns_by_name(self, corpus: str | Path) -> bool | None:
        """`turns`, if the names of the sides show it, else None."""
        names, own = side_names(str(corpus)), self.config.data.sides
        if names is None or own is None or set(names) != set(own):
            return None
        return names != own

    def translates_as(self, other: Run) -> bool | None:
        """Whether both translate in the same direction, as the names of their sides or their data show.

        None: these do not show it.
        """
        mine, theirs = self.config.data, other.config.data
        if mine.sides is not None and theirs.sides is not None:
            return mine.sides == theirs.sides
        related = str(self.path) in (theirs.initialised_from,) or str(other.path) in (mine.initialised_from,)
        same_data = bool(mine.train_fingerprint) and mine.train_fingerprint == theirs.train_fingerprint
        return mine.swapped == theirs.swapped if related or same_data else None

    def attend(self, examples: Sequence[Example]) -> Iterator[Tensor]:
        return read_as(self.model, examples, self.reading)

    def attention_of_translations(self, found: Sequence[Translation]) -> Iterator[list[Attention]]:
        """The attention of each best translation in words, one for each part of its source.

        InputError when the model has none.
        """
        examples = [
            Example(source, hypothesis.ids)
            for one in found
            for source, hypothesis in zip(one.pieces, one.candidates[0].hypotheses, strict=True)
        ]
        seen = attention_of(self.model, self.tokenizer, examples, self.reading)
        return (list(islice(seen, len(one.pieces))) for one in found)

    def attention(
        self,
        source: Any,
        target: str | None = None,
        *,
        self_attention: SelfAttention | None = None,
        reading: Reading | None = None,
        unit: str = "words",
    ) -> AttentionMap:
        """The attention from target to source; the target is the run's own translation unless given.

        For a run that reads images it is an `ImageMap`; the source is then a file or an array.

        With `self_attention` that of the source (`encoder`) or the target (`decoder`) to itself. The run's
        own reading is used unless another is given; `unit` is `words` or `pieces`. InputError when the model
        has no such attention, or no such layer or head.
        """
        if self_attention == "encoder" and target is not None:
            raise ValueError("the encoder attends to the source alone: leave out the target")
        if target is None:
            target = "" if self_attention == "encoder" else str(self.translate(source))
        (found,) = self.attentions(
            [(source, target)], self_attention=self_attention, reading=reading, unit=unit
        )
        return found

    def attentions(
        self,
        pairs: Sequence[tuple[Any, str]],
        *,
        self_attention: SelfAttention | None = None,
        reading: Reading | None = None,
        unit: str = "words",
        name: str = "",
    ) -> Iterator[AttentionMap]:
        """As `attention`, for each pair in order; `name` is the run's on pictures, else its folder's."""
        _check_choice("unit", unit, UNITS)
        place: Place = self_attention or "cross"
        reading = reading or self.asked_reading(self_attention=self_attention)
        own = self.reading if place == "cross" else None
        given = self.sources.given(pairs)
        examples = list(encode(self.tokenizer, given))
        with naming(self.path):
            found = heads_of(
                self.model, self.tokenizer, examples, consumed=reading.consumed, unit=unit, place=place
            )
            for pair, example, heads in zip(given, examples, found, strict=True):
                named = name or self.path.name
                seen = map_of(named, pair, example, heads, reading, own, self.image_shape)
                reading.check(seen.shape)
                yield seen

    def align(
        self,
        pairs: str | Path | Sequence[tuple[str, str]],
        *,
        reverse: Run | str | Path | None = None,
        symmetrize: str = "grow-diag-final-and",
        reading: Reading | None = None,
        threshold: float = 1.0,
        lexicon: str | Path | Sequence[tuple[str, str]] | None = None,
        report: Report = silent,
    ) -> list[Links]:
        """The links of each pair's words, as (source word, target word) from 0.

        Each target word is linked to its best source word, and to those with at least `threshold` of its
        score. With `reverse`, a run of the other direction, the links of both are combined by `symmetrize`
        (a key of `SYMMETRISED`). With a `lexicon`, further pairs or none, links come instead from attention
        and a lexicon of all the pairs, learned from each other; a pair with more than `longest_linked` ids on
        a side then has no links.
        """
        _check_choice("symmetrize", symmetrize, SYMMETRISED)
        if not 0 < threshold <= 1:
            raise ValueError(f"threshold must be above 0 and at most 1, not {threshold}")
        if isinstance(reverse, str | Path):
            reverse = load_run(reverse, self.model.device)
        if reverse is not None and reverse.translates_as(self):
            raise InputError(
                f"translates in the same direction as {self.path}",
                path=reverse.path,
                remedy="train --swap makes a run of the other direction",
            )
        with naming(self.path):
            _ = self.tokenizer.texts
        given = self.pairs_of(pairs)
        more = None if lexicon is None else self.pairs_of(lexicon)
        if more is not None:
            scored = score_words(
                self.model,
                self.tokenizer,
                [*given, *more],
                reading or self.reading,
                self.longest_linked,
                lambda share: report(f"aligning by {self.path.name}", share),
            )
            links = list(islice(links_by_lexicon(scored), len(given)))
        else:
            examples = list(encode(self.tokenizer, given))
            with naming(self.path):
                links = list(
                    links_of(self.model, self.tokenizer, examples, reading or self.reading, threshold)
                )
        if reverse is None:
            return links
        combine = SYMMETRISED[symmetrize]
        back = None if more is None else [pair.swapped() for pair in more]
        backwards = reverse.align(
            [pair.swapped() for pair in given], threshold=threshold, lexicon=back, report=report
        )
        return [combine(one, turned(other)) for one, other in zip(links, backwards, strict=True)]

    def point(
        self,
        pairs: Sequence[tuple[Any, str]],
        boxes: Sequence[Sequence[Box]],
        readings: Sequence[Reading] = (),
    ) -> dict[Reading, Pointing]:
        """How many of the words with boxes attend most to what is in them, by each reading.

        For a run that reads images; its own reading unless others are given.
        """
        if self.image_shape is None:
            raise InputError("reads texts, which have no boxes", path=self.path)
        examples = list(encode(self.tokenizer, self.sources.given(pairs)))
        check_boxes([example.source for example in examples], boxes)
        with naming(self.path):
            return {
                reading: pointing(
                    attention_of(self.model, self.tokenizer, examples, reading),
                    (example.source for example in examples),
                    self.image_shape,
                    boxes,
                )
                for reading in readings or [self.reading]
            }

    def asked_reading(
        self,
        layer: int | None = None,
        head: int | None = None,
        consumed: bool | None = None,
        self_attention: SelfAttention | None = None,
    ) -> Reading:
        """The run's own reading, or for self-attention the mean of the last layer, changed where given."""
        asked = self.reading if self_attention is None else self._self_reading(self_attention)
        if layer is not None:
            # A head of one layer has no counterpart in another layer.
            asked = replace(asked, layer=layer, head=0 if layer != asked.layer else asked.head)
        if head is not None:
            asked = replace(asked, head=head)
        return asked if consumed is None else replace(asked, consumed=consumed)

    def _self_reading(self, place: SelfAttention) -> Reading:
        with naming(self.path):
            return usual_self_reading(self.model.require_attention(place=place), place)

    @property
    def longest_linked(self) -> Limits:
        """The most ids on the sides of a pair that has links if a lexicon is learned."""
        return self.model.longest.within(self.config.training.max_length)

    def check_lengths(self, lengths: Lengths) -> None:
        if excess := self.model.longest.excess(lengths):
            raise InputError(f"a sentence has {excess}", path=self.path)


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """ValueError when an argument is none of its choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def load_run(path: str | Path, device: torch.device | None = None) -> Run:
    """The trained model in a run's folder; InputError when the folder is not a run or is damaged."""
    folder = RunFolder(Path(path))
    config = folder.read_config()
    tokenizer = folder.read_tokenizer(config)
    model, trained = folder.load_model(config, tokenizer)
    return Run(folder.path, config, tokenizer, model.to(device).eval(), trained, size_of(model))


def load(path: str | Path, *, device: str = "auto", precision: str = "fp32") -> Run:
    """Load a run for translation and alignment, from the folder that training wrote.

    `device` is auto, cpu, cuda, cuda:1, … or mps; precision fp32 or, on a CPU, int8. InputError when the
    folder is not a run or is damaged, or the device is not available.
    """
    if precision not in ("fp32", "int8"):
        raise ValueError(f"precision must be fp32 or int8, not {precision!r}")
    tune_memory()
    run = load_run(path, choose_device(device))
    if precision == "int8":
        quantize(run.model)
    return run
