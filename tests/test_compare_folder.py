"""The folder of a comparison: what is kept in it, added to it, and never lost or overwritten."""

import json
import os
import shutil

import pytest

from seqattn.comparison.folder import ComparisonFolder
from seqattn.errors import InputError

from commands import TEST, comparing, contents, error_of, seqattn, weights_of
from runs import write_tsv

posix = pytest.mark.skipif(os.name != "posix", reason="folders can be locked only on POSIX systems")


def test_translations_are_kept_line_by_line_and_made_again_only_when_asked_for_otherwise(
    work, compared, tmp_path
):
    out = tmp_path / "copy"
    shutil.copytree(compared[0], out)
    run = out / "lstm" / "seed-1"
    expected = seqattn("translate", run, work.source).stdout
    assert run.with_suffix(".txt").read_text(encoding="utf-8") == expected
    kept = run.with_suffix(".json")
    before = contents(out)
    seqattn("compare", out, "--json", tmp_path / "json")
    assert contents(out) == before
    for field in ("seconds", "output_ids"):
        values = json.loads(kept.read_text())
        kept.write_text(json.dumps(values | {field: -3}))
        seqattn("compare", out, "--json", tmp_path / "json")
        assert json.loads(kept.read_text())[field] > 0
    kept.write_text(kept.read_text().replace('"beam": 5', '"beam": 4'))
    seqattn("compare", out, "--json", tmp_path / "json")
    assert json.loads(kept.read_text())["made"]["beam"] == 5
    run.with_suffix(".txt").write_text("changed by hand\n" * expected.count("\n"))
    seqattn("compare", out, "--json", tmp_path / "json")
    assert run.with_suffix(".txt").read_text(encoding="utf-8") == expected


def test_another_comparison_in_the_same_folder_is_refused_with_what_differs(work, compared):
    out = compared[0]
    before = contents(out)
    message = error_of(seqattn(*comparing(work, out, "--seeds", "1,2", updates=9), status=1))
    assert "differs in settings" in message and str(out) in message
    more = "--system", "lstm:layers=2"
    for command in (comparing(work, out, *more), ["compare", "--out", out, *more]):
        assert "differs in system lstm" in error_of(seqattn(*command, status=1))
    assert contents(out) == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 9}', "has format 9"),
        ('{"format": 1, "plan": {}}', "is damaged"),
        ('{"format": 1, "plan": []}', "is damaged"),
        ("[" * 100_000, "is damaged"),
        ('{"format": true}', "has format True"),
        ('{"format": 1, "plan": {"seeds": [Infinity]}}', "is damaged"),
    ],
    ids=["empty", "list", "format", "plan", "kind", "deep", "true", "infinity"],
)
def test_a_damaged_record_of_a_comparison_is_a_one_line_error(tmp_path, text, message):
    (tmp_path / "comparison.json").write_text(text)
    for command in (["compare", tmp_path], ["compare", "--out", tmp_path]):
        found = error_of(seqattn(*command, status=1))
        assert "comparison.json" in found and message in found


