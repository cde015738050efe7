"""Checking a corpus: what is a fault and what is not, where it is, how serious, what remains without it."""

import gzip
import json
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqattn
from seqattn.data.checks.kinds import KINDS, SEVERITIES
from seqattn.data.checks.lengths import FACTOR
from seqattn.data.checks.lines import Lines
from seqattn.data.checks.quick import warnings_of
from seqattn.data.checks.sides import numbers, placeholders, tags, unbalanced
from seqattn.data.checks.texts import cleaned, plain
from seqattn.data.corpus import Pair, read_corpus
from seqattn.errors import InputError

from corpora import damaged, translated, without, write_texts
from runs import write_tsv

CLEAN = translated()


def write_jsonl(path, pairs):
    path.write_text("".join(json.dumps(pair._asdict()) + "\n" for pair in pairs), encoding="utf-8")
    return path


def checked(tmp_path, pairs, **more):
    """The report on pairs, which may hold anything."""
    return seqattn.check(str(write_jsonl(tmp_path / "pairs.jsonl", pairs)), **more)


def found(report, kind):
    """The only finding of a kind; None if there is none."""
    (one,) = [finding for finding in report.findings if finding.kind == kind] or [None]
    return one


def lines_of(finding):
    (lines,) = finding.lines.values()
    return lines.tolist()


def kinds(report, *severities):
    return {finding.kind for finding in report.findings if finding.severity in (severities or SEVERITIES)}


def replaced(count, change):
    """CLEAN with `count` evenly spaced pairs changed, and their line numbers."""
    step = len(CLEAN) // count
    rows = range(0, step * count, step)
    pairs = [change(pair) if row in rows else pair for row, pair in enumerate(CLEAN)]
    return pairs, [row + 1 for row in rows]


# Corpora without faults.


def test_a_corpus_without_faults_has_no_finding_at_all(tmp_path):
    report = checked(tmp_path, CLEAN)
    assert kinds(report) <= {"repeated", "ambiguous"} and not report.spoiled
    assert kinds(report, "error", "warning") == set()


def test_sizes_and_lengths_are_those_of_the_corpus(tmp_path):
    report = checked(tmp_path, [Pair("a b c", "d"), Pair("", "x"), Pair("eee  ff", "g h"), Pair("e", "g")])
    (size,) = report.sizes
    assert (size.role, size.lines, size.pairs) == ("train", 4, 3)
    assert size.source_words.mean == 2 and size.source_words.median == 2
    assert (size.source_words.longest, size.source_words.where.line) == (3, 1)
    assert (size.source_characters.longest, size.source_characters.where.line) == (6, 3)
    assert (size.target_words.longest, size.target_words.where.line) == (2, 3)
    assert size.target_characters.percentile_99 == pytest.approx(2.96)


# Lines that hold no pair.


def test_every_line_that_holds_no_pair_is_found_with_its_reason(tmp_path):
    path = tmp_path / "bad.tsv"
    path.write_bytes(b"a\tb\nno tab\nc\td\ne\tf\tg\n" + "é\tx\n".encode("latin-1") + b"h\ti\n")
    report = seqattn.check(str(path))
    finding = found(report, "unreadable")
    assert finding.severity == "error" and lines_of(finding) == [2, 4, 5]
    assert "line 2: no tab" in finding.examples[0].note and "2 tabs" in finding.examples[1].note
    assert report.sizes[0].pairs == 3 and report.spoiled


def test_texts_of_unequal_length_are_an_error_and_the_place_of_the_missing_line_is_named(tmp_path):
    pairs = translated()
    targets = without([pair.target for pair in pairs], 350)
    report = seqattn.check(write_texts(tmp_path, [pair.source for pair in pairs], targets))
    assert "599 lines, but" in found(report, "unequal").examples[0].note
    (span,) = report.alignment.spans
    assert span.shift == -1 and abs(span.first - 350) <= 5
    assert {"unequal", "misaligned"} <= kinds(report, "error")
    assert "empty" not in kinds(report) and "unreadable" not in kinds(report)


