"""The program in its own process: pipes and signals; and processes that compute for it."""

import os
import re
import signal
import subprocess
import sys

import pytest

from seqattn import processes

from commands import seqattn, setting, sizes, updates_of

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]


def test_text_is_piped_through_the_program_and_stdout_has_only_translations(work):
    done = subprocess.run(
        [*PROGRAM, "translate", str(work.run("lstm"))],
        input="red dog\n\n한국어 😀\n".encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0, done.stderr.decode()
    expected = seqattn("translate", work.run("lstm"), input="red dog\n\n한국어 😀\n")
    assert done.stdout.decode("utf-8").replace("\r\n", "\n") == expected.stdout
    # Of the last line the model knows no character.
    (warning,) = done.stderr.decode("utf-8").splitlines()
    assert [warning] == expected.stderr.splitlines() and "한, 국, 어, 😀" in warning


def test_each_line_through_a_pipe_is_answered_before_the_next_is_written(work):
    run = work.run("lstm")
    process = subprocess.Popen(
        [*PROGRAM, "translate", str(run)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    lines = ["red dog", "", "blue cat"]
    answers = []
    for line in lines:
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        answers.append(process.stdout.readline())
    assert process.communicate()[0] == "" and process.returncode == 0
    assert "".join(answers) == seqattn("translate", run, input="\n".join(lines)).stdout


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGINT alone there")
def test_control_c_ends_a_translation_that_waits_for_input(work):
    process = subprocess.Popen(
        [*PROGRAM, "translate", str(work.run("lstm"))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    process.stdin.write("red dog\n")
    process.stdin.flush()
    assert process.stdout.readline()
    process.send_signal(signal.SIGINT)
    # Its input stays open until it has ended.
    assert process.wait(120) == 130
    assert process.stderr.read() == "Stopped.\n"
    process.stdin.close()
    process.stdout.close()
    process.stderr.close()


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGINT alone there")
def test_control_c_saves_a_run_that_resumes(work, tmp_path):
    run = tmp_path / "run"
    arguments = ["train", "--train", work.train, "--arch", "lstm", "--out", run, *sizes("lstm")]
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments), *setting("patience=0")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    output = ""
    for line in process.stderr:
        output += line
        if "validation: loss" in line:
            break
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate()
    assert process.returncode == 130, output + rest
    assert out == "" and "Traceback" not in rest
    assert "continue with: seqattn train --resume" in " ".join(rest.split())
    done = int(re.search(r"Interrupted after ([\d,]+) updates", rest)[1].replace(",", ""))
    assert updates_of(run)[-1] == done >= 8

    seqattn("translate", run, input="red dog\n")
    seqattn("train", "--resume", "--out", run, "--max-updates", done + 3)
    assert updates_of(run) == list(range(1, done + 4))


def answer(connection, question):
    connection.send(question * 2)


def no_folder():
    raise FileNotFoundError("No usable temporary directory found")


@pytest.mark.parametrize("folder", [lambda: "/tmp/" + "x" * 90, no_folder], ids=["long", "none"])
def test_a_process_computes_where_no_folder_can_have_a_socket(monkeypatch, folder):
    monkeypatch.setattr(processes, "gettempdir", folder)
    started = processes.start(answer, 21)
    assert started.connection.recv() == 42
    assert started.cause() == "ended with exit status 0"
