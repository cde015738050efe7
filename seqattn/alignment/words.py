"""The words of a pair, and the ids that they consist of."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from seqattn.alignment.links import Gold, Links, read_gold
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.errors import InputError, counted
from seqattn.models.base import Place
from seqattn.text.normalising import WORD_START, normalise
from seqattn.text.tokenizer import SOURCE_END, Side, Tokenizer

START, END = "<s>", SOURCE_END


class Words(NamedTuple):
    """The words of a pair, and the word that each id belongs to; the end of the source counts as a word.

    Each cell of an image counts as one too.
    """

    source: list[str]
    target: list[str]
    of_source: list[int]
    of_target: list[int]


def words_of(tokenizer: Tokenizer, example: Example) -> Words:
    """The words of an example."""
    source = tokenizer.source.units(example.source, "words")
    target = tokenizer.target.words(example.target[:-1])
    return Words(
        source.names,
        list(map(tokenizer.target.decode, target)),
        source.of,
        [word for word, ids in enumerate(target) for _ in ids],
    )


def pieces_of(tokenizer: Tokenizer, example: Example) -> Words:
    """The pieces of an example, each as its own word."""
    source = tokenizer.source.units(example.source, "pieces")
    target = tokenizer.target.pieces(example.target[:-1])
    return Words(source.names, target, source.of, list(range(len(target))))


UNITS = {"words": words_of, "pieces": pieces_of}
"""The units between which attention may be shown."""


def words_in(place: Place, words: Words) -> Words:
    """The words of a place of attention: those attended to as `source`, those that attend as `target`.

    The decoder reads BOS first, which counts among the words attended to.
    """
    if place == "encoder":
        return Words(words.source, words.source, words.of_source, words.of_source)
    if place == "decoder":
        read = [0, *(1 + word for word in words.of_target)]
        return Words([START, *words.target], words.target, read, words.of_target)
    return words


def read_answers(path: Path, pairs: Sequence[Pair]) -> list[Gold]:
    """The gold links of pairs; InputError when they do not fit them."""
    answers = read_gold(path)
    check_links([answer.possible for answer in answers], pairs, path)
    return answers


def text_words(text: str) -> list[str]:
    """The words of a text as links count them: what spaces separate."""
    return [word for word in normalise(text).split(" ") if word]


def check_links(lines: Sequence[Links], pairs: Sequence[Pair], path: Path | str) -> None:
    """InputError when `path` does not have a line of links for each pair, or has a link outside its pair."""
    if len(lines) != len(pairs):
        raise InputError(f"has {counted(len(lines), 'line')} for {counted(len(pairs), 'pair')}", path=path)
    for number, (pair, links) in enumerate(zip(pairs, lines, strict=True), start=1):
        sizes = tuple(len(text_words(text)) for text in pair)
        for source, target in sorted(links):
            if source >= sizes[0] or target >= sizes[1]:
                raise InputError(
                    f"the link {source}-{target} is outside a pair of {sizes[0]} and {sizes[1]} words",
                    path=path,
                    line=number,
                )


def content_positions(side: Side, ids: Sequence[int], of: Sequence[int]) -> list[int]:
    """The positions of the ids that determine their word's links: all but punctuation attached to it.

    The full stop at the end of a word attends to the other side's full stop, not to the word's translation.
    `of` is the word of each id.
    """
    punctuation = [is_punctuation(piece) for piece in side.pieces(ids)]
    texts = {word for word, mark in zip(of, punctuation, strict=False) if not mark}
    return [at for at, mark in enumerate(punctuation) if not mark or of[at] not in texts]


def is_punctuation(piece: str) -> bool:
    """Whether a piece consists only of punctuation and symbols."""
    text = piece.removeprefix(WORD_START)
    return bool(text) and all(unicodedata.category(character)[0] in "PS" for character in text)
