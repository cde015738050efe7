import itertools
import math
import re
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from seqattn_cli.views.heatmap import BANDS, caption, fit, graphemes, heatmap, side_by_side, visible
from seqattn_cli.views.render import attention_map

from seqattn.alignment.reading import Attention

from terminal import rendered

SHADES = "".join(shade for _, shade, _ in BANDS)
JOINED = [
    "\u0dc1\u0dca\u200d\u0dbb\u0dd3",
    "\u0930\u094d\u200d\u092f",
    "\u0d28\u0d4d\u200d",
    "\u09b0\u200d\u09cd\u09af",
]
"""Words of Sinhala, Marathi, Malayalam and Bengali that are others without their joiner."""
FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467"

letters = st.text(st.sampled_from("aäßzЖ한국어中文語😀e\u0301क\u093f"), max_size=14)
anything = st.one_of(
    st.text(max_size=10),
    letters,
    st.sampled_from(
        ["", "[red]x[/]", "\x1b[31m", "a\nb\tc", "\u0301", FAMILY, "❤\ufe0f", "x\u200d", "שלום", "\u202e"]
    ),
)
widths = st.integers(20, 200)


def drawn(*args, **options):
    return rendered(heatmap(*args, **options)).splitlines()


def full(source, target):
    return [[1.0] * len(source) for _ in target]


@st.composite
def attention(draw, rows, columns):
    weights = st.lists(st.floats(0, 1), min_size=columns, max_size=columns)
    table = draw(st.lists(weights, min_size=rows, max_size=rows))
    return [[weight / (sum(row) or 1) for weight in row] for row in table]


@st.composite
def maps(draw, words, most=34):
    source = draw(st.lists(words, min_size=1, max_size=most))
    target = draw(st.lists(words, min_size=1, max_size=5))
    return source, target, draw(attention(len(target), len(source)))


def panels(lines, source, target):
    """The heading lines and the rows of every panel, with the bounds of its columns."""
    body = lines[: lines.index("", max(i for i, line in enumerate(lines) if "█" in line and "≥" not in line))]
    starts = [i for i, line in enumerate(body) if re.fullmatch(r"(source )?words \d+–\d+ of \d+", line)]
    if not starts:
        return [(body[: -len(target)], body[-len(target) :], 0, len(source))]
    found = []
    for begin, end in itertools.pairwise([*starts, len(body) + 1]):
        first, last, total = map(int, re.findall(r"\d+", body[begin]))
        assert total == len(source)
        part = body[begin + 1 : end - 1]
        found.append((part[: -len(target)], part[-len(target) :], first - 1, last))
    return found


def cells_of(line):
    """One entry per cell; the second cell of a wide character is empty."""
    cells = []
    for piece in graphemes(line):
        cells += [piece] + [""] * (cell_len(piece) - 1)
    return cells


def names_of_columns(heading, count, start, row):
    if len(heading) == 1:
        return heading[0].split()
    if len(heading) == count and all(line.count("│") == i for i, line in enumerate(heading)):
        return [line.split("│")[-1].strip() for line in heading]
    pitch = (cell_len(row.removesuffix("]")) - start + 1) // count
    grid = [cells_of(line) + [" "] * 300 for line in heading]
    columns = [range(start + n * pitch, start + (n + 1) * pitch) for n in range(count)]
    return ["".join(line[x] for line in grid for x in column).replace(" ", "") for column in columns]


def is_shown(word, name):
    return name == word or (name.endswith("…") and word.startswith(name[:-1]))


def test_english_to_german():
    lines = drawn(
        ["I", "signed", "the", "agreement", "."],
        ["Ich", "unterzeichnete", "das", "Abkommen", "."],
        [
            [0.90, 0.06, 0.04, 0.00, 0.00],
            [0.10, 0.80, 0.03, 0.07, 0.00],
            [0.00, 0.02, 0.60, 0.38, 0.00],
            [0.00, 0.00, 0.20, 0.70, 0.10],
            [0.25, 0.25, 0.00, 0.25, 0.25],
        ],
        width=80,
        title="luong [general]",
    )
    assert lines == [
        "luong [general]",
        "                 I  signed the agreement  .",
        "           Ich [███]░░░░░░  ·      ·      ·",
        "unterzeichnete  ░░░[██████] ·  ░░░░░░░░░  ·",
        "           das   ·    ·   [▓▓▓]▓▓▓▓▓▓▓▓▓  ·",
        "      Abkommen   ·    ·    ▒▒▒[█████████]░░░",
        "             . [▒▒▒]▒▒▒▒▒▒  ·  ▒▒▒▒▒▒▒▒▒ ▒▒▒",
        "",
        "weight  · <0.05  ░ ≥0.05  ▒ ≥0.15  ▓ ≥0.35  █ ≥0.65  [ ] largest in row",
    ]


