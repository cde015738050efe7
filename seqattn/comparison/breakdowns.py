"""The figures of systems on parts of a test set: scores by length, recall of words, faults."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Mapping, Sequence

from seqattn.comparison.results import Breakdown, Group, Member, System
from seqattn.comparison.words import Words, sides, source_lengths, split
from seqattn.data.corpus import Pair
from seqattn.evaluation.faults import Fault, faults_by_name
from seqattn.evaluation.statistics import corpus_score, metrics, statistics

UNITS = {"BLEU": "BLEU", "chrF": "chrF", "exact match": "%"}
"""Of the scores by each metric."""
ENDS = (*range(1, 11), 12, 14, 16, 18, 20, 25, 30, 35, 40, 50, 60, 80, 100, 150, 200, 300, 500, 1000)
"""Lengths at which a range may end."""
FEWEST = 10
"""Sentences in a range of lengths."""
FREQUENCIES = ("never", "once", "2–5", "6–20", "21–100", "101–1,000", "more often")
MOST_FREQUENT = (0, 1, 5, 20, 100, 1000)
"""Occurrences in the training targets at which all but the last range of frequencies end."""

Figure = Callable[[Words, Words, Words], tuple[int, int]]
"""How much of how much in a sentence, from the words of its source, reference and hypothesis."""


def breakdowns(
    systems: Sequence[System], pairs: Sequence[Pair], counts: Mapping[str, int] | None
) -> list[Breakdown]:
    """The systems' figures on parts of the test set, then on the whole; those without cases are left out.

    `counts` are the `word_counts` of the training targets, by the tokenizer that the references choose.
    """
    if not pairs:
        return []
    found = _by_length(systems, pairs)
    if counts is not None:
        found.append(_by_frequency(systems, pairs, counts))
    found += [figures(systems, pairs) for figures in (_numbers_and_names, _length, _faults, _copied)]
    return [one for one in found if one.groups]


def _by_length(systems: Sequence[System], pairs: Sequence[Pair]) -> list[Breakdown]:
    """By each metric; none if the sources are all about as long."""
    _, references, tokenize = sides(pairs)
    unit, lengths = source_lengths(pairs)
    ranges = _ranges(lengths)

    def group(metric: str, name: str) -> Group:
        def score(member: Member) -> float:
            found = statistics(member.hypotheses, references, tokenize)[metric]
            return corpus_score(metrics(tokenize)[metric], found[ranges[name]])

        return Group(name, len(ranges[name]), tuple(system.mean(score) for system in systems))

    def breakdown(metric: str) -> Breakdown:
        groups = tuple(group(metric, name) for name in ranges)
        remark = "Each group is scored as a corpus of its own."
        return Breakdown(f"{metric} by source length", unit, "sentences", UNITS[metric], groups, remark)

    return [breakdown(metric) for metric in UNITS] if len(ranges) > 1 else []


def _ranges(lengths: Sequence[int]) -> dict[str, list[int]]:
    """Rows by ranges of length, from short to long: about five with enough sentences each."""
    enough, enough_beyond = max(FEWEST, len(lengths) / 6), max(FEWEST, len(lengths) / 12)
    ranges: dict[str, list[int]] = {}
    start = min(1, *lengths)
    for end in ENDS:
        rows = [row for row, length in enumerate(lengths) if start <= length <= end]
        if len(rows) >= enough and sum(length > end for length in lengths) >= enough_beyond:
            ranges[f"{start}–{end}" if start < end else f"{end}"] = rows
            start = end + 1
    ranges[f"{start}+"] = [row for row, length in enumerate(lengths) if length >= start]
    return ranges


def _groups(
    systems: Sequence[System], pairs: Sequence[Pair], figures: Mapping[str, Figure], scale: int = 100
) -> tuple[Group, ...]:
    """Each figure on the whole test set, times the scale; only those that the references have cases of."""
    sources, references, tokenize = sides(pairs)

    def total(figure: Figure, hypotheses: tuple[str, ...]) -> tuple[int, int]:
        texts = [split(one, tokenize) for one in (sources, references, hypotheses)]
        cases = [figure(*sentence) for sentence in zip(*texts, strict=True)]
        return sum(part for part, _ in cases), sum(whole for _, whole in cases)

    def group(name: str) -> Group:
        def share(member: Member) -> float | None:
            part, whole = total(figures[name], member.hypotheses)
            return scale * part / whole if whole else None

        count = total(figures[name], references)[1]
        return Group(name, count, tuple(system.mean(share) for system in systems))

    return tuple(one for one in map(group, figures) if one.count)


def _by_frequency(systems: Sequence[System], pairs: Sequence[Pair], counts: Mapping[str, int]) -> Breakdown:
    def recall(rank: int) -> Figure:
        return _recall(lambda word, source: bisect_left(MOST_FREQUENT, counts.get(word, 0)) == rank)

    groups = _groups(systems, pairs, {name: recall(rank) for rank, name in enumerate(FREQUENCIES)})
    remark = "Words of the references that the translation has too."
    title, grouped_by = "recall of words by frequency", "occurrences in the training targets"
    return Breakdown(title, grouped_by, "words", "%", groups, remark)


def _numbers_and_names(systems: Sequence[System], pairs: Sequence[Pair]) -> Breakdown:
    figures = {"numbers": _recall(lambda word, source: _has_digit(word)), "names": _recall(_is_name)}
    remark = (
        "Words of the references that the translation has too: numbers have a digit; names have none, but a "
        "capital letter, and the source has them in the same form."
    )
    groups = _groups(systems, pairs, figures)
    return Breakdown("recall of numbers and names", "kind", "words", "%", groups, remark)


def _recall(chosen: Callable[[str, Words], bool]) -> Figure:
    """Of those words of the reference that are chosen, given the source."""

    def figure(source: Words, reference: Words, hypothesis: Words) -> tuple[int, int]:
        wanted = Counter(word for word in reference if chosen(word, source))
        return (wanted & Counter(hypothesis)).total(), wanted.total()

    return figure


def _has_digit(word: str) -> bool:
    return any(character.isdigit() for character in word)


def _is_name(word: str, source: Words) -> bool:
    # A single character is no name: the tokenizer "char" makes every capital one.
    capital = len(word) > 1 and any(character.isupper() for character in word)
    return capital and word in source and not _has_digit(word)


def _length(systems: Sequence[System], pairs: Sequence[Pair]) -> Breakdown:
    figures = {"length ratio": lambda source, reference, hypothesis: (len(hypothesis), len(reference))}
    remark = "Words of the translations per word of the references."
    return Breakdown("length", "figure", "words", "", _groups(systems, pairs, figures, 1), remark)


def _faults(systems: Sequence[System], pairs: Sequence[Pair]) -> Breakdown:
    def share(fault: Fault) -> Figure:
        return lambda *sentence: (int(fault(*sentence)), 1)

    figures = {name: share(fault) for name, fault in faults_by_name(sides(pairs).tokenize).items()}
    remark = (
        "Repetition: translations in which words occur twice in a row that do not in the reference. "
        "Untranslated, empty: translations that are the source's words or no words, unlike the reference."
    )
    groups = _groups(systems, pairs, figures)
    return Breakdown("faults", "fault", "sentences", "%", groups, remark, higher_is_better=False)


def _copied(systems: Sequence[System], pairs: Sequence[Pair]) -> Breakdown:
    remark = "Words of translations that the source has, but not the reference."
    groups = _groups(systems, pairs, {"copying": _copying})
    return Breakdown("copied words", "fault", "words", "%", groups, remark, higher_is_better=False)


def _copying(source: Words, reference: Words, hypothesis: Words) -> tuple[int, int]:
    lettered = [word for word in hypothesis if any(character.isalpha() for character in word)]
    return sum(word in source and word not in reference for word in lettered), len(lettered)
