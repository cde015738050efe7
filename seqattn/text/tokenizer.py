"""Text to ids and back."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple, Protocol

import sentencepiece

from seqattn.errors import InputError
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.normalising import WORD_START, normalise

BYTE = re.compile("<0x([0-9A-F]{2})>")
"""A piece that stands for a byte."""
SENTENCE_ENDS = tuple(".!?;:。！？；…")
UNSPACED_ENDS = tuple("。！？；")
"""Those that no space follows."""
CLOSING = "」』）”’\"')]"
"""What follows the end of a sentence and belongs to it."""
SOURCE_END = "</s>"
"""The name of the EOS of a source."""


class Units(NamedTuple):
    """What attention to a source is shown for: words, pieces or other parts of it."""

    names: list[str]
    of: list[int]
    """The unit of each position."""


class SourceSide(Protocol):
    """Turns sources into what the collator of an encoder takes: the vocabulary of texts, or images."""

    @property
    def model(self) -> bytes:
        """Different for each that reads sources differently."""

    @property
    def size(self) -> int:
        """The number of pieces, 0 without any."""

    def encode(self, source: Any) -> Any:
        """What the collator takes."""

    def encode_all(self, sources: Iterable[Any]) -> Iterable[Any]:
        """As `encode`, for each."""

    def sample_all(self, rows: Iterable[Any], alpha: float, seed: int) -> Sequence[Any]:
        """The same sources in other pieces, where they consist of pieces."""

    def is_empty(self, read: Any) -> bool:
        """Whether there is nothing to translate in what `encode` gave."""

    def cut(self, read: Any, limit: int) -> list[Any]:
        """Parts within a number of positions, where a source can be cut."""

    def units(self, read: Any, unit: str) -> Units:
        """The units, `words` or `pieces`, that attention to the source is shown for."""

    def name(self, source: Any) -> str:
        """A source as a text."""


@dataclass(frozen=True)
class Side:
    """The vocabulary of one side, source or target: a sentencepiece model as its file's bytes."""

    model: bytes

    def __post_init__(self) -> None:
        object.__setattr__(self, "_processor", sentencepiece.SentencePieceProcessor(model_proto=self.model))

    @property
    def processor(self) -> sentencepiece.SentencePieceProcessor:
        """The loaded sentencepiece model."""
        return self._processor  # type: ignore[attr-defined, no-any-return]

    def __len__(self) -> int:
        return int(self.processor.get_piece_size())

    @property
    def size(self) -> int:
        """The number of pieces."""
        return len(self)

    def encode(self, text: str) -> list[int]:
        """The text's ids, EOS at the end."""
        return [*self.processor.encode(normalise(text)), EOS]

    def encode_all(self, texts: Iterable[str]) -> list[list[int]]:
        """Each text's ids, EOS at the end; uses all cores."""
        return [[*ids, EOS] for ids in self.processor.encode([normalise(text) for text in texts])]

    def sample_all(self, rows: Iterable[Sequence[int]], alpha: float, seed: int) -> list[list[int]]:
        """The ids of each text cut into other pieces at random, EOS at the end; a seed gives the same again.

        For unigram pieces the probability of a segmentation is proportional to its own to the power α (Kudo
        2018), for bpe a merge is left out with probability α (Provilkov et al. 2020).
        """
        texts = self.processor.decode([[i for i in row if i != EOS] for row in rows])
        sentencepiece.set_random_generator_seed(seed)
        # Each thread has its own generator: one thread, so that the order of the texts does not matter to it.
        drawn = self.processor.encode(texts, enable_sampling=True, alpha=alpha, nbest_size=-1, num_threads=1)
        return [[*ids, EOS] for ids in drawn]

    def is_empty(self, read: Sequence[int]) -> bool:
        """Whether there is no id but EOS."""
        return len(read) <= 1

    def cut(self, read: Sequence[int], limit: int) -> list[list[int]]:
        """Split ids into parts within the limit, EOS counted: after a sentence, else a word or anywhere."""
        parts, begin = [], 0
        while len(read) - 1 - begin >= limit:
            window = self.pieces(read[begin : begin + limit])
            words = [at for at in range(1, limit) if window[at].startswith(WORD_START)]
            sentences = [at for at in range(limit // 2 + 1, limit) if _begins_sentence(window, at)]
            characters = [at for at in range(1, limit) if not _continues(window[at])]
            at = (sentences or words or characters or [limit - 1])[-1]
            parts.append([*read[begin : begin + at], EOS])
            begin += at
        return [*parts, list(read[begin:])]

    def units(self, read: Sequence[int], unit: str) -> Units:
        """The words, or the pieces, of ids that end in EOS; EOS is a unit of its own."""
        if unit == "pieces":
            return Units([*self.pieces(read[:-1]), SOURCE_END], list(range(len(read))))
        words = self.words(read[:-1])
        of = [number for number, ids in enumerate([*words, [EOS]]) for _ in ids]
        return Units([*map(self.decode, words), SOURCE_END], of)

    def name(self, source: str) -> str:
        """The text itself."""
        return source

    def pieces(self, ids: Iterable[int]) -> list[str]:
        """Each id's piece; a word's first begins with "▁", bytes of rare characters look like "<0xEC>"."""
        return [self.processor.id_to_piece(int(i)) for i in ids]

    @cached_property
    def spellings(self) -> tuple[bytes, ...]:
        """The UTF-8 bytes that each piece stands for, a space before a word; none for the special ids."""
        processor = self.processor
        special = [processor.is_control(i) or processor.is_unknown(i) for i in range(len(self))]
        return tuple(
            b""
            if special[i]
            else bytes([int(piece[3:5], 16)])
            if processor.is_byte(i)
            else piece.replace(WORD_START, " ").encode()
            for i, piece in enumerate(self.pieces(range(len(self))))
        )

    @property
    def characters(self) -> frozenset[str]:
        """The characters that are not divided into bytes."""
        processor = self.processor
        ids = (i for i in range(len(self)) if not processor.is_byte(i) and not processor.is_control(i))
        return frozenset("".join(self.pieces(i for i in ids if i != UNK)))

    def words(self, ids: Sequence[int]) -> list[list[int]]:
        """Ids grouped into words, each beginning with a word-initial piece."""
        groups: list[list[int]] = []
        for i, piece in zip(ids, self.pieces(ids), strict=True):
            if piece.startswith(WORD_START) or not groups:
                groups.append([])
            groups[-1].append(i)
        return groups

    def decode(self, ids: Iterable[int]) -> str:
        """The text of ids, always a single line; PAD, BOS and EOS are dropped."""
        text: str = self.processor.decode([int(i) for i in ids if i not in (PAD, BOS, EOS)])
        return normalise(text)


def _begins_sentence(pieces: Sequence[str], at: int) -> bool:
    """Whether a sentence ends before a piece, so that a text may be cut there."""
    ends = SENTENCE_ENDS if pieces[at].startswith(WORD_START) else UNSPACED_ENDS
    before = "".join(pieces[max(0, at - 4) : at]).rstrip(CLOSING)
    return before.endswith(ends) and not pieces[at].startswith((*CLOSING, *SENTENCE_ENDS))


def _continues(piece: str) -> bool:
    """Whether a piece is a byte of a character that is not its first."""
    byte = BYTE.fullmatch(piece)
    return byte is not None and int(byte[1], 16) & 0xC0 == 0x80


@dataclass(frozen=True)
class Tokenizer:
    """The vocabularies of both sides, the same object when joint; or what reads images, and the target's."""

    source: SourceSide
    target: Side

    @property
    def joint(self) -> bool:
        """Whether source and target share one vocabulary."""
        return self.source is self.target

    @property
    def texts(self) -> Side:
        """The vocabulary of sources that are texts; InputError when they are not."""
        if not isinstance(self.source, Side):
            raise InputError("its sources are images, which have no words")
        return self.source

    @property
    def reads_texts(self) -> bool:
        """Whether sources are texts."""
        return isinstance(self.source, Side)

    @property
    def vocabularies(self) -> tuple[Side, ...]:
        """The different vocabularies, the target's last."""
        return (self.texts, self.target) if self.reads_texts and not self.joint else (self.target,)
