"""Answers for the parts of a line: the best sums are those of all choices, draws are joined one by one."""

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from seqattn.decoding.combining import best_sums, drawn
from seqattn.decoding.search import Hypothesis

SCORES = st.lists(st.integers(-9, 0), min_size=1, max_size=4)


def answers(scores):
    return [(f"{score}", Hypothesis([], float(score), float(score))) for score in scores]


def total(line):
    return sum(found.score for _, found in line if found)


@given(st.lists(SCORES, max_size=4), st.integers(1, 9))
def test_the_n_best_are_those_of_all_choices(parts, most):
    parts = [answers(sorted(scores, reverse=True)) for scores in parts]
    every = sorted(map(total, product(*parts)), reverse=True)
    found = best_sums(parts, most)
    assert [total(line) for line in found] == every[:most]
    assert all(len(line) == len(parts) for line in found)
    assert all(one in own for line in found for one, own in zip(line, parts, strict=True))


@given(st.lists(st.lists(st.integers(-9, 0), min_size=3, max_size=3), min_size=1, max_size=4))
def test_draws_are_joined_in_the_order_drawn_and_then_sorted(parts):
    found = drawn([answers(scores) for scores in parts])
    expected = sorted(map(tuple, zip(*parts, strict=True)))
    assert sorted(tuple(int(one.score) for _, one in line) for line in found) == expected
    assert [total(line) for line in found] == sorted(map(total, found), reverse=True)


def test_what_cannot_be_read_is_a_part_of_every_answer():
    parts = [answers([-1, -2]), [("★", None)], answers([-3, -5])]
    assert [[text for text, _ in line] for line in best_sums(parts, 2)] == [
        ["-1", "★", "-3"],
        ["-2", "★", "-3"],
    ]
    assert [[text for text, _ in line] for line in drawn(parts)] == [["-1", "★", "-3"], ["-2", "★", "-5"]]


def test_a_line_without_parts_has_one_empty_answer():
    assert best_sums([], 5) == drawn([]) == [[]]


def test_a_line_of_very_many_parts_is_no_problem():
    ((*line,),) = best_sums([answers([-1])] * 100_000, 1)
    assert len(line) == 100_000
