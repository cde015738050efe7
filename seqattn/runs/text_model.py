"""What a run and an ensemble of runs have in common: a model that translates texts."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, overload

from torch import Tensor

from seqattn.alignment.reading import Attention
from seqattn.data.batching import Example, Lengths, collate, lengths_of
from seqattn.data.corpus import Pair
from seqattn.data.encoding import encode
from seqattn.data.pixels import Image, Pixels, Shape
from seqattn.data.sources import Sources
from seqattn.decoding.copying import Copying
from seqattn.decoding.search import SamplingOptions, SearchOptions, score_targets
from seqattn.decoding.translation import Translation, TranslationOptions, Translator
from seqattn.errors import InputError
from seqattn.evaluation.scores import Assessment, References, join_references, score
from seqattn.models.base import Reading
from seqattn.models.predictor import Predictor
from seqattn.text.sentences import Splitting
from seqattn.text.tokenizer import Tokenizer
from seqattn.text.unknown import Alphabet


class TextModel(ABC):
    """A model in evaluation mode and the tokenizer that turns texts into what it reads and back."""

    model: Predictor
    tokenizer: Tokenizer

    @property
    @abstractmethod
    def max_ratio(self) -> float:
        """The most target ids for each source id in search."""

    @property
    @abstractmethod
    def reading(self) -> Reading:
        """Which attention of the model is read; InputError when there is none."""

    @property
    @abstractmethod
    def sources(self) -> Sources:
        """What its sources are: texts, or images."""

    @property
    @abstractmethod
    def image_shape(self) -> Shape | None:
        """How it reads images; None when it reads texts."""

    @property
    @abstractmethod
    def splitting(self) -> Splitting | None:
        """How lines are cut that have more sentences than the sources it was trained on; None for images."""

    @property
    @abstractmethod
    def alphabet(self) -> Alphabet:
        """The characters that it can read: those of the sources it was trained on."""

    @property
    def copying(self) -> Copying | None:
        """How words with other characters are copied; None for images."""
        if not self.tokenizer.reads_texts:
            return None
        return Copying(self.alphabet, None if self.model.attention_shape is None else self.attend)

    @abstractmethod
    def turns(self, corpus: str | Path) -> bool:
        """Whether a corpus, named as on the command line, is translated from its target to its source."""

    @abstractmethod
    def attend(self, examples: Sequence[Example]) -> Iterator[Tensor]:
        """The attention that is read, of each example: (T, S), the target ids without EOS by the source ids.

        InputError when there is none.
        """

    @abstractmethod
    def attention_of_translations(self, found: Sequence[Translation]) -> Iterator[list[Attention]]:
        """The attention of each best translation in words, one for each part of its source.

        InputError when there is none.
        """

    @abstractmethod
    def check_lengths(self, lengths: Lengths) -> None:
        """InputError when a pair is too long for the model."""

    def read_pairs(self, corpus: str | Path) -> Sequence[Pair]:
        """The pairs of a corpus, named as on the command line, in the direction of translation."""
        pairs = self.sources.read_corpus(str(corpus)).pairs
        return [pair.swapped() for pair in pairs] if self.turns(corpus) else pairs

    def pairs_of(self, given: str | Path | Sequence[tuple[str, str]]) -> Sequence[Pair]:
        """The pairs of a corpus that is named, or those that are given."""
        return self.read_pairs(given) if isinstance(given, str | Path) else self.sources.given(given)

    def search_options(
        self, beam: int = 5, length_penalty: float = 1.0, coverage_penalty: float = 0.0
    ) -> SearchOptions:
        """Search options, with the length limit from the training data.

        InputError when coverage is asked of a model without attention.
        """
        return SearchOptions(
            beam=beam,
            length_penalty=length_penalty,
            max_ratio=self.max_ratio,
            coverage_penalty=coverage_penalty,
            reading=self.reading if coverage_penalty else Reading(),
            source_eos=self.tokenizer.reads_texts,
        )

    def translator(
        self,
        search: SearchOptions,
        sampling: SamplingOptions | None = None,
        nbest: int = 1,
        *,
        split: bool = True,
        prefix: str = "",
    ) -> Translator:
        """A translator that copies what the model cannot read.

        Texts of more sentences than usual in training are translated in parts, unless `split` is false; the
        others are the options of `TranslationOptions`. With a `prefix`, what the model cannot read is read as
        well as may be instead of copied, so that nothing is put into the prefix.
        """
        options = TranslationOptions(
            search,
            sampling,
            nbest,
            splitting=self.splitting if split else None,
            copying=None if prefix.strip() else self.copying,
            prefix=prefix,
        )
        return Translator(self.model, self.tokenizer, options)

    @overload
    def translate(  # type: ignore[overload-overlap]
        self,
        lines: str | Path | Image | Pixels,
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        sampling: SamplingOptions | None = None,
        split: bool = True,
        prefix: str = "",
    ) -> Translation: ...
    @overload
    def translate(
        self,
        lines: Iterable[Any],
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        sampling: SamplingOptions | None = None,
        split: bool = True,
        prefix: str = "",
    ) -> list[Translation]: ...
    def translate(
        self,
        lines: Any,
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        sampling: SamplingOptions | None = None,
        split: bool = True,
        prefix: str = "",
    ) -> Translation | list[Translation]:
        """The translation of a text, or of each of several, in order; or of images.

        An image is named by its file, or given as an array of uint8, (H, W) or (H, W, colours).

        `str()` of a translation is its text; `candidates` has the `nbest` best with their scores. With
        sampling, `nbest` are drawn. Texts of more sentences than usual in training are translated in parts,
        unless `split` is false. Every translation begins with `prefix`, except those of empty texts.
        ValueError when `nbest` is larger than the beam.
        """
        if sampling is None and nbest > beam:
            raise ValueError(f"nbest {nbest} needs a beam of at least as many, not {beam}")
        search = self.search_options(beam if sampling is None else nbest, length_penalty, coverage_penalty)
        translator = self.translator(search, sampling, nbest, split=split, prefix=prefix)
        one = self.sources.is_one(lines)
        found = list(translator.translate([lines] if one else lines))
        return found[0] if one else found

    def score(self, source: Any, target: str) -> float:
        """log p(target | source) in nats, the end of the target counted."""
        (example,) = encode(self.tokenizer, self.sources.given([(source, target)]))
        self.check_lengths(*lengths_of([example], self.model.collator))
        batch = collate([example], self.model.collator, self.model.longest)
        device = self.model.device
        return float(score_targets(self.model, batch.source.to(device), batch.target.to(device)))

    def evaluate(
        self,
        test: str | Path | Sequence[tuple[str, str]],
        *,
        references: References | None = None,
        beam: int = 5,
        length_penalty: float = 1.0,
        coverage_penalty: float = 0.0,
        tokenize: str | None = None,
        split: bool = True,
    ) -> Assessment:
        """Translate a corpus, named as on the command line or given as pairs, and score the translations.

        A corpus given by name is read in the direction of the run, which may be from target to source.
        `references` has for each pair a further reference, or several, beside its target. `tokenize` is
        sacrebleu's option; by default 13a, or char for references in a script without spaces; `split` is as
        for `translate`.
        """
        pairs = self.pairs_of(test)
        if not pairs:
            raise InputError("there are no pairs to evaluate on")
        targets = [pair.target for pair in pairs]
        wanted = join_references(targets) if references is None else join_references(targets, references)
        search = self.search_options(beam, length_penalty, coverage_penalty)
        translator = self.translator(search, split=split)
        start = time.perf_counter()
        found = list(translator.translate(pair.source for pair in pairs))
        seconds = time.perf_counter() - start
        hypotheses = tuple(translation.text for translation in found)
        parts = chain.from_iterable(translation.candidates[0].hypotheses for translation in found)
        ids = sum(len(part.ids) for part in parts)
        scores = score(hypotheses, wanted, tokenize)
        return Assessment(scores, hypotheses, ids, seconds)
