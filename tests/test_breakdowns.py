"""Breakdowns: scores of groups are sacrebleu's, counts are those of a recount by brute force."""

import math
from collections import Counter
from itertools import pairwise

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.comparison.breakdowns import breakdowns
from seqattn.comparison.words import word_counts, words
from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import choose_bleu_tokenizer, score

from systems import TOKENS, corpora, noisy, system, varied

METRICS = {"BLEU": "bleu", "chrF": "chrf", "exact match": "exact"}


def titled(found, title):
    (one,) = (one for one in found if one.title == title)
    return one


def figures(found, title):
    """The values of each group of a breakdown."""
    return {group.name: group.values for group in titled(found, title).groups}


def all_faults(found):
    """The values of the faults of sentences and of words."""
    copied = {
        name: values
        for one in found
        if one.title == "copied words"
        for name, values in figures(found, one.title).items()
    }
    return figures(found, "faults") | copied


def bounds(name):
    low, _, high = name.rstrip("+").partition("–")
    return int(low), math.inf if name.endswith("+") else int(high or low)


def test_breakdowns_come_in_a_fixed_order():
    pairs = varied()
    found = breakdowns([system([pair.source for pair in pairs])], pairs, {})
    assert [one.title for one in found] == [
        "BLEU by source length",
        "chrF by source length",
        "exact match by source length",
        "recall of words by frequency",
        "recall of numbers and names",
        "length",
        "faults",
        "copied words",
    ]
    assert [one.higher_is_better for one in found] == [True] * 6 + [False] * 2
    without = breakdowns([system([pair.source for pair in pairs])], pairs, None)
    assert without == [one for one in found if one.title != "recall of words by frequency"]


def test_a_groups_score_is_that_of_its_sentences_as_a_corpus_and_the_mean_of_the_members():
    pairs = varied()
    references = [pair.target for pair in pairs]
    outputs = [noisy(references, seed) for seed in (3, 4, 5)]
    found = breakdowns([system(*outputs[:2]), system(outputs[2])], pairs, None)
    for metric, field in METRICS.items():
        groups = titled(found, f"{metric} by source length").groups
        assert len(groups) >= 4
        for group in groups:
            low, high = bounds(group.name)
            rows = [row for row, pair in enumerate(pairs) if low <= len(pair.source.split()) <= high]
            wanted = [references[row] for row in rows]
            scores = [getattr(score([one[row] for row in rows], wanted), field) for one in outputs]
            assert group.count == len(rows)
            assert group.values == pytest.approx((sum(scores[:2]) / 2, scores[2]))
            if metric == "BLEU":
                hypotheses = [outputs[2][row] for row in rows]
                assert group.values[1] == sacrebleu.corpus_bleu(hypotheses, [wanted], force=True).score


@given(st.lists(st.integers(0, 40) | st.integers(3, 5), min_size=1, max_size=90))
def test_ranges_of_length_are_few_and_partition_the_test_set_into_groups_that_are_not_small(lengths):
    pairs = [Pair("w " * length, "w") for length in lengths]
    found = [one for one in breakdowns([system(["w"] * len(pairs))], pairs, None) if "source" in one.title]
    if len(lengths) >= 60 and max(Counter(lengths).values()) <= 20:
        assert found
    for one in found:
        spans = [bounds(group.name) for group in one.groups]
        assert spans[0][0] <= min(lengths) and spans[-1][1] == math.inf and 2 <= len(spans) <= 6
        assert all(after[0] == before[1] + 1 for before, after in pairwise(spans))
        counts = [sum(low <= length <= high for length in lengths) for low, high in spans]
        assert [group.count for group in one.groups] == counts
        assert min(counts) >= 10 and sum(counts) == len(lengths)


@pytest.mark.parametrize("few_long", [False, True])
def test_ranges_grow_with_the_test_set(few_long):
    pairs = [*varied(580, longest=5), *[Pair("a " * 12, "a")] * 20] if few_long else varied(600, longest=40)
    groups = titled(breakdowns([system(["a"] * 600)], pairs, None), "BLEU by source length").groups
    assert 4 <= len(groups) <= 6 and min(group.count for group in groups) >= 50


def test_sources_of_one_length_are_not_grouped_by_it():
    pairs = [Pair("one", "1")] * 100
    assert [one.title for one in breakdowns([system(["1"] * 100)], pairs, None)] == [
        "recall of numbers and names",
        "length",
        "faults",
    ]


def test_sources_without_spaces_are_measured_in_characters():
    pairs = [Pair("猫 " * (1 + row % 2), "cat") for row in range(60)]
    found = titled(breakdowns([system(["cat"] * 60)], pairs, None), "BLEU by source length")
    assert found.grouped_by == "characters" and [group.name for group in found.groups] == ["1", "2+"]


@given(corpora())
def test_perfect_translations_have_every_word_and_no_fault(corpus):
    pairs, _ = corpus
    found = breakdowns([system([pair.target for pair in pairs])], pairs, {"a": 1, "b": 7})
    for one in found:
        value = {"%": 0.0 if not one.higher_is_better else 100.0, "": 1.0}[one.unit]
        assert all(group.values == (value,) for group in one.groups)


