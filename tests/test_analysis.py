"""Where systems differ: scores of groups are sacrebleu's, counts are those of a recount by brute force."""

import json
import math
import random
import re
from collections import Counter
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.comparison.breakdowns import breakdowns
from seqattn.comparison.differing import differing, marked, representative
from seqattn.comparison.results import Member, System
from seqattn.comparison.words import word_counts, words
from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import Scores, choose_bleu_tokenizer, score

METRICS = {"BLEU": "bleu", "chrF": "chrf", "exact match": "exact"}
TOKENS = ["a", "b", "the", "Tom", "7", "12:30", ".", "?"]

lines = st.lists(st.sampled_from(TOKENS), max_size=7).map(" ".join)


def corpora(texts=lines, hypotheses=3):
    """Pairs, and hypotheses for each."""
    rows = st.lists(st.tuples(*[texts] * (2 + hypotheses)), min_size=1, max_size=6)
    return rows.map(lambda rows: ([Pair(*row[:2]) for row in rows], list(zip(*rows, strict=True))[2:]))


def system(*outputs, name="a"):
    """The outputs of each member."""
    unknown = Scores(0, 0, 0, 0, 0, len(outputs[0]), len(outputs[0]), "", "")
    return System(name, tuple(Member(f"seed {n}", tuple(one), unknown) for n, one in enumerate(outputs)))


def noisy(texts, seed):
    chance = random.Random(seed)
    return [
        " ".join(word if chance.random() < 0.8 else chance.choice(TOKENS) for word in text.split())
        for text in texts
    ]


def varied(count=200, longest=20):
    chance = random.Random(1)
    sources = [" ".join(chance.choices(TOKENS, k=chance.randint(1, longest))) for _ in range(count)]
    return [Pair(source, text) for source, text in zip(sources, noisy(sources, 2), strict=True)]


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


def ngram_figures(pairs, outputs, members):
    """By brute force: of every n-gram of a reference that has a letter or digit, as in `NGram`."""
    found = {}

    def occurrences(ngram, line):
        return sum(line[at : at + len(ngram)] == ngram for at in range(len(line)))

    references = [tuple(words(pair.target, "13a")) for pair in pairs]
    split = [[tuple(words(text, "13a")) for text in one] for one in outputs]
    spans = {
        line[at : at + size]
        for line in references
        for size in (1, 2, 3, 4)
        for at in range(len(line) - size + 1)
    }
    for ngram in spans:
        if re.search(r"\w", " ".join(ngram)):
            right = [
                sum(
                    min(occurrences(ngram, wanted), occurrences(ngram, line))
                    for wanted, line in zip(references, one, strict=True)
                )
                for one in split
            ]
            first, second = Fraction(sum(right[:members]), members), Fraction(sum(right[members:]))
            found[ngram] = first, second, sum(occurrences(ngram, wanted) for wanted in references)
    return found


@given(corpora())
def test_the_ngrams_listed_are_those_of_a_recount(corpus):
    pairs, outputs = corpus
    counted = ngram_figures(pairs, outputs, members=2)
    found = differing(system(*outputs[:2]), system(outputs[2]), pairs, most_ngrams=10_000)
    for sign, listed in ((1, found.first_right), (-1, found.second_right)):
        figures = {one.words: counted[one.words] for one in listed}
        assert [(one.first, one.second, one.references) for one in listed] == [
            pytest.approx(tuple(map(float, one))) for one in figures.values()
        ]
        gains = {ngram: sign * (first - second) for ngram, (first, second, _) in counted.items()}
        assert all(gains[ngram] > 0 for ngram in figures)
        order = sorted(figures, key=lambda ngram: (-gains[ngram], -len(ngram), ngram))
        assert list(figures) == order
        for ngram in (ngram for ngram, gain in gains.items() if gain > 0):
            longer = (
                other
                for other in figures
                if len(other) > len(ngram)
                and counted[other][:2] == counted[ngram][:2]
                and any(other[at : at + len(ngram)] == ngram for at in range(len(other)))
            )
            assert (ngram in figures) != any(longer)


