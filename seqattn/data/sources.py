"""What the sources of a corpus are: how they are read, told apart and kept; here texts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from seqattn.data.batching import IDS, Collator, Example
from seqattn.data.corpus import Corpus, Pair, given_pairs, read_corpus
from seqattn.data.examples import Examples
from seqattn.errors import InputError
from seqattn.text.learning import TokenizerOptions, train_tokenizer
from seqattn.text.normalising import normalise
from seqattn.text.sentences import sentences, usual_number
from seqattn.text.tokenizer import Side, Tokenizer


class Census(ABC):
    """What a run records of the sources that it is trained on."""

    @abstractmethod
    def add(self, source: str) -> None:
        """Count a source."""

    @property
    @abstractmethod
    def found(self) -> dict[str, Any]:
        """Fields of a `DataRecord`."""


class Sources(ABC):
    """One kind of sources. What an encoder reads decides which kind a run has."""

    noun: str
    unit: str
    """What a position of a source is."""

    @property
    @abstractmethod
    def collator(self) -> Collator:
        """Counts the positions of sources, and stacks them."""

    @abstractmethod
    def read_corpus(self, argument: str) -> Corpus:
        """The corpus that an argument of the command line names; InputError with file and line."""

    @abstractmethod
    def given(self, pairs: Iterable[tuple[Any, str]]) -> tuple[Pair, ...]:
        """Pairs given from Python; ValueError when one is no pair of a source and a text."""

    @abstractmethod
    def named(self, arguments: Sequence[str]) -> Iterator[Any] | None:
        """The sources that arguments name; None when these name a file of sources, a line for each."""

    @abstractmethod
    def listed(self, lines: Iterable[str], where: str) -> Iterator[str]:
        """The sources that lines hold or name; `where` these are."""

    @abstractmethod
    def is_one(self, given: Any) -> bool:
        """Whether what is given from Python is a single source, rather than several."""

    @abstractmethod
    def learn(self, pairs: Sequence[Pair], options: TokenizerOptions) -> Tokenizer:
        """The tokenizer of a training set."""

    @abstractmethod
    def tokenizer(self, vocabularies: Sequence[Side]) -> Tokenizer:
        """A tokenizer from its vocabularies, as `Tokenizer.vocabularies` has them."""

    @abstractmethod
    def store(self, examples: Iterable[Example]) -> Sequence[Example]:
        """Examples on disk."""

    @abstractmethod
    def readable(self, pair: Pair, example: Example) -> Any:
        """What a translator is given of a pair that has been encoded."""

    @abstractmethod
    def census(self, language: str, step: int) -> Census:
        """To count sources in a language, every so many of them in detail."""

    @abstractmethod
    def require_words(self, purpose: str) -> None:
        """InputError when sources have no words."""

    @abstractmethod
    def turned(self) -> Sources:
        """The sources of the other direction; InputError when there is none."""


@dataclass
class TextCensus(Census):
    """Counts the characters of texts and, of some of them, the sentences."""

    language: str
    step: int
    """Of so many texts one has its sentences counted."""
    texts: int = 0
    sentences: Counter[int] = field(default_factory=Counter)
    characters: set[str] = field(default_factory=set)

    def add(self, source: str) -> None:
        text = normalise(source)
        self.characters.update(text)
        if self.texts % self.step == 0:
            self.sentences[len(sentences(text, self.language))] += 1
        self.texts += 1

    @property
    def found(self) -> dict[str, Any]:
        return {
            "source_sentences": usual_number(self.sentences),
            "source_characters": "".join(sorted(self.characters)),
        }


class Texts(Sources):
    """Sources that are texts."""

    noun, unit = "text", "piece"

    def __str__(self) -> str:
        return "texts"

    @property
    def collator(self) -> Collator:
        return IDS

    def read_corpus(self, argument: str) -> Corpus:
        return read_corpus(argument)

    def given(self, pairs: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
        return given_pairs(pairs)

    def named(self, arguments: Sequence[str]) -> None:
        return None

    def listed(self, lines: Iterable[str], where: str) -> Iterator[str]:
        return iter(lines)

    def is_one(self, given: Any) -> bool:
        return isinstance(given, str)

    def learn(self, pairs: Sequence[Pair], options: TokenizerOptions) -> Tokenizer:
        return train_tokenizer([pair.source for pair in pairs], [pair.target for pair in pairs], options)

    def tokenizer(self, vocabularies: Sequence[Side]) -> Tokenizer:
        return Tokenizer(vocabularies[0], vocabularies[-1])

    def store(self, examples: Iterable[Example]) -> Sequence[Example]:
        return Examples(examples)

    def readable(self, pair: Pair, example: Example) -> str:
        return pair.source

    def census(self, language: str, step: int) -> TextCensus:
        return TextCensus(language, step)

    def require_words(self, purpose: str) -> None:
        """Texts have words."""

    def turned(self) -> Sources:
        return self


TEXTS = Texts()


def common_sources(each: Sequence[Sources]) -> Sources:
    """What the sources of several systems are; InputError when they differ."""
    if any(one != each[0] for one in each):
        raise InputError(
            f"the systems read different sources: {', '.join(dict.fromkeys(map(str, each)))}",
            remedy="compare systems that read texts, or images of one size, colour and cell",
        )
    return each[0]
