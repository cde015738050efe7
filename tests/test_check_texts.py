"""Checking texts: what does not belong in a text, and what must be alike on both sides of a pair."""

import pytest

from seqattn.data.checks.sides import numbers, placeholders, tags, unbalanced
from seqattn.data.corpus import Pair

from corpora import checked, found, kinds, lines_of

# Texts.


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("schÃ¶ne GrÃ¼ÃŸe", "mojibake"),
        ("Itâ€™s", "mojibake"),
        ("РџСЂРёРІРµС‚", "mojibake"),
        ("a\x00b", "controls"),
        ("a\x85b\x9f", "controls"),
        ("a\ud800b", "surrogates"),
        ("caf\ufffd", "lost"),
        ("zero\u200bwidth", "invisible"),
        ("\ufeffstart", "invisible"),
        ("Tom &amp; Jerry", "entities"),
        ("&#39;quoted&#39;", "entities"),
        (" space", "spaces"),
        ("two  spaces", "spaces"),
        ("line\nbreak", "spaces"),
        ("word " * 201, "long"),
        ("x" * 1501, "long"),
    ],
)
def test_a_fault_of_a_text_is_found_on_either_side(tmp_path, text, kind):
    for pair in (Pair("x", text), Pair(text, "x")):
        report = checked(tmp_path, [Pair("fine", "gut"), pair])
        assert lines_of(found(report, kind)) == [2]


@pytest.mark.parametrize(
    "text",
    [
        "naïve café",
        "schöne Grüße",
        "“Nein”, sagte er – “ja”…",
        "25 °C ± 2",
        "ÅÄÖ",
        "Привет, мир",
        "저는 자동차",
        "a̠ː n ɯ ŋ s͈",
        "می‌روم",
        "👨‍👩‍👧",
        "AT&T; Q&A",
        "R&D &unknown;",
        "5 < 6 > 4",
    ],
)
def test_an_unusual_text_without_a_fault_has_no_finding(tmp_path, text):
    report = checked(tmp_path, [Pair(text, text + ".")])
    assert kinds(report) == set()


def test_a_wrongly_decoded_text_is_shown_as_it_was_meant(tmp_path):
    (example,) = found(checked(tmp_path, [Pair("nice", "schÃ¶n")]), "mojibake").examples
    assert example.note == "probably schön" and example.place.line == 1


# What must be alike on both sides.

ALIKE = [Pair("%s 100 <b>x</b> {a}. Y.", "%s 100 <b>x</b> {a}. Y.")] * 9
"""A corpus in which everything is alike."""


@pytest.mark.parametrize(
    ("source", "target", "kind"),
    [
        ("%s files", "Dateien", "placeholders"),
        ("%d of %s", "%d von %d", "placeholders"),
        ("%sPlease wait", "Bitte warten", "placeholders"),
        ("{name} has {0}", "{name} hat", "placeholders"),
        ("{{x}} and ${y}", "{{x}} und", "placeholders"),
        ("$home/x", "x", "placeholders"),
        (r"end\n", "Ende", "placeholders"),
        ("%(count)s files", "%(zahl)s Dateien", "placeholders"),
        ("<b>bold</b>", "fett", "tags"),
        ("<b>bold</b>", "<b>fett<b>", "unbalanced"),
        ("<g1>a</g1> <g2>b</g2>", "<g1>a</g1>", "tags"),
        ("in 1984", "in 1948", "numbers"),
        ("1,234,567 people", "1.234.576 Leute", "numbers"),
        ("One. Two. Three.", "Eins, zwei, drei.", "sentences"),
    ],
)
def test_what_differs_between_the_sides_is_found_and_named(tmp_path, source, target, kind):
    finding = found(checked(tmp_path, [*ALIKE, Pair(source, target)]), kind)
    assert lines_of(finding) == [10] and finding.examples[0].note


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("%1$s of %2$s", "%2$s von %1$s"),
        ("%s files", "%s개의 파일"),
        ("100 % sure, 5 % better", "zu 100 % sicher, 5 % besser"),
        ("50%discount", "50 % Rabatt"),
        ("100 %discount", "100 % Rabatt"),
        ("%-formatting of text", "das Formatieren von Text"),
        ("%s: %sPlease wait", "%s: %s기다리세요"),
        ("written as ``{{`` and ``}}``", "geschrieben als ``{{`` und ``}}``"),
        ("costs $5", "kostet 5 $"),
        (r"C:\new\temp", r"C:\neu"),
        ("<commit> is missing", "<커밋> 없음"),
        ("1,234 and 3.5", "1.234 und 3,5"),
        ("in 2,000 years", "in 2000 Jahren"),
        ("007 agents, 12 eggs", "sieben"),
        ("Really?!", "Wirklich?"),
        ("x < y", "x < y"),
        ("<b>a</b>", "<B>b</B>"),
        ("a<br>b", "a<br/>b"),
    ],
)
def test_what_may_be_written_differently_is_no_fault(tmp_path, source, target):
    report = checked(tmp_path, [*ALIKE, Pair(source, target)])
    assert not kinds(report) & {"placeholders", "tags", "unbalanced", "numbers", "sentences"}


def test_what_differs_in_most_of_many_pairs_is_no_rule_and_no_fault(tmp_path):
    spelled = [Pair(f"number {number} is big", "words only") for number in range(100, 200)]
    assert found(checked(tmp_path, spelled), "numbers") is None
    assert found(checked(tmp_path, spelled[:49]), "numbers").count == 49
    assert found(checked(tmp_path, spelled[:50]), "numbers") is None
    some = [Pair(f"number {number} is big", f"nombre {number}") for number in range(100, 200)]
    assert found(checked(tmp_path, [*spelled[:10], *some]), "numbers").count == 10


def test_the_parts_of_a_text_are_found():
    assert placeholders("%s {x} %%d") == {"%s": 1, "{x}": 1, "%d": 1}
    assert placeholders("%-010.3f %05d %00s %*d 50 %1") == {"%-010.3f": 1, "%05d": 1, "%00s": 1, "%*d": 1}
    assert numbers("0042 and 1 000 000, 3.14; 7") == {"42": 1, "14": 1} | numbers("000")
    assert tags("<P class='x'>a</P><br>") == {"<p>": 1, "</p>": 1, "<br/>": 1}
    assert unbalanced("<b>a</i><br>") == ["<b>", "<i>"]


def test_a_flood_of_zeros_or_signs_is_checked_at_once():
    # Half an hour, if a step took the square of its length.
    assert placeholders("%" + 200_000 * "0") == placeholders("%-" + 200_000 * "+0") == {}