def test_part_of_an_ngram_is_listed_only_if_it_is_right_more_often():
    pairs = [Pair("x", "in front of it ."), Pair("x", "in a box ."), Pair("x", "? ?")]
    found = differing(system(["in front of", "in .", "? ?"]), system(["", "", ""]), pairs)
    listed = [(" ".join(one.words), one.first, one.second, one.references) for one in found.first_right]
    assert listed == [("in", 2.0, 0.0, 2), ("in front of", 1.0, 0.0, 1)]
    assert found.second_right == ()


def test_part_of_an_ngram_is_not_left_out_for_another_ngram_or_for_half_of_its_figures():
    pairs = [Pair("x", "red car"), Pair("x", "red car"), Pair("x", "tin can"), Pair("x", "in")]
    right = [pair.target for pair in pairs]
    found = differing(system(right), system(["car", "", "", ""]), pairs)
    assert [" ".join(one.words) for one in found.first_right] == ["red car", "tin can", "car", "in"]


def test_equal_differences_of_means_are_ties():
    pairs = [Pair("x", text) for text in ("a", "a", "b")]
    first = system(["a", "a", "b"], ["a", "", ""], ["a", "", ""])
    found = differing(first, system(["a", "", ""]), pairs)
    assert [one.words for one in found.first_right] == [("a",), ("b",)]


def test_equal_differences_of_sentences_are_in_the_order_of_the_test_set():
    found = differing(system(["a cat"] * 3), system(["a"] * 3), [Pair("x", "a cat")] * 3)
    assert [one.row for one in found.first_better] == [0, 1, 2] and found.second_better == ()


@given(corpora())
def test_the_sentences_listed_are_those_of_sacrebleus_chrf(corpus):
    pairs, outputs = corpus
    found = differing(system(*outputs[:2]), system(outputs[2]), pairs)
    chrf = [
        [sacrebleu.sentence_chrf(text, [pair.target]).score for text, pair in zip(one, pairs, strict=True)]
        for one in outputs
    ]
    means = [((one + two) / 2, three) for one, two, three in zip(*chrf, strict=True)]
    for listed, sign in ((found.first_better, 1), (found.second_better, -1)):
        rows = [row for row, (first, second) in enumerate(means) if sign * (first - second) > 1e-9]
        assert sorted(one.row for one in listed) == rows
        assert all((one.first, one.second) == pytest.approx(means[one.row]) for one in listed)
        gains = [sign * (one.first - one.second) for one in listed]
        assert gains == pytest.approx(sorted(gains, reverse=True))


@given(corpora(hypotheses=2))
def test_exchanging_the_systems_exchanges_what_differs(corpus):
    pairs, (one, two) = corpus
    first, second = system(one, name="first"), system(two, name="second")
    found, exchanged = differing(first, second, pairs), differing(second, first, pairs)

    def turned(listed):
        return tuple(replace(one, first=one.second, second=one.first) for one in listed)

    assert (found.first, found.second) == ("first", "second") == (exchanged.second, exchanged.first)
    assert found.first_right == turned(exchanged.second_right)
    assert found.second_right == turned(exchanged.first_right)
    assert found.first_better == turned(exchanged.second_better)
    assert found.second_better == turned(exchanged.first_better)


def test_shorter_lists_are_the_beginning_of_longer_ones():
    pairs = varied(60)
    first, second = (system(noisy([pair.target for pair in pairs], seed)) for seed in (3, 4))
    long, short = differing(first, second, pairs, 30, 20), differing(first, second, pairs, 7, 5)
    for field, many, few in (("right", 30, 7), ("better", 20, 5)):
        for side in ("first", "second"):
            listed = getattr(long, f"{side}_{field}")
            assert len(listed) == many and getattr(short, f"{side}_{field}") == listed[:few]