@given(corpora(), st.dictionaries(st.sampled_from(TOKENS), st.integers(0, 30)))
def test_the_recall_of_words_by_frequency_is_that_of_a_recount(corpus, counts):
    pairs, (output, _, _) = corpus
    names = {0: "never", 1: "once", **dict.fromkeys(range(2, 6), "2–5")}
    names |= {**dict.fromkeys(range(6, 21), "6–20"), **dict.fromkeys(range(21, 101), "21–100")}
    right, wanted = Counter(), Counter()
    for pair, hypothesis in zip(pairs, output, strict=True):
        left = words(hypothesis, "13a")
        for word in words(pair.target, "13a"):
            name = names[counts.get(word, 0)]
            wanted[name] += 1
            if word in left:
                left.remove(word)
                right[name] += 1
    found = [one for one in breakdowns([system(output)], pairs, counts) if "frequency" in one.title]
    groups = {group.name: (group.count, *group.values) for one in found for group in one.groups}
    assert groups == {name: (count, 100 * right[name] / count) for name, count in wanted.items()}


@pytest.mark.parametrize(
    ("occurrences", "name"),
    [
        *((0, "never"), (1, "once"), (2, "2–5"), (5, "2–5"), (6, "6–20"), (20, "6–20"), (21, "21–100")),
        *((100, "21–100"), (101, "101–1,000"), (1000, "101–1,000"), (1001, "more often")),
    ],
)
def test_a_word_is_in_the_range_of_its_occurrences_in_training(occurrences, name):
    counts = word_counts(["word, word"] * (occurrences // 2) + ["word"] * (occurrences % 2), "13a")
    found = breakdowns([system(["word"])], [Pair("Wort", "word")], counts)
    assert figures(found, "recall of words by frequency") == {name: (100.0,)}


def test_numbers_have_a_digit_and_names_a_capital_that_the_source_has_in_the_same_form():
    pairs = [Pair("Anna sieht in 12 Hunde, B52 und Otto", "Anna sees in 12 Dogs, B52 and Otto")]
    found = breakdowns([system(["Anna and Dogs at 12"])], pairs, None)
    assert figures(found, "recall of numbers and names") == {"numbers": (50.0,), "names": (50.0,)}
    assert [group.count for group in titled(found, "recall of numbers and names").groups] == [2, 2]


def test_a_character_is_no_name():
    found = breakdowns([system(["I は 7"])], [Pair("I IBM 7", "I は 猫 犬 です 7")], None)
    assert figures(found, "recall of numbers and names") == {"numbers": (100.0,)}


@pytest.mark.parametrize(
    ("hypothesis", "faults"),
    [
        ("ein Haus sehr sehr alt", (0, 0, 0, 0)),
        ("ein ein Haus", (100, 0, 0, 0)),
        ("ein Haus am ein Haus am", (100, 0, 0, 0)),
        ("ein Haus am See ein Haus", (0, 0, 0, 0)),
        ("sehr sehr sehr sehr alt", (100, 0, 0, 0)),
        ("a house 7 !", (0, 100, 0, 0)),
        ("a Haus 8", (0, 50, 0, 0)),
        ("a very very old house 7", (100, 100, 100, 0)),
        ("", (0, None, 0, 100)),
        (" \x1c ", (0, None, 0, 100)),
    ],
)
def test_each_fault_is_found_where_it_is(hypothesis, faults):
    pair = Pair("a very very old house 7", "ein Haus sehr sehr alt")
    found = all_faults(breakdowns([system([hypothesis])], [pair], None))
    wanted = zip(("repetition", "copying", "untranslated", "empty"), faults, strict=True)
    assert found == {name: (value,) for name, value in wanted}


def test_faults_are_counted_over_the_test_set_and_averaged_over_the_members_that_have_them():
    pairs = [Pair("x y", "a b c"), Pair("x y", "a b c")]
    systems = [system(["a a", "x b"], ["a b c", ""]), system(["", ""])]
    found = breakdowns(systems, pairs, None)
    assert figures(found, "length")["length ratio"] == (pytest.approx((4 / 6 + 3 / 6) / 2), 0.0)
    assert all_faults(found) == {
        "repetition": (25.0, 0.0),
        "copying": (12.5, None),
        "untranslated": (0.0, 0.0),
        "empty": (25.0, 100.0),
    }


def test_what_is_right_in_the_reference_is_no_fault():
    same, empty = Pair("Tom Tom", "Tom Tom"), Pair("Tom", "")
    found = all_faults(breakdowns([system(["Tom Tom", ""])], [same, empty], None))
    assert set(found.values()) == {(0.0,)}


def test_an_empty_translation_of_an_empty_source_is_only_empty():
    found = figures(breakdowns([system([""])], [Pair("", "a")], None), "faults")
    assert found["untranslated"] == (0.0,) and found["empty"] == (100.0,)


def test_characters_double_in_scripts_without_spaces_without_being_repetitions():
    pairs = [Pair("here", "これは本です"), Pair("there", "あれは本です")]
    outputs = [["ここは本です", "ますますです"], ["これはこれは", "です"]]
    found = breakdowns([system(one) for one in outputs], pairs, None)
    assert figures(found, "faults")["repetition"] == (0.0, 50.0)


def test_words_are_those_of_bleu():
    for texts in (["It's 12.5, isn't it?", "a-b &quot;c&quot; ..."], ["猫 です。", "犬"]):
        tokenize = choose_bleu_tokenizer(texts)
        length = sacrebleu.corpus_bleu(texts, [texts], tokenize=tokenize, force=True).ref_len
        assert sum(len(words(text, tokenize)) for text in texts) == length
    assert words("Hello, 猫.", "13a") == ["Hello", ",", "猫", "."]
    assert words("猫 です", "char") == ["猫", "で", "す"]
