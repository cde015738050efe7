"""Full disks and kills at any write: what was good before remains, and training goes on from there."""

import json
import os
import re
import subprocess
import sys
import tempfile
import zipfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from seqattn.data.batching import Example
from seqattn.data.examples import Examples
from seqattn.errors import InputError
from seqattn.files import map_member
from seqattn.locks import LOCK
from seqattn.runs import experiment, folder, metrics, tensors
from seqattn.runs.folder import RunFolder
from seqattn.training.loop import Trainer
from seqattn.writing import append, replacing, write_aside

from commands import error_of, interrupt_after, seqattn, setting, sizes, updates_of, weights_of

resource = pytest.importorskip("resource", reason="needs limits of processes and kills")
PART = "file.0123456789abcdef.part"


@contextmanager
def room(size):
    """No file can grow beyond this size: the system fails a write at this byte."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("size", [0, 1, 9_999])
@pytest.mark.parametrize("length", [10_000, 2_000_000], ids=["in one piece", "in several"])
def test_a_write_that_fails_at_any_byte_leaves_the_old_file_alone(tmp_path, size, length):
    write_aside(tmp_path / "file", b"old")
    with pytest.raises(InputError, match="file: cannot be written: File too large"), room(size):
        write_aside(tmp_path / "file", bytes(length))
    assert (tmp_path / "file").read_bytes() == b"old" and list(tmp_path.iterdir()) == [tmp_path / "file"]


def test_a_temporary_file_without_room_is_an_error_that_says_where_it_is(tmp_path):
    examples = [Example([4, 5, 3], [6, 7, 3])] * 5000
    where = re.escape(tempfile.gettempdir())
    with pytest.raises(InputError, match=f"{where}: cannot hold a temporary file.*TMPDIR"), room(5000):
        Examples(examples)
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("one", bytes(10_000))
    with pytest.raises(InputError, match=f"{where}: cannot hold a temporary file"), room(5000):
        map_member(tmp_path / "x.zip", "one")


@pytest.mark.parametrize("size", [8, 9, 12])
def test_a_line_is_added_whole_or_not_at_all(tmp_path, size):
    append(tmp_path / "lines", b"one two\n")
    with pytest.raises(InputError, match="lines: cannot be written: File too large"), room(size):
        append(tmp_path / "lines", b"three\n")
    assert (tmp_path / "lines").read_bytes() == b"one two\n"


def test_a_leftover_of_a_killed_process_is_removed_and_what_is_being_written_is_not(tmp_path):
    others = ["file.part", "file.1.part", "file.backup.part", f"my{PART}", "file.0123456789abcdef.parts"]
    for name in [PART, *others]:
        (tmp_path / name).write_text("left")
    with replacing(tmp_path / "file") as first:
        assert not (tmp_path / PART).exists()
        first.write(b"first")
        write_aside(tmp_path / "file", b"second")
    assert (tmp_path / "file").read_bytes() == b"first"
    assert {path.name for path in tmp_path.iterdir()} == {"file", *others}


def test_a_file_that_is_replaced_keeps_its_permissions(tmp_path):
    write_aside(tmp_path / "file", b"old")
    (tmp_path / "file").chmod(0o600)
    with replacing(tmp_path / "file") as file:
        assert Path(file.name).stat().st_mode & 0o777 == 0o600
        file.write(b"new")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600


def test_a_file_and_then_its_name_are_on_disk_when_it_has_been_written(tmp_path, monkeypatch):
    done = []
    fsync, replace = os.fsync, os.replace
    kinds = {True: "folder", False: "file"}
    monkeypatch.setattr(
        os, "fsync", lambda fd: (done.append(kinds[Path(f"/proc/self/fd/{fd}").is_dir()]), fsync(fd))
    )
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("rename"), replace(*names)))
    write_aside(tmp_path / "file", b"data")
    assert done == ["file", "rename", "folder"]


def training(work, run):
    """The command that begins a run, or continues it once it has begun."""
    if (run / "config.json").exists():
        return ["train", "--resume", "--out", run]
    how = [*sizes("lstm"), *setting("average=2", "dropout=0.2", "validate_every=2"), "--max-updates", 5]
    return ["train", "--train", work.train, "--arch", "lstm", "--out", run, *how]


def names_in(run):
    return sorted(str(path.relative_to(run)) for path in run.rglob("*"))


def untimed(run):
    return [(line.event, line.update, getattr(line, "loss", None)) for line in RunFolder(run).metrics.read()]


@pytest.fixture(scope="module")
def whole(work, tmp_path_factory):
    """A run that was never interrupted."""
    run = tmp_path_factory.mktemp("whole") / "run"
    seqattn(*training(work, run))
    return run


def expect_alike(run, whole):
    assert weights_of(run) == weights_of(whole)
    assert untimed(run) == untimed(whole)
    assert names_in(run) == names_in(whole)


WRITES = [("tokenizer.model", 1), ("config.json", 1), ("config.json", 2), ("metrics.jsonl", 5)]
WRITES += [("model.safetensors", 2), ("state.safetensors", 1), ("state.safetensors", 3), ("README.md", 1)]


@pytest.mark.parametrize(("name", "number"), WRITES, ids=[f"{name} {number}" for name, number in WRITES])
def test_a_full_disk_at_any_file_is_one_sentence_and_training_goes_on_when_there_is_room(
    work, whole, tmp_path, monkeypatch, name, number
):
    run, seen = tmp_path / "run", []

    def until_full(write):
        def wrapped(path, data):
            seen.extend([path] * (path.name == name))
            full = path.name == name and len(seen) == number
            before = path.stat().st_size if write is append and path.exists() else 0
            with room(before + len(data) // 2) if full else room(resource.RLIM_INFINITY):
                write(path, data)

        return wrapped

    with monkeypatch.context() as patched:
        for module in (folder, metrics, tensors):
            patched.setattr(module, "write_aside", until_full(write_aside))
        patched.setattr(metrics, "append", until_full(append))
        result = seqattn(*training(work, run), status=1)
    error = result.stderr.splitlines()[-1]
    assert error == f"Error: {seen[-1]}: cannot be written: File too large"
    assert len(seen) == number and not list(tmp_path.rglob("*.part")) and not list(tmp_path.rglob(LOCK))
    if not (run / "config.json").exists():
        assert not run.exists()
    seqattn(*training(work, run))
    expect_alike(run, whole)


KILLED = """
import json, os, signal, sys
import torch