@posix
def test_a_comparison_on_which_another_process_works_is_left_alone(work, compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    shutil.rmtree(out / "lstm" / "seed-2")
    with ComparisonFolder(out).alone():
        before = contents(out)
        for command in (
            ["compare", "--out", out, "--seeds", "7"],
            comparing(work, out, "--system", "hybrid"),
        ):
            assert f"is in use by process {os.getpid()} on " in error_of(seqattn(*command, status=1))
        assert contents(out) == before and not (out / "hybrid").exists()
    assert "2 models" in seqattn("compare", "--out", out, "--threads", 1).stdout


def test_seeds_and_systems_are_added_to_a_folder_and_none_is_lost(work, compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    result = seqattn("compare", "--out", out, "--system", "none:arch=lstm,score=none", "--threads", 1)
    assert "4 of 6 runs are trained already" in result.stderr
    assert "No attention to show: none" in result.stdout
    result = seqattn(*comparing(work, out, "--seeds", "3", "--no-baselines", "--system", "transformer"))
    assert "6 of 9 runs are trained already" in result.stderr
    plan, _ = ComparisonFolder(out).read()
    assert [one.name for one in plan.recipes] == ["lstm", "transformer", "none"]
    assert plan.seeds == (1, 2, 3)


@pytest.mark.parametrize("left", ["nothing", "a part", "a link"])
def test_a_folder_is_used_that_a_killed_comparison_left_without_a_record(work, tmp_path, left):
    out, folder = tmp_path / "out", tmp_path / "folder"
    folder.mkdir()
    out.symlink_to(folder) if left == "a link" else folder.rename(out)
    if left == "a part":
        (out / "comparison.json.123.part").write_text('{"for')
    seqattn(*comparing(work, out, updates=1))
    assert ComparisonFolder(out).read()[0].seeds == (1,)


def test_a_folder_is_not_left_behind_by_a_comparison_that_is_refused(work, tmp_path):
    command = comparing(work, tmp_path / "out", "--set", "max_length=1")
    assert "more than 1 pieces" in error_of_last(seqattn(*command, status=1))
    assert not (tmp_path / "out").exists()


def error_of_last(result):
    return result.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--json", "OUT/comparison.json"], "is part of"),
        (["--json", "OUT/lstm/seed-1/model.safetensors"], "is part of"),
        (["--markdown", "OUT/lstm/seed-9.txt"], "is part of"),
        (["--json", "same", "--markdown", "./same"], "must be different files"),
        (["--json", "-", "--latex", "-"], "must be different files"),
        (["--json", "nowhere/file"], "no such folder"),
        (["--json", "."], "is a directory"),
    ],
    ids=str,
)
def test_an_output_never_replaces_a_part_of_a_comparison_or_another_output(
    compared, tmp_path, monkeypatch, options, message
):
    shutil.copytree(compared[0], tmp_path / "OUT")
    monkeypatch.chdir(tmp_path)
    before = contents(tmp_path)
    for command in (["OUT"], ["--out", "OUT"]):
        result = seqattn(
            "compare", *command, *options, status=1 if "directory" in message or "folder" in message else 2
        )
        assert message in " ".join(result.stderr.split()) and "translating" not in result.stderr
    result = seqattn(
        "compare", "OUT/lstm/seed-1", "--test", "x", "--json", "OUT/lstm/seed-1/config.json", status=2
    )
    assert "is part of OUT/lstm/seed-1" in " ".join(result.stderr.split())
    assert contents(tmp_path) == before


def test_an_output_never_replaces_the_settings_and_may_be_in_the_folder_that_will_be_made(work, tmp_path):
    settings, out = tmp_path / "settings.toml", tmp_path / "out"
    settings.write_text("max_updates = 1")
    refused = comparing(work, out, "--config", settings, "--json", settings)
    assert "is also an input" in seqattn(*refused, status=2).stderr
    assert settings.read_text() == "max_updates = 1" and not out.exists()
    seqattn(*comparing(work, out, "--json", out / "figures.json", updates=1))
    assert len(json.loads((out / "figures.json").read_text())["systems"]) == 2


