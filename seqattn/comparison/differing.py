"""Where systems differ: n-grams that one of two gets right more often, and sentences."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import combinations, groupby
from statistics import fmean
from typing import NamedTuple

from seqattn.comparison.results import Contrasted, Differing, NGram, System
from seqattn.comparison.words import Words, sides, source_lengths, split
from seqattn.data.corpus import Pair
from seqattn.evaluation.statistics import sentence_scores
from seqattn.text.normalising import normalise

LONGEST = 4
"""Words in an n-gram, as in BLEU."""


def all_differing(
    systems: Sequence[System], pairs: Sequence[Pair], most_ngrams: int = 10, most_sentences: int = 10
) -> list[Differing]:
    """Where every two systems differ most, in the order of `combinations`.

    These are n-grams of the references and sentences, so many each way.
    """
    _, references, tokenize = sides(pairs)
    wanted = [_without_punctuation(_count_ngrams(line)) for line in split(references, tokenize)]
    occurrences = _sum(wanted)
    results = [_result(system, references, tokenize, wanted) for system in systems]

    def between(first: _Result, second: _Result) -> Differing:
        ngrams, sentences = _ngrams(first, second, occurrences), _sentences(first, second)
        return Differing(
            first.name,
            second.name,
            _distinct([one for one in ngrams if _gain(one) > 0], most_ngrams),
            _distinct([one for one in ngrams if _gain(one) < 0], most_ngrams),
            tuple([one for one in sentences if _gain(one) > 0][:most_sentences]),
            tuple([one for one in sentences if _gain(one) < 0][:most_sentences]),
        )

    return [between(first, second) for first, second in combinations(results, 2)]


class _Result(NamedTuple):
    """How well a system translates the n-grams and the sentences of a test set."""

    name: str
    members: int
    right: Counter[Words]
    """Occurrences of n-grams in the references that the translations have too, of all members."""
    chrf: list[float]
    """Of each sentence, the mean of the members."""


def _result(
    system: System, references: tuple[str, ...], tokenize: str, wanted: Sequence[Counter[Words]]
) -> _Result:
    """From the references and the n-grams in each of them."""
    right = _sum(
        reference & _count_ngrams(line)
        for member in system.members
        for reference, line in zip(wanted, split(member.hypotheses, tokenize), strict=True)
    )
    chrf = [sentence_scores("chrF", one, references, tokenize) for one in system.hypotheses]
    return _Result(system.name, len(system.members), right, list(map(fmean, zip(*chrf, strict=True))))


def _sum(counts: Iterable[Counter[Words]]) -> Counter[Words]:
    total: Counter[Words] = Counter()
    for one in counts:
        total.update(one)
    return total


def _gain(one: NGram | Contrasted) -> float:
    """Of the first system over the second."""
    # Rounded, as equal differences of means may differ in their last bits.
    return round(one.first - one.second, 9)


def _ngrams(first: _Result, second: _Result, occurrences: Counter[Words]) -> list[NGram]:
    """Those not right equally often: the largest difference first, then the longest."""
    firsts, seconds = first.right, second.right
    found = [
        NGram(
            tuple(ngram), firsts[ngram] / first.members, seconds[ngram] / second.members, occurrences[ngram]
        )
        for ngram in firsts | seconds
        if firsts[ngram] * second.members != seconds[ngram] * first.members
    ]
    return sorted(found, key=lambda one: (-abs(_gain(one)), -len(one.words), one.words))


def _count_ngrams(line: Words) -> Counter[Words]:
    sizes = range(1, LONGEST + 1)
    return Counter(tuple(line[at : at + size]) for size in sizes for at in range(len(line) - size + 1))


def _without_punctuation(ngrams: Counter[Words]) -> Counter[Words]:
    """Those with a letter or a digit."""
    return Counter({one: count for one, count in ngrams.items() if any(map(str.isalnum, "".join(one)))})


def _distinct(ngrams: Iterable[NGram], most: int) -> tuple[NGram, ...]:
    """The first ones, without those inside a listed one that is right equally often."""
    listed: list[NGram] = []
    for one in ngrams:
        if len(listed) == most:
            break
        alike = [longer for longer in listed if (longer.first, longer.second) == (one.first, one.second)]
        if not any(f" {' '.join(one.words)} " in f" {' '.join(longer.words)} " for longer in alike):
            listed.append(one)
    return tuple(listed)


def _sentences(first: _Result, second: _Result) -> list[Contrasted]:
    """All by chrF, the largest difference first."""
    both = zip(first.chrf, second.chrf, strict=True)
    found = [Contrasted(row, *figures) for row, figures in enumerate(both)]
    return sorted(found, key=lambda one: (-abs(_gain(one)), one.row))


def marked(hypothesis: str, reference: str, tokenize: str) -> list[tuple[str, bool]]:
    """The hypothesis in parts, each with whether the reference has its words, in the same order.

    Words are what spaces separate, or for the tokenizer `char` the characters, each with the marks that
    combine with it. Of spaces, the reference lacks those between two words that it lacks.
    """
    pieces = _characters if tokenize == "char" else re.compile(r"\s+|\S+").findall
    own, wanted = ([one for one in pieces(text) if not one.isspace()] for text in (hypothesis, reference))
    lacking = set(range(len(own)))
    for block in SequenceMatcher(None, own, wanted, autojunk=False).get_matching_blocks():
        lacking -= set(range(block.a, block.a + block.size))
    flagged, at = [], 0
    for piece in pieces(hypothesis):
        space = piece.isspace()
        flagged.append((piece, not lacking >= ({at - 1, at} if space else {at})))
        at += not space
    parts = groupby(flagged, key=lambda one: one[1])
    return [("".join(piece for piece, _ in part), known) for known, part in parts]


def _characters(text: str) -> list[str]:
    """The characters of a text, each with the marks that combine with it, and the spaces between them."""
    found: list[str] = []
    for piece in re.findall(r"\s+|\S", text):
        if found and not found[-1].isspace() and unicodedata.category(piece[0]) in ("Mn", "Mc", "Me"):
            found[-1] += piece
        else:
            found.append(piece)
    return found


def representative(systems: Sequence[System], pairs: Sequence[Pair]) -> int:
    """The row of a sentence to show the attention of, from one or more.

    The systems' first members can hold it with their translations, most of them translate it right, and it is
    about eight words long.
    """
    _, lengths = source_lengths(pairs)
    sources = [pair.source for pair in pairs]
    firsts = [system.members[0] for system in systems]
    held = [one.holds(list(zip(sources, one.hypotheses, strict=True))) for one in firsts]

    def rank(row: int) -> tuple[int, bool, int, int, int]:
        target = normalise(pairs[row].target)
        unheld = sum(not each[row] for each in held)
        wrong = sum(normalise(one.hypotheses[row]) != target for one in firsts)
        return unheld, not (lengths[row] and target), wrong, abs(lengths[row] - 8), row

    return min(range(len(pairs)), key=rank)
