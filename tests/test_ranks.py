"""Several processes train one model as one process does with larger updates."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from seqattn.runs.folder import RunFolder

from commands import BOTH, compared_runs, comparing, seqattn, setting, sizes

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed")

TOGETHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def together(*arguments, **options):
    """Start two processes over gloo, as a user does."""
    words = [*TOGETHER, "-m", "seqattn", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def finished(process, status=0, shown="^$"):
    output, errors = process.communicate(timeout=300)
    assert (process.returncode == 0) == (status == 0), errors
    assert re.search(shown, output)
    return errors


def updated(run):
    return [line for line in RunFolder(run).metrics.read() if line.event == "updated"]


def validated(run):
    return [line for line in RunFolder(run).metrics.read() if line.event == "validated"]


@BOTH
def test_two_processes_train_as_one_with_twice_the_batches_in_an_update(work, tmp_path, architecture):
    how = [
        "--train",
        work.train,
        "--arch",
        architecture,
        *sizes(architecture),
        *setting("dropout=0", "ema=0.9"),
    ]
    errors = finished(together("train", *how, "--max-updates", 20, "--out", tmp_path / "two"))
    # Only the first process speaks.
    assert errors.count("Written to") == 1
    seqattn("train", *how, "--max-updates", 20, *setting("accumulate=2"), "--out", tmp_path / "one")
    one, two = (RunFolder(tmp_path / name) for name in ("one", "two"))
    for expected, found in zip(updated(one.path), updated(two.path), strict=True):
        assert (found.update, found.epoch, found.tokens) == (expected.update, expected.epoch, expected.tokens)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    for expected, found in zip(validated(one.path), validated(two.path), strict=True):
        assert (found.update, found.bleu, found.chrf) == (expected.update, expected.bleu, expected.chrf)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    (expected, _), (found, _) = one.read_last(), two.read_last()
    for name, tensor in expected.items():
        if name.startswith(("weights.", "mean.")):
            torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-5)


def test_two_processes_train_each_run_of_a_comparison(work, tmp_path):
    asked = comparing(work, tmp_path / "two", "--seeds", "1,2", *setting("lstm.dropout=0"))
    errors = finished(together(*asked), shown="is better than|No difference")
    assert errors.count("The comparison is in") == 1
    alone = comparing(work, tmp_path / "one", "--seeds", "1,2", *setting("lstm.dropout=0", "accumulate=2"))
    seqattn(*alone)
    one, two = compared_runs(tmp_path / "one"), compared_runs(tmp_path / "two")
    assert [len(updated(run)) for run in two.values()] == [8, 8, 8, 8]
    for seed in (1, 2):
        expected, found = updated(one["lstm", seed]), updated(two["lstm", seed])
        assert [line.loss for line in found] == pytest.approx([line.loss for line in expected], abs=1e-5)


def test_two_processes_train_the_runs_after_one_that_cannot_be_trained(work, tmp_path):
    wild = setting("lstm.learning_rate=1e30", "lstm.clip=0")
    errors = finished(together(*comparing(work, tmp_path / "out", *wild)), status=1)
    assert "1 of 2 runs did not finish training (choose" in " ".join(errors.split())
    assert "lost the others" not in errors
    assert RunFolder(tmp_path / "out" / "transformer" / "seed-1").finished


POSIX = pytest.mark.skipif(os.name != "posix", reason="signals to groups of processes")


def begun(work, out, *options):
    """A training by two processes that has validated once, and its process."""
    process = together(
        *("train", "--train", work.train, "--arch", "lstm", "--out", out, "--max-minutes", 5),
        *sizes("lstm"),
        *setting("patience=0", *options),
        start_new_session=True,
    )
    wait_for(Path(out) / "last" / "state.safetensors", process)
    return process


def wait_for(file, process):
    while not file.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.2)


@POSIX
def test_ctrl_c_saves_for_any_number_of_processes_to_resume(work, tmp_path):
    process = begun(work, tmp_path / "run")
    os.killpg(process.pid, signal.SIGINT)
    errors = finished(process, status=130)
    assert errors.count("Interrupted after") == 1 and "lost the others" not in errors
    before = updated(tmp_path / "run")[-1].update
    moved = tmp_path / "moved.tsv"
    work.train.rename(moved)
    try:
        again = together(
            *("train", "--resume", "--out", tmp_path / "run", "--max-updates", before + 5, "--train", moved)
        )
        assert f"after {before:,} updates" in finished(again)
    finally:
        moved.rename(work.train)
    seqattn("train", "--resume", "--out", tmp_path / "run", "--max-updates", before + 7, "--device", "cpu")
    assert [line.update for line in updated(tmp_path / "run")] == list(range(1, before + 8))


@POSIX
def test_ctrl_c_saves_a_comparison_and_ends_all_of_its_processes(work, tmp_path):
    out = tmp_path / "out"
    asked = comparing(work, out, *setting("patience=0"), updates=10**6)
    process = together(*asked, start_new_session=True)
    wait_for(out / "lstm" / "seed-1" / "last" / "state.safetensors", process)
    os.killpg(process.pid, signal.SIGINT)
    errors = finished(process, status=130)
    assert errors.count("Interrupted and saved") == 1
    assert "Error: process" not in errors and "lost the others" not in errors
    assert updated(out / "lstm" / "seed-1") and not (out / "transformer" / "seed-1" / "last").exists()


@POSIX
def test_a_process_that_dies_ends_the_others_with_a_sentence_and_a_state_that_resumes(work, tmp_path):
    process = begun(work, tmp_path / "run")
    listed = subprocess.check_output(["ps", "-o", "pid=", "--ppid", str(process.pid)], text=True)
    os.kill(int(listed.split()[-1]), signal.SIGKILL)
    errors = finished(process, status=1)
    # The one traceback is torchrun's.
    assert "seqattn_cli" not in errors and errors.count("Error: process") == 1
    assert re.search("process 1 of 2 (lost the others|was told to end).*by --resume", errors)
    saved = RunFolder(tmp_path / "run").read_last()[1]["progress"]["update"]
    resumed = together("train", "--resume", "--out", tmp_path / "run", "--max-updates", saved + 4)
    assert f"after {saved:,} updates" in finished(resumed)


@pytest.mark.parametrize("option", [["runs/a", "runs/b"], ["--jobs", "2"]])
def test_what_several_processes_cannot_compare_is_refused(monkeypatch, option):
    pretend_two(monkeypatch)
    assert "leave out torchrun" in seqattn("compare", *option, "--test", "test.tsv", status=2).stderr


def pretend_two(monkeypatch):
    for name, value in {"RANK": 0, "WORLD_SIZE": 2, "MASTER_ADDR": "localhost", "MASTER_PORT": 1}.items():
        monkeypatch.setenv(name, str(value))


@pytest.mark.parametrize("option", [["--guide", "self"], ["--monolingual", "x.txt"], ["--teacher", "x"]])
def test_what_one_process_must_do_first_is_refused(work, tmp_path, monkeypatch, option):
    pretend_two(monkeypatch)
    result = seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run", *option), status=2
    )
    assert "leave out torchrun" in result.stderr