@pytest.mark.parametrize("data", ["", "\n\n", "a\t\n\tb\n", " \t \n"])
def test_a_corpus_without_a_pair_is_an_error(tmp_path, data):
    path = tmp_path / "x.tsv"
    path.write_text(data)
    report = seqattn.check(str(path))
    assert kinds(report, "error") == {"nothing"} and report.spoiled and report.sizes == ()
    with pytest.raises(InputError, match="no pair would remain"):
        report.write_clean(tmp_path / "clean.tsv")
    assert not (tmp_path / "clean.tsv").exists()


def test_empty_sides_are_counted_and_serious_only_when_frequent(tmp_path):
    report = checked(tmp_path, [*CLEAN[:199], Pair("x", " ")])
    assert lines_of(found(report, "empty")) == [200] and found(report, "empty").severity == "remark"
    report = checked(tmp_path, [*CLEAN[:99], Pair("\x00", "x"), Pair("", "")])
    assert lines_of(found(report, "empty")) == [100, 101] and found(report, "empty").severity == "warning"


@pytest.mark.parametrize(
    ("first", "header"),
    [
        (("source", "target"), True),
        (("en", "de"), True),
        (("src", "tgt"), True),
        (("text", "translation"), True),
        (("English", "German"), True),
        (('"Source"', '"Target"'), True),
        (("Source text", "Target text"), True),
        (("no", "nein"), False),
        (("source", "Quelle"), False),
        (("German", "German"), False),
        (("en", "German"), False),
    ],
)
def test_a_first_line_that_names_the_columns_is_found(tmp_path, first, header):
    report = checked(tmp_path, [Pair(*first), *CLEAN])
    assert (found(report, "header") is not None) == header
    assert found(checked(tmp_path, [*CLEAN, Pair(*first)]), "header") is None


def test_each_corpus_may_have_a_header_and_lines_are_counted_in_each(tmp_path):
    paths = [
        write_tsv(
            tmp_path / f"{number}.tsv", (Pair("en", "de"), *CLEAN[number * 9 : number * 9 + 9], Pair("", "x"))
        )
        for number in range(3)
    ]
    report = seqattn.check([str(path) for path in paths])
    for kind, line in (("header", 1), ("empty", 11)):
        lines = found(report, kind).lines
        assert {corpus: rows.tolist() for corpus, rows in lines.items()} == {
            str(path): [line] for path in paths
        }


# Repeated and shared pairs.

words = st.text("abc", min_size=1, max_size=2)
short_pairs = st.lists(st.builds(Pair, words, words), min_size=1, max_size=40)


@given(pairs=short_pairs)
def test_repeated_and_ambiguous_pairs_are_counted_exactly(tmp_path_factory, pairs):
    report = checked(tmp_path_factory.mktemp("corpus"), pairs)
    again = [at + 1 for at, pair in enumerate(pairs) if pair in pairs[:at]]
    finding = found(report, "repeated")
    assert (lines_of(finding) if finding else []) == again
    targets = {
        pair.source: {other.target for other in pairs if other.source == pair.source} for pair in pairs
    }
    ambiguous = [at + 1 for at, pair in enumerate(pairs) if len(targets[pair.source]) > 1]
    finding = found(report, "ambiguous")
    assert (lines_of(finding) if finding else []) == ambiguous


@given(train=short_pairs, valid=short_pairs, test=short_pairs)
def test_shared_pairs_and_sources_are_counted_exactly(tmp_path_factory, train, valid, test):
    folder = tmp_path_factory.mktemp("corpora")
    paths = {
        name: str(write_tsv(folder / f"{name}.tsv", tuple(pairs)))
        for name, pairs in (("train", train), ("valid", valid), ("test", test))
    }
    report = seqattn.check(paths["train"], paths["valid"], paths["test"])
    sources = {pair.source for pair in train}
    expected = {
        "valid-in-train": [pair in train for pair in valid],
        "test-in-train": [pair in train for pair in test],
        "test-in-valid": [pair in valid for pair in test],
        "valid-sources-in-train": [pair.source in sources and pair not in train for pair in valid],
        "test-sources-in-train": [pair.source in sources and pair not in train for pair in test],
    }
    for kind, shared in expected.items():
        finding = found(report, kind)
        assert (finding.count if finding else 0) == sum(shared)
        if finding:
            assert finding.of == len(shared)
            assert {paths[kind.partition("-")[0]]} == set(finding.lines)
            assert lines_of(finding) == [at + 1 for at, one in enumerate(shared) if one]


