"""Attention as word links: which layer and heads to read, pieces merged into words, links."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.alignment.links import Links
from seqattn.alignment.words import END, UNITS, Words, content_positions, words_in, words_of
from seqattn.data.batching import Example, collate, in_batches, lengths_of
from seqattn.errors import InputError
from seqattn.models.base import AttentionShape, Place, Reading, Seq2Seq
from seqattn.text.tokenizer import Tokenizer

READ_AT_ONCE = 500
"""Examples whose attention is in memory at once."""
SHARED = 0.3
"""In `link_scores`: the total attention above which a source word counts as an attention sink."""


class Attention(NamedTuple):
    """The attention of one pair: target to source or, with self-attention, one side to itself."""

    source: list[str]
    """S units that are attended to, words or pieces, including EOS after a source, BOS before a target."""
    target: list[str]
    """T units that attend."""
    weights: Tensor
    """(T, S) float32; every row sums to one, with attention=local-p to at most one."""
    place: Place = "cross"

    @property
    def mark(self) -> int | None:
        """The index of the attended unit that is no word: EOS of a text, BOS of a target; None in images."""
        if self.place == "decoder":
            return 0
        return len(self.source) - 1 if self.source[-1] == END else None

    def to_json(self) -> dict[str, Any]:
        """As JSON values: the units of both sides, and a row of weights for each unit that attends."""
        weights = [[round(weight, 5) for weight in row] for row in self.weights.tolist()]
        return {"source": self.source, "target": self.target, "weights": weights}


def read_attention(
    model: Seq2Seq, examples: Sequence[Example], place: Place = "cross", batch_tokens: int = 2048
) -> Iterator[Tensor]:
    """Each example's attention in a place under teacher forcing, in order, for all ids including EOS.

    (layers, heads, T, S), S × S for the encoder, T × T for the decoder. Row t of a target is the step that
    predicts target id t and reads the one before it. InputError when the model has no attention there, or
    cannot hold an example.
    """
    model.require_attention(place=place)
    for number, lengths in enumerate(lengths_of(examples, model.collator), start=1):
        if excess := model.longest.excess(lengths):
            raise InputError(f"sentence {number} has {excess}")
    for start in range(0, len(examples), READ_AT_ONCE):
        yield from _read_some(model, examples[start : start + READ_AT_ONCE], place, batch_tokens)


def _read_some(model: Seq2Seq, examples: Sequence[Example], place: Place, batch_tokens: int) -> list[Tensor]:
    """The attention of examples, read in batches of similar length, in parallel on a CPU."""
    device = model.device
    sizes = lengths_of(examples, model.collator)

    def read(rows: list[int]) -> list[Tensor]:
        batch = collate([examples[row] for row in rows], model.collator, model.longest)
        with torch.inference_mode():
            found = (
                model.attend(batch.source.to(device), batch.target[:, :-1].to(device), place).float().cpu()
            )
        # A score that is not a number makes its whole row of weights so.
        if found[..., 0].isnan().any():
            raise InputError(
                "the attention of this model is not a number: its weights are damaged or too large"
            )
        return list(found)

    found = in_batches(read, list(map(max, sizes)), batch_tokens, device)
    queries, keys = int(place != "encoder"), int(place == "decoder")
    return [seen[..., : size[queries], : size[keys]] for seen, size in zip(found, sizes, strict=True)]


def read_as(model: Seq2Seq, examples: Sequence[Example], reading: Reading) -> Iterator[Tensor]:
    """What a reading says of each example, in order: (T, S), the target ids without EOS by the source ids."""
    return map(reading.apply, read_attention(model, examples))


def usual_reading(shape: AttentionShape) -> Reading:
    """The default when none was measured: the mean of the penultimate (Garg et al. 2019) or only layer."""
    return Reading(layer=max(1, shape.layers - 1))


def usual_image_reading(shape: AttentionShape) -> Reading:
    """The default for images, whose cells have no words to measure by: the mean of the last layer."""
    return Reading(layer=shape.layers)


def usual_self_reading(shape: AttentionShape, place: Place) -> Reading:
    """The default for self-attention: the mean of the last layer, at the step that reads a target word."""
    return Reading(layer=shape.layers, consumed=place == "decoder")


def merge_words(weights: Tensor, source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Pieces to words: the sum over a source word's pieces, the mean over a target word's.

    (…, T, S) with the word index of each piece → (…, target words, source words).
    """
    by_source = weights.new_zeros(*weights.shape[:-1], max(source, default=-1) + 1)
    by_source.index_add_(-1, torch.tensor(source, dtype=torch.int64), weights)
    merged = weights.new_zeros(*weights.shape[:-2], max(target, default=-1) + 1, by_source.shape[-1])
    index = torch.tensor(target, dtype=torch.int64)
    merged.index_add_(-2, index, by_source)
    return merged / torch.bincount(index, minlength=merged.shape[-2]).clamp(min=1).unsqueeze(1)


def attention_of(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    reading: Reading,
    unit: str = "words",
) -> Iterator[Attention]:
    """The attention of each example, in words or pieces; the end of the source has its own column."""
    for example, weights in zip(examples, read_as(model, examples, reading), strict=True):
        units = UNITS[unit](tokenizer, example)
        merged = merge_words(weights, units.of_source, units.of_target)
        yield Attention(units.source, units.target, merged)


class Heads(NamedTuple):
    """As `Attention`, for every layer and head."""

    source: list[str]
    target: list[str]
    weights: Tensor
    """(layers, heads, T, S) float32; every row sums to one, with attention=local-p to at most one."""
    place: Place = "cross"

    def read(self, reading: Reading) -> Attention:
        """One head's attention, or the mean of a layer's, at the step at which they were read."""
        return Attention(self.source, self.target, reading.weights(self.weights), self.place)


