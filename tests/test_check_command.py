"""seqattn check: its output, exit status and files; what a training says of its corpus."""

import gzip
import json

import pytest
from seqattn_cli.views.checking import report_view

from seqattn import check
from seqattn.data.checks.kinds import KINDS
from seqattn.data.corpus import Pair, read_corpus

from commands import contents, error_of, seqattn, sizes
from corpora import damaged, translated, without, write_jsonl, write_texts
from runs import write_tsv
from terminal import rendered

CLEAN = translated()


@pytest.fixture
def clean(tmp_path):
    return write_tsv(tmp_path / "train.tsv", CLEAN)


def test_a_corpus_without_faults_is_described_with_status_0(clean):
    result = seqattn("check", clean)
    assert result.stderr == ""
    output = " ".join(result.stdout.split())
    assert "training source 600 words" in output and "longest" in output
    assert "lines the own target fits better" in output
    assert "Nothing serious was found." in output
    assert "Spoils a training" not in output and "Worth a look" not in output


def test_a_missing_line_is_told_with_its_place_and_direction_and_status_1(tmp_path):
    corpus = damaged(tmp_path, target=[299])
    output = " ".join(seqattn("check", corpus, status=1).stdout.split())
    assert "Spoils a training" in output and "1 finding would spoil a training" in output
    assert "where the sides are shifted" in output
    assert "targets come 1 line early; 1 line is missing in the target, or added in the source" in output
    assert "fits the target of line" in output


def test_a_line_missing_at_the_end_of_one_text_is_no_dead_end(tmp_path):
    targets = without([pair.target for pair in CLEAN], 300)
    corpus = write_texts(tmp_path, [pair.source for pair in CLEAN], targets)
    output = seqattn("check", corpus, status=1).stdout
    assert "ends after 599 lines" in output and "targets come 1 line early" in output


def test_findings_are_shown_with_line_numbers_examples_and_a_remedy(tmp_path):
    pairs = (Pair("en", "de"), *CLEAN, *CLEAN[:20], Pair(" [bold]x[/bold]", "\x1b[31mred"))
    output = seqattn("check", write_tsv(tmp_path / "train.tsv", pairs)).stdout
    assert "Worth a look" in output and "Remarks" in output
    repeated = 622 - len(set(pairs))
    assert f"{repeated} pairs repeat earlier ones ({repeated / 6.22:.2f} % of 622)" in output
    assert "1 header row is read as a pair" in output and "→ remove it" in output
    assert CLEAN[0].source in output and "as in line 2" in output
    assert "[bold]x[/bold]" in output and "␛[31mred" in output and "\x1b" not in output


def test_lines_fit_the_terminal_and_those_of_a_finding_are_indented(tmp_path):
    pairs = [*CLEAN[:300], Pair("x", " y"), *CLEAN[300:]]
    del pairs[100]
    corpus = write_texts(tmp_path, [pair.source for pair in CLEAN], [pair.target for pair in pairs])
    for width in (40, 80):
        shown = rendered(report_view(check(corpus), width), width)
        lines = [line.rstrip() for line in shown.partition("Spoils a training")[2].splitlines()]
        assert "in the target, or added in the source" in " ".join(" ".join(lines).split())
        assert max(map(len, lines)) <= width
        unindented = {line for line in lines if line and not line.startswith("  ")}
        assert unindented == {"Remarks", "1 finding would spoil a training."}


def test_several_corpora_are_checked_as_one_and_named(tmp_path, clean):
    more = write_tsv(tmp_path / "more.tsv", CLEAN[:50])
    output = seqattn("check", clean, more).stdout
    assert "pairs repeat earlier ones" in output and "of more.tsv" in output
    assert "as in train.tsv, line 1" in output


def test_corpora_of_the_same_name_in_two_folders_are_told_apart(tmp_path, clean):
    (tmp_path / "more").mkdir()
    more = write_tsv(tmp_path / "more" / "train.tsv", CLEAN[:50])
    output = seqattn("check", clean, more).stdout
    assert (
        f"as in {tmp_path.name}/train.tsv, line 1" in output
        and "1, 2, 3, 4, 5, … of more/train.tsv" in output
    )


def test_examples_name_their_corpus_if_several_have_the_fault(tmp_path):
    one, two = (write_tsv(tmp_path / f"{name}.tsv", (*CLEAN, Pair("x", " y"))) for name in "ab")
    lines = [line.rstrip() for line in seqattn("check", one, two).stdout.splitlines()]
    at = lines.index("    601 of a.tsv")
    assert lines[at + 1 : at + 4] == ["      x", "       y", "      at an end"]


