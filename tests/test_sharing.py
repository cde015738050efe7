"""How threads wait for each other on a machine that others use."""

import os
import subprocess
import sys

import pytest

from seqattn import sharing
from seqattn.sharing import CROWDED, QUIET, busy_cores, limit_spinning

from commands import sizes

CORES = os.cpu_count() or 1


@pytest.mark.parametrize(
    ("threads", "busy", "crowded"),
    [
        (8, 0.4, False),
        (8, 0.6, True),
        (None, 8.0, True),
        (6, 2.4, False),
        (6, 2.6, True),
        (99, 0.4, False),
        (8, None, False),
    ],
)
def test_threads_fall_asleep_earlier_if_other_programs_need_their_cores(monkeypatch, threads, busy, crowded):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    environment = {}
    assert limit_spinning(threads, environment, lambda: busy) == (busy if crowded else None)
    assert environment == (CROWDED if crowded else QUIET)


def test_one_thread_waits_for_none(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    environment = {}
    assert limit_spinning(1, environment, lambda: 8.0) is None
    assert environment == {}


@pytest.mark.parametrize("name", ["OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME"])
def test_a_users_own_setting_is_left(name):
    environment = {name: "ACTIVE"}
    assert limit_spinning(8, environment, lambda: 99.0) is None
    assert environment == {name: "ACTIVE"}


@pytest.mark.parametrize(("busy", "idle"), [(100, 0), (0, 100), (25, 75)])
def test_the_load_is_what_the_cores_did_in_the_meantime(monkeypatch, tmp_path, busy, idle):
    file = tmp_path / "stat"
    file.write_text("cpu  10 20 30 400 50 0 5 0 7 8\ncpu0 1 1 1 1\n")
    monkeypatch.setattr(sharing, "PROC_STAT", file)
    monkeypatch.setattr(
        sharing.time,
        "sleep",
        lambda _: file.write_text(f"cpu  {10 + busy} 20 30 400 {50 + idle} 0 5 0 99 99\n"),
    )
    assert busy_cores() == pytest.approx(CORES * busy / 100)


def test_the_threads_that_openmp_is_told_to_use_are_those_that_count():
    environment = {"OMP_NUM_THREADS": "1"}
    assert limit_spinning(None, environment, lambda: 99.0) is None
    assert limit_spinning(2, environment, lambda: 99.0) == (99.0 if CORES > 1 else None)


PROGRAM = """
import os, sys
import seqattn.sharing

def busy():
    assert "torch" not in sys.modules, "OpenMP is loaded, and has read its settings"
    return 1.5

seqattn.sharing.busy_cores = busy
os.cpu_count = lambda: 2
from seqattn_cli.main import main
main()
"""


def test_training_says_how_its_threads_wait_and_decides_before_torch_is_loaded(work, tmp_path):
    command = ["train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run", "--threads", 2]
    arguments = [*command, "--max-updates", 1, *sizes("lstm")]
    environment = {name: value for name, value in os.environ.items() if name not in sharing.OWN_SETTINGS}
    found = subprocess.run(
        [sys.executable, "-c", PROGRAM, *map(str, arguments)],
        env=environment,
        check=True,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert "1.5 of 2 cores busy: threads that wait for each other fall asleep early" in " ".join(
        found.stderr.split()
    )


def test_the_load_is_unknown_where_the_system_does_not_tell_it(monkeypatch, tmp_path):
    monkeypatch.setattr(sharing, "PROC_STAT", tmp_path / "none")
    assert busy_cores() is None