def test_members_in_another_order_do_not_differ():
    pairs = varied(40)
    outputs = [noisy([pair.target for pair in pairs], seed) for seed in range(3)]
    found = differing(system(*outputs), system(*reversed(outputs)), pairs)
    assert found.first_right == found.second_right == found.first_better == found.second_better == ()


@given(st.text() | lines, st.text() | lines, st.sampled_from(["13a", "char"]))
def test_marked_parts_make_up_the_hypothesis_and_what_is_known_is_in_the_reference(hypothesis, reference, by):
    parts = marked(hypothesis, reference, by)
    assert "".join(part for part, _ in parts) == hypothesis and all(part for part, _ in parts)
    assert all(before[1] != after[1] for before, after in pairwise(parts))
    split = (lambda text: list("".join(text.split()))) if by == "char" else str.split
    rest = iter(split(reference))
    assert all(word in rest for part, known in parts if known for word in split(part))
    assert not any(part.isspace() for part, known in parts if not known)
    assert hypothesis == "" or marked(hypothesis, hypothesis, by) == [(hypothesis, True)]


@pytest.mark.parametrize(
    ("hypothesis", "reference", "by", "parts"),
    [
        ("the  cat sat", "the dog sat", "13a", [("the  ", True), ("cat", False), (" sat", True)]),
        ("a big  cat sat", "a dog sat", "13a", [("a ", True), ("big  cat", False), (" sat", True)]),
        (" cat ", "dog", "13a", [(" ", True), ("cat", False), (" ", True)]),
        ("b a", "a b", "13a", [("b ", True), ("a", False)]),
        ("白い猫", "黒い猫", "char", [("白", False), ("い猫", True)]),
        ("", "dog", "13a", []),
    ],
)
def test_words_that_the_reference_lacks_are_marked(hypothesis, reference, by, parts):
    assert marked(hypothesis, reference, by) == parts


def test_frequent_words_are_marked_as_others_in_a_long_text():
    text = " ".join(["the"] * 300)
    assert marked(f"x {text}", text, "13a") == [("x", False), (f" {text}", True)]


def test_the_representative_sentence_is_right_for_most_systems_then_of_about_eight_words():
    eight, seven, three = "a b c d e f g h", "a b c d e f g", "a b c"
    pairs = [
        Pair("", ""),
        Pair(eight, "1"),
        Pair(three, "2"),
        Pair(seven, "Cafe\u0301 3"),
        Pair("a " * 10, "4"),
    ]
    right = ["", "1", "2", " Caf\u00e9  3", "4"]
    assert representative([system(right)], pairs) == 1
    assert representative([system(right), system(["", "x", "2", "Caf\u00e9 3", "4"])], pairs) == 3
    assert representative([system(right), system(["", "x", "2", "x", "x"], right)], pairs) == 2
    assert representative([system(["", "", "", "", ""])], pairs) == 1
    assert (
        representative([system(["1", "", "", ""])], [Pair("", "1"), Pair("a", ""), *[Pair("a", "2")] * 2])
        == 2
    )


@given(corpora(st.text(max_size=12) | st.sampled_from(["", " ", "猫です", "שלום", "\x00", "\x1c", "\ud800"])))
def test_any_texts_can_be_analysed(corpus):
    pairs, outputs = corpus
    systems = [system(*outputs[:2]), system(outputs[2], name="b")]
    counts = word_counts(
        (pair.target for pair in pairs), choose_bleu_tokenizer([pair.target for pair in pairs])
    )
    for one in breakdowns(systems, pairs, counts):
        assert one.groups and all(group.count > 0 and len(group.values) == 2 for group in one.groups)
        json.dumps(asdict(one), allow_nan=False)
    json.dumps(asdict(differing(*systems, pairs)), allow_nan=False)
    assert 0 <= representative(systems, pairs) < len(pairs)


def test_without_sentences_nothing_is_found():
    nothing = system([])
    assert breakdowns([nothing], [], {}) == []
    assert asdict(differing(nothing, nothing, [])) == {
        "first": "a",
        "second": "a",
        "first_right": (),
        "second_right": (),
        "first_better": (),
        "second_better": (),
    }