def test_pairs_of_the_test_and_validation_data_in_the_training_data_are_counted(tmp_path, clean):
    test, valid = (write_tsv(tmp_path / f"{name}.tsv", CLEAN[:40]) for name in ("test", "valid"))
    output = seqattn("check", clean, "--valid", valid, "--test", test, status=1).stdout
    assert "40 test pairs are in the training data too (100 % of 40)" in output
    assert "40 validation pairs are in the training data too (100 % of 40)" in output
    assert "test" in output and "validation  source" in output


def test_json_holds_everything_alone_on_standard_output(tmp_path):
    corpus = damaged(tmp_path, source=[299])
    result = seqattn("check", corpus, "--json", "-", status=1)
    value = json.loads(result.stdout)
    (error,) = [one for one in value["findings"] if one["severity"] == "error"]
    assert error["kind"] == "misaligned" and len(error["lines"][corpus]) == error["count"]
    assert value["alignment"]["spans"][0]["shift"] == 1 and value["clean"] is None
    seqattn("check", corpus, "--json", tmp_path / "found.json", status=1)
    assert json.loads((tmp_path / "found.json").read_text()) == value


def test_json_may_hold_half_characters(tmp_path):
    path = tmp_path / "x.jsonl"
    path.write_text(json.dumps({"source": "a \ud800", "target": "b"}) + "\n")
    value = json.loads(seqattn("check", path, "--json", "-").stdout)
    assert value["findings"][0]["examples"][0]["source"] == "a \ud800"


@pytest.mark.parametrize("name", ["clean.tsv", "clean.jsonl", "clean.tsv.gz", "CLEAN.JSONL.GZ"])
def test_what_remains_is_written_and_what_was_left_out_is_counted(tmp_path, name):
    train = write_tsv(tmp_path / "train.tsv", (Pair("en", "de"), *CLEAN, CLEAN[0], Pair("", "x")))
    result = seqattn("check", train, "--write-clean", tmp_path / name, "--json", tmp_path / "found.json")
    message = " ".join(result.stderr.split())
    assert "1 naming the columns" in message and "1 with an empty side" in message
    assert "repeating earlier ones" in message
    kept = read_corpus(str(tmp_path / name)).pairs
    assert kept == tuple(dict.fromkeys(CLEAN)) and f"{len(kept)} pairs" in message
    assert json.loads((tmp_path / "found.json").read_text())["clean"]["pairs"] == len(kept)
    if name.lower().endswith(".gz"):
        assert gzip.decompress((tmp_path / name).read_bytes())


SPOILS = {
    "unreadable": "lines that hold no pair",
    "unequal": "a text that ends before the other",
    "nothing": "no pair with text on both sides",
    "misaligned": "1 % of the pairs where one side is shifted",
    "unfitting": "1 % of the pairs where the sides do not fit",
    "unrelated": "sides that do not belong together at all",
    "valid-in-train": "5 % of the test or validation pairs in the training data",
    "test-in-train": "5 % of the test or validation pairs in the training data",
    "test-in-valid": "50 % of the test pairs in the validation data",
    "mojibake": "5 % of the pairs decoded wrongly",
    "swapped": "5 % of the pairs decoded wrongly, or with source and target swapped",
    "copied": "10 % of the targets copied",
    "one-sided": "20 % of the pairs with both sides in one language",
}


def test_the_help_names_everything_that_gives_status_1():
    shown = " ".join(seqattn("check", "--help").stdout.split())
    assert {name for name, kind in KINDS.items() if kind.error is not None} == SPOILS.keys()
    for name, words in SPOILS.items():
        assert words in shown
        assert words.startswith(f"{100 * KINDS[name].error:g} %" if KINDS[name].error else words)


def test_what_was_found_is_told_even_if_no_pair_remains_to_be_written(tmp_path):
    train = write_tsv(tmp_path / "train.tsv", (Pair("a", ""), Pair("", "b")))
    found, clean = tmp_path / "found.json", tmp_path / "clean.tsv"
    result = seqattn("check", train, "--write-clean", clean, "--json", found, status=1)
    assert "Error: " in result.stderr and str(clean) in result.stderr and not clean.exists()
    alone = seqattn("check", train, "--json", "-", status=1)
    assert json.loads(found.read_text()) == json.loads(alone.stdout)
    assert result.stdout == seqattn("check", train, status=1).stdout


