"""seqattn evaluate --references: further references from files, and what is wrong with them."""

import gzip
import json
import re

import pytest

import seqattn
from seqattn.evaluation.scores import score

from commands import PAIRS, TEST, error_of
from commands import seqattn as command
from runs import write_tsv

TARGETS = [pair.target for pair in TEST]
FURTHER = [[pair.source, pair.target] if row % 3 else [pair.source] for row, pair in enumerate(TEST)]
"""The target again for two of three sentences, which adds nothing to it."""


def evaluated(run, test, *references, **options):
    """The figures and the texts that the run produced."""
    named = [word for path in references for word in ("--references", path)]
    return json.loads(command("evaluate", run, "--test", test, *named, "--json", "-", **options).stdout)


def written(path, lines):
    text = "".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass")
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)
    return path


def figures(scores):
    return scores.bleu, scores.chrf, scores.exact, scores.wer, scores.cer, scores.references


def read(found):
    return tuple(found[name] for name in ("bleu", "chrf", "exact", "wer", "cer", "references"))


@pytest.mark.parametrize(
    ("name", "lines"),
    [
        ("lists.jsonl", [json.dumps(each) for each in FURTHER]),
        ("objects.jsonl.gz", [json.dumps({"w": "a", "n": 1, "p": each}) for each in FURTHER]),
        ("text.txt", [each[0] for each in FURTHER]),
        ("text.gz", [each[0] for each in FURTHER]),
    ],
)
def test_references_of_every_form_are_scored_with_the_target_of_the_test(work, tmp_path, name, lines):
    found = evaluated(work.run("lstm"), work.test, written(tmp_path / name, lines))
    expected = score(found["translations"], [[pair.target, pair.source] for pair in TEST])
    assert read(found) == figures(expected)
    assert expected.references > len(TEST)
    assert found["bleu_signature"] == expected.bleu_signature
    assert found["reference_files"] == [str(tmp_path / name)]


def test_references_of_several_files_are_joined_and_a_blank_line_has_none(work, tmp_path):
    first = written(tmp_path / "first", ["", *(pair.source for pair in TEST[1:])])
    second = written(tmp_path / "second.jsonl", [json.dumps(["one", "two three"])] * len(TEST))
    found = evaluated(work.run("lstm"), work.test, first, second)
    joined = [[pair.target, pair.source, "one", "two three"] for pair in TEST]
    joined[0].remove(TEST[0].source)
    assert read(found) == figures(score(found["translations"], joined))


def test_from_python_references_are_a_text_or_several_for_each_pair(work, tmp_path):
    run = seqattn.load(work.run("lstm"), device="cpu")
    path = written(tmp_path / "references.jsonl", map(json.dumps, FURTHER))
    found = evaluated(work.run("lstm"), work.test, path)
    for references in (FURTHER, [each[0] for each in FURTHER]):
        assert figures(run.evaluate(work.test, references=references).scores) == read(found)
    with pytest.raises(ValueError, match="references for 20 and 19 sentences"):
        run.evaluate(work.test, references=FURTHER[1:])
    with pytest.raises(ValueError, match="references for 20 and 0 sentences"):
        run.evaluate(work.test, references=[])


def test_references_are_of_what_a_run_of_the_other_direction_produces(work, tmp_path):
    alone = evaluated(work.back("lstm"), work.test)
    same = evaluated(work.back("lstm"), work.test, written(tmp_path / "same", (p.source for p in TEST)))
    assert read(same) == read(alone) == figures(score(alone["translations"], [pair.source for pair in TEST]))
    more = evaluated(work.back("lstm"), work.test, written(tmp_path / "more", TARGETS))
    assert read(more) == figures(score(alone["translations"], [[*pair] for pair in TEST]))
    assert more["references"] > same["references"] == len(TEST)


def test_every_figure_is_shown_with_the_number_of_sentences_and_references(work, tmp_path):
    path = written(tmp_path / "references.jsonl", map(json.dumps, FURTHER))
    arguments = ("evaluate", work.run("lstm"), "--test", work.test, "--references", path)
    shown = {}
    for line in command(*arguments).stdout.splitlines():
        label, _, rest = line.partition("  ")
        shown[label] = rest.split()
    found = json.loads(command(*arguments, "--json", "-").stdout)
    assert shown["BLEU"] == [f"{found['bleu']:.2f}", found["bleu_signature"]]
    assert shown["chrF"] == [f"{found['chrf']:.2f}", found["chrf_signature"]]
    assert shown["exact match"][:2] == [f"{found['exact']:.2f}", "%"]
    assert shown["exact match"][-2:] == [f"{100 - found['exact']:.2f}", "%"]
    assert shown["word error rate"] == [f"{found['wer']:.2f}", "%"]
    assert shown["character error rate"] == [f"{found['cer']:.2f}", "%"]
    assert shown["length ratio"][0] == f"{found['length_ratio']:.3f}"
    assert shown["length ratio"][-1] == f"{found['brevity_penalty']:.3f}"
    assert shown["tested on"] == ["20", "sentences,", str(found["references"]), "references"]