def heads_of(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    *,
    consumed: bool = False,
    unit: str = "words",
    place: Place = "cross",
) -> Iterator[Heads]:
    """The attention of every layer and head for each example, at the step that predicts or reads a unit."""
    for example, attention in zip(examples, read_attention(model, examples, place), strict=True):
        units = words_in(place, UNITS[unit](tokenizer, example))
        # The encoder reads the whole source in a single step.
        rows = attention if place == "encoder" else Reading(consumed=consumed).rows(attention)
        yield Heads(units.source, units.target, merge_words(rows, units.of_source, units.of_target), place)


def link_scores(tokenizer: Tokenizer, example: Example, words: Words, weights: Tensor) -> Tensor:
    """How strongly words are linked, from weights (…, T, S) of ids: → (…, target words, source words).

    `a(t, s) / (0.3 + Σ_t' a(t', s))` of the words' attention a: an attention sink, a source word such as the
    full stop that every target word attends to, says little about any of them. EOS is left out.
    """
    rows = content_positions(tokenizer.target, example.target[:-1], words.of_target)
    columns = content_positions(tokenizer.texts, example.source[:-1], words.of_source)
    merged = merge_words(
        weights[..., rows, :][..., columns],
        [words.of_source[at] for at in columns],
        [words.of_target[at] for at in rows],
    )
    return merged / (SHARED + merged.sum(-2, keepdim=True))


def links_of(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    reading: Reading,
    threshold: float = 1.0,
) -> Iterator[Links]:
    """Each example's links by a reading: every target word and the source word with the highest score.

    With a threshold below 1 also those with at least that share of the highest score.
    """
    for _, scores in scores_of(model, tokenizer, examples, reading):
        links = as_links(best_linked(scores))
        if threshold < 1 and links:
            near = scores >= threshold * scores.amax(-1, keepdim=True)
            links |= {(source, target) for target, source in near.nonzero().tolist()}
        yield links


def scores_of(
    model: Seq2Seq, tokenizer: Tokenizer, examples: Sequence[Example], reading: Reading
) -> Iterator[tuple[Words, Tensor]]:
    """Each example's words and their `link_scores` by a reading."""
    for example, weights in zip(examples, read_as(model, examples, reading), strict=True):
        words = words_of(tokenizer, example)
        yield words, link_scores(tokenizer, example, words, weights)


class Judged(NamedTuple):
    """A pair's links by every possible reading."""

    words: Words
    readings: list[Reading]
    linked: Tensor
    """(readings, target words): the source word that each reading links a target word to; may be empty."""

    def links(self, reading: int) -> Links:
        """The links of one reading."""
        return as_links(self.linked[reading])


def every_reading(shape: AttentionShape) -> list[Reading]:
    """The mean of each layer and each of its heads, produced and consumed."""
    return [
        Reading(layer, head, consumed)
        for layer in range(1, shape.layers + 1)
        for consumed in (False, True)
        for head in range(shape.heads + 1 if shape.heads > 1 else 1)
    ]


def read_every_way(model: Seq2Seq, tokenizer: Tokenizer, examples: Sequence[Example]) -> Iterator[Judged]:
    """Each example's links by each head and by the mean of each layer, produced and consumed."""
    for example, attention in zip(examples, read_attention(model, examples), strict=True):
        words = words_of(tokenizer, example)
        readings = every_reading(AttentionShape(*attention.shape[:2]))
        weights = torch.stack([reading.apply(attention) for reading in readings])
        scores = link_scores(tokenizer, example, words, weights)
        yield Judged(words, readings, best_linked(scores))


def judge_readings(pairs: Sequence[Judged]) -> dict[Reading, float]:
    """How well each reading aligns, judged without gold links: how strongly the linked words are associated.

    It is the mean over all links of the correlation φ of two words' occurrences in N pairs, -1 … 1:
    `(n(s,t) N - n(s) n(t)) / √(n(s) (N - n(s)) n(t) (N - n(t)))`, where n counts the pairs in which a word,
    or both words, occur. A head that does not align links a word to a neighbour of its translation or to the
    full stop, with which it is less associated.
    """
    sources = Counter(word for pair in pairs for word in set(pair.words.source[:-1]))
    targets = Counter(word for pair in pairs for word in set(pair.words.target))
    both = Counter(
        (s, t) for pair in pairs for s in set(pair.words.source[:-1]) for t in set(pair.words.target)
    )

    def correlation(source: str, target: str) -> float:
        s, t, n = sources[source], targets[target], len(pairs)
        spread = s * (n - s) * t * (n - t)
        # A word in every pair is associated with no word in particular.
        return (both[source, target] * n - s * t) / math.sqrt(spread) if spread else 0.0

    totals: Counter[Reading] = Counter()
    count = 0
    for words, readings, linked in pairs:
        if not linked.numel():
            continue
        table = torch.tensor([[correlation(s, t) for s in words.source[:-1]] for t in words.target])
        found = table.expand(len(readings), -1, -1).gather(-1, linked.unsqueeze(-1))
        totals.update(dict(zip(readings, found.sum((1, 2)).tolist(), strict=True)))
        count += len(words.target)
    return {reading: total / count for reading, total in totals.items()}


def best_linked(scores: Tensor) -> Tensor:
    """The source word with the highest score: (…, T, S) → (…, T); (…, 0) without words."""
    return scores.argmax(-1) if scores.shape[-1] else scores.new_zeros(*scores.shape[:-2], 0).long()


def as_links(linked: Tensor) -> Links:
    """The source word of each target word (T,) as links."""
    return frozenset((source, target) for target, source in enumerate(linked.tolist()))