def test_english_to_korean_in_steps():
    lines = drawn(
        ["We", "read", "the", "book", "yesterday", "."],
        ["우리는", "어제", "책을", "읽었다", "."],
        [
            [0.97, 0.03, 0.00, 0.00, 0.00, 0.00],
            [0.00, 0.05, 0.00, 0.00, 0.95, 0.00],
            [0.00, 0.00, 0.20, 0.80, 0.00, 0.00],
            [0.00, 0.50, 0.00, 0.40, 0.00, 0.10],
            [0.00, 0.00, 0.00, 0.00, 0.00, 1.00],
        ],
        width=36,
    )
    assert lines == [
        "        We",
        "        │   read",
        "        │   │   the",
        "        │   │   │   book",
        "        │   │   │   │   yesterday",
        "        │   │   │   │   │   .",
        "우리는 [███] ·   ·   ·   ·   ·",
        "  어제   ·  ░░░  ·   · [███] ·",
        "  책을   ·   ·  ▒▒▒[███] ·   ·",
        "읽었다   · [▓▓▓] ·  ▓▓▓  ·  ░░░",
        "     .   ·   ·   ·   ·   · [███]",
        "",
        "weight  · <0.05  ░ ≥0.05  ▒ ≥0.15",
        "▓ ≥0.35  █ ≥0.65  [ ] largest in row",
    ]


def test_long_sentence_of_short_words_is_stacked():
    source = ["정부", "는", "e\u0301te\u0301", "안", "에", "될", "수", "있"]
    lines = drawn(source, ["a"], [[0, 0, 1, 0, 0, 0, 0, 0]], width=28)
    assert lines[:4] == [
        "         é",
        "   정    t",
        "   부 는 é  안 에 될 수 있",
        "a  ·  · [██]·  ·  ·  ·  ·",
    ]


