"""What a model cannot read is left out of a source and put back into its translation."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, NamedTuple

from torch import Tensor

from seqattn.data.batching import Example
from seqattn.text.normalising import WORD_START
from seqattn.text.scripts import UNSPACED
from seqattn.text.tokenizer import BYTE, Tokenizer
from seqattn.text.unknown import CLOSING, Alphabet, LeftOut

Attend = Callable[[Sequence[Example]], Iterable[Tensor]]
"""The attention of each example: (T, S), the target ids without EOS by the source ids."""

_UNSPACED = re.compile(f"[{UNSPACED}]")


class Part(NamedTuple):
    """A part of a line that is translated by itself, or an image."""

    ids: Any
    """What the collator takes: ids ending in EOS, none if nothing of it can be read; or an image."""
    left_out: tuple[LeftOut, ...] = ()
    """What is put back into its translation."""


@dataclass(frozen=True)
class Copying:
    """How what a model cannot read is copied."""

    alphabet: Alphabet
    """The characters that it can read."""
    attend: Attend | None = None
    """The attention that shows where it belongs; None: there is none, its place is that in the source."""


def parts_of(tokenizer: Tokenizer, cut: Sequence[Any], left_out: Sequence[LeftOut]) -> list[Part]:
    """The parts that the ids of a text were cut into, each with what was left out of it."""
    if not left_out:
        return [Part(ids) for ids in cut]
    parts, start, end = [], 0, 0
    # In the order of their places.
    waiting = deque(left_out)
    for ids in cut:
        end += sum(map(_length, tokenizer.texts.pieces(ids[:-1])))
        own = []
        while waiting and (waiting[0].at <= end or ids is cut[-1]):
            one = waiting.popleft()
            own.append(one._replace(at=one.at - start))
        parts.append(Part(ids, tuple(own)))
        start = end
    return parts


def put_back(
    tokenizer: Tokenizer, example: Example, left_out: Sequence[LeftOut], weights: Tensor | None
) -> str:
    """The text of a translation with what was left out of its source.

    It is put after the target word that attends most to what is before it in the source, an opening sign
    before the one that attends most to what follows. `weights` (T, S) is the attention of the target ids,
    without EOS, to the source ids; None: a word's place in the target is taken to be that in the source.
    """
    target = example.target[:-1]
    pieces = tokenizer.target.pieces(target)
    source = tokenizer.texts.pieces(example.source[:-1])
    read, words = _Read.of(source), _with_text(pieces)
    places = [(_place(read, pieces, words, one, weights), one) for one in left_out]
    text, end, opened = "", 0, False
    for place, one in sorted(places, key=lambda each: (each[0], each[1].opens)):
        between = tokenizer.target.decode(target[end:place])
        text = _beside(text, between, "" if opened else _space_before(pieces, end))
        opened = opened and not between
        text = _beside(text, one.text, "" if opened or _UNSPACED.match(text[-1:]) else one.space)
        end, opened = place, one.opens
    rest = tokenizer.target.decode(target[end:])
    space = _space_before(pieces, end) if end else "" if _UNSPACED.match(rest) else " "
    return _beside(text, rest, "" if opened else space)


def _length(piece: str) -> int:
    """The characters of a piece, without the space before it; those of bytes are counted by their first."""
    byte = BYTE.fullmatch(piece)
    return len(piece.removeprefix(WORD_START)) if byte is None else int(byte[1], 16) & 0xC0 != 0x80


class _Read(NamedTuple):
    """A source, as far as the places in it depend on it; there may be many."""

    pieces: Sequence[str]
    ends: list[int]
    """How many characters, without spaces, are before the end of each piece."""
    words: list[int]
    """The pieces with a letter, a digit or a byte."""

    @staticmethod
    def of(pieces: Sequence[str]) -> _Read:
        return _Read(pieces, list(accumulate(map(_length, pieces))), _with_text(pieces))

    def place(self, characters: int) -> int:
        """The number of pieces within the first characters of the text, spaces not counted.

        Punctuation that closes a word may be in one piece with its end.
        """
        if not characters:
            return 0
        place = bisect_right(self.ends, characters)
        if place < len(self.ends) and self.ends[place] - _length(self.pieces[place]) < characters:
            behind = self.pieces[place][characters - self.ends[place] :]
            place += all(character in CLOSING for character in behind)
        return place


def _place(
    source: _Read, target: Sequence[str], words: Sequence[int], one: LeftOut, weights: Tensor | None
) -> int:
    """The number of target pieces, of which `words` have text, before what was left out."""
    at = source.place(one.at)
    before = bisect_left(source.words, at)
    if not before:
        return 0
    if one.opens and words and before < len(source.words):
        place = words[_attending(source, words, source.words[before], weights)]
        while place and not target[place].startswith(WORD_START) and not _UNSPACED.search(target[place]):
            place -= 1
        return place
    if not words or before == len(source.words):
        place = len(target)
    else:
        place = words[_attending(source, words, source.words[before - 1], weights)] + 1
        whole = _UNSPACED.search(target[place - 1]) is None
        while place < len(target) and not target[place].startswith(WORD_START):
            if not whole and BYTE.fullmatch(target[place]) is None:
                break
            place += 1
    if one.closed or not source.pieces[at - 1].endswith(CLOSING):
        # It belongs to what that punctuation closes.
        while place > 1 and target[place - 1].removeprefix(WORD_START) in CLOSING:
            place -= 1
    return place


def _attending(source: _Read, words: Sequence[int], piece: int, weights: Tensor | None) -> int:
    """The number of the target word that attends most to a source piece."""
    if weights is not None:
        return int(weights[words, piece].argmax())
    return round(piece * (len(words) - 1) / max(1, len(source.pieces) - 1))


def _has_text(piece: str) -> bool:
    """Whether a piece has a letter or a digit, or is a byte of a character."""
    return any(map(str.isalnum, piece))


def _with_text(pieces: Sequence[str]) -> list[int]:
    return [number for number, piece in enumerate(pieces) if _has_text(piece)]


def _space_before(pieces: Sequence[str], at: int) -> str:
    return " " if at < len(pieces) and pieces[at].startswith(WORD_START) else ""


def _beside(left: str, right: str, space: str) -> str:
    """Two texts joined, with a space between them unless there is one already."""
    return left + (space if left and right and not left[-1].isspace() else "") + right
