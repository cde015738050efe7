"""Where the sides of a corpus are shifted: found wherever a line is missing, and nowhere else."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqattn.data.checks import shifts
from seqattn.data.checks.lexicon import Fit, Lexicon, Units, units_of
from seqattn.data.checks.lexicon import Sides as Compared
from seqattn.data.checks.lines import Lines
from seqattn.data.checks.shifts import find_shifts
from seqattn.data.corpus import Pair
from seqattn.progress import silent

from corpora import damaged, translated, write_texts

NEAR = 6
"""Lines by which the beginning of a span may be missed."""


def alignment_of(corpus):
    lines = Lines([corpus])
    for _ in lines:
        pass
    return find_shifts(lines, silent)[0]


def check_span(span, first, last, shift):
    assert span.shift == shift
    assert abs(span.first - first) <= NEAR and abs(span.last - last) <= NEAR


def test_nothing_is_shifted_in_a_corpus_without_faults(tmp_path):
    found = alignment_of(damaged(tmp_path))
    assert found.spans == () and not found.unrelated
    assert found.fitting > 0.95 and found.lines > 590


@pytest.mark.parametrize("at", [4, 60, 300, 520, 575])
@pytest.mark.parametrize(("side", "shift"), [("source", 1), ("target", -1)])
def test_a_missing_line_shifts_all_lines_after_it(tmp_path, at, side, shift):
    found = alignment_of(damaged(tmp_path, **{side: [at]}))
    (span,) = found.spans
    check_span(span, at, 598, shift)


@pytest.mark.parametrize("lost", [2, 3, 7, 20])
def test_several_missing_lines_shift_by_as_many(tmp_path, lost):
    (span,) = alignment_of(damaged(tmp_path, target=[200], lost=lost)).spans
    check_span(span, 200, 599 - lost, -lost)


def test_a_line_missing_on_each_side_shifts_what_is_between(tmp_path):
    (span,) = alignment_of(damaged(tmp_path, source=[400], target=[200])).spans
    check_span(span, 200, 400, -1)


def test_shuffled_targets_are_unrelated_and_have_no_spans(tmp_path):
    pairs = translated()
    targets = random.Random(1).sample([pair.target for pair in pairs], len(pairs))
    found = alignment_of(write_texts(tmp_path, [pair.source for pair in pairs], targets))
    assert found.unrelated and found.spans == () and found.fitting < 0.25


def test_a_shuffled_block_is_a_span_without_a_shift(tmp_path):
    pairs = translated()
    targets = [pair.target for pair in pairs]
    targets[250:400] = random.Random(1).sample(targets[250:400], 150)
    (span,) = alignment_of(write_texts(tmp_path, [pair.source for pair in pairs], targets)).spans
    check_span(span, 250, 399, None)


@pytest.mark.parametrize("seed", range(3))
def test_a_block_of_which_some_lines_fit_where_they_stand_has_no_shift(tmp_path, seed):
    chance = random.Random(seed)
    pairs = translated(1200)
    targets = [pair.target for pair in pairs]
    wrong = [row for row in range(500, 900) if chance.random() > 0.3]
    for row, other in zip(wrong, chance.sample(wrong, len(wrong)), strict=True):
        targets[row] = pairs[other].target
    spans = alignment_of(write_texts(tmp_path, [pair.source for pair in pairs], targets)).spans
    assert spans and {span.shift for span in spans} == {None}


def test_the_beginning_of_a_shift_is_found_between_the_blocks_of_a_sample(tmp_path, monkeypatch):
    monkeypatch.setattr(shifts, "WHOLE", 400)
    monkeypatch.setattr(shifts, "BLOCK", 40)
    found = alignment_of(damaged(tmp_path, target=[1234], count=2000))
    (span,) = found.spans
    check_span(span, 1234, 1998, -1)
    assert found.lines < 1000, "all lines were compared"


@pytest.mark.parametrize("lost", [1, 20])
def test_a_shift_at_the_end_is_found_in_a_sample(tmp_path, monkeypatch, lost):
    monkeypatch.setattr(shifts, "WHOLE", 400)
    monkeypatch.setattr(shifts, "BLOCK", 40)
    found = alignment_of(damaged(tmp_path, source=[1800], count=2000, lost=lost))
    if lost == 1:
        (span,) = found.spans
        check_span(span, 1800, 1998, 1)
    else:
        assert found.spans[-1].last > 1900 and found.spans[-1].shift in (20, None)


def test_a_few_lines_are_not_judged(tmp_path):
    assert alignment_of(damaged(tmp_path, count=90)) is None


def test_equal_lines_tell_nothing(tmp_path):
    assert alignment_of(write_texts(tmp_path, ["same"] * 300, ["gleich"] * 300)) is None


def test_empty_lines_are_neither_judged_nor_disturb(tmp_path):
    pairs = translated()
    sources, targets = [pair.source for pair in pairs], [pair.target for pair in pairs]
    for at in range(0, 600, 7):
        sources[at] = ""
        targets[(at + 3) % 600] = " "
    found = alignment_of(write_texts(tmp_path, sources, [*targets[:300], *targets[301:], "x"]))
    (span,) = found.spans
    check_span(span, 300, 599, -1)


def test_a_corpus_whose_lines_are_all_empty_is_not_judged(tmp_path):
    assert alignment_of(write_texts(tmp_path, [""] * 300, ["x"] * 300)) is None


def test_a_shift_ends_with_its_corpus(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    shifted, fine = damaged(tmp_path / "first", target=[300]), damaged(tmp_path / "second", count=40)
    lines = Lines([shifted, fine])
    assert sum(1 for _ in lines) == 639
    found, _ = find_shifts(lines, silent)
    (span,) = found.spans
    check_span(span, 300, 598, -1)
    assert lines.place(span.last) == (shifted, 599)


@settings(max_examples=15)
@given(seed=st.integers(0, 999), at=st.integers(20, 550), side=st.sampled_from(["source", "target"]))
def test_the_shift_is_found_in_any_corpus_at_any_line(tmp_path_factory, seed, at, side):
    pairs = translated(600, 150, seed)
    sides = [[pair.source for pair in pairs], [pair.target for pair in pairs]]
    number = ("source", "target").index(side)
    del sides[number][at]
    del sides[1 - number][-1]
    (span,) = alignment_of(write_texts(tmp_path_factory.mktemp("corpus"), *sides)).spans
    check_span(span, at, 598, 1 if side == "source" else -1)


# The lexicon.


def test_the_lexicon_learns_which_word_translates_which():
    pairs = [
        Pair(*pair) for pair in [("red cat", "rot Katze"), ("red dog", "rot Hund"), ("big cat", "groß Katze")]
    ]
    pairs = pairs * 3
    source, target = Units([pair.source for pair in pairs]), Units([pair.target for pair in pairs])
    rows = np.arange(len(pairs))
    scores = Lexicon(source, target, rows, rows).scores
    own = scores(np.arange(3), np.arange(3))
    for other in (np.array([1, 2, 0]), np.array([2, 0, 1])):
        assert (own > scores(np.arange(3), other)).all()


def test_each_line_fits_its_translation_best():
    sides = Compared(translated(400))
    learned, judged = np.arange(200), np.arange(200, 400)
    fit = Fit(sides, learned, learned)
    own = fit(judged, judged)
    assert np.mean(own > fit(judged, np.roll(judged, 5))) > 0.97


def test_lengths_alone_tell_when_no_word_is_known():
    pairs = [Pair(f"{'a' * size}{size}", f"{'b' * size}{size}") for size in range(1, 60)]
    sides = Compared(pairs)
    rows = np.arange(len(pairs))
    fit = Fit(sides, rows, rows)
    assert (fit(rows[:1], rows[:1]) > fit(rows[:1], rows[-1:])).all()


def test_units_are_beginnings_of_words_or_characters_where_words_are_not_spaced():
    assert units_of(["Unbelievable words, 12!", "x y"])[0] == ["unbeli", "words", ",", "1", "2", "!"]
    assert units_of(["먹었습니다 밥을", "x y"])[0] == ["먹었", "밥을"]
    assert units_of(["東京です", "京"]) == [["東", "京", "で", "す"], ["京"]]
    assert units_of(["abandon", "abbey"]) == [
        ["ab", "ba", "an", "nd", "do", "on", "n"],
        ["ab", "bb", "be", "ey", "y"],
    ]
    assert units_of([]) == []
