"""Signals and closed terminals: the first saves, the second stops at once."""

import errno
import os
import signal
import subprocess
import sys

import pytest
from seqattn_cli import signals
from seqattn_cli.views.live import PlainLog

from seqattn.decoding.translation import Translator
from seqattn.locks import LOCK
from seqattn.runs.folder import RunFolder

from commands import interrupt_after, seqattn, sizes, updates_of

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals are sent that only POSIX systems have")
NUMBERS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def training(work, run):
    return ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--out", run]


def ends_resumable(run, update):
    assert updates_of(run) == list(range(1, update + 1))
    seqattn("train", "--resume", "--out", run, "--max-updates", update + 1)
    assert updates_of(run) == list(range(1, update + 2))


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_saves_a_run_that_resumes(work, tmp_path, monkeypatch, number):
    before = [signal.getsignal(one) for one in NUMBERS]
    with monkeypatch.context() as patched:
        interrupt_after(patched, 3, number)
        result = seqattn(*training(work, tmp_path / "run"), status=128 + number)
    assert "Interrupted after 3 updates and saved" in result.stderr
    assert [signal.getsignal(one) for one in NUMBERS] == before
    ends_resumable(tmp_path / "run", 3)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_second_signal_stops_at_once_and_the_last_state_remains(work, tmp_path, monkeypatch, number):
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        patched.setattr(signals, "ONE_SIGNAL", -1.0)
        interrupt_after(patched, 10, signal.SIGINT, number)
        result = seqattn(*training(work, run), status=128 + number)
    assert result.stderr.splitlines()[-1] == "Stopped."
    assert RunFolder(run).read_last()[1]["progress"]["update"] == 8
    assert not list(run.rglob("*.part")) and not (run / LOCK).exists()
    seqattn("train", "--resume", "--out", run, "--max-updates", 9)
    assert updates_of(run) == list(range(1, 10))


def test_what_nohup_ignores_does_not_interrupt(work, tmp_path, monkeypatch):
    interrupt_after(monkeypatch, 1, signal.SIGHUP)
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        seqattn(*training(work, tmp_path / "run"), "--max-updates", 2)
    finally:
        assert signal.signal(signal.SIGHUP, before) is signal.SIG_IGN


@pytest.mark.parametrize("error", [OSError(errno.EIO, "Input/output error"), SystemExit(1)], ids=type)
def test_a_training_whose_progress_nobody_can_read_is_saved(work, tmp_path, monkeypatch, error):
    def closed(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(PlainLog, "add", closed)
        seqattn(*training(work, tmp_path / "run"), status=1)
    ends_resumable(tmp_path / "run", 1)


def test_a_training_in_a_terminal_that_was_closed_is_saved(work, tmp_path, monkeypatch):
    own = signals.Interruption.note

    def closed(*_, **__):
        raise OSError(errno.EIO, "Input/output error")

    def noted(interruption, number):
        patched.setattr("rich.console.Console.print", closed)
        return own(interruption, number)

    with monkeypatch.context() as patched:
        interrupt_after(patched, 2, signal.SIGHUP)
        patched.setattr(signals.Interruption, "note", noted)
        seqattn(*training(work, tmp_path / "run"), status=128 + signal.SIGHUP)
    ends_resumable(tmp_path / "run", 2)


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_during_a_translation_leaves_the_old_file_and_no_part(work, tmp_path, monkeypatch, number):
    output = tmp_path / "output.txt"
    output.write_text("old\n")

    def interrupted(*_):
        assert len(list(tmp_path.iterdir())) == 2
        signal.raise_signal(number)

    monkeypatch.setattr(Translator, "translate_chunks", interrupted)
    with signals.handled(signals.stop):
        command = ["translate", work.run("lstm"), work.source, "--output", output]
        result = seqattn(*command, status=128 + number)
    assert result.stderr == "Stopped.\n"
    assert output.read_text() == "old\n" and list(tmp_path.iterdir()) == [output]


def test_a_closed_pipe_ends_a_translation_quietly(work):
    process = subprocess.Popen(
        [sys.executable, "-m", "seqattn_cli.main", "translate", str(work.run("lstm"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    process.stdout.close()
    _, errors = process.communicate("red dog\n" * 50)
    assert (process.returncode, errors) == (1, "")
