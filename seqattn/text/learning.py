"""Vocabularies learned from the corpus itself, by sentencepiece."""

from __future__ import annotations

import io
import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, compress
from typing import Any, Literal

import sentencepiece

from seqattn.errors import InputError, check_ranges
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.normalising import WORD_START, normalise
from seqattn.text.scripts import UNSPACED
from seqattn.text.tokenizer import Side, Tokenizer

SPECIAL, BYTES = 4, 256
FREQUENT = 5
"""Words that occur this often may become single pieces."""
RARE = 0.3
"""The share of distinct words that occur once in natural text is larger: about half, and less than a tenth in
what rules make."""

LONGEST_WORD, UNSPACED_WORD = 64, 6
"""Characters that a text without a space has at most if it is a word, and one in a script without spaces."""
MOST_PIECES = 1_000_000
"""The largest vocabulary that can be asked for."""
LEARNED_FROM = re.compile(".{1,1000}(?: |$)|.{1000}")
"""What pieces are learned from: texts in parts, as unigram training is quadratic in the length of what
repeats in a text. No piece reaches over a space, so that parts of whole words yield the same pieces."""
MOST_TEXTS = 200_000
"""Pieces are learned from at most this many evenly sampled texts: more cost gigabytes and change little."""

_UNSPACED = re.compile(f"[{UNSPACED}]")


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
        side = train_side([sources, targets], options)
        return Tokenizer(side, side)
    return Tokenizer(train_side([sources], options), train_side([targets], options))


@dataclass(frozen=True)
class Inventory:
    """Counts of texts, from which the size of a vocabulary follows."""

    words: Counter[str] = field(default_factory=Counter)
    """The distinct words and how often each occurs."""
    running: int = 0
    """All words, repetitions counted."""
    characters: str = ""
    """The distinct characters, sorted."""
    texts: int = 0
    single: int = 0
    """How many of the texts are one word."""

    @property
    def closed(self) -> bool:
        """Few words that occur often, as in a command language: each gets its own piece."""
        return len(self.words) <= 200 and 50 * len(self.words) <= self.running

    @property
    def spelled(self) -> bool:
        """Most texts are one word, and these are many: spellings, dates or formulas, made of characters."""
        return 2 * self.single > self.texts and not self.closed

    @property
    def natural(self) -> bool:
        """Whether the texts have several words, and many of the distinct words occur once."""
        rare = sum(count == 1 for count in self.words.values())
        return rare >= RARE * len(self.words) and not self.spelled

    @property
    def evidence(self) -> int:
        """How many pieces of several characters can be learned: 8 √(running words), at most a piece a word.

        About 300 for a dozen command words, 7,000 for 29 thousand captions.
        """
        return min(len(self.words), int(8 * math.sqrt(self.running)))

    def __add__(self, other: Inventory) -> Inventory:
        return Inventory(
            self.words + other.words,
            self.running + other.running,
            "".join(sorted({*self.characters, *other.characters})),
            self.texts + other.texts,
            self.single + other.single,
        )


def take_inventory(texts: Iterable[str]) -> Inventory:
    """Count the words and characters of normalised texts, and the texts that have any."""
    words: Counter[str] = Counter()
    count = single = 0
    for text in filter(None, texts):
        own = text.split(" ")
        words.update(own)
        count += 1
        single += len(own) == 1 and len(text) <= (UNSPACED_WORD if _UNSPACED.search(text) else LONGEST_WORD)
    return Inventory(words, words.total(), "".join(sorted(set().union(*words))), count, single)


def vocabulary_size(characters: int, evidence: int) -> int:
    """Bytes, so many characters, and further pieces: at most 32,000 unless the first alone are more."""
    least = BYTES + 8 + characters
    return max(least, min(32_000, math.ceil((least + evidence) / 8) * 8))


def train_side(sides: Sequence[Sequence[str]], options: TokenizerOptions) -> Side:
    """One vocabulary for the texts of one side or of both.

    If its size is left open, pieces of several characters are learned only from sides that are not `spelled`:
    they hide from a model what the words of others have in common (docs/decisions.md).
    """
    inventories = [take_inventory(map(normalise, side)) for side in sides]
    learned = [bool(options.vocab_size) or not one.spelled for one in inventories]
    every = list(chain.from_iterable(compress(sides, learned)))
    step = max(1, -(-len(every) // MOST_TEXTS))
    texts = [text for text in map(normalise, every[::step]) if text]
    # Nothing to learn from is a closed language too.
    known = sum(compress(inventories, learned), Inventory())
    characters = sum(inventories, Inventory()).characters
    size = options.vocab_size or vocabulary_size(len(characters), known.evidence)
    more: dict[str, Any] = {}
    if known.closed and not options.vocab_size:
        more["user_defined_symbols"] = [WORD_START + word for word in sorted(known.words)]
        # Only the alphabet remains to learn pieces from, so that unseen words can be spelled.
        texts = [2 * characters]
    elif options.pieces == "unigram":
        # Its candidate pieces must occur in two different words, however often a word occurs: a frequent
        # word is doubled, so that it occurs in two.
        texts += [2 * word for word, count in sorted(known.words.items()) if count >= FREQUENT]
    if not all(learned):
        if known.closed:
            # No further pieces, and nothing longer in the alphabet twice.
            size, texts = SPECIAL + BYTES + 1 + len(characters) + len(known.words), []
        texts = [*texts, characters, characters[::-1]]
        more["required_chars"] = WORD_START + characters
    elif more:
        # Where a word begins the alphabet, the space before unseen ones would be left to three bytes.
        more["required_chars"] = WORD_START
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
            # The alphabet of spelled words is rare in what pieces are learned from.
            character_coverage=0.9998 if all(learned) else 1.0,
            byte_fallback=True,
            normalization_rule_name="identity",
            **more,
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
        reason = str(error).splitlines()[0].rpartition("] ")[2].partition(" Increase ")[0]
        raise InputError(
            f"a vocabulary of {size} pieces cannot be learned from these texts: {reason or 'too small'}",
            remedy="raise vocab_size, or leave it out" if options.vocab_size else "give other texts, or more",
        ) from error
    return Side(written.getvalue())
