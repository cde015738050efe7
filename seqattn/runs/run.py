"""A trained run and its operations, for Python and the commands."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal, overload

import torch

from seqattn.alignment.lexicon import links_by_lexicon, score_words
from seqattn.alignment.links import SYMMETRISED, Links, turned
from seqattn.alignment.reading import heads_of, links_of, usual_reading, usual_self_reading
from seqattn.alignment.words import UNITS
from seqattn.data.batching import collate
from seqattn.data.corpus import Pair, given_pairs, read_corpus, side_names
from seqattn.data.encoding import Report, encode, silent
from seqattn.decoding.search import SamplingOptions, SearchOptions, score_targets
from seqattn.decoding.translation import Translation, TranslationOptions, Translator
from seqattn.errors import InputError, naming
from seqattn.evaluation.scores import Assessment, References, join_references, score
from seqattn.hardware import choose_device, keep_freed_memory
from seqattn.models.base import Place, Reading, Seq2Seq, Size, size_of
from seqattn.models.int8 import quantize
from seqattn.models.weights import load_weights
from seqattn.pictures.maps import AttentionMap
from seqattn.runs.folder import MODEL, RunConfig, RunFolder, new_model
from seqattn.runs.records import TrainedRecord
from seqattn.text.tokenizer import Tokenizer

SelfAttention = Literal["encoder", "decoder"]
"""The part whose self-attention is read."""


@dataclass(frozen=True, repr=False)
class Run:
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
        """Which attention is read as the alignment: chosen in training, or a default if that was interrupted.

        InputError when the model has no attention.
        """
        if self.config.alignment is not None:
            return self.config.alignment
        with naming(self.path):
            return usual_reading(self.model.require_attention())

    @property
    def swapped(self) -> bool:
        """Whether it was trained from target to source."""
        return self.config.data.swapped

    def turns(self, corpus: str | Path) -> bool:
        """Whether the run translates a corpus, named as on the command line, from its target to its source.

        This follows from the names of the sides, as in `test.en,test.de`, if the file names of this corpus
        and of the training corpora have them; otherwise from the direction of training.
        """
        names, own = side_names(str(corpus)), self.config.data.sides
        if names is not None and own is not None and set(names) == set(own):
            return names != own
        return self.swapped

    def translates_as(self, other: Run) -> bool:
        """Whether both translate in the same direction, as the names of their sides or their data show."""
        mine, theirs = self.config.data, other.config.data
        if mine.sides is not None and theirs.sides is not None:
            return mine.sides == theirs.sides
        if str(self.path) in (theirs.initialised_from,) or str(other.path) in (mine.initialised_from,):
            return mine.swapped == theirs.swapped
        same = mine.train_fingerprint == theirs.train_fingerprint and mine.swapped == theirs.swapped
        return same and bool(mine.train_fingerprint)

    def read_pairs(self, corpus: str | Path) -> Sequence[Pair]:
        """The pairs of a corpus, named as on the command line, in the direction of the run."""
        pairs = read_corpus(str(corpus)).pairs
        return [pair.swapped() for pair in pairs] if self.turns(corpus) else pairs

    def _pairs(self, given: str | Path | Sequence[tuple[str, str]]) -> Sequence[Pair]:
        """The pairs of a corpus that is named, or those that are given."""
        return self.read_pairs(given) if isinstance(given, str | Path) else given_pairs(given)

    def search_options(self, beam: int = 5, length_penalty: float = 1.0) -> SearchOptions:
        """Search options, with the length limit from the training data."""
        return SearchOptions(beam=beam, length_penalty=length_penalty, max_ratio=self.config.max_ratio)

    def translator(self, options: TranslationOptions) -> Translator:
        """A translator with these options."""
        return Translator(self.model, self.tokenizer, options)

    @overload
    def translate(  # type: ignore[overload-overlap]
        self,
        lines: str,
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        sampling: SamplingOptions | None = None,
    ) -> Translation: ...
    @overload
    def translate(
        self,
        lines: Iterable[str],
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        sampling: SamplingOptions | None = None,
    ) -> list[Translation]: ...
    def translate(
        self,
        lines: str | Iterable[str],
        *,
        beam: int = 5,
        nbest: int = 1,
        length_penalty: float = 1.0,
        sampling: SamplingOptions | None = None,
    ) -> Translation | list[Translation]:
        """The translation of a text, or of each of several, in order.

        `str()` of a translation is its text; `candidates` has the `nbest` best with their scores. With
        sampling, `nbest` are drawn. ValueError when `nbest` is larger than the beam.
        """
        if sampling is None and nbest > beam:
            raise ValueError(f"nbest {nbest} needs a beam of at least as many, not {beam}")
        search = self.search_options(beam if sampling is None else nbest, length_penalty)
        options = TranslationOptions(search, sampling, nbest)
        found = list(self.translator(options).translate([lines] if isinstance(lines, str) else lines))
        return found[0] if isinstance(lines, str) else found

    def score(self, source: str, target: str) -> float:
        """log p(target | source) in nats, the end of the target counted."""
        (example,) = encode(self.tokenizer, [Pair(source, target)])
        self._check_length(max(map(len, example)))
        batch = collate([example], self.model.collator, self.model.longest)
        device = self.model.device
        return float(score_targets(self.model, batch.source.to(device), batch.target.to(device)))

    def attention(
        self,
        source: str,
        target: str | None = None,
        *,
        self_attention: SelfAttention | None = None,
        reading: Reading | None = None,
        unit: str = "words",
    ) -> AttentionMap:
        """The attention from target to source; the target is the run's own translation unless given.

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
        pairs: Sequence[tuple[str, str]],
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
        given = given_pairs(pairs)
        examples = list(encode(self.tokenizer, given))
        with naming(self.path):
            found = heads_of(
                self.model, self.tokenizer, examples, consumed=reading.consumed, unit=unit, place=place
            )
            for pair, heads in zip(given, found, strict=True):
                seen = AttentionMap(name or self.path.name, pair, heads, reading, own)
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
        and a lexicon of all the pairs, learned from each other; a pair that is too long for training or the
        model then has no links.
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
        given = self._pairs(pairs)
        more = None if lexicon is None else self._pairs(lexicon)
        if more is not None:
            longest = self.config.training.max_length
            scored = score_words(
                self.model,
                self.tokenizer,
                [*given, *more],
                reading or self.reading,
                min(longest, self.model.longest or longest),
                lambda share: report(f"aligning by {self.path.name}", share),
            )
            links = links_by_lexicon(scored)[: len(given)]
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

    def evaluate(
        self,
        test: str | Path | Sequence[tuple[str, str]],
        *,
        references: References | None = None,
        beam: int = 5,
        length_penalty: float = 1.0,
        tokenize: str | None = None,
    ) -> Assessment:
        """Translate a corpus, named as on the command line or given as pairs, and score the translations.

        A corpus given by name is read in the direction of the run, which may be from target to source.
        `references` has for each pair a further reference, or several, beside its target. `tokenize` is
        sacrebleu's option; by default 13a, or char for references in a script without spaces.
        """
        pairs = self._pairs(test)
        if not pairs:
            raise InputError("there are no pairs to evaluate on")
        targets = [pair.target for pair in pairs]
        wanted = join_references(targets) if references is None else join_references(targets, references)
        translator = self.translator(TranslationOptions(self.search_options(beam, length_penalty)))
        start = time.perf_counter()
        found = list(translator.translate(pair.source for pair in pairs))
        seconds = time.perf_counter() - start
        hypotheses = tuple(translation.text for translation in found)
        parts = chain.from_iterable(translation.candidates[0].hypotheses for translation in found)
        ids = sum(len(part.ids) for part in parts)
        scores = score(hypotheses, wanted, tokenize)
        return Assessment(scores, hypotheses, ids, seconds)

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

    def _check_length(self, length: int) -> None:
        if self.model.longest is not None and length > self.model.longest:
            raise InputError(
                f"a sentence has more than the {self.model.longest} pieces this model can hold",
                path=self.path,
            )


