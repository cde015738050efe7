"""Runs written by version 0.1.0 (tests/frozen/format1) load, resume and give the same results as there.

The files in that folder are never regenerated: they represent the runs that users have.
"""

import json
import math
import shutil
from pathlib import Path

import pytest

from commands import seqattn

FROZEN = Path(__file__).parent / "frozen" / "format1"
BOTH = pytest.mark.parametrize("name", ["lstm", "transformer"])
TEST = FROZEN / "test.tsv"


def expected(name):
    return json.loads((FROZEN / f"{name}.expected.json").read_text(encoding="utf-8"))


@pytest.fixture
def sources(tmp_path):
    path = tmp_path / "sources.txt"
    lines = TEST.read_text(encoding="utf-8").splitlines()
    path.write_text("".join(line.split("\t")[0] + "\n" for line in lines), encoding="utf-8")
    return path


@BOTH
def test_a_frozen_run_translates_as_it_did(name, sources):
    answer = seqattn("translate", FROZEN / name, sources, "--format", "jsonl", "--nbest", 2).stdout
    found, known = map(json.loads, answer.splitlines()), expected(name)["translations"]
    for one, other in zip(found, known, strict=True):
        assert one["source"] == other["source"]
        for mine, theirs in zip(one["translations"], other["translations"], strict=True):
            assert mine["text"] == theirs["text"]
            assert math.isclose(mine["log_probability"], theirs["log_probability"], rel_tol=1e-3)
            assert math.isclose(mine["score"], theirs["score"], rel_tol=1e-3)


@BOTH
def test_a_frozen_run_translates_in_int8_as_it_did(name, sources):
    answer = seqattn("translate", FROZEN / name, sources, "--precision", "int8", "--beam", 1).stdout
    assert answer.splitlines() == expected(name)["int8"]


@BOTH
def test_a_frozen_run_links_words_as_it_did(name):
    assert seqattn("align", FROZEN / name, "--pairs", TEST).stdout.splitlines() == expected(name)["links"]


@BOTH
def test_a_frozen_run_scores_as_it_did(name):
    figures = json.loads(seqattn("evaluate", FROZEN / name, "--test", TEST, "--json", "-").stdout)
    for measure, value in expected(name)["evaluated"].items():
        assert math.isclose(figures[measure], value, rel_tol=1e-6), measure


@BOTH
def test_a_frozen_run_resumes_as_it_did(name, tmp_path):
    run = shutil.copytree(FROZEN / name, tmp_path / name)
    corpora = ("--train", FROZEN / "train.tsv", "--valid", FROZEN / "valid.tsv")
    seqattn("train", "--resume", "--out", run, *corpora, "--max-updates", 180)
    events = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    losses = [event["loss"] for event in events if event["event"] == "updated" and event["update"] > 160]
    assert losses == pytest.approx(expected(name)["resumed"], rel=1e-3)


@BOTH
def test_info_describes_a_frozen_run(name):
    output = seqattn("info", FROZEN / name).stdout
    assert name in output
    assert "160" in output
