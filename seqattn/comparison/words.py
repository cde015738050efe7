"""The words of a test set, found once for several analyses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import choose_bleu_tokenizer, unspaced
from seqattn.evaluation.statistics import metrics

Words = Sequence[str]


class Sides(NamedTuple):
    """A test set."""

    sources: tuple[str, ...]
    references: tuple[str, ...]
    tokenize: str
    """The tokenizer of BLEU for the references."""


def sides(pairs: Sequence[Pair]) -> Sides:
    """The two sides of a test set, and the tokenizer that the references choose."""
    references = tuple(pair.target for pair in pairs)
    return Sides(tuple(pair.source for pair in pairs), references, choose_bleu_tokenizer(references))


def words(text: str, tokenize: str) -> list[str]:
    """The words that BLEU counts; `tokenize` is sacrebleu's tokenizer of BLEU."""
    return metrics(tokenize)["BLEU"]._preprocess_segment(text).split()


def word_counts(targets: Iterable[str], tokenize: str) -> Counter[str]:
    """How often each word occurs in texts."""
    return Counter(word for text in targets for word in words(text, tokenize))


@lru_cache(maxsize=64)
def split(texts: tuple[str, ...], tokenize: str) -> list[list[str]]:
    """The words of each text."""
    return [words(text, tokenize) for text in texts]


def source_lengths(pairs: Sequence[Pair]) -> tuple[str, list[int]]:
    """What sources are measured in, characters for scripts without spaces, and the length of each."""
    if unspaced("".join(pair.source for pair in pairs)):
        return "characters", [len("".join(pair.source.split())) for pair in pairs]
    return "words", [len(pair.source.split()) for pair in pairs]
