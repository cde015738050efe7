"""Checking a corpus: what is a fault and what is not, where it is, how serious, what remains without it."""

import json
import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqattn
from seqattn.data.checks.kinds import KINDS, SEVERITIES
from seqattn.data.checks.lengths import FACTOR
from seqattn.data.checks.lines import Lines
from seqattn.data.checks.quick import warnings_of
from seqattn.data.checks.texts import has_lost, plain
from seqattn.data.corpus import Pair
from seqattn.errors import InputError

from corpora import (
    CLEAN,
    checked,
    damaged,
    found,
    kinds,
    lines_of,
    replaced,
    translated,
    without,
    write_jsonl,
    write_texts,
)
from runs import write_tsv

DIGITS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]

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


# Corpora in which more than translations are right.


def test_turns_of_dialogues_are_no_shifted_translations(tmp_path):
    turns = [pair.source for pair in translated()]
    pairs = [Pair(*both) for both in pairwise(turns)]
    report = checked(tmp_path, pairs)
    finding = found(report, "consecutive")
    assert finding.severity == "warning" and finding.count > 0.9 * len(pairs)
    assert not report.spoiled and "misaligned" not in kinds(report)
    assert report.write_clean(tmp_path / "clean.tsv").pairs == len(set(pairs))


def test_lines_without_text_do_not_make_shifted_lines_turns_of_dialogues(tmp_path):
    pairs = [one for pair in translated() for one in (pair, Pair("", ""))]
    shifted = [Pair(one.source, two.target) for one, two in zip(pairs, pairs[2:], strict=False)]
    report = checked(tmp_path, shifted)
    assert found(report, "misaligned").severity == "error" and "consecutive" not in kinds(report)


def test_a_source_may_hold_the_one_before_it(tmp_path):
    # Of every fifth sentence only the one before it is known.
    sources = [pair.source if number % 5 else "xi yo zu" for number, pair in enumerate(translated())]
    pairs = zip(pairwise(translated()), sources[1:], strict=True)
    report = checked(tmp_path, [Pair(f"{one.source} <sep> {own}", two.target) for (one, two), own in pairs])
    assert kinds(report, "error", "warning") == set()


def test_what_fits_at_no_shift_is_told_but_may_be_right(tmp_path):
    pairs = translated()
    shuffled = [
        Pair(one.source, two.target) for one, two in zip(pairs[200:500], pairs[499:199:-1], strict=True)
    ]
    report = checked(tmp_path, [*pairs[:200], *shuffled, *pairs[500:]])
    finding = found(report, "unfitting")
    assert finding.severity == "error" and finding.count > 250 and finding.examples
    assert "misaligned" not in report.write_clean(tmp_path / "clean.tsv").removed


def test_pairs_that_are_no_copies_are_not_unusual_where_most_are(tmp_path):
    copies = [Pair(pair.source, pair.source) for pair in translated()]
    read = [
        Pair(f"room {n}", f"room {' '.join(DIGITS[int(d)] for d in str(n))}")
        for n in range(10**5, 10**5 + 90)
    ]
    report = checked(tmp_path, [*copies, *read])
    assert found(report, "copied").severity == "remark"
    assert "lengths" not in kinds(report) and not report.spoiled
    assert "lengths" not in report.write_clean(tmp_path / "clean.tsv").removed


def test_extremely_different_lengths_are_left_out_only_if_they_are_rare(tmp_path):
    def removed(count):
        long = [Pair(f"x{n}", f"x{n} " * 40) for n in range(count)]
        report = checked(tmp_path, [*translated(), *long])
        return report.write_clean(tmp_path / "clean.tsv").removed.get("lengths", 0)

    assert removed(1) == 1
    assert removed(3) == 3
    assert removed(30) == 0


def test_validation_and_test_data_are_checked_too(tmp_path):
    pairs = translated()
    train, valid, test = pairs[:300], pairs[300:400], pairs[400:]
    write_tsv(tmp_path / "train.tsv", train)
    write_tsv(tmp_path / "valid.tsv", [pair.swapped() for pair in valid])
    write_tsv(tmp_path / "test.tsv", [Pair(one.source, two.target) for one, two in pairwise(test)])
    report = seqattn.check(*(str(tmp_path / f"{name}.tsv") for name in ("train", "valid", "test")))
    serious = {(one.kind, Path(corpus).stem) for one in report.of("error") for corpus in one.lines}
    assert {("swapped", "valid"), ("misaligned", "test")} <= serious
    assert "train" not in {name for _, name in serious}
    assert report.write_clean(tmp_path / "clean.tsv").pairs == len(set(train))


def test_remarks_on_validation_and_test_data_are_left_out(tmp_path):
    pairs = [*translated()[:200], Pair("a  b", "c")] * 2
    write_tsv(tmp_path / "train.tsv", translated()[200:])
    write_tsv(tmp_path / "test.tsv", pairs)
    report = seqattn.check(str(tmp_path / "train.tsv"), test=str(tmp_path / "test.tsv"))
    assert not {"spaces", "repeated", "ambiguous"} & kinds(report)


@pytest.mark.parametrize(
    ("text", "lost"),
    [
        ("??? ????, ??", True),
        ("?? Tom ???", True),
        ("??\t??", True),
        ("Quoi ?? Vraiment ??", False),
        ("\ufffd", True),
        ("???", False),
        ("What?? Really??", False),
        ("what ?? no", False),
        ("Why? ? ?", False),
    ],
)
def test_words_of_question_marks_alone_are_characters_that_were_lost(text, lost):
    assert has_lost(Pair("a", text)) == has_lost(Pair(text, "a")) == lost


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
    numbers = [*CLEAN, *(Pair(f"{at}.", f"{at}.") for at in range(len(CLEAN) // 2))]
    assert warnings_of(numbers, numbers[:1]) == ()
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