def test_pairs_are_the_same_whatever_their_spaces_and_composition():
    assert plain(" a  b\t") == plain("a b") == plain("a\u3000b\x00")
    assert plain("e\u0301") == plain("é")
    assert plain("a b") != plain("ab") and plain("A") != plain("a")


def test_a_test_set_from_the_training_data_spoils_its_scores(tmp_path):
    train = str(write_tsv(tmp_path / "train.tsv", CLEAN))
    for shared, severity in ((30, "error"), (4, "warning")):
        other = translated(200, 150, 9)
        test = write_tsv(tmp_path / "test.tsv", (*CLEAN[:shared], *other))
        report = seqattn.check(train, test=str(test))
        assert found(report, "test-in-train").severity == severity
        assert report.spoiled == (severity == "error")


# Sides that are copies, swapped, or of another language or script.


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


def test_what_differs_in_most_pairs_is_no_rule_and_no_fault(tmp_path):
    spelled = [Pair(f"number {number} is big", "words only") for number in range(100, 200)]
    assert found(checked(tmp_path, spelled), "numbers") is None
    some = [Pair(f"number {number} is big", f"nombre {number}") for number in range(100, 200)]
    assert found(checked(tmp_path, [*spelled[:10], *some]), "numbers").count == 10


def test_the_parts_of_a_text_are_found():
    assert placeholders("%s {x} %%d") == {"%s": 1, "{x}": 1, "%d": 1}
    assert numbers("0042 and 1 000 000, 3.14; 7") == {"42": 1, "14": 1} | numbers("000")
    assert tags("<P class='x'>a</P><br>") == {"<p>": 1, "</p>": 1, "<br/>": 1}
    assert unbalanced("<b>a</i><br>") == ["<b>", "<i>"]


# Relative lengths.


def test_a_side_that_is_cut_off_or_much_too_long_is_found_and_nothing_else(tmp_path):
    pairs = [*CLEAN]
    pairs[99] = Pair(" ".join(pair.source for pair in CLEAN[:6]), "be.")
    pairs[199] = Pair("Ka.", " ".join(pair.target for pair in CLEAN[:6]))
    finding = found(checked(tmp_path, pairs), "lengths")
    assert lines_of(finding) == [100, 200]


def test_what_is_unusual_is_measured_in_the_corpus_itself(tmp_path):
    ninefold = [
        Pair(f"{'x' * (3 + number % 7)} {number}", f"{'y ' * 9 * (3 + number % 7)}") for number in range(200)
    ]
    report = checked(tmp_path, [*ninefold, Pair("x" * 9, "y " * 9)])
    assert lines_of(found(report, "lengths")) == [201]
    assert FACTOR > 1


# Severity.


@given(count=st.integers(1, 1000), more=st.integers(0, 1000), kind=st.sampled_from(sorted(KINDS)))
def test_more_of_a_fault_is_never_less_serious_unless_it_is_no_rule(count, more, kind):
    one = KINDS[kind]
    if not one.rule:
        severities = [SEVERITIES.index(one.severity(number, 2000)) for number in (count, count + more)]
        assert severities[1] <= severities[0]
    assert one.counts(count, 2000) or one.rule
    assert not one.counts(0, 2000)


