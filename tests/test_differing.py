"""What differs between systems: the n-grams and sentences listed are those of a recount by brute force."""

import json
import re
import unicodedata
from dataclasses import asdict, replace
from fractions import Fraction
from itertools import pairwise

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.comparison.breakdowns import breakdowns
from seqattn.comparison.differing import marked, representative
from seqattn.comparison.words import word_counts, words
from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import choose_bleu_tokenizer

from systems import corpora, differing, lines, noisy, system, varied


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
    found = differing(system(*outputs[:2]), system(outputs[2]), pairs, 10_000)
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


THAI = st.text(st.sampled_from("กขน\u0e49\u0e34ำ \u0301"), max_size=12)


@given(st.text() | lines | THAI, st.text() | lines | THAI, st.sampled_from(["13a", "char"]))
def test_marked_parts_make_up_the_hypothesis_and_what_is_known_is_in_the_reference(hypothesis, reference, by):
    parts = marked(hypothesis, reference, by)
    assert "".join(part for part, _ in parts) == hypothesis and all(part for part, _ in parts)
    assert all(before[1] != after[1] for before, after in pairwise(parts))
    split = (lambda text: list("".join(text.split()))) if by == "char" else str.split
    rest = iter(split(reference))
    assert all(word in rest for part, known in parts if known for word in split(part))
    assert not any(part.isspace() for part, known in parts if not known)
    for (before, _), (after, _) in pairwise(parts):
        assert unicodedata.category(after[0])[0] != "M" or before[-1].isspace()
    assert hypothesis == "" or marked(hypothesis, hypothesis, by) == [(hypothesis, True)]


@pytest.mark.parametrize(
    ("hypothesis", "reference", "by", "parts"),
    [
        ("the  cat sat", "the dog sat", "13a", [("the  ", True), ("cat", False), (" sat", True)]),
        ("a big  cat sat", "a dog sat", "13a", [("a ", True), ("big  cat", False), (" sat", True)]),
        (" cat ", "dog", "13a", [(" ", True), ("cat", False), (" ", True)]),
        ("b a", "a b", "13a", [("b ", True), ("a", False)]),
        ("白い猫", "黒い猫", "char", [("白", False), ("い猫", True)]),
        ("น้ำใจ", "นำใจ", "char", [("น้", False), ("ำใจ", True)]),
        ("กินข้าว", "กินขาว", "char", [("กิน", True), ("ข้", False), ("าว", True)]),
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
