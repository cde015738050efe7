"""What a run attends to between the words of a pair, and by which of its layers and heads that is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seqattn.errors import naming

if TYPE_CHECKING:
    from rich.console import Console
    from torch import Tensor

    from seqattn.alignment.links import Gold, Links
    from seqattn.alignment.reading import Attention, Heads
    from seqattn.data.corpus import Pair
    from seqattn.models.base import Reading
    from seqattn.runs.folder import Run
    from seqattn.runs.preparation import Report

SCORED_AT_ONCE = 10_000
"""Pairs."""


class Seen(NamedTuple):
    """What one run's target attended to in one pair."""

    run: str
    """A short name of the run."""
    heads: Heads
    reading: Reading
    """Which of the heads is asked for."""
    own: Reading
    """Which one training chose."""
    pair: Pair
    """The texts whose words these are."""

    @property
    def attention(self) -> Attention:
        """The attention that is asked for."""
        with naming(self.run):
            return self.heads.read(self.reading)

    @property
    def described(self) -> str:
        """The reading in words."""
        return described(self.reading, *self.heads.weights.shape[:2])


def described(reading: Reading, layers: int, heads: int) -> str:
    """A reading in words, such as `layer 2, head 1, consumed`; without what there is only one of."""
    parts = [f"layer {reading.layer}"] if layers > 1 else []
    if heads > 1:
        parts.append(f"head {reading.head}" if reading.head else f"mean of {heads} heads")
    return ", ".join([*parts, "consumed" if reading.consumed else "produced"])


def seen_in(run: Run, name: str, pairs: Sequence[Pair], reading: Reading, unit: str) -> Iterator[Seen]:
    """What the target of each pair attends to."""
    from seqattn.alignment.reading import heads_of
    from seqattn.runs.preparation import encode

    examples = list(encode(run.tokenizer, pairs))
    own = own_reading(run)
    found = heads_of(run.model, run.tokenizer, examples, consumed=reading.consumed, unit=unit)
    with naming(name):
        for pair, heads in zip(pairs, found, strict=True):
            yield Seen(name, heads, reading, own, pair)


def attentions(run: Run, pairs: Sequence[Pair]) -> list[Attention]:
    """What each pair's target words attend to, by the run's own reading."""
    from seqattn.alignment.reading import attention_of
    from seqattn.runs.preparation import encode

    return list(attention_of(run.model, run.tokenizer, list(encode(run.tokenizer, pairs)), own_reading(run)))


def read_answers(path: Path | None, pairs: Sequence[Pair]) -> list[Gold] | None:
    """The gold links of pairs, if there are any; InputError when they are those of others."""
    from seqattn.alignment.links import read_gold
    from seqattn.alignment.words import check_links

    if path is None:
        return None
    answers = read_gold(path)
    check_links([answer.possible for answer in answers], pairs, path)
    return answers


def linked(
    run: Run, pairs: Sequence[Pair], reading: Reading | None = None, threshold: float = 1.0
) -> list[Links]:
    """The links of each pair's words, by a reading or the run's own."""
    from seqattn.alignment.reading import links_of
    from seqattn.runs.preparation import encode

    examples = list(encode(run.tokenizer, pairs))
    chosen = reading or own_reading(run)
    with naming(run.path):
        return list(links_of(run.model, run.tokenizer, examples, chosen, threshold))


def linked_by_lexicon(
    console: Console,
    run: Run,
    pairs: Sequence[Pair],
    more: Sequence[Pair] = (),
    reading: Reading | None = None,
) -> list[Links]:
    """The links of each pair's words by attention and a lexicon, both learned from these and more pairs.

    There are none in a pair that is too long to be trained on, or for the model.
    """
    from seqattn.alignment.lexicon import links_by_lexicon
    from seqattn.alignment.reading import scores_of
    from seqattn.data.corpus import Pair
    from seqattn.runs.preparation import encode

    from ..views.live import preparing

    every, longest = [*pairs, *more], run.config.training.max_length
    longest = min(longest, run.model.longest or longest)
    chosen = reading or own_reading(run)
    (nothing,) = encode(run.tokenizer, [Pair("", "")])

    def scored(report: Report) -> Iterator[tuple[Sequence[str], Sequence[str], Tensor]]:
        for begin in range(0, len(every), SCORED_AT_ONCE):
            report(f"aligning by {run.path.name}", begin / len(every))
            some = encode(run.tokenizer, every[begin : begin + SCORED_AT_ONCE])
            short = [example if max(map(len, example)) <= longest else nothing for example in some]
            for words, scores in scores_of(run.model, run.tokenizer, short, chosen):
                yield words.source[:-1], words.target, scores

    with preparing(console) as report:
        return links_by_lexicon(scored(report))[: len(pairs)]


def own_reading(run: Run) -> Reading:
    """The reading that training chose; where it was cut short, the usual one."""
    from seqattn.alignment.reading import usual_reading

    if run.config.alignment is not None:
        return run.config.alignment
    with naming(run.path):
        return usual_reading(run.model.require_attention())


def asked_reading(run: Run, layer: int | None, head: int | None, at: str | None) -> Reading:
    """The reading that was asked for; what was not is as the run's own."""
    from dataclasses import replace

    asked = own_reading(run)
    if layer is not None:
        # A head says nothing of another layer's.
        asked = replace(asked, layer=layer, head=0 if layer != asked.layer else asked.head)
    if head is not None:
        asked = replace(asked, head=head)
    return replace(asked, consumed=at == "consumed") if at else asked


def unspaced(text: str) -> bool:
    """Whether a text is in a script without spaces between words."""
    from seqattn.evaluation.scores import choose_bleu_tokenizer

    return bool(text) and choose_bleu_tokenizer([text]) == "char"


def translate_one(run: Run, source: str) -> str:
    """The best translation of one sentence."""
    from seqattn.decoding.search import SearchOptions
    from seqattn.decoding.translation import TranslationOptions, Translator

    search = SearchOptions(max_ratio=run.config.max_ratio)
    return next(Translator(run.model, run.tokenizer, TranslationOptions(search)).translate([source])).text
