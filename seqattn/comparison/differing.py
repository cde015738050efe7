"""Where two systems differ: n-grams that one gets right more often, and sentences."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher
from itertools import groupby
from statistics import fmean

from seqattn.comparison.results import Contrasted, Differing, NGram, System
from seqattn.comparison.words import Words, corpus_score, metrics, sides, source_lengths, split, statistics
from seqattn.data.corpus import Pair
from seqattn.text.tokenizer import normalise

LONGEST = 4
"""Words in an n-gram, as in BLEU."""


def differing(
    first: System, second: System, pairs: Sequence[Pair], most_ngrams: int = 10, most_sentences: int = 10
) -> Differing:
    """The n-grams of the references and the sentences on which two systems differ most, so many each way."""
    ngrams, sentences = _ngrams(first, second, pairs), _sentences(first, second, pairs)
    return Differing(
        first.name,
        second.name,
        _distinct([one for one in ngrams if _gain(one) > 0], most_ngrams),
        _distinct([one for one in ngrams if _gain(one) < 0], most_ngrams),
        tuple([one for one in sentences if _gain(one) > 0][:most_sentences]),
        tuple([one for one in sentences if _gain(one) < 0][:most_sentences]),
    )


def _gain(one: NGram | Contrasted) -> float:
    """Of the first system over the second."""
    # Rounded, as equal differences of means may differ in their last bits.
    return round(one.first - one.second, 9)


def _ngrams(first: System, second: System, pairs: Sequence[Pair]) -> list[NGram]:
    """Those not right equally often, punctuation apart: the largest difference first, then the longest."""
    _, references, tokenize = sides(pairs)
    wanted = [_count_ngrams(line) for line in split(references, tokenize)]

    def right(system: System) -> Counter[Words]:
        found: Counter[Words] = Counter()
        for member in system.members:
            for reference, line in zip(wanted, split(member.hypotheses, tokenize), strict=True):
                found.update(reference & _count_ngrams(line))
        return found

    firsts, seconds = right(first), right(second)
    occurrences: Counter[Words] = Counter()
    for reference in wanted:
        occurrences.update(reference)
    sizes = len(first.members), len(second.members)
    found = [
        NGram(tuple(ngram), firsts[ngram] / sizes[0], seconds[ngram] / sizes[1], occurrences[ngram])
        for ngram in firsts | seconds
        if firsts[ngram] * sizes[1] != seconds[ngram] * sizes[0]
        and any(character.isalnum() for character in "".join(ngram))
    ]
    return sorted(found, key=lambda one: (-abs(_gain(one)), -len(one.words), one.words))


def _count_ngrams(line: Words) -> Counter[Words]:
    sizes = range(1, LONGEST + 1)
    return Counter(tuple(line[at : at + size]) for size in sizes for at in range(len(line) - size + 1))


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


def _sentences(first: System, second: System, pairs: Sequence[Pair]) -> list[Contrasted]:
    """All by chrF, the largest difference first."""
    _, references, tokenize = sides(pairs)

    def scores(system: System) -> list[float]:
        each = (statistics(member.hypotheses, references, tokenize)["chrF"] for member in system.members)
        of_members = [[corpus_score(metrics(tokenize)["chrF"], row[None]) for row in rows] for rows in each]
        return [fmean(figures) for figures in zip(*of_members, strict=True)]

    both = zip(scores(first), scores(second), strict=True)
    found = [Contrasted(row, *figures) for row, figures in enumerate(both)]
    return sorted(found, key=lambda one: (-abs(_gain(one)), one.row))


def marked(hypothesis: str, reference: str, tokenize: str) -> list[tuple[str, bool]]:
    """The hypothesis in parts, each with whether the reference has its words, in the same order.

    Words are what spaces separate, or the characters for the tokenizer `char`. Of spaces, the reference lacks
    those between two words that it lacks.
    """
    pieces = re.compile(r"\s+|\S" if tokenize == "char" else r"\s+|\S+").findall
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


def representative(systems: Sequence[System], pairs: Sequence[Pair]) -> int:
    """The row of a sentence to show the attention of, from one or more.

    It is translated right by most systems' first members, and about eight words long.
    """
    _, lengths = source_lengths(pairs)

    def rank(row: int) -> tuple[bool, int, int, int]:
        target = normalise(pairs[row].target)
        wrong = sum(normalise(system.members[0].hypotheses[row]) != target for system in systems)
        return not (lengths[row] and target), wrong, abs(lengths[row] - 8), row

    return min(range(len(pairs)), key=rank)