@pytest.mark.parametrize(
    ("text", "kept", "name"),
    [
        ("a\x07 b", "a b", "control characters"),
        ("a\ud800 b", "a b", "lone surrogates"),
        ("a\nb", "a b", "line breaks"),
        ("a\tb", "a b", "tabs"),
    ],
)
def test_what_changes_within_texts_is_named_in_the_help_and_when_it_is_done(tmp_path, text, kept, name):
    pairs = write_jsonl(tmp_path / "train.jsonl", [*CLEAN, Pair(text, "c")])
    result = seqattn("check", pairs, "--write-clean", tmp_path / "clean.jsonl")
    assert read_corpus(str(tmp_path / "clean.jsonl")).pairs[-1] == Pair(kept, "c")
    (changed,) = [line for line in result.stderr.splitlines() if line.startswith("Changed: 1 pair,")]
    assert name in changed and name in " ".join(seqattn("check", "--help").stdout.split())


def test_a_corpus_with_errors_is_cleaned_too_and_the_status_is_1(tmp_path):
    corpus = damaged(tmp_path, source=[299])
    seqattn("check", corpus, "--write-clean", tmp_path / "clean.tsv", status=1)
    seqattn("check", tmp_path / "clean.tsv")


@pytest.mark.parametrize(
    ("options", "status", "message"),
    [
        (["--write-clean", "{train}"], 2, "is also an input"),
        (["--json", "{train}"], 2, "is also an input"),
        (["--valid", "{other}", "--write-clean", "{other}"], 2, "is also an input"),
        (["--json", "{out}.tsv", "--write-clean", "{out}.tsv"], 2, "must be different files"),
        (["--write-clean", "{out}.txt"], 1, "not named as a file of pairs"),
        (["--write-clean", "-"], 1, "not named as a file of pairs"),
        (["--write-clean", "{out}/x.tsv"], 1, "no such folder"),
        (["--json", "{folder}"], 1, "is a directory"),
        (["--valid", "{out}.tsv"], 1, "No such file"),
        (["--test", "{folder}"], 1, "is a directory"),
    ],
)
def test_wrong_files_are_one_line_errors_and_nothing_is_written(tmp_path, clean, options, status, message):
    other = write_tsv(tmp_path / "other.tsv", CLEAN[:5])
    names = {"train": clean, "other": other, "out": tmp_path / "out", "folder": tmp_path}
    before = contents(tmp_path)
    result = seqattn("check", clean, *(option.format(**names) for option in options), status=status)
    assert result.stdout == "" and message in result.stderr
    if status == 1:
        assert message in error_of(result)
    assert contents(tmp_path) == before


def test_a_corpus_is_needed():
    assert "Missing argument" in seqattn("check", status=2).stderr


@pytest.mark.parametrize("name", ["none.tsv", "x.txt"])
def test_a_missing_corpus_is_a_one_line_error(tmp_path, name):
    assert name in error_of(seqattn("check", tmp_path / name, status=1))


def test_damaged_gzip_is_a_one_line_error(tmp_path):
    path = tmp_path / "x.tsv.gz"
    path.write_bytes(gzip.compress(b"a\tb\n" * 900)[:-6])
    assert "gzip data is damaged" in error_of(seqattn("check", path, status=1))


# What a training says.


def test_a_training_warns_of_its_corpus_once_and_names_the_check(work, tmp_path):
    pairs = read_corpus(str(work.train)).pairs
    corpus = write_tsv(tmp_path / "my pairs.tsv", (Pair("source", "target"), *pairs, *pairs[:30]))
    result = seqattn(
        *("train", "--train", corpus, "--valid", work.test, "--arch", "lstm", "--out", tmp_path / "run"),
        *("--max-updates", 1, *sizes("lstm")),
    )
    output = " ".join(result.stderr.split())
    assert output.count("Warning: 30 pairs repeat earlier ones.") == 1
    assert output.count("Warning: 1 header row is read as a pair.") == 1
    assert f"seqattn check '{corpus}'" in output


def test_a_training_on_a_corpus_without_faults_says_nothing_of_it(work):
    for result in work.results.values():
        begun = result.stderr.partition("update 8")[0]
        assert "parameters" in begun and "Warning" not in begun and "For details" not in result.stderr
