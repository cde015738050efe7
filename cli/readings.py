"""What a run attends to between the words of a pair, and by which of its layers and heads that is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seqattn.errors import InputError

if TYPE_CHECKING:
    from seqattn.alignment import Attention, Heads, Words
    from seqattn.checkpoint import Run
    from seqattn.corpus import Pair
    from seqattn.links import Gold
    from seqattn.models.base import Reading


class Seen(NamedTuple):
    """What one run's target attended to in one pair."""

    run: str
    """A short name of the run."""
    heads: Heads
    reading: Reading
    """Which of the heads is asked for."""

    @property
    def attention(self) -> Attention:
        """The attention that is asked for."""
        return self.heads.read(self.reading)

    @property
    def described(self) -> str:
        """The reading in words, such as `layer 2, head 1, consumed`; without what there is only one of."""
        layers, heads = self.heads.weights.shape[:2]
        parts = [f"layer {self.reading.layer}"] if layers > 1 else []
        if heads > 1:
            parts.append(f"head {self.reading.head}" if self.reading.head else f"mean of {heads} heads")
        return ", ".join([*parts, "consumed" if self.reading.consumed else "produced"])


def seen_in(run: Run, name: str, pairs: Sequence[Pair], reading: Reading, unit: str) -> Iterator[Seen]:
    """What the target of each pair attends to."""
    from seqattn.alignment import heads_of
    from seqattn.preparation import encode

    examples = list(encode(run.tokenizer, pairs))
    for heads in heads_of(run.model, run.tokenizer, examples, consumed=reading.consumed, unit=unit):
        yield Seen(name, heads, reading)


def attentions(run: Run, pairs: Sequence[Pair], reading: Reading | None = None) -> list[Attention]:
    """What each pair's target words attend to, by a reading or the run's own."""
    from seqattn.alignment import attention_of
    from seqattn.preparation import encode

    examples = list(encode(run.tokenizer, pairs))
    return list(attention_of(run.model, run.tokenizer, examples, reading or own_reading(run)))


def own_reading(run: Run) -> Reading:
    """The reading that training chose; where it was cut short, the usual one."""
    from seqattn.alignment import read_attention, usual_reading
    from seqattn.corpus import Pair
    from seqattn.preparation import encode

    if run.config.alignment is not None:
        return run.config.alignment
    (attention,) = read_attention(run.model, list(encode(run.tokenizer, [Pair("", "")])))
    return usual_reading(len(attention))


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
    from seqattn.evaluation import choose_bleu_tokenizer

    return bool(text) and choose_bleu_tokenizer([text]) == "char"


def translate_one(run: Run, source: str) -> str:
    """The best translation of one sentence."""
    from seqattn.search import SearchOptions
    from seqattn.translation import TranslationOptions, Translator

    search = SearchOptions(max_ratio=run.config.max_ratio)
    return next(Translator(run.model, run.tokenizer, TranslationOptions(search)).translate([source])).text


def check_count(answers: Sequence[Gold] | None, pairs: Sequence[Pair], path: Path | None) -> None:
    """InputError when there is gold, but not a line for each pair."""
    if answers is not None and len(answers) != len(pairs):
        raise InputError(f"has {len(answers)} lines, but there are {len(pairs)} pairs", path=path)


def check_links(answers: Sequence[Gold], found: Sequence[Attention | Words], path: Path | None) -> None:
    """InputError when a link of the gold is outside of its pair."""
    for number, (pair, answer) in enumerate(zip(found, answers, strict=True), start=1):
        words = (len(pair.source) - 1, len(pair.target))
        for link in sorted(answer.possible):
            if link[0] >= words[0] or link[1] >= words[1]:
                raise InputError(
                    f"the link {link[0]}-{link[1]} is outside of a pair of {words[0]} and {words[1]} words",
                    path=path,
                    line=number,
                )