def test_findings_are_sorted_by_severity(tmp_path):
    pairs, _ = replaced(120, lambda pair: Pair(pair.source, pair.source))
    report = checked(tmp_path, [*pairs, *pairs[:10], Pair(" x", "y"), Pair("a\x00", "b")])
    order = [SEVERITIES.index(finding.severity) for finding in report.findings]
    assert order == sorted(order) and len(set(order)) == 3


# Everything as JSON.


def test_a_report_can_be_written_as_json(tmp_path):
    argument = damaged(tmp_path, target=[300])
    report = seqattn.check([argument, str(write_jsonl(tmp_path / "x.jsonl", [Pair("a\ud800", " b")]))])
    value = json.loads(json.dumps(report.to_json()))
    assert value["errors"] == 1 and value["alignment"]["lines"] > 500
    (span,) = value["alignment"]["spans"]
    assert span["shift"] == -1 and span["first"]["corpus"] == argument and 290 < span["first"]["line"] < 310
    (misaligned,) = [one for one in value["findings"] if one["kind"] == "misaligned"]
    assert misaligned["count"] == len(misaligned["lines"][argument]) and misaligned["examples"]
    assert value["corpora"][0]["pairs"] == 600


@pytest.mark.parametrize("missing", ["source", "target"])
@pytest.mark.parametrize(("at", "lost"), [(0, 1), (0, 3), (300, 1), (300, 20)])
def test_the_example_of_a_shift_has_its_own_target_elsewhere(tmp_path, missing, lost, at):
    report = seqattn.check(damaged(tmp_path, **{missing: [at]}, lost=lost))
    (example,) = found(report, "misaligned").examples
    own = [pair.target for pair in CLEAN if pair.source == example.source]
    assert example.note.partition(": ")[2] in own and example.target not in own


# What remains.

messy_texts = st.text(st.sampled_from("ab \t\n\x00\x9f\ud800é\u2028&<>%s"), max_size=5)
messy_pairs = st.lists(st.builds(Pair, messy_texts, messy_texts), max_size=30)


@given(pairs=messy_pairs, form=st.sampled_from([".tsv", ".jsonl", ".tsv.gz", ".jsonl.gz"]), valid=messy_pairs)
def test_a_clean_corpus_has_nothing_left_to_clean(tmp_path_factory, pairs, form, valid):
    folder = tmp_path_factory.mktemp("clean")
    pairs = [Pair("en", "de"), Pair("kept", "kept too"), *pairs, *pairs[:5]]
    other = str(write_jsonl(folder / "valid.jsonl", [*valid, *pairs[4:6]]))
    clean = folder / f"clean{form}"
    written = checked(folder, pairs, valid=other).write_clean(clean)
    kept = read_corpus(str(clean)).pairs
    assert len(kept) == written.pairs == len(pairs) - sum(written.removed.values())
    remaining = iter([Pair(*map(cleaned, pair)) for pair in pairs])
    assert all(pair in remaining for pair in kept), "pairs in another order, or others"
    again = seqattn.check(str(clean), valid=other)
    own = {finding.kind for finding in again.findings if str(clean) in finding.lines}
    assert not own & {"header", "empty", "repeated", "controls", "surrogates", "unreadable"}
    assert found(again, "valid-in-train") is None
    assert again.write_clean(folder / "again.tsv").removed == {}


def test_each_line_left_out_is_counted_under_one_reason(tmp_path):
    pairs = [Pair("source", "target"), *CLEAN, CLEAN[0], Pair("", "x"), Pair("a\x00b c", "d")]
    pairs[100] = Pair("x", "y" * 300)
    written = checked(tmp_path, pairs).write_clean(tmp_path / "clean.tsv")
    distinct = len(set(CLEAN))
    assert written.removed == {"header": 1, "empty": 1, "lengths": 1, "repeated": written.removed["repeated"]}
    assert written.removed["repeated"] == 1 + len(CLEAN) - distinct - (CLEAN[99] in CLEAN[:99])
    assert written.changed == 1
    assert read_corpus(str(tmp_path / "clean.tsv")).pairs[-1] == Pair("ab c", "d")


