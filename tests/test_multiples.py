"""Small maps of every layer and head: their layout, and that nothing is wider than requested."""

import math
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from seqattn_cli.views.multiples import multiples

from seqattn.alignment.reading import Heads
from seqattn.models.base import Reading

from terminal import rendered

words = st.lists(
    st.one_of(
        st.text(max_size=8),
        st.text(st.sampled_from("aä한語😀e\u0301ש"), max_size=12),
        st.sampled_from(["[red]x[/]", "\x1b[31m", "שלום", "\u202e", "x\u200dy"]),
    ),
    min_size=1,
    max_size=40,
)


def looking(layers, heads, source, target, at):
    """Weights in which each row attends only to the source word that `at` gives for layer, head and row."""
    weights = torch.zeros(layers, heads, len(target), len(source))
    for layer in range(layers):
        for head in range(heads):
            for row in range(len(target)):
                weights[layer, head, row, at(layer, head, row)] = 1
    return Heads(source, target, weights)


def drawn(heads, own=None, **options):
    return rendered(multiples(heads, own, **options)).splitlines()


def maps(lines, label, layers):
    """The maps of each layer by name, as rows of cells; all heads side by side."""
    found = []
    for layer in range(1, layers + 1):
        (at,) = [n for n, line in enumerate(lines) if line.strip().startswith(f"layer {layer} ")]
        heading, ruler = lines[at], lines[at + 1]
        end = next(n for n in range(at, len(lines)) if "bits" in lines[n])
        starts = [n for n in range(label + 1, len(ruler)) if ruler[n] == "1" and ruler[n - 1] == " "]
        stops = [*starts[1:], 999]
        found.append(
            {
                heading[a:b].strip(): [line[a:b].strip() for line in [*lines[at + 2 : end], lines[end]]]
                for a, b in zip(starts, stops, strict=True)
            }
        )
    return found


def test_the_map_of_every_head_is_in_the_row_of_its_layer():
    heads = looking(2, 2, ["a", "b", "</s>"], ["x", "y"], lambda layer, head, row: (layer + head + row) % 3)
    lines = drawn(heads, Reading(2, 1), width=80)
    first, second = maps(lines, label=7, layers=2)
    assert list(first) == ["mean", "head 1", "head 2"] and list(second) == ["mean", "head 1*", "head 2"]
    assert first["head 1"] == ["██· ·", "· ██·", "0.00 bits"]
    assert first["head 2"] == second["head 1*"] == ["· ██·", "· · ██", "0.00 bits"]
    assert second["head 2"] == ["· · ██", "██· ·", "0.00 bits"]
    assert first["mean"] == ["▓▓▓▓·", "· ▓▓▓▓", "1.00 bits"]
    assert [line.split()[0] for line in lines if line.endswith(("·", "█", "▓"))] == ["x", "y", "x", "y"]


def test_source_words_are_numbered_once_like_the_columns():
    source = [f"w{n}" for n in range(12)]
    lines = drawn(looking(1, 1, source, ["x"], lambda *_: 10), width=80)
    assert lines[0].startswith("source  1 w0  2 w1  3 w2") and "12 w11" in " ".join(lines[:3])
    ruler = next(line for line in lines if line.strip().startswith("1 2 3"))
    row = next(line for line in lines if line.strip().startswith("x"))
    assert ruler.split() == list("123456789012")
    assert row.index("█") == [n for n, char in enumerate(ruler) if char == "1"][1]


def test_numbers_of_right_to_left_words_are_next_to_their_words():
    lines = drawn(looking(1, 1, ["שלום", "לך", "</s>"], ["x"], lambda *_: 0), width=80)
    assert lines[:4] == ["source", "1 שלום", "2 לך", "3 </s>"]


def test_the_mean_that_a_run_reads_has_the_star():
    heads = looking(2, 2, ["a", "</s>"], ["x"], lambda *_: 0)
    assert [list(names) for names in maps(drawn(heads, Reading(1), width=80), 7, 2)] == [
        ["mean*", "head 1", "head 2"],
        ["mean", "head 1", "head 2"],
    ]


def test_a_single_head_is_shown_once_and_is_the_runs_own():
    heads = looking(1, 1, ["a", "</s>"], ["x"], lambda *_: 0)
    assert [list(names) for names in maps(drawn(heads, Reading(), width=80), 7, 1)] == [["head 1*"]]


def test_cells_are_one_wide_if_two_do_not_fit_and_heads_continue_below():
    source = ["w"] * 30
    heads = looking(1, 3, source, ["x"], lambda layer, head, row: head)
    wide, narrow, least = (drawn(heads, width=width) for width in (300, 140, 80))
    assert [sum("head" in line for line in lines) for lines in (wide, narrow, least)] == [1, 1, 2]
    assert any("██" in line for line in wide) and not any("██" in line for line in narrow)
    assert max(map(cell_len, least)) <= 80


def test_a_source_wider_than_the_terminal_continues_in_panels():
    source = [f"w{n}" for n in range(50)]
    lines = drawn(looking(1, 1, source, ["x"], lambda *_: 49), width=40)
    assert [line for line in lines if line.startswith("source words")] == [
        "source words 1–25 of 50",
        "source words 26–50 of 50",
    ]
    rows = [line for line in lines if line.strip().startswith("x ")]
    assert [row.count("·") for row in rows] == [25, 24] and rows[1].endswith("█")


@pytest.mark.parametrize(("source", "target"), [(["</s>"], []), (["</s>"], ["x"])])
def test_empty_sentences_are_not_an_error(source, target):
    lines = drawn(looking(1, 2, source, target, lambda *_: 0), width=40)
    assert lines == ["no target words to show"] if not target else "head 2" in " ".join(lines)


def test_weights_that_are_not_numbers_are_shown_as_such():
    heads = Heads(["a", "</s>"], ["x"], torch.full((1, 1, 1, 2), math.nan))
    assert any("? ? " in line + " " for line in drawn(heads, width=80))


@given(words, words, st.integers(1, 3), st.integers(1, 4), st.integers(20, 200))
def test_no_line_is_wider_than_requested_and_no_text_is_interpreted(source, target, layers, count, width):
    heads = looking(layers, count, source, target, lambda layer, head, row: (layer + head) % len(source))
    output = rendered(multiples(heads, Reading(), width=width, title="a\x1b[31mb" * 9))
    assert max(cell_len(line) for line in output.split("\n")) <= width
    assert {unicodedata.category(char) for char in output if char != "\n"}.isdisjoint(
        {"Cc", "Zl", "Zp", "Cs"}
    )
