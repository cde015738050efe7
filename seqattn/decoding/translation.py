"""Lines to translations: batched by length, in order, exactly one for each line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, repeat
from random import Random
from typing import Any, NamedTuple

from torch import Tensor

from seqattn.chunks import in_chunks
from seqattn.data.batching import Example, as_memory_allows, group_by_tokens
from seqattn.decoding.beginnings import beginning_of
from seqattn.decoding.combining import Answer, best_sums, drawn
from seqattn.decoding.copying import Copying, Part, parts_of, put_back
from seqattn.decoding.prefixes import Beginning
from seqattn.decoding.search import Hypothesis, SamplingOptions, SearchOptions, beam_search, sample
from seqattn.errors import InputError
from seqattn.hardware import side_by_side
from seqattn.models.predictor import Predictor
from seqattn.text.sentences import Splitting, join
from seqattn.text.tokenizer import Tokenizer
from seqattn.text.unknown import Known


@dataclass(frozen=True)
class TranslationOptions:
    """How to translate lines."""

    search: SearchOptions = field(default_factory=SearchOptions)
    sampling: SamplingOptions | None = None
    """Draw `search.beam` hypotheses instead of searching."""
    nbest: int = 1
    """The most candidates to return for each line; search may find fewer."""
    batch_tokens: int = 4096
    """The most source ids in a batch, padding and the hypotheses of each sentence counted."""
    chunk: int = 1000
    """Lines read before the first is translated, so that lines of similar length can share a batch."""
    longest: int = 400
    """Parts with more ids are cut once more, between sentences or words where possible."""
    splitting: Splitting | None = None
    """How lines of several sentences are cut into parts; None: they are translated whole."""
    copying: Copying | None = None
    """How what the model cannot read is copied; None: it is read as well as may be."""
    prefix: str = ""
    """What every translation begins with, but those of empty lines; it may end within a word."""


class Candidate(NamedTuple):
    """A translation of one line."""

    text: str
    hypotheses: tuple[Hypothesis, ...]
    """One for each part of the source: one, unless it has many sentences or is very long. Their ids are
    without what was copied from the source."""

    @property
    def score(self) -> float:
        """Summed over the parts."""
        return sum(hypothesis.score for hypothesis in self.hypotheses)

    @property
    def log_probability(self) -> float:
        """Summed over the parts."""
        return sum(hypothesis.log_probability for hypothesis in self.hypotheses)


class Translation(NamedTuple):
    """The result for one line."""

    source: str
    pieces: tuple[Any, ...]
    """The ids of each part of the source that the model reads, or the image; none for an empty line."""
    candidates: tuple[Candidate, ...]
    """Best first, at least one."""
    unknown: str = ""
    """The distinct characters of the source that the model cannot read; they are copied."""

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text

    def __str__(self) -> str:
        return self.text


def search_all(
    model: Predictor,
    sources: Sequence[Any],
    options: TranslationOptions,
    seeds: Sequence[str] = (),
    beginning: Beginning | None = None,
) -> list[list[Hypothesis]]:
    """The hypotheses for each source, in order, in batches of similar length.

    Sources are what the model's collator takes: lists of ids, or something else. `seeds` has one for each,
    for sampling. All targets have the beginning.
    """
    device, collator = model.device, model.collator

    def find(rows: list[int]) -> list[list[Hypothesis]]:
        batch = collator.stack([sources[row] for row in rows], 0).to(device)
        if options.sampling is None:
            return beam_search(model, batch, options.search, beginning)
        chances = [Random(seeds[row]) for row in rows]
        return sample(model, batch, options.search, options.sampling, chances, beginning)

    lengths = list(map(collator.positions, sources))
    longest_first = sorted(range(len(sources)), key=lambda row: -lengths[row])
    budget = max(1, options.batch_tokens // options.search.beam)
    groups = list(group_by_tokens(longest_first, lengths, budget))
    work = as_memory_allows(find)
    results = side_by_side(work, groups) if device.type == "cpu" else map(work, groups)
    found: list[list[Hypothesis]] = [[] for _ in sources]
    for rows, answers in zip(groups, results, strict=True):
        for row, hypotheses in zip(rows, answers, strict=True):
            found[row] = hypotheses
    return found


class Translator:
    """Translates with a model, or several as one, in evaluation mode."""

    def __init__(self, model: Predictor, tokenizer: Tokenizer, options: TranslationOptions) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.options = options
        self._numbers = count(options.sampling.first if options.sampling else 0)
        self._beginning = beginning_of(tokenizer.target, options.prefix)

    def translate(self, lines: Iterable[Any]) -> Iterator[Translation]:
        """One translation for each line, or image, in order; reads at most `options.chunk` lines ahead.

        An InputError of `lines` is raised after the lines before it have been translated.
        """
        return chain.from_iterable(self.translate_chunks(in_chunks(lines, self.options.chunk)))

    def translate_chunks(self, chunks: Iterable[Sequence[Any]]) -> Iterator[list[Translation]]:
        """The translations of each list of lines, which are translated together."""
        return (list(self._translate_chunk(chunk)) for chunk in chunks)

    def _translate_chunk(self, lines: Sequence[Any]) -> Iterator[Translation]:
        limit = min(self.options.longest, self.model.longest.source or self.options.longest)
        parts = [self._parts(line, limit) for line in lines]
        flat = list(chain.from_iterable(parts))
        found = iter(self._search([[part.ids for part in own if part.ids] for own in parts]))
        ranked = [next(found)[: self.options.nbest] if part.ids else [] for part in flat]
        nothing: list[Hypothesis | None] = [None]
        answers = (
            list(zip(texts, own or nothing, strict=True))
            for texts, own in zip(self._texts(flat, ranked), ranked, strict=True)
        )
        for line, own in zip(lines, parts, strict=True):
            yield self._joined(line, own, [next(answers) for _ in own])

    def _search(self, parts: Sequence[Sequence[Any]]) -> list[list[Hypothesis]]:
        """The hypotheses for each part of each line, in order; the first of a line has the beginning."""
        seed = self.options.sampling.seed if self.options.sampling else 0
        # The lines first: without one, no number must be taken.
        numbered = zip(parts, self._numbers, strict=False)
        asked = [
            (part, f"{seed} {number} {at}", self._beginning if at == 0 else None)
            for own, number in numbered
            for at, part in enumerate(own)
        ]
        found: list[list[Hypothesis]] = [[] for _ in asked]
        for beginning in {None, self._beginning}:
            rows = [row for row, (_, _, own) in enumerate(asked) if own is beginning]
            sources, seeds = [asked[row][0] for row in rows], [asked[row][1] for row in rows]
            answers = search_all(self.model, sources, self.options, seeds, beginning)
            for row, hypotheses in zip(rows, answers, strict=True):
                found[row] = hypotheses
        return found

    def _joined(self, line: Any, parts: Sequence[Part], answers: Sequence[Sequence[Answer]]) -> Translation:
        """The translation of a line, from the answers for each of its parts."""
        joined = drawn(answers) if self.options.sampling else best_sums(answers, self.options.nbest)
        candidates = [
            Candidate(join(text for text, _ in some), tuple(found for _, found in some if found))
            for some in joined
        ]
        copied = "".join(one.text for part in parts for one in part.left_out)
        unknown = self.options.copying.alphabet.unknown(copied) if self.options.copying else ""
        # Ids as a tuple, so that a translation can be hashed.
        pieces = tuple(
            tuple(part.ids) if isinstance(part.ids, list) else part.ids for part in parts if part.ids
        )
        return Translation(self.tokenizer.source.name(line), pieces, tuple(candidates), unknown)

    def _texts(self, parts: Sequence[Part], ranked: Sequence[list[Hypothesis]]) -> Iterator[list[str]]:
        """The texts of the hypotheses for each part, with what was left out of their sources."""
        examples = [
            [Example(part.ids, one.ids) for one in found] for part, found in zip(parts, ranked, strict=True)
        ]
        copying = [own for part, own in zip(parts, examples, strict=True) if part.left_out]
        weights = self._weights(list(chain.from_iterable(copying)))
        for part, own in zip(parts, examples, strict=True):
            if not part.ids:
                yield ["".join(one.text for one in part.left_out)]
            elif part.left_out:
                yield [put_back(self.tokenizer, each, part.left_out, next(weights)) for each in own]
            else:
                yield [self.tokenizer.target.decode(each.target) for each in own]

    def _weights(self, examples: Sequence[Example]) -> Iterator[Tensor | None]:
        """The attention of each example that shows where something belongs."""
        attend = self.options.copying.attend if self.options.copying else None
        return repeat(None, len(examples)) if attend is None else iter(attend(examples))

    def _parts(self, line: Any, limit: int) -> list[Part]:
        """The parts of a line: its sentences, if they are split, each cut to the limit."""
        splitting, copying = self.options.splitting, self.options.copying
        texts = [line] if splitting is None else splitting.parts(line)
        found = []
        for text in texts:
            known = Known(text, ()) if copying is None else copying.alphabet.known(text)
            read = self.tokenizer.source.encode(known.text)
            if not self.tokenizer.source.is_empty(read):
                found += parts_of(self.tokenizer, self._cut(read, limit), known.left_out)
            elif known.left_out:
                found.append(Part([], known.left_out))
        return found

    def _cut(self, read: Any, limit: int) -> list[Any]:
        """Parts of what is read of a source that the model can hold; InputError when it cannot be cut so."""
        parts, longest = self.tokenizer.source.cut(read, limit), self.model.longest.source
        most = max(map(self.model.collator.positions, parts))
        if longest is not None and most > longest:
            # Texts are cut to what fits.
            raise InputError(
                f"has {most:,} positions, more than the {longest:,} that this model can hold",
                path=self.tokenizer.source.name(read) or None,
                remedy="cut it into parts",
            )
        return parts