def test_panels_repeat_the_labels_and_mark_each_row_once():
    words = ["eins", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht"]
    lines = drawn(words, ["one", "eight"], [[1, *[0] * 7], [*[0] * 7, 1]], width=20)
    assert [line for line in lines if "words" in line] == ["words 1–4 of 8", "words 5–8 of 8"]
    assert [line for line in lines if line.strip().startswith(("one", "eight"))] == [
        "  one [██]·  ·  ·",
        "eight  ·  ·  ·  ·",
        "  one  ·  ·  ·  ·",
        "eight  ·  ·  · [██]",
    ]
    assert lines[0] == "words 1–4 of 8"


def test_a_panel_has_room_for_the_mark_of_its_last_column():
    lines = drawn(["w"] * 9, ["x"], [[*[0] * 8, 1]], width=20)
    assert max(map(cell_len, lines)) <= 20
    assert "words 5–9 of 9" in lines


def test_stacked_wide_words_do_not_touch():
    lines = drawn(["가나다"] * 13, ["x"], full("w" * 13, "x"), width=40)
    assert "source words 7–13 of 13" in lines
    assert [line.split() for line in lines[1:4]] == [["가"] * 6, ["나"] * 6, ["다"] * 6]


def test_words_are_stacked_only_if_that_halves_the_heading():
    five, six = (drawn(["abc"] * count, ["x"], full("w" * count, "x"), width=20) for count in (5, 6))
    assert five[1] == "   │  abc"
    assert six[0] == "   a a a a a a"


def test_wide_terminal_names_the_panel_in_full():
    words = ["w"] * 30
    assert "source words 1–15 of 30" in drawn(words, ["x"], full(words, "x"), width=36)


def test_one_long_word_keeps_its_own_line():
    lines = drawn(["https://example.org/a/b/c", "b"], ["x"], [[0.4, 0.6]], width=24)
    assert lines[:3] == ["   https://example.org/…", "   │   b", "x  ▓▓▓[▓▓▓]"]


def test_very_long_word_does_not_stretch_its_column():
    assert drawn(["a" * 60, "b"], ["x"], [[0.4, 0.6]], width=200)[0] == f"   {'a' * 23}…  b"


@pytest.mark.parametrize(
    ("weight", "shade"),
    [
        (-1e-9, "·"),
        (0.0, "·"),
        (0.049, "·"),
        (0.05, "░"),
        (0.15, "▒"),
        (0.35, "▓"),
        (0.65, "█"),
        (1.0, "█"),
        (1.0000001, "█"),
    ],
)
def test_bands(weight, shade):
    row = drawn(["a", "b"], ["x"], [[weight, weight]], width=40)[1]
    assert row.split("]")[-1].split()[-1] == shade * (1 if shade == "·" else 3)


def test_not_a_number_is_shown_and_never_the_largest():
    lines = drawn(["a", "b"], ["x"], [[math.nan, 0.2]], width=80)
    assert lines[1] == "x   ? [▒▒▒]"
    assert lines[-1].endswith("? not a number")


def test_row_without_weight_has_no_mark():
    assert drawn(["a", "b"], ["x"], [[0.0, 0.0]], width=80)[1] == "x   ·   ·"


@pytest.mark.parametrize(("source", "target", "weights"), [([], ["x"], [[]]), (["x"], [], []), ([], [], [])])
def test_nothing_to_show(source, target, weights):
    missing = "source" if not source else "target"
    assert drawn(source, target, weights, width=40) == [f"no {missing} words to show"]


@pytest.mark.parametrize("weights", [[], [[0.5]], [[0.5, 0.5], [0.5, 0.5]]])
def test_wrong_shape_is_refused(weights):
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        heatmap(["a", "b"], ["x"], weights, width=40)


@pytest.mark.parametrize(
    ("word", "shown"),
    [
        ("", "∅"),
        ("[red]x[/]", "[red]x[/]"),
        (":smile:", ":smile:"),
        ("\x1b[31m", "␛[31m"),
        ("a\nb\tc\x7f", "a␊b␉c␡"),
        ("\x9b", "\\x9b"),
        ("a b\u3000c", "a␣b␣c"),
        ("\u202eabc", "\\u202eabc"),
        ("\u2028", "\\u2028"),
        ("\ud800", "\\ud800"),
        ("\u0301", "◌\u0301"),
        ("x\u200d", "x"),
        ("a\u200db", "ab"),
        *[(word, word) for word in JOINED],
        ("\u06dd\u0661", "\u06dd\u0661"),
        ("\u061c\u200b", "\\u061c\\u200b"),
        (FAMILY, FAMILY),
        ("e\u0301", "é"),
        ("\u1112\u1161\u11ab", "한"),
    ],
)
def test_visible(word, shown):
    assert visible(word) == shown
    assert shown in "".join(drawn([word, "b"], ["x"], [[0.5, 0.5]], width=80))
    assert shown in "".join(drawn(["b"], [word], [[1.0]], width=80))


def test_caption_keeps_spaces():
    assert caption("two words\n") == "two words␊"


@pytest.mark.parametrize(
    ("word", "cells", "shown"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("한국어", 6, "한국어"),
        ("한국어", 5, "한국…"),
        ("한국어", 4, "한…"),
        ("한국", 2, "…"),
        ("ab\u0323\u0301cd", 3, "ab\u0323\u0301…"),
        (FAMILY + "abc", cell_len(FAMILY) + 2, FAMILY + "a…"),
    ],
)
def test_fit(word, cells, shown):
    assert fit(word, cells) == shown


def test_right_to_left_words_never_share_a_line():
    for source in (["ذهب", "الولد", "إلى"], ["من", "في"] * 8):
        lines = drawn(source, ["x"], full(source, "x"), width=80)
        assert lines[0].startswith("source reads right to left")
        assert [line.split()[-1] for line in lines[1 : len(source) + 1]] == source


@pytest.mark.parametrize(
    ("words", "noted"),
    [
        (["שלום", "לך", "</s>"], True),
        (["مرحبا", "(abcdef)", "</s>"], False),
        (["مرحبا", "بالعالم", "2024", "</s>"], True),
        (["we", "say", "שלום"], False),
        (["123", "!"], False),
    ],
)
def test_words_written_right_to_left_are_noted(words, noted):
    note = "reads right to left"
    assert any("source " + note in line for line in drawn(words, ["x"], full(words, "x"), width=80)) == noted
    assert any("target " + note in line for line in drawn(["x"], words, full("x", words), width=80)) == noted


def test_rows_and_columns_of_right_to_left_words_keep_reading_order():
    source, target = ["ذهب", "الولد"], ["שלום", "לך"]
    lines = drawn(source, target, [[0.9, 0.1], [0.2, 0.8]], width=80)
    assert [line.split()[-1] for line in lines[2:4]] == source
    assert [line.split() for line in lines[4:6]] == [["שלום", "[███]░░░"], ["לך", "▒▒▒[███]"]]


@given(maps(anything), widths, st.one_of(anything, st.text("ab 한", min_size=20, max_size=90)))
def test_no_line_is_wider_than_requested_and_no_text_is_interpreted(example, width, title):
    output = rendered(heatmap(*example, width=width, title=title))
    assert max(cell_len(line) for line in output.split("\n")) <= width
    assert {unicodedata.category(char) for char in output if char != "\n"}.isdisjoint(
        {"Cc", "Zl", "Zp", "Cs"}
    )


@pytest.mark.parametrize("width", range(20, 90))
def test_title_and_legend_fit_every_width(width):
    lines = drawn(["a"], ["x"], [[math.nan]], width=width, title="한 a" * 30)
    assert max(map(cell_len, lines)) <= width
    assert lines[0].endswith("…")
    assert " ".join(" ".join(lines[3:]).split()).endswith("█ ≥0.65 [ ] largest in row ? not a number")


@given(st.lists(letters, min_size=1, max_size=34), st.lists(letters, min_size=1, max_size=4), widths)
def test_every_word_is_visible_above_its_column_or_before_its_row(source, target, width):
    lines = drawn(source, target, full(source, target), width=width)
    label = min(max(cell_len(visible(word)) for word in target), width // 3)
    names = []
    for heading, rows, first, last in panels(lines, source, target):
        names += names_of_columns(heading, last - first, label + 2, rows[0])
        for word, row in zip(target, rows, strict=True):
            name, cells = row[: row.index("█") - 1].strip(), row[row.index("█") - 1 :]
            assert is_shown(visible(word), name)
            assert cell_len(row) - cell_len(cells) == label + 1
    assert len(names) == len(source)
    assert all(is_shown(visible(word), name) for word, name in zip(source, names, strict=True))


@given(maps(anything), widths)
def test_colour_changes_no_character(example, width):
    chart = heatmap(*example, width=width, title="title")
    coloured = rendered(chart, colour=True)
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered(chart)


@given(st.integers(1, 34).flatmap(lambda count: attention(3, count)), widths)
def test_largest_weight_of_a_row_is_its_darkest_cell(weights, width):
    source = ["w"] * len(weights[0])
    lines = drawn(source, ["x", "y", "z"], weights, width=width)
    for name, row in zip("xyz", weights, strict=True):
        text = " ".join(line[2:] for line in lines if line.startswith(f"{name} "))
        marked = re.findall(r"\[ ?([·░▒▓█])", text)
        assert len(marked) == (max(row) > 0)
        assert all(
            SHADES.index(marked[0]) >= SHADES.index(shade) for shade in text if shade in SHADES and marked
        )


def test_mark_is_on_the_column_of_the_largest_weight():
    source = [f"w{n}" for n in range(9)]
    for best in range(9):
        weights = [0.05] * 9
        weights[best] = 0.6
        row = drawn(source, ["x"], [weights], width=80)[-3]
        assert row[row.index("[") : row.index("]") + 1] == "[▓▓▓]"
        assert row.index("[") == 2 + 4 * best


def test_colours_are_readable_on_black_and_on_white():
    def luminance(colour):
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    colours = [colour for _, _, colour in BANDS]
    spread = [max(bytes.fromhex(colour[1:])) - min(bytes.fromhex(colour[1:])) for colour in colours]
    assert spread == sorted(set(spread))
    for colour in colours:
        assert (luminance(colour) + 0.05) / 0.05 > 3
        assert 1.05 / (luminance(colour) + 0.05) > 3


def test_cells_have_the_colours_of_the_legend():
    output = rendered(heatmap(["a", "b"], ["x"], [[0.3, 0.7]], width=80), colour=True)
    assert "\x1b[38;2;141;108;194m▒▒▒\x1b[0m" in output
    assert "\x1b[38;2;241;46;29m███\x1b[0m" in output
    assert "\x1b[38;2;141;108;194m▒\x1b[0m ≥0.15" in output
    assert "\x1b[1m[\x1b[0m\x1b[38;2;241;46;29m███\x1b[0m\x1b[1m]\x1b[0m" in output


@pytest.mark.parametrize("count", [1, 2, 3])
def test_side_by_side_if_all_fit(count):
    chart = heatmap(["가", "b"], ["x"], [[0.3, 0.7]], width=30)
    alone = rendered(chart).splitlines()
    width = max(map(cell_len, alone))
    total = count * width + (count - 1) * 3
    lines = rendered(side_by_side([chart] * count, width=total)).splitlines()
    assert len(lines) == len(alone)
    assert max(map(cell_len, lines)) <= total
    assert [line.count("[███]") for line in lines] == [line.count("[███]") * count for line in alone]


def test_one_below_the_other_if_they_do_not_fit():
    chart = heatmap(["a", "b"], ["x"], [[0.3, 0.7]], width=30)
    alone = rendered(chart)
    width = max(map(cell_len, alone.splitlines()))
    assert rendered(side_by_side([chart, chart], width=2 * width + 2)) == f"{alone}\n{alone}"
    assert rendered(side_by_side([], width=40)) == ""


def test_as_many_as_fit_are_in_a_row():
    chart = heatmap(["a", "b"], ["x"], [[0.3, 0.7]], width=30)
    width = max(map(cell_len, rendered(chart).splitlines()))
    lines = rendered(side_by_side([chart] * 3, width=2 * width + 3)).splitlines()
    assert [line.count("[███]") for line in lines if "[███]" in line] == [2, 1]


SOURCE = ["the", "old", "dog", "[bold]", "</s>"]


def shown(weights, width=120, source=SOURCE):
    target = [f"t{row}" for row in range(len(weights))]
    attention = Attention(source, target, torch.tensor(weights))
    return rendered(attention_map(attention, width=width)).splitlines()


def test_below_a_map_are_its_entropy_and_the_words_not_attended_to():
    lines = shown([[0.05, 0.5, 0.25, 0.15, 0.05], [0.05, 0.9, 0.0, 0.04, 0.01]])
    entropy = sum(-p * math.log2(p) for p in (0.05, 0.5, 0.25, 0.15, 0.05, 0.05, 0.9, 0.04, 0.01)) / 2
    assert lines[-2].startswith(f"spread  {entropy:.2f} of {math.log2(5):.2f} bits")
    assert lines[-1] == "unattended  the  [bold]  (column sums <0.2)"


def test_a_map_without_target_words_only_reports_that():
    attention = Attention(["a", "</s>"], [], torch.zeros(0, 2))
    assert rendered(attention_map(attention, width=40)) == "no target words to show\n"


def test_entropy_is_zero_for_one_word_in_each_row_and_largest_for_equal_weights():
    assert "0.00 of 2.32 bits" in shown([[1.0, 0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 1.0, 0.0]])[-2]
    assert "2.32 of 2.32 bits" in shown([[0.2] * 5])[-2]


def test_the_end_of_the_source_is_never_listed_as_unattended():
    assert shown([[0.25, 0.25, 0.25, 0.25, 0.0]])[-1] == "unattended  no word  (column sums <0.2)"


def test_the_last_cell_of_an_image_is_listed_as_any_other():
    spread, unattended = shown([[0.9, 0.1, 0.0]], source=["r1c1", "r1c2", "r1c3"])[-2:]
    assert unattended == "unattended  r1c2  r1c3  (column sums <0.2)" and "counted" not in spread


@given(st.lists(anything, min_size=1, max_size=14), widths)
def test_the_summary_of_a_map_fits_its_width_and_is_not_interpreted(source, width):
    weights = [[0.0] * len(source) + [1.0]]
    lines = shown(weights, width, [*source, "</s>"])
    assert max(map(cell_len, lines)) <= width
    assert {unicodedata.category(char) for char in "".join(lines)}.isdisjoint({"Cc", "Zl", "Zp", "Cs"})


@given(maps(anything, most=12), maps(anything, most=12), widths)
def test_side_by_side_is_never_wider_than_requested(left, right, width):
    pair = [heatmap(*example, width=max(20, width // 2)) for example in (left, right)]
    output = rendered(side_by_side(pair, width=width), width=width)
    assert max(cell_len(line) for line in output.splitlines()) <= width
    assert output.count("[ ] largest in row") == 2


def test_is_cropped_not_wrapped_by_a_narrower_console():
    chart = heatmap(["a", "b"], ["x"], [[0.3, 0.7]], width=80)
    assert rendered(chart, width=20).splitlines() == [line[:20] for line in rendered(chart).splitlines()]
