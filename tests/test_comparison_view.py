"""What the terminal shows of a comparison."""

import unicodedata
from dataclasses import replace
from io import StringIO

from rich.console import Console
from seqattn_cli.views.comparison import comparison as view

from seqattn.comparison.conclusion import notes
from seqattn.comparison.differing import all_differing
from seqattn.data.corpus import Pair

from compared import TWO, comparison
from systems import outputs

ESCAPES = "\x1b[31m\u202e"
LEGIBLE = "␛[31m\\u202e"


def shown(found, width=100):
    """The text of the view, with single spaces."""
    console = Console(file=StringIO(), width=width, color_system=None)
    console.print(view(found, width))
    return " ".join(console.file.getvalue().split(" "))


def flowing(text):
    return " ".join(text.split())


def test_names_that_users_chose_cannot_control_the_terminal():
    found = comparison(names=(f"runs/a{ESCAPES}", "b"), seeds=2, other=f"c{ESCAPES}")
    found = replace(
        found,
        cautions=(f"runs/a{ESCAPES} was interrupted.",),
        terms=(f"Trained on 9 pairs of train{ESCAPES}.tsv.",),
    )
    text = shown(found)
    assert {unicodedata.category(char) for char in text.replace("\n", "")}.isdisjoint({"Cc", "Cf"})
    for part in (
        f"than runs/a{LEGIBLE} by",
        f"runs/a{LEGIBLE}: BLEU",
        f"Cost of a run of runs/a{LEGIBLE}: ",
        f"Caution: runs/a{LEGIBLE} was interrupted.",
        f"Trained on 9 pairs of train{LEGIBLE}.tsv.",
        f"No attention to show: runs/a{LEGIBLE}, b, c{LEGIBLE}",
    ):
        assert part in flowing(text)


def test_notes_on_two_systems_with_such_names_are_legible_too():
    found = comparison(names=("a", f"b{ESCAPES}", "c"), seeds=2)
    assert f"a, b{LEGIBLE}: Standard errors of the difference" in flowing(shown(found))


def test_notes_name_each_test_that_was_used():
    several = comparison(names=("a", "b", "c"))
    single = tuple(
        replace(one, differences=tuple(replace(each, seed_error=None) for each in one.differences))
        for one in several.contrasts
    )
    randomized = "approximate randomization of test sentences"
    students = "Student's t over test sentences and seeds"
    for contrasts, tests in {
        several.contrasts: students,
        single: randomized,
        (
            *several.contrasts[:2],
            single[2],
        ): f"{students}; between two single models or translations by {randomized}",
    }.items():
        assert f"p by {tests}, corrected for 3" in notes(replace(several, contrasts=contrasts))[0]


def test_a_system_has_one_marker_in_curves_and_bars_even_after_one_without_a_curve():
    found = comparison(names=("tool", "model"), count=40)
    bare = tuple(replace(one, curve=()) for one in found.systems[0].members)
    text = shown(replace(found, systems=(replace(found.systems[0], members=bare), found.systems[1])))
    curves, bars = text.split("BLEU by source length")
    assert "● tool (none)" in curves and "○ model (last" in curves
    assert "● tool" in bars and "○ model" in bars


def test_the_curve_of_a_system_has_the_validations_that_all_its_models_have():
    first, second = TWO.systems[0].members[:2]
    points = first.curve
    models = (replace(first, curve=points[1:5]), replace(second, curve=points[2:7]), replace(first, curve=()))
    others = [replace(one, curve=()) for one in TWO.systems[1].members]
    systems = [
        replace(system, members=tuple(members))
        for system, members in zip(TWO.systems, (models, others), strict=True)
    ]
    assert points[2].update == 1500 and points[4].update == 2500
    assert "1500 updates 2500" in flowing(shown(replace(TWO, systems=tuple(systems)), 80))


def of_translations(references, *translations):
    """Findings about systems that translated the sources in these ways."""
    pairs = tuple(Pair("a source", reference) for reference in references)
    systems = tuple(outputs(f"system {at}", lines) for at, lines in enumerate(translations))
    differing = tuple(all_differing(systems, pairs))
    return replace(
        TWO, pairs=pairs, systems=systems, differing=differing, contrasts=(), breakdowns=(), alignment=None
    )


def test_systems_are_said_to_translate_in_the_same_way_only_if_all_their_translations_are_equal():
    said = "All systems translate every test sentence in the same way."
    assert said in shown(of_translations(["red"], ["red"], ["red"], ["red"]))
    # The two best are alike, the third is not.
    assert said not in shown(of_translations(["red"], ["red"], ["red"], ["blue"]))
    # Different translations of the same chrF.
    assert said not in shown(of_translations(["red"], ["xyz"], ["uvw"]))
    assert said not in shown(of_translations(["red"], ["red"]))


def test_a_tick_marks_the_exact_matches_that_are_scored():
    text = shown(of_translations(["un café", "red"], ["un  cafe\u0301", "red"], ["un café !", "Red"]))
    assert text.count("✓") == 2