from seqattn.runs import metrics, setup
from seqattn_cli.main import main

torch.set_num_threads(1)
# Loads what every copy of this process needs.
torch.optim.AdamW([torch.zeros(1, requires_grad=True)])

def mortal(call, fatal):
    def wrapped(*arguments):
        fatal[0] -= 1
        if fatal[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        answer = call(*arguments)
        fatal[0] -= 1
        if fatal[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer
    return wrapped

begin, resume, config = json.loads(sys.argv[1])
for kills, point in enumerate(range(5, 1000, 17)):
    child = os.fork()
    if not child:
        fatal = [point]
        os.fsync, os.replace = mortal(os.fsync, fatal), mortal(os.replace, fatal)
        metrics.append = mortal(metrics.append, fatal)
        sys.argv = ["seqattn", *(resume if os.path.exists(config) else begin)]
        main()
    status = os.waitpid(child, 0)[1]
    if status != signal.SIGKILL:
        print(kills)
        sys.exit(os.waitstatus_to_exitcode(status))
"""


def test_a_training_killed_again_and_again_ends_as_one_that_was_not(work, whole, tmp_path):

    run = tmp_path / "run"
    begin, resume = training(work, run), ["train", "--resume", "--out", run]
    told = json.dumps([[*map(str, begin)], [*map(str, resume)], str(run / "config.json")])
    done = subprocess.run([sys.executable, "-c", KILLED, told], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and int(done.stdout) >= 3, done.stdout + done.stderr
    expect_alike(run, whole)


def test_what_a_start_that_was_killed_left_is_used_by_the_same_command(work, whole, tmp_path):
    run = tmp_path / "run"
    (run / "last").mkdir(parents=True)
    for name in (LOCK, "tokenizer.model", f"config.json{PART[4:]}", f"last/state.safetensors{PART[4:]}"):
        (run / name).write_text("left")
    seqattn(*training(work, run))
    expect_alike(run, whole)


@pytest.mark.parametrize("names", [["tokenizer.model"], [LOCK, "mine.txt"], [LOCK, "metrics.jsonl"]])
def test_a_folder_that_no_start_left_is_refused_and_stays(work, tmp_path, names):
    (tmp_path / "run").mkdir()
    for name in names:
        (tmp_path / "run" / name).write_text("mine")
    assert "already exists" in error_of(seqattn(*training(work, tmp_path / "run"), status=1))
    assert names_in(tmp_path / "run") == sorted(names)


def test_an_empty_folder_is_filled(work, whole, tmp_path):
    (tmp_path / "run").mkdir()
    seqattn(*training(work, tmp_path / "run"))
    expect_alike(tmp_path / "run", whole)


def fail(*_, **__):
    raise MemoryError


def test_a_run_that_ended_without_its_card_is_continued_until_it_has_one(work, whole, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(experiment, "model_card", fail)
        seqattn(*training(work, tmp_path / "run"), status=1)
    assert not RunFolder(tmp_path / "run").finished
    seqattn(*training(work, tmp_path / "run"))
    expect_alike(tmp_path / "run", whole)


def test_a_validation_after_resuming_that_is_lost_is_not_recorded_twice(work, whole, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        interrupt_after(patched, 4)
        seqattn(*training(work, run), status=130)
    with monkeypatch.context() as patched:
        patched.setattr(RunFolder, "write_last", fail)
        seqattn(*training(work, run), status=1)
    assert untimed(run)[-1][:2] == ("validated", 4)
    seqattn(*training(work, run))
    expect_alike(run, whole)


def test_a_run_that_starts_from_another_is_resumed_before_its_first_validation(work, tmp_path, monkeypatch):
    begin = ["train", "--train", work.train, "--init-from", work.run("lstm"), "--max-updates", 9]
    begin += setting("validate_every=5", "batch_tokens=128", "precision=fp32")
    seqattn(*begin, "--out", tmp_path / "whole")
    own = Trainer._update

    def killed(trainer, group):
        return fail() if trainer.progress.update == 3 else own(trainer, group)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_update", killed)
        seqattn(*begin, "--out", tmp_path / "cut", status=1)
    seqattn("train", "--resume", "--out", tmp_path / "cut")
    assert updates_of(tmp_path / "cut") == list(range(1, 10))
    expect_alike(tmp_path / "cut", tmp_path / "whole")


def test_a_guide_is_made_by_the_command_that_was_killed_while_it_began_a_run_beside(work, tmp_path):
    begun = tmp_path / "run.forward"
    begun.mkdir()
    (begun / LOCK).write_text("1 elsewhere\n")
    how = ["--guide", "self", "--max-updates", 2, *sizes("lstm")]
    seqattn("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run", *how)
    assert RunFolder(begun).finished and RunFolder(tmp_path / "run").finished