def test_an_output_never_replaces_a_part_of_what_is_given(work, compared, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("b", "c"):
        shutil.copytree(compared[0], name)
    before = contents(tmp_path)
    run = "c/lstm/seed-1"
    for command in (["--out", "b", "--system", f"g={run}"], [run, "b/lstm/seed-1", "--test", work.test]):
        for path in (f"{run}/config.json", "c/comparison.json", "c/lstm/seed-1.json", "c/lstm/seed-2.txt"):
            assert "is part of" in seqattn("compare", *command, "--json", path, status=2).stderr
    given = "--out", "b", "--system", "g=c", "--markdown", "c/comparison.json"
    assert "is part of" in seqattn("compare", *given, status=2).stderr
    assert contents(tmp_path) == before
    new = comparing(work, tmp_path / "new", "--json", tmp_path / "new")
    assert "is a directory" in error_of(seqattn(*new, status=1)) and not (tmp_path / "new").exists()


def test_settings_of_a_comparison_that_exists_cannot_be_changed(compared):
    for options in (["--max-updates", 9], ["--set", "width=32"], ["--valid", "x"]):
        said = " ".join(seqattn("compare", "--out", compared[0], *options, status=2).stderr.split())
        assert "settings stay as they are" in said and "bundled" not in said


def test_systems_whose_names_differ_only_in_case_are_refused(work, compared, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("a\n" * len(TEST))
    for named in ("LSTM:arch=lstm", f"LSTM={lines}"):
        message = error_of(seqattn("compare", "--out", compared[0], "--system", named, status=1))
        assert "two systems with the name" in message


@posix
def test_of_two_that_begin_one_comparison_at_once_one_goes_on(tmp_path):
    folder = ComparisonFolder(tmp_path / "out")
    with folder.alone():
        with pytest.raises(InputError, match="is in use by process"), folder.alone():
            pass
        (tmp_path / "out" / "comparison.json").write_text("{}")
    assert (tmp_path / "out" / "comparison.json").exists()


def test_the_first_command_of_a_comparison_stays_in_its_record(compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    record = json.loads((out / "comparison.json").read_text())
    (out / "comparison.json").write_text(json.dumps(record | {"command": ["seqattn", "first"]}))
    seqattn("compare", "--out", out)
    assert json.loads((out / "comparison.json").read_text())["command"] == ["seqattn", "first"]


def test_a_comparison_without_a_trained_run_is_no_system(work, compared, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    shutil.copy(compared[0] / "comparison.json", empty)
    given = comparing(work, tmp_path / "out", "--system", f"g={empty}")
    for command in (given, ["compare", empty, empty], ["compare", empty, work.run("lstm")]):
        message = error_of(seqattn(*command, status=1))
        assert "has no trained run yet" in message and str(empty) in message
    assert not (tmp_path / "out").exists()


def test_systems_that_exist_are_checked_before_anything_is_trained(work, compared, tmp_path):
    lines = tmp_path / "lines.txt"
    lines.write_text("a\n" * len(TEST))
    for given, message in (
        (f"g={tmp_path}", "is not a run"),
        (f"g={work.back('lstm')}", "in the other direction"),
        (f"g={lines},{work.test}", "one file of translations"),
    ):
        assert message in error_of(seqattn(*comparing(work, tmp_path / "out", "--system", given), status=1))
    out = tmp_path / "copy"
    shutil.copytree(compared[0], out)
    for command in (["compare", "--out", out], ["compare", out]):
        message = error_of(seqattn(*command, "--system", f"lstm={lines}", status=1))
        assert "two systems with the name 'lstm'" in message
    assert not (tmp_path / "out").exists()


def test_a_comparison_whose_runs_were_trained_otherwise_is_not_added_to(compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    path = out / "lstm" / "seed-1" / "config.json"
    config = json.loads(path.read_text())
    config["training"] |= {"optimizer": "muon", "weight_decay": 0.25}
    path.write_text(json.dumps(config))
    message = error_of(seqattn("compare", "--out", out, "--seeds", "1,2,3", status=1))
    assert f"{path.parent}: has another optimizer and weight_decay than this comparison asks for" in message


@pytest.mark.parametrize("lost", ["model.safetensors", "config.json", "last"])
def test_a_run_whose_files_are_lost_is_an_error_with_a_remedy_that_works(compared, tmp_path, lost):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    run = out / "lstm" / "seed-1"
    if lost == "last":
        # Of a run that is not finished.
        shutil.rmtree(run / "last")
        lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
        line = next(line for line in lines if '"validated"' in line)
        (run / "metrics.jsonl").write_text("".join([*lines[:-1], line]))
    else:
        (run / lost).unlink()
    message = error_of(seqattn("compare", "--out", out, status=1))
    assert f"{lost}" in message and "delete this folder" in message and str(run) in message
    shutil.rmtree(run)
    seqattn("compare", "--out", out, "--threads", 1)
    assert weights_of(run) == weights_of(compared[0] / "lstm" / "seed-1")


def test_translations_of_another_test_set_are_not_kept_and_not_compared_with_given_ones(
    work, compared, tmp_path
):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    given = tmp_path / "given.txt"
    given.write_text("a\n" * len(TEST))
    seqattn("compare", "--out", out, "--system", f"tool={given}")
    before = contents(out)
    other = write_tsv(tmp_path / "other.tsv", TEST[::-1])
    result = seqattn("compare", out, "--test", other, "--json", "-")
    assert [one["name"] for one in json.loads(result.stdout)["systems"]] == ["lstm", "transformer"]
    assert contents(out) == before
    assert "is also an input" in seqattn("compare", out, "--markdown", work.test, status=2).stderr


def test_the_runs_that_are_missing_are_said(compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    shutil.rmtree(out / "lstm")
    (out / "transformer" / "seed-2" / "model.safetensors").unlink()
    lines = (out / "transformer" / "seed-2" / "metrics.jsonl").read_text().splitlines(keepends=True)
    (out / "transformer" / "seed-2" / "metrics.jsonl").write_text("".join(lines[:-1]))
    result = seqattn("compare", out, "--json", "-")
    assert "3 of 4 runs not finished; continue with: seqattn compare --out" in " ".join(result.stderr.split())
    (system,) = json.loads(result.stdout)["systems"]
    assert system["name"] == "transformer" and len(system["members"]) == 1
    shutil.rmtree(out / "transformer")
    assert "no trained run yet" in error_of_last(seqattn("compare", out, status=1))
