"""Text to ids and back, by sentencepiece models trained on the corpus itself."""

from __future__ import annotations

import io
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal, NamedTuple, Protocol

import sentencepiece

from seqattn.errors import InputError, check_ranges
from seqattn.symbols import BOS, EOS, PAD, UNK

WORD_START = "▁"
BYTES = 256
FREQUENT = 5
"""Words that occur this often may become single pieces."""
RARE = 0.3
"""The share of distinct words that occur once in natural text is larger: about half, and less than a tenth in
what rules make."""
BREAKS = re.compile("[\t\n\v\f\r\x1c-\x1f\x85\u2028\u2029]+")
"""What is read as a space, although it is none."""

MOST_PIECES = 1_000_000
"""The largest vocabulary that can be asked for."""
LEARNED_FROM = re.compile(".{1,1000}(?: |$)|.{1000}")
"""What pieces are learned from: texts in parts, as unigram training is quadratic in the length of what
repeats in a text. No piece reaches over a space, so that parts of whole words yield the same pieces."""
LONG_TEXT = 1000
"""Characters, from which on runs of combining marks are sorted before they are normalised."""
MOST_TEXTS = 200_000
"""Pieces are learned from at most this many evenly sampled texts: more cost gigabytes and change little."""


@dataclass(frozen=True)
class TokenizerOptions:
    """How text is split into pieces."""

    pieces: Literal["unigram", "bpe"] = "unigram"
    """The subword model (Kudo 2018; Sennrich et al. 2016)."""
    vocab_size: int = 0
    """The number of pieces, of each side when separate; 0: chosen from the corpus."""
    joint: bool = True
    """One vocabulary for both sides, or one for each."""

    def __post_init__(self) -> None:
        check_ranges(self, vocab_size=(0, MOST_PIECES))


def normalise(text: str) -> str:
    """Text as the tokenizer reads it: NFC, one space between words, none around, no line breaks inside.

    sentencepiece marks word starts with "▁", which is therefore replaced by "_" in a text.
    """
    text = composed(BREAKS.sub(" ", text)).replace(WORD_START, "_")
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(" +", " ", text).strip(" ")


def composed(text: str) -> str:
    """Text in NFC, in linear time.

    `unicodedata` puts combining marks into their canonical order by insertion, which is quadratic in the
    length of a run of them: 6 s for 80,000. A stable sort by combining class gives the same order (Unicode,
    D109).
    """
    if len(text) >= LONG_TEXT and not unicodedata.is_normalized("NFC", text):
        text = "".join(_ordered(text))
    return unicodedata.normalize("NFC", text)


def _ordered(text: str) -> Iterator[str]:
    """The text in parts, its runs of combining marks decomposed and in canonical order."""
    for marks, run in groupby(text, lambda character: unicodedata.combining(character) > 0):
        if marks:
            decomposed = "".join(unicodedata.normalize("NFD", mark) for mark in run)
            yield "".join(sorted(decomposed, key=unicodedata.combining))
        else:
            yield "".join(run)


SENTENCE_ENDS = tuple(".!?;:。！？；…")
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
            starts = [at for at in range(1, limit) if window[at].startswith(WORD_START)]
            sentences = [at for at in starts if at > limit // 2 and window[at - 1].endswith(SENTENCE_ENDS)]
            at = (sentences or starts or [limit - 1])[-1]
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


def train_tokenizer(sources: Sequence[str], targets: Sequence[str], options: TokenizerOptions) -> Tokenizer:
    """Train on the texts of the training set; the same texts and options give the same bytes."""
    if options.joint:
        side = train_side([*sources, *targets], options)
        return Tokenizer(side, side)
    return Tokenizer(train_side(sources, options), train_side(targets, options))


@dataclass(frozen=True)
class Inventory:
    """Counts of a side's texts, from which the size of its vocabulary follows."""

    words: Counter[str]
    """The distinct words and how often each occurs."""
    running: int
    """All words, repetitions counted."""
    characters: str
    """The distinct characters, sorted."""

    @property
    def closed(self) -> bool:
        """Few words that occur often, as in a command language: each gets its own piece."""
        return len(self.words) <= 200 and 50 * len(self.words) <= self.running

    @property
    def natural(self) -> bool:
        """Whether many of the distinct words occur once."""
        return sum(count == 1 for count in self.words.values()) >= RARE * len(self.words)

    @property
    def vocabulary_size(self) -> int:
        """Bytes and characters, plus further pieces, at most 32,000 in total unless the first alone are more.

        The further pieces are 8 √(running words), but at most the number of distinct words: about 300 for a
        dozen command words, 7,000 for 29 thousand captions.
        """
        evidence = min(len(self.words), int(8 * math.sqrt(self.running)))
        least = BYTES + 8 + len(self.characters)
        return max(least, min(32_000, math.ceil((least + evidence) / 8) * 8))


def take_inventory(texts: Iterable[str]) -> Inventory:
    """Count the words and characters of normalised texts."""
    words = Counter(word for text in texts for word in text.split(" "))
    return Inventory(words, words.total(), "".join(sorted(set().union(*words))))


def train_side(every: Sequence[str], options: TokenizerOptions) -> Side:
    """The vocabulary of one side, from its texts."""
    inventory = take_inventory(text for text in map(normalise, every) if text)
    step = -(-len(every) // MOST_TEXTS)
    texts = [text for text in map(normalise, every[::step]) if text]
    size = options.vocab_size or inventory.vocabulary_size
    whole_words: list[str] = []
    if inventory.closed and not options.vocab_size:
        whole_words = [WORD_START + word for word in sorted(inventory.words)]
        # Only the alphabet remains to learn pieces from, so that unseen words can be spelled.
        texts = [2 * inventory.characters]
    elif options.pieces == "unigram":
        # Its candidate pieces must occur in two different words, however often a word occurs: a frequent
        # word is doubled, so that it occurs in two.
        texts += [2 * word for word, count in sorted(inventory.words.items()) if count >= FREQUENT]
    texts = [part.rstrip(" ") for text in texts for part in LEARNED_FROM.findall(text)]
    if not texts:
        raise InputError("there is no text to learn a vocabulary from")
    written = io.BytesIO()
    longest = max((len(text.encode()) for text in texts), default=0)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=iter(texts),
            model_writer=written,
            model_type=options.pieces,
            vocab_size=size,
            # A small corpus may not yield that many pieces: use fewer instead of failing.
            hard_vocab_limit=False,
            character_coverage=0.9998,
            byte_fallback=True,
            normalization_rule_name="identity",
            user_defined_symbols=whole_words,
            max_sentence_length=max(longest, 4192),
            # Fixed, because the sums of unigram training depend on how the texts are divided among threads.
            num_threads=4,
            pad_id=PAD,
            bos_id=BOS,
            eos_id=EOS,
            unk_id=UNK,
            minloglevel=2,
        )
    except RuntimeError as error:
        raise InputError(
            f"a vocabulary of {size} pieces cannot be learned from these texts: "
            f"{str(error).splitlines()[0].rpartition('] ')[2].partition(' Increase ')[0]}",
            remedy="raise vocab_size, or leave it out" if options.vocab_size else "give other texts, or more",
        ) from error
    return Side(written.getvalue())