def test_what_scores_on_few_sentences_are_worth_is_said(work, tmp_path):
    few = command("evaluate", work.run("lstm"), "--test", work.test).stderr
    assert "Scores on 20 sentences are rough" in few and "±22 points" in few
    many = write_tsv(tmp_path / "many.tsv", 10 * TEST)
    assert "rough" not in command("evaluate", work.run("lstm"), "--test", many).stderr


def test_a_rate_or_ratio_without_words_is_shown_as_a_dash_and_written_as_null(work, tmp_path):
    test = written(tmp_path / "test.tsv", ["red dog\t"])
    found = evaluated(work.run("lstm"), test)
    assert (found["wer"], found["cer"], found["length_ratio"]) == (None, None, None)
    shown = command("evaluate", work.run("lstm"), "--test", test).stdout.splitlines()
    rates = [line for line in shown if line.startswith(("word error", "character error", "length ratio"))]
    assert [re.split(" {2,}", line)[1] for line in rates] == ["–"] * 3
    assert "tested on             1 sentence, 1 reference" in shown


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ('["a"', "line 3: not JSON"),
        ("", "line 3: not JSON"),
        ("[" * 100_000, "line 3: not JSON: too deep or too large"),
        ('"a"', "line 3: no list of references"),
        ("null", "line 3: no list of references"),
        ('{"source": "a", "target": "b"}', "line 3: no list of references"),
        ('{"p": ["a"], "q": ["b"]}', "line 3: 2 lists where there must be one"),
        ("[]", "line 3: the list of references is empty"),
        ('{"p": []}', "line 3: the list of references is empty"),
        ('["a", 1]', "line 3: a reference is not text"),
        ('{"p": [["a"]]}', "line 3: a reference is not text"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(work, tmp_path, bad, says):
    lines = ['["a"]'] * len(TEST)
    lines[2] = bad
    path = written(tmp_path / "r.jsonl", lines)
    arguments = ("evaluate", work.run("lstm"), "--test", work.test, "--references", path)
    message = error_of(command(*arguments, status=1))
    assert f"{path}, {says}" in message and "write a list of texts" in message


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("short.jsonl", ['["a"]'] * 19, "has 19 lines for 20 test sentences"),
        ("long.txt", ["a"] * 21, "has 21 lines for 20 test sentences"),
        ("none.txt", [], "has 0 lines for 20 test sentences"),
        ("pairs.tsv", [f"{one}\t{two}" for one, two in PAIRS[:20]], "is not a file of references"),
        ("lists.json.gz", ['["a"]'] * 20, "is not a file of references"),
    ],
)
def test_files_that_do_not_fit_the_test_are_refused(work, tmp_path, name, lines, says):
    path = written(tmp_path / name, lines)
    arguments = ("evaluate", work.run("lstm"), "--test", work.test, "--references", path)
    assert f"{path}: {says}" in error_of(command(*arguments, status=1))


def test_references_that_are_missing_or_damaged_are_named(work, tmp_path):
    arguments = ("evaluate", work.run("lstm"), "--test", work.test, "--references")
    missing = tmp_path / "missing.txt"
    assert f"{missing}: cannot be read" in error_of(command(*arguments, missing, status=1))
    damaged = tmp_path / "damaged.gz"
    damaged.write_bytes(b"red dog\n")
    assert f"{damaged}: the gzip data is damaged" in error_of(command(*arguments, damaged, status=1))


@pytest.mark.parametrize("option", ["--json", "--output"])
def test_references_are_not_overwritten(work, tmp_path, option):
    path = written(tmp_path / "references", TARGETS)
    arguments = ("evaluate", work.run("lstm"), "--test", work.test, "--references", path)
    assert "is also an input" in command(*arguments, option, path, status=2).stderr
    assert path.read_text().splitlines() == TARGETS


def test_any_text_that_json_can_hold_is_a_reference(work, tmp_path):
    odd = json.dumps(["\ud800 a", "a\nb", "\u0000", "[bold]x", ""])
    found = evaluated(work.run("lstm"), work.test, written(tmp_path / "odd.jsonl", [odd] * len(TEST)))
    assert found["references"] == 5 * len(TEST)