def test_a_clean_corpus_has_no_shifted_lines(tmp_path):
    report = seqattn.check(damaged(tmp_path, source=[450], target=[200]))
    written = report.write_clean(tmp_path / "clean.tsv")
    assert 240 < written.removed["misaligned"] < 260
    assert seqattn.check(str(tmp_path / "clean.tsv")).alignment.spans == ()


def test_the_first_of_equal_pairs_that_remain_is_kept(tmp_path):
    pairs = list(translated())
    shifted = pairs[300]
    targets = [pair.target for pair in pairs]
    del targets[100]
    sources = [pair.source for pair in pairs[:-1]]
    sources, targets = [*sources, shifted.source], [*targets, shifted.target]
    del sources[450], targets[449]
    report = seqattn.check(write_texts(tmp_path, sources[: len(targets)], targets[: len(sources)]))
    report.write_clean(tmp_path / "clean.tsv")
    kept = read_corpus(str(tmp_path / "clean.tsv")).pairs
    assert len(set(kept)) == len(kept)


def test_an_input_is_never_overwritten_and_other_files_only_completely(tmp_path):
    path = write_tsv(tmp_path / "pairs.tsv", CLEAN)
    link = tmp_path / "link.tsv"
    os.link(path, link)
    report = seqattn.check(str(path))
    before = path.read_bytes()
    for output in (path, link, tmp_path / "folder" / ".." / "pairs.tsv"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="also an input"):
            report.write_clean(output)
    for name in ("clean.txt", "clean", "clean.gz"):
        with pytest.raises(InputError, match="not named as a file of pairs"):
            report.write_clean(tmp_path / name)
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"pairs.tsv", "link.tsv", "folder"}


def test_the_same_pairs_give_the_same_bytes(tmp_path):
    report = checked(tmp_path, CLEAN)
    first, second = (
        report.write_clean(tmp_path / name).path.read_bytes() for name in ("a.tsv.gz", "b.tsv.gz")
    )
    assert first == second and gzip.decompress(first).startswith(CLEAN[0].source.encode())


def test_a_corpus_that_changes_while_it_is_checked_is_an_error(tmp_path):
    path = write_tsv(tmp_path / "pairs.tsv", CLEAN)
    report = seqattn.check(str(path))
    path.write_text(path.read_text() + "one\tmore\n")
    with pytest.raises(InputError, match="has changed"):
        report.write_clean(tmp_path / "clean.tsv")
    assert not (tmp_path / "clean.tsv").exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_is_refused_because_it_can_be_read_only_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="only once"):
        Lines([f"{tmp_path / 'pipe'},{tmp_path / 'pipe'}"])


# What a training warns of.


def test_a_training_warns_of_what_a_check_finds_serious():
    assert warnings_of(CLEAN, CLEAN[:1]) == ()
    repeated = [*CLEAN, *CLEAN[:30]]
    assert any("repeat earlier ones" in one for one in warnings_of(repeated, repeated[:1]))
    assert any("header" in one for one in warnings_of(CLEAN, [Pair("en", "de")]))
    copies = [Pair(pair.source, pair.source) if at % 9 == 0 else pair for at, pair in enumerate(CLEAN)]
    assert any("equal to" in one for one in warnings_of(copies, copies[:1]))
    garbled = [Pair(pair.source, "schÃ¶n") if at % 9 == 0 else pair for at, pair in enumerate(CLEAN)]
    assert any("wrongly decoded" in one for one in warnings_of(garbled, garbled[:1]))


def test_of_many_pairs_a_sample_is_looked_at_and_said_so():
    garbled = [Pair(f"word {number}", f"schÃ¶n {number}") for number in range(5000)]
    (warning,) = warnings_of(garbled, garbled[:1])
    assert warning.startswith("of 1,000 pairs looked at, 1,000 pairs look wrongly decoded")


def test_a_check_does_not_load_torch(tmp_path):
    path = write_tsv(tmp_path / "pairs.tsv", CLEAN)
    code = f"import seqattn, sys; seqattn.check({str(path)!r}); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
