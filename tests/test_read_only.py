"""Folders that may be read and not written, as those of a shared installation or of a read-only disk."""

import ctypes
import json
import os
import shutil
import subprocess
import sys

import pytest

from commands import contents

ROOT = hasattr(os, "geteuid") and os.geteuid() == 0
pytestmark = [
    pytest.mark.skipif(os.name != "posix", reason="needs permissions of folders"),
    pytest.mark.skipif(ROOT and sys.platform != "linux", reason="this user may write everywhere"),
]

EACH = """
import json, sys
from click.testing import CliRunner
from seqattn_cli.main import cli
for command in json.loads(sys.argv[1]):
    result = CliRunner().invoke(cli, command)
    told = [result.exit_code, result.stdout, result.stderr, repr(result.exception)]
    print("result", json.dumps(told), flush=True)
"""


def give_up_override():
    """Let permissions hold for the superuser too, in a process that is about to start another program."""
    bounding_set_drop, override, search = 24, 1, 2
    libc = ctypes.CDLL(None)
    for capability in (override, search):
        assert libc.prctl(bounding_set_drop, capability, 0, 0, 0) == 0


def each(*commands, folder):
    """The exit status, output and messages of commands, run while nothing in a folder may be changed."""
    inside = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
    for path in inside:
        path.chmod(0o555)
    try:
        done = subprocess.run(
            [sys.executable, "-c", EACH, json.dumps([[*map(str, command)] for command in commands])],
            capture_output=True,
            text=True,
            check=False,
            preexec_fn=give_up_override if ROOT else None,
        )
    finally:
        for path in inside:
            path.chmod(0o755)
    told = [line.removeprefix("result ") for line in done.stdout.splitlines() if line.startswith("result ")]
    assert len(told) == len(commands), done.stderr
    return [json.loads(line) for line in told]


def test_a_run_that_may_not_be_written_can_be_used(work, tmp_path):
    run, before = work.run("lstm"), contents(work.run("lstm"))
    out = tmp_path / "out.txt"
    commands = [
        ["translate", run, work.source],
        ["translate", run, work.source, "--output", out],
        ["evaluate", run, "--test", work.test],
        ["align", run, "--pairs", work.test],
        ["info", run],
        ["compare", run, work.run("transformer"), "--test", work.test],
    ]
    results = each(*commands, folder=work.path)
    for command, (status, _, messages, raised) in zip(commands, results, strict=True):
        assert status == 0, (command, messages, raised)
    assert results[0][1] and out.read_text(encoding="utf-8") == results[0][1]
    assert contents(run) == before


def test_what_cannot_be_written_is_one_sentence_and_leaves_nothing_behind(work, tmp_path):
    folder = tmp_path / "shared"
    (folder / "empty").mkdir(parents=True)
    (folder / "old.txt").write_text("old")
    fresh = ["train", "--train", work.train, "--arch", "lstm", "--max-updates", 1]
    commands = [
        [*fresh, "--out", folder / "run"],
        [*fresh, "--out", folder / "empty"],
        ["compare", "--train", work.train, "--test", work.test, "--max-updates", 1, "--out", folder / "both"],
        ["translate", work.run("lstm"), work.source, "--output", folder / "new.txt"],
        ["translate", work.run("lstm"), work.source, "--output", folder / "old.txt"],
    ]
    before = contents(folder)
    for command, (status, output, messages, raised) in zip(
        commands, each(*commands, folder=folder), strict=True
    ):
        assert status == 1 and not output, (command, output, raised)
        error = messages.splitlines()[-1]
        assert error.startswith(f"Error: {folder}") and "Traceback" not in messages, messages
        assert "writable" in error or "Permission denied" in error
    assert contents(folder) == before and {path.name for path in folder.iterdir()} == {"empty", "old.txt"}


def test_a_training_in_a_folder_that_may_not_be_written_is_refused_before_it_goes_on(work, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(work.run("lstm"), run)
    before = contents(run)
    asked = ["train", "--resume", "--out", run, "--max-updates", 60]
    ((status, _, messages, raised),) = each(asked, folder=run)
    assert status == 1, raised
    assert "Permission denied" in messages.splitlines()[-1] and "Traceback" not in messages
    assert contents(run) == before
