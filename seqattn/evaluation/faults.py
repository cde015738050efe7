"""Faults of translations that need no judgement: repetition, untranslated sources, one output for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import choose_bleu_tokenizer
from seqattn.text.normalising import normalise
from seqattn.training.events import Faults

Words = Sequence[str]


LONGEST = 100
"""Words of a run that is found when it is repeated: with any number the time is the square of a text's."""


def repeated(sequence: Words, shortest: int = 1) -> Iterator[Words]:
    """The runs of at least so many words, and at most `LONGEST`, that occur twice in a row."""
    for size in range(shortest, min(LONGEST, len(sequence) // 2) + 1):
        alike = 0
        for at in range(len(sequence) - size):
            alike = alike + 1 if sequence[at] == sequence[at + size] else 0
            if alike >= size:
                yield tuple(sequence[at + 1 - size : at + 1])


def shortest_repeated(tokenize: str) -> int:
    """From how many words on a repetition is a fault."""
    # Many words of scripts without spaces repeat one or two characters.
    return 3 if tokenize == "char" else 1


Fault = Callable[[Words, Words, Words], bool]
"""Whether a sentence has it, from the words of its source, reference and hypothesis."""


def faults_by_name(tokenize: str) -> dict[str, Fault]:
    """The faults that one sentence can have; `tokenize` is sacrebleu's tokenizer, which made the words."""
    shortest = shortest_repeated(tokenize)

    def repetition(source: Words, reference: Words, hypothesis: Words) -> bool:
        expected = set(repeated(reference, shortest))
        return any(run not in expected for run in repeated(hypothesis, shortest))

    return {"repetition": repetition, "untranslated": _untranslated, "empty": _empty}


def _untranslated(source: Words, reference: Words, hypothesis: Words) -> bool:
    return bool(hypothesis) and hypothesis == source != reference


def _empty(source: Words, reference: Words, hypothesis: Words) -> bool:
    return bool(reference) and not hypothesis


def faults_of(pairs: Sequence[Pair], hypotheses: Sequence[str]) -> Faults:
    """The faults of the translations of at least one pair, less those that the references have too."""
    tokenize = choose_bleu_tokenizer([pair.target for pair in pairs])

    def words(text: str) -> list[str]:
        return list(normalise(text)) if tokenize == "char" else normalise(text).split()

    lines = [(*map(words, pair), words(text)) for pair, text in zip(pairs, hypotheses, strict=True)]
    counts = {name: sum(fault(*line) for line in lines) for name, fault in faults_by_name(tokenize).items()}
    # Where targets repeat words, wrong translations do so too.
    shortest = shortest_repeated(tokenize)
    repeating = sum(any(repeated(reference, shortest)) for _, reference, _ in lines)
    counts["repetition"] = max(0, counts["repetition"] - repeating)
    most = [max(Counter(texts).values()) for texts in (hypotheses, [pair.target for pair in pairs])]
    counts["same"] = max(0, most[0] - most[1])
    return Faults(**{name: 100 * count / len(pairs) for name, count in counts.items()})