def _check_choice(name: str, value: str, choices: Iterable[str]) -> None:
    """ValueError when an argument is none of its choices."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, not {value!r}")


def load_run(path: str | Path, device: torch.device | None = None) -> Run:
    """The trained model in a run's folder; InputError when the folder is not a run or is damaged."""
    folder = RunFolder(Path(path))
    config = folder.read_config()
    tokenizer = folder.read_tokenizer(config.tokenizer.joint)
    tensors, trained = folder.read_model()
    model = new_model(config, tokenizer)
    try:
        load_weights(model, tensors)
    except (KeyError, ValueError) as error:
        raise InputError(f"does not fit the config beside it: {error}", path=folder.path / MODEL) from error
    return Run(folder.path, config, tokenizer, model.to(device).eval(), trained, size_of(model))


def load(path: str | Path, *, device: str = "auto", precision: str = "fp32") -> Run:
    """Load a run for translation and alignment, from the folder that training wrote.

    `device` is auto, cpu, cuda, cuda:1, … or mps; precision fp32 or, on a CPU, int8. InputError when the
    folder is not a run or is damaged, or the device is not available.
    """
    if precision not in ("fp32", "int8"):
        raise ValueError(f"precision must be fp32 or int8, not {precision!r}")
    keep_freed_memory()
    run = load_run(path, choose_device(device))
    if precision == "int8":
        quantize(run.model)
    return run
