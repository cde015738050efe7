import math
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from seqattn_cli.views.curves import MARKERS, curves, sparkline

from terminal import rendered

BARS = "▁▂▃▄▅▆▇█"

floats = st.floats(allow_nan=True, allow_infinity=True)
points = st.lists(st.tuples(floats, floats), max_size=30)
names = st.one_of(
    st.text(max_size=12),
    st.text("ab 한", min_size=20, max_size=90),
    st.sampled_from(["", "[red]x[/]", "\x1b[31m", "a\nb", "한국어 모델"]),
)


def drawn(*args, **options):
    return rendered(curves(*args, **options)).splitlines()


def area(lines):
    """The plot area, right of the y axis."""
    return [re.split("[┤│]", line, maxsplit=1)[1] for line in lines if re.match(r"[^└]*[┤│]", line)]


def test_two_straight_lines_that_cross():
    lines = drawn(
        {"up": [(0, 0), (10, 10)], "down": [(0, 10), (10, 0)]},
        width=20,
        height=5,
        x_label="epoch",
        y_label="BLEU",
    )
    assert lines == [
        "BLEU",
        "10 ┤○⠢⢄          ⡠⠔●",
        "   │   ⠉⠢⢄⡀  ⢀⡠⠔⠉",
        " 5 ┤      ⢈⠶⠶⡁",
        "   │   ⣀⠔⠊⠁  ⠈⠑⠢⣀",
        " 0 ┤●⠔⠊          ⠑⠢○",
        "   └────────────────",
        "    0    epoch    10",
        "● up (last 10)",
        "○ down (last 0)",
    ]


def test_one_point_is_in_the_middle():
    assert drawn({"a": [(3, 31.2)]}, width=24, height=3) == [
        "35 ┤",
        "30 ┤          ●",
        "25 ┤",
        "   └────────────────────",
        "             3",
        "● a (last 31.2)",
    ]


def test_equal_values_are_a_level_line():
    lines = drawn({"a": [(0, 2.0), (1, 2.0), (2, 2.0)]}, width=30, height=5)
    (level,) = [row for row in area(lines) if row]
    assert re.fullmatch(r"●([⠁-⣿])\1+●\1+●", level)


def test_what_is_never_negative_has_no_negative_ticks():
    lines = drawn({"a": [(0, 0.0), (1, 0.0)]}, width=30, height=5)
    assert [line.split()[0] for line in lines if "┤" in line] == ["1.0", "0.5", "0.0"]


@pytest.mark.parametrize("series", [{}, {"a": []}, {"a": [(math.nan, 1), (1, math.inf), (1, 1e200)]}])
def test_nothing_to_plot(series):
    assert drawn(series, width=40) == ["no points to plot"]


def test_points_that_are_not_finite_are_left_out():
    good = [(0, 1.0), (1, 3.0), (3, 2.0)]
    bad = [(2, math.nan), (math.inf, 1.0), (-1, -math.inf), (9, 1e151)]
    assert drawn({"a": good + bad}, width=40) == drawn({"a": good}, width=40)


def test_order_of_points_does_not_matter():
    path = [(0, 1.0), (1, 3.0), (3, 2.0)]
    assert drawn({"a": path[::-1]}, width=40) == drawn({"a": path}, width=40)


def test_series_without_points_keeps_its_marker_in_the_legend():
    assert drawn({"a": [], "b": [(0, 1), (1, 2)]}, width=60)[-1] == "● a (none)  ○ b (last 2)"


def test_higher_is_further_up_and_later_further_right():
    rows = area(drawn({"a": [(0, 5.0), (2, 1.0), (4, 9.0)]}, width=40, height=9))
    places = sorted((match.start(), y) for y, row in enumerate(rows) for match in re.finditer("●", row))
    assert [y for _, y in places] == [4, 8, 0]
    assert [x for x, _ in places] == [0, 18, 36]


def test_series_that_coincide_are_marked_as_several():
    path = [(0, 1), (1, 2)]
    lines = drawn({"a": path, "b": path}, width=60)
    assert lines[-1].endswith("* several")
    assert sum(row.count("*") for row in area(lines)) == 2


def test_long_series_that_coincide_alternate_their_markers():
    path = [(n, math.sin(n / 9)) for n in range(200)]
    lines = drawn({"a": path, "b": path, "c": path}, width=80)
    for marker in "●○▲":
        assert sum(row.count(marker) for row in area(lines)) >= 8


def test_markers_of_long_series_leave_the_line_visible():
    rows = area(drawn({"a": [(n, n) for n in range(500)]}, width=80))
    assert 8 <= sum(row.count("●") for row in rows) <= 16
    assert rows[0].endswith("●")


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0, 1, ["1.0", "0.5", "0.0"]),
        (25.3, 31.9, ["30", "28", "26"]),
        (0.0121, 0.0179, ["0.016", "0.014"]),
        (-3e-7, 3e-7, ["2e-07", "0", "-2e-07"]),
        (1e9, 4e9, ["4e+09", "3e+09", "2e+09", "1e+09"]),
        (1.24e9, 1.26e9, ["1.26e+09", "1.255e+09", "1.25e+09", "1.245e+09", "1.24e+09"]),
        (0.3, 0.6, ["0.6", "0.5", "0.4", "0.3"]),
    ],
)
def test_y_ticks_are_round(low, high, labels):
    lines = drawn({"a": [(0, low), (1, high)]}, width=40, height=6)
    assert [line.split("┤")[0].strip() for line in lines if "┤" in line] == labels


