"""Checking sides: copies, swapped sides, and texts of another language or script."""

import pytest

from seqattn.data.corpus import Pair

from corpora import (
    CLEAN,
    checked,
    found,
    kinds,
    lines_of,
    replaced,
)


@pytest.mark.parametrize(("count", "severity"), [(3, "remark"), (30, "warning"), (120, "error")])
def test_copies_are_a_fault_of_a_translation_by_their_share(tmp_path, count, severity):
    pairs, lines = replaced(count, lambda pair: Pair(pair.source, pair.source))
    finding = found(checked(tmp_path, pairs), "copied")
    assert finding.severity == severity and lines_of(finding) == lines


def test_copies_are_no_fault_where_targets_keep_the_words_of_their_sources(tmp_path):
    normalised = [Pair(pair.source, pair.source.lower().replace("ka", "qa")) for pair in CLEAN]
    report = checked(tmp_path, [*normalised, *(Pair(pair.target, pair.target) for pair in CLEAN)])
    assert found(report, "copied").count >= len(CLEAN) and found(report, "copied").severity == "remark"
    spelled = [Pair(f"word{number}ise", f"word{number}ize") for number in range(200)]
    report = checked(tmp_path, [*spelled, *(Pair(f"other{n}", f"other{n}") for n in range(100))])
    assert found(report, "copied").severity == "remark"


def test_numbers_and_names_of_a_letter_are_no_copies(tmp_path):
    report = checked(tmp_path, [*CLEAN, Pair("1984", "1984"), Pair("X", "X"), Pair("!?", "!?")])
    assert found(report, "copied") is None


@pytest.mark.parametrize(("count", "severity"), [(6, "warning"), (60, "error")])
def test_swapped_sides_are_found_by_the_words_of_each_side(tmp_path, count, severity):
    pairs, lines = replaced(count, Pair.swapped)
    finding = found(checked(tmp_path, pairs), "swapped")
    assert finding.severity == severity and set(lines_of(finding)) <= set(lines)
    assert finding.count > 0.9 * count


def test_a_target_in_the_language_of_the_sources_is_found_although_it_is_no_copy(tmp_path):
    pairs, lines = replaced(60, lambda pair: Pair(pair.source, " ".join(reversed(pair.source.split()))))
    finding = found(checked(tmp_path, pairs), "one-sided")
    assert set(lines_of(finding)) <= set(lines) and finding.count > 50


def test_sides_that_share_their_words_are_never_swapped(tmp_path):
    pairs = [Pair(pair.source, pair.source.upper()) for pair in CLEAN]
    report = checked(tmp_path, pairs)
    assert not kinds(report) & {"swapped", "one-sided"}


def test_texts_in_another_script_than_their_side_are_found(tmp_path):
    pairs, lines = replaced(12, lambda pair: Pair(pair.source, "Это другой язык"))
    finding = found(checked(tmp_path, pairs), "target-script")
    assert lines_of(finding) == lines and finding.severity == "warning"
    assert finding.examples[0].note == "Cyrillic" and "98.0 %" in finding.details[0]
    assert found(checked(tmp_path, pairs), "source-script") is None


def test_letters_of_other_scripts_beside_those_of_the_side_are_no_fault(tmp_path):
    words = ("git에서 ", "", "", "")
    korean = [Pair(pair.source, f"{words[row % 4]}한국어 문장 {row}") for row, pair in enumerate(CLEAN)]
    report = checked(tmp_path, [*korean, Pair("OK", "OK"), Pair("Python", "Python"), Pair("Tokio", "東京")])
    assert not kinds(report) & {"source-script", "disguised"}
    assert lines_of(found(report, "target-script")) == [602]


@pytest.mark.parametrize(
    ("text", "disguised"),
    [
        ("Саfe", True),  # С is Cyrillic
        ("приmер", False),  # m is not a look-alike
        ("пaровоз", True),  # a is Latin
        ("Οne", True),  # Ο is Greek
        ("USB-кабель", False),
        ("SMSки", False),
        ("Δt", False),
        ("μm", False),
        ("git에서", False),
        ("naïve café", False),
        ("Привет Tom", False),
    ],
)
def test_only_letters_that_look_like_those_of_another_script_are_disguised(tmp_path, text, disguised):
    report = checked(tmp_path, [Pair("x", text)])
    assert (found(report, "disguised") is not None) == disguised
