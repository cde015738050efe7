"""Vocabularies learned from the corpus itself, by sentencepiece."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import sentencepiece

from seqattn.errors import InputError, check_ranges
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.normalising import WORD_START, normalise
from seqattn.text.tokenizer import Side, Tokenizer

BYTES = 256
FREQUENT = 5
"""Words that occur this often may become single pieces."""
RARE = 0.3
"""The share of distinct words that occur once in natural text is larger: about half, and less than a tenth in
what rules make."""

MOST_PIECES = 1_000_000
"""The largest vocabulary that can be asked for."""
LEARNED_FROM = re.compile(".{1,1000}(?: |$)|.{1000}")
"""What pieces are learned from: texts in parts, as unigram training is quadratic in the length of what
repeats in a text. No piece reaches over a space, so that parts of whole words yield the same pieces."""
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
    closed: dict[str, Any] = {}
    if inventory.closed and not options.vocab_size:
        closed["user_defined_symbols"] = [WORD_START + word for word in sorted(inventory.words)]
        # Where a word begins the alphabet, the space before unseen ones would be left to three bytes.
        closed["required_chars"] = WORD_START
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
            **closed,
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
