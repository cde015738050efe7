"""Word links: Pharaoh format, gold links, symmetrization, and scores."""

import re
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.alignment.links import (
    Gold,
    agreement,
    format_pharaoh,
    grow_diag_final_and,
    intersection,
    read_gold,
    turned,
    union,
)
from seqattn.errors import InputError

link_sets = st.frozensets(st.tuples(st.integers(0, 5), st.integers(0, 5)), max_size=10)


def test_agreement_is_that_of_an_example_worked_out_by_hand():
    proposed = [[(0, 0), (1, 1), (2, 0)], [(0, 0), (3, 1)]]
    gold = [
        Gold(sure=frozenset({(0, 0), (1, 2)}), possible=frozenset({(0, 0), (1, 2), (1, 1)})),
        Gold(sure=frozenset({(0, 0)}), possible=frozenset({(0, 0), (1, 1)})),
    ]
    # A: 5 links, S: 3. A ∩ S: (0,0) and (0,0) → 2. A ∩ P: (0,0), (1,1) and (0,0) → 3.
    found = agreement(proposed, gold)
    assert found.precision == pytest.approx(100 * 3 / 5)
    assert found.recall == pytest.approx(100 * 2 / 3)
    assert found.error_rate == pytest.approx(100 * (1 - (2 + 3) / (5 + 3)))
    assert (found.sentences, found.links) == (2, 5)


def test_links_equal_to_gold_have_error_zero_and_disjoint_links_all_errors():
    gold = [Gold(frozenset({(0, 1), (1, 0)}), frozenset({(0, 1), (1, 0)}))]
    perfect, wrong = agreement([[(0, 1), (1, 0)]], gold), agreement([[(5, 5)]], gold)
    assert (perfect.precision, perfect.recall, perfect.error_rate) == (100, 100, 0)
    assert (wrong.precision, wrong.recall, wrong.error_rate) == (0, 0, 100)


def test_figures_that_would_divide_by_nothing_are_0():
    nothing = agreement([[]], [Gold(frozenset(), frozenset())])
    assert (nothing.precision, nothing.recall, nothing.error_rate) == (0, 0, 0)
    possible_alone = agreement([[(0, 0)]], [Gold(frozenset(), frozenset({(0, 0)}))])
    assert (possible_alone.precision, possible_alone.recall, possible_alone.error_rate) == (100, 0, 0)


def test_a_sure_link_counts_as_possible_even_if_not_repeated_there():
    found = agreement([[(0, 0)]], [Gold(frozenset({(0, 0)}), frozenset())])
    assert (found.precision, found.error_rate) == (100, 0)


def test_a_link_given_twice_counts_once():
    assert agreement([[(0, 0), (0, 0)]], [Gold(frozenset({(0, 0)}), frozenset({(0, 0)}))]).links == 1


def test_agreement_of_no_links_with_no_links_has_error_zero():
    found = agreement([[]], [Gold(frozenset(), frozenset())])
    assert (found.error_rate, found.links, found.sentences) == (0, 0, 1)


def test_agreement_needs_gold_for_every_sentence():
    with pytest.raises(ValueError, match="argument"):
        agreement([[], []], [Gold(frozenset(), frozenset())])


def test_gold_files_contain_sure_and_possible_links(tmp_path):
    path = tmp_path / "gold"
    path.write_bytes(b"0-1 2?3 4p5\r\n\n10-0\n")
    first, second, third = read_gold(path)
    assert first.sure == {(0, 1)}
    assert first.possible == {(0, 1), (2, 3), (4, 5)}
    assert second == Gold(frozenset(), frozenset())
    assert third.sure == third.possible == {(10, 0)}


@pytest.mark.parametrize(
    "malformed", ["3", "a-b", "1-", "-1", "1--2", "1/2", "1-2-3", "1?-2", "1.5-2", "1-2,3-4"]
)
def test_a_malformed_link_is_an_error_with_file_and_line(malformed, tmp_path):
    path = tmp_path / "gold"
    path.write_text(f"0-0\n1-1 {malformed} 2-2\n")
    with pytest.raises(InputError, match=re.escape(repr(malformed))) as caught:
        read_gold(path)
    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_pharaoh_links_are_read_as_they_were_written(tmp_path):
    aligned = [(3, 0), (0, 2), (0, 1), (12, 4)]
    (tmp_path / "links").write_text(format_pharaoh(aligned) + "\n")
    assert format_pharaoh(aligned) == "0-1 0-2 3-0 12-4"
    assert read_gold(tmp_path / "links")[0].sure == set(aligned)


@given(link_sets, link_sets)
def test_growing_stays_between_intersection_and_union_and_is_symmetric(one, two):
    grown = grow_diag_final_and(one, two)
    assert intersection(one, two) <= grown <= union(one, two)
    assert turned(turned(one)) == one
    for combine in (intersection, union):
        assert combine(turned(one), turned(two)) == turned(combine(one, two)) == turned(combine(two, one))


@given(link_sets)
def test_directions_that_agree_are_unchanged(links):
    for combine in (intersection, union, grow_diag_final_and):
        assert combine(links, links) == links


@given(link_sets, link_sets)
def test_growing_leaves_no_link_out_that_touches_a_chosen_one_and_has_a_free_word(one, two):
    grown = grow_diag_final_and(one, two)
    sources, targets = {source for source, _ in grown}, {target for _, target in grown}
    for source, target in union(one, two) - grown:
        # The last step needs both words without links, the growing step one of them next to a link.
        assert source in sources or target in targets
        near = {(source + i, target + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
        core = intersection(one, two)
        if near & core:
            assert source in sources and target in targets


@given(link_sets, link_sets)
def test_growing_follows_the_published_order(one, two):
    chosen, either = set(one & two), one | two
    has_e, has_f = lambda e: any(t == e for _, t in chosen), lambda f: any(s == f for s, _ in chosen)
    added = True
    while added:
        added = False
        for e, f in product(range(6), range(6)):
            if (f, e) not in chosen:
                continue
            for i, j in ((-1, 0), (0, -1), (1, 0), (0, 1), (-1, -1), (-1, 1), (1, -1), (1, 1)):
                near = f + j, e + i
                if near in either - chosen and (not has_e(e + i) or not has_f(f + j)):
                    chosen.add(near)
                    added = True
    for links in (one, two):
        for e, f in product(range(6), range(6)):
            if (f, e) in links and not has_e(e) and not has_f(f):
                chosen.add((f, e))
    assert grow_diag_final_and(one, two) == chosen


def test_growing_is_that_of_an_example_worked_out_by_hand():
    forward = frozenset({(0, 0), (1, 1), (2, 1), (4, 4)})
    backward = frozenset({(0, 0), (1, 1), (1, 2), (5, 0)})
    # From 0-0 and 1-1: 1-2 touches 1-1 and 2 has none; 2-1 touches 1-1 and source 2 has none. 4-4 touches
    # nothing but is free on both sides; target 0 of 5-0 already has a link.
    assert grow_diag_final_and(forward, backward) == {(0, 0), (1, 1), (1, 2), (2, 1), (4, 4)}
