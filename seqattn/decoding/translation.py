"""Lines to translations: batched by length, in order, exactly one for each line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.data.batching import group_by_tokens
from seqattn.decoding.search import Hypothesis, SamplingOptions, SearchOptions, beam_search, sample
from seqattn.errors import InputError
from seqattn.hardware import side_by_side
from seqattn.models.predictor import Predictor
from seqattn.symbols import EOS
from seqattn.text.tokenizer import WORD_START, Tokenizer

SENTENCE_ENDS = tuple(".!?;:。！？；…")


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
    """Longer sources are split into parts, between sentences or words where possible."""


class Candidate(NamedTuple):
    """A translation of one line."""

    text: str
    hypotheses: tuple[Hypothesis, ...]
    """One for each part of the source: one, except for very long lines."""

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
    pieces: tuple[tuple[int, ...], ...]
    """The ids of the source, split if it was too long; none for an empty line."""
    candidates: tuple[Candidate, ...]
    """Best first, at least one."""

    @property
    def text(self) -> str:
        """The best translation."""
        return self.candidates[0].text

    def __str__(self) -> str:
        return self.text


def search_all(
    model: Predictor, sources: Sequence[Any], options: TranslationOptions, generator: torch.Generator
) -> list[list[Hypothesis]]:
    """The hypotheses for each source, in order, in batches of similar length; `generator` is for sampling.

    Sources are what the model's collator takes: lists of ids, or something else.
    """
    device, collator = model.device, model.collator

    def find(batch: Tensor) -> list[list[Hypothesis]]:
        if options.sampling is None:
            return beam_search(model, batch.to(device), options.search)
        return sample(model, batch.to(device), options.search, options.sampling, generator)

    lengths = list(map(collator.positions, sources))
    longest_first = sorted(range(len(sources)), key=lambda row: -lengths[row])
    budget = max(1, options.batch_tokens // options.search.beam)
    groups = list(group_by_tokens(longest_first, lengths, budget))
    batches = (collator.stack([sources[row] for row in rows], 0) for rows in groups)
    # Samples are drawn from one generator, so batches must be computed in sequence.
    together = device.type == "cpu" and options.sampling is None
    results = side_by_side(find, batches) if together else map(find, batches)
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
        seed = options.sampling.seed if options.sampling else 0
        self._generator = torch.Generator().manual_seed(seed)

    def translate(self, lines: Iterable[str]) -> Iterator[Translation]:
        """One translation for each line, in order; reads at most `options.chunk` lines ahead.

        An InputError of `lines` is raised after the lines before it have been translated.
        """
        return chain.from_iterable(self.translate_chunks(lines))

    def translate_chunks(self, lines: Iterable[str]) -> Iterator[list[Translation]]:
        """As `translate`, in lists, one for each chunk of lines."""
        remaining = iter(lines)
        problem = None
        while problem is None:
            chunk: list[str] = []
            try:
                for line in islice(remaining, self.options.chunk):
                    chunk.append(line)
            except InputError as error:
                problem = error
            if not chunk:
                break
            yield list(self._translate_chunk(chunk))
        if problem is not None:
            raise problem

    def _translate_chunk(self, lines: Sequence[str]) -> Iterator[Translation]:
        limit = min(self.options.longest, self.model.longest or self.options.longest)
        sources = [self.tokenizer.source.encode(line) for line in lines]
        pieces = [self._cut(ids, limit) if len(ids) > 1 else [] for ids in sources]
        flat = [piece for line in pieces for piece in line]
        found = iter(search_all(self.model, flat, self.options, self._generator))
        for line, cut in zip(lines, pieces, strict=True):
            ranked = [next(found) for _ in cut]
            # The parts of a line may have different numbers of hypotheses: shorter lists repeat their last.
            most = max((len(hypotheses) for hypotheses in ranked), default=1)
            candidates = []
            for rank in range(min(most, self.options.nbest)):
                chosen = tuple(hypotheses[min(rank, len(hypotheses) - 1)] for hypotheses in ranked)
                texts = (self.tokenizer.target.decode(hypothesis.ids) for hypothesis in chosen)
                candidates.append(Candidate(" ".join(text for text in texts if text), chosen))
            yield Translation(line, tuple(map(tuple, cut)), tuple(candidates))

    def _cut(self, ids: list[int], limit: int) -> list[list[int]]:
        """Split ids into parts within the limit, EOS counted: after a sentence, else a word or anywhere."""
        parts = []
        rest = ids[:-1]
        while len(rest) >= limit:
            window = self.tokenizer.source.pieces(rest[:limit])
            starts = [at for at in range(1, limit) if window[at].startswith(WORD_START)]
            sentences = [at for at in starts if at > limit // 2 and window[at - 1].endswith(SENTENCE_ENDS)]
            at = (sentences or starts or [limit - 1])[-1]
            parts.append([*rest[:at], EOS])
            rest = rest[at:]
        return [*parts, [*rest, EOS]]
