"""One process at a time writes a folder; another is refused, and told who does."""

import errno
import os
import shutil
import signal
import socket
import subprocess
import sys

import pytest

from seqattn.errors import InputError
from seqattn.locks import LOCK, Lock
from seqattn.runs.folder import RunFolder
from seqattn.training.loop import Trainer

from commands import contents, error_of, seqattn, sizes

fcntl = pytest.importorskip("fcntl", reason="Windows has no such locks")
ME = f"is in use by process {os.getpid()} on {socket.gethostname()}"
DYING = """
import os, signal, sys
from pathlib import Path
from seqattn.locks import LOCK, Lock

lock = Lock(Path(sys.argv[1]), "")
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("seqattn.locks.PATIENCE", 0.0)


def test_a_folder_in_use_is_refused_with_the_process_and_host_until_it_is_released(tmp_path):
    lock = Lock(tmp_path, "wait")
    with pytest.raises(InputError, match=ME):
        Lock(tmp_path, "wait")
    lock.release()
    assert list(tmp_path.iterdir()) == []
    Lock(tmp_path, "wait").release()


def test_the_lock_of_a_process_that_was_killed_is_no_obstacle(tmp_path):
    done = subprocess.run([sys.executable, "-c", DYING, tmp_path], check=False)
    assert done.returncode == -signal.SIGKILL and (tmp_path / LOCK).read_text().endswith("\n")
    lock = Lock(tmp_path, "")
    assert (tmp_path / LOCK).read_text() == f"{os.getpid()} {socket.gethostname()}\n"
    lock.release()


def test_a_lock_whose_holder_is_not_written_yet_is_still_one(tmp_path):
    lock = Lock(tmp_path, "")
    (tmp_path / LOCK).write_text("")
    with pytest.raises(InputError, match="is in use by another process"):
        Lock(tmp_path, "")
    lock.release()


def test_a_link_in_place_of_a_lock_is_not_written_through(tmp_path):
    (tmp_path / "mine").write_text("mine")
    (tmp_path / LOCK).symlink_to(tmp_path / "mine")
    with pytest.raises(InputError, match="lock: cannot be written"):
        Lock(tmp_path, "")
    assert (tmp_path / "mine").read_text() == "mine"


def test_where_files_have_no_locks_nobody_is_kept_away(tmp_path, monkeypatch):
    def without(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", without)
    locks = [Lock(tmp_path, ""), Lock(tmp_path, "")]
    for lock in locks:
        lock.release()
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_another_process_trains_is_neither_resumed_nor_changed(work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work.run("lstm"), run)
    lock = RunFolder(run).lock()
    before = contents(run)
    message = error_of(seqattn("train", "--resume", "--out", run, "--max-updates", 44, status=1))
    assert ME in message and str(run) in message
    assert contents(run) == before
    lock.release()
    seqattn("train", "--resume", "--out", run, "--max-updates", 41)


@pytest.mark.parametrize("resumed", [False, True], ids=["a new run", "a resumed run"])
def test_a_run_is_in_use_while_it_is_trained_and_not_afterwards(work, tmp_path, monkeypatch, resumed):
    run, seen = tmp_path / "run", []
    command = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--out", run]
    if resumed:
        seqattn(*command, "--max-updates", 2)
        command = ["train", "--resume", "--out", run]
    own = Trainer._update

    def observed(trainer, group):
        with pytest.raises(InputError, match=ME) as caught:
            RunFolder(run).lock()
        seen.append(caught.value)
        return own(trainer, group)

    monkeypatch.setattr(Trainer, "_update", observed)
    seqattn(*command, "--max-updates", 4)
    assert len(seen) == (2 if resumed else 4) and not (run / LOCK).exists()
    RunFolder(run).lock().release()