def test_x_axis_gives_the_range():
    lines = drawn({"a": [(500, 1), (12000, 2)]}, width=30, height=3, x_label="updates")
    assert lines[-2] == "     500     updates     12000"


def test_x_label_that_does_not_fit_is_left_out():
    lines = drawn({"a": [(0, 1e12), (10, 2e12)]}, width=20, height=3, x_label="updates of the model")
    assert lines[-2].split() == ["0", "10"]
    assert lines[-1] == "● a (last 2e+12)"


def test_points_close_to_each_other_are_all_marked_if_there_is_room():
    rows = area(drawn({"a": [(0, 0), (4, 1), (100, 0)]}, width=80))
    assert "".join(rows).count("●") == 3


def test_steep_lines_have_no_holes():
    rows = area(drawn({"a": [(0, 0), (0, 9), (9, 0)]}, width=40, height=12))
    assert all(row[0] not in " ⠀" for row in rows)


def test_height_is_at_least_three():
    assert len(area(drawn({"a": [(0, 0), (9, 9)]}, width=40, height=1))) == 3


def test_names_and_labels_are_not_interpreted():
    lines = drawn({"[red]x[/] y\x1b[0m\n": [(0, 1)]}, width=60, x_label="[b]a\t", y_label="[i]loss\n")
    assert lines[0] == "[i]loss␊"
    assert lines[-2].strip() == "[b]a␉ 0"
    assert lines[-1] == "● [red]x[/] y␛[0m␊ (last 1)"


@given(st.dictionaries(names, points, max_size=4), st.integers(20, 200), st.integers(3, 20), names, names)
def test_no_line_is_wider_than_requested(series, width, height, x_label, y_label):
    output = rendered(curves(series, width=width, height=height, x_label=x_label, y_label=y_label))
    assert max(cell_len(line) for line in output.split("\n")) <= width
    assert {unicodedata.category(char) for char in output if char != "\n"}.isdisjoint(
        {"Cc", "Zl", "Zp", "Cs"}
    )


moderate = st.floats(-1e6, 1e6)


@given(
    st.lists(st.lists(st.tuples(moderate, moderate), min_size=1, max_size=40), min_size=1, max_size=4),
    st.integers(20, 120),
    st.integers(3, 15),
)
def test_every_series_is_marked_without_colour(paths, width, height):
    lines = drawn({f"s{n}": path for n, path in enumerate(paths)}, width=width, height=height)
    assert len(area(lines)) == height
    assert sum("┤" in line for line in lines) >= 2
    plot, legend = "".join(area(lines)), " ".join(lines)
    for number, marker in zip(range(len(paths)), MARKERS, strict=False):
        assert f"{marker} s{number}" in legend
        assert f"{marker} s{number} (last" in legend or width < 40
        assert marker in plot or "*" in plot


@given(st.dictionaries(names, points, max_size=3), st.integers(20, 120))
def test_colour_changes_no_character(series, width):
    plot = curves({**series, "more": [(0, 1), (1, 2)]}, width=width)
    coloured = rendered(plot, colour=True)
    assert "\x1b[38;2;" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == rendered(plot)


def test_markers_keep_the_colour_of_their_series_where_lines_cross():
    paths = [[(n, (-1) ** n * (n + number)) for n in range(40)] for number in range(2)]
    output = rendered(curves({"a": paths[0], "b": paths[1]}, width=80), colour=True)
    runs = re.findall(r"\x1b\[38;2;([0-9;]+)m([^\x1b]*)", output)
    colours = {marker: {colour for colour, run in runs if marker in run} for marker in "●○"}
    assert colours == {"●": {"58;132;202"}, "○": {"201;105;12"}}


def test_wide_x_label_of_a_single_point_is_centred():
    assert drawn({"a": [(3, 1.0)]}, width=40, height=3, x_label="한국어")[-2].strip() == "한국어 3"


@pytest.mark.parametrize(
    ("values", "bars"),
    [
        ([], ""),
        ([5], "▄"),
        ([2, 2, 2], "▄▄▄"),
        ([0, 1, 2, 3, 4, 5, 6, 7], BARS),
        ([7, 0], "█▁"),
        ([1, math.nan, 2, math.inf], "▁ █ "),
        ([math.nan], " "),
        ([-1.7e308, 0, 1.7e308], "▁▅█"),
        ([0.0, 5e-324], "▄▄"),
    ],
)
def test_sparkline(values, bars):
    assert sparkline(values) == bars


@given(st.lists(st.floats(-1e9, 1e9), min_size=2))
def test_sparkline_keeps_the_order_of_values(values):
    bars = sparkline(values)
    assert len(bars) == len(values)
    levels = [level for _, level in sorted(zip(values, map(BARS.index, bars), strict=True))]
    assert levels == sorted(levels)
