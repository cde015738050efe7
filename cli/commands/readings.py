"""What a run attends to between the words of a pair, and by which of its layers and heads that is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from seqattn.errors import naming

if TYPE_CHECKING:
    from seqattn.alignment.links import Gold
    from seqattn.alignment.reading import Attention, Heads
    from seqattn.data.corpus import Pair
    from seqattn.models.base import Reading
    from seqattn.runs.run import Run


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
    own = run.reading
    for pair, heads in zip(pairs, run.heads(pairs, consumed=reading.consumed, unit=unit), strict=True):
        yield Seen(name, heads, reading, own, pair)


def read_answers(path: Path | None, pairs: Sequence[Pair]) -> list[Gold] | None:
    """The gold links of pairs, if there are any; InputError when they are those of others."""
    from seqattn.alignment.links import read_gold
    from seqattn.alignment.words import check_links

    if path is None:
        return None
    answers = read_gold(path)
    check_links([answer.possible for answer in answers], pairs, path)
    return answers


def unspaced(text: str) -> bool:
    """Whether a text is in a script without spaces between words."""
    from seqattn.evaluation.scores import choose_bleu_tokenizer

    return bool(text) and choose_bleu_tokenizer([text]) == "char"
