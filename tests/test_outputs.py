"""Files that commands write: never over what they read, and as readable as they were."""

import os
import shutil
import subprocess
import sys

import pytest

from seqattn.writing import replacing, write_aside

from commands import contents, error_of, seqattn

posix = pytest.mark.skipif(os.name != "posix", reason="files have no modes here")
OUTPUTS = {
    "translate": ["translate", "{run}", "{text}", "--output"],
    "translate with another run": ["translate", "{run}", "{other}", "{text}", "--output"],
    "evaluate --json": ["evaluate", "{run}", "--test", "{test}", "--json"],
    "evaluate --output": ["evaluate", "{run}", "{other}", "--test", "{test}", "--output"],
    "compare --json": ["compare", "{run}", "{other}", "--test", "{test}", "--gold", "{gold}", "--json"],
    "compare --report": ["compare", "{run}", "--test", "{test}", "--system", "x={text}", "--report"],
    "compare --markdown": ["compare", "{run}", "--test", "{test}", "--system", "x={other}", "--markdown"],
    "compare --latex": ["compare", "{run}", "--test", "{test}", "--gold", "{gold}", "--latex"],
    "check --json": ["check", "{test}", "--valid", "{gold},{text}", "--json"],
    "check --write-clean": ["check", "{test}", "--valid", "{gold},{text}", "--write-clean"],
}
"""Every option that writes a file, with inputs of each kind."""
RUNS = {"run": "lstm", "other": "transformer"}


@pytest.fixture
def places(work, tmp_path):
    """Copies of everything that can be read, by name."""
    found = {name: tmp_path / name for name in (*RUNS, "text", "gold")} | {"test": tmp_path / "test.tsv"}
    for name, architecture in RUNS.items():
        shutil.copytree(work.run(architecture), found[name])
    shutil.copy(work.test, found["test"])
    shutil.copy(work.source, found["text"])
    found["gold"].write_text("0-0\n" * 20)
    return found


@pytest.mark.parametrize("option", list(OUTPUTS))
def test_no_output_is_written_over_an_input_under_any_of_its_names(places, tmp_path, option):
    command = [one.format(**places) for one in OUTPUTS[option]]
    named = [name for name in places if f"{{{name}}}" in " ".join(OUTPUTS[option])]
    inputs = [places[name] for name in named if name not in RUNS]
    (tmp_path / "outside").write_text("kept")
    for run in (places[name] for name in named if name in RUNS):
        inputs += [run / "model.safetensors", run / "last" / "state.safetensors", run / "new"]
        (run / "linked").symlink_to(tmp_path / "outside")
        inputs.append(tmp_path / "outside")
    (tmp_path / "link").symlink_to(inputs[0])
    (tmp_path / "same").hardlink_to(inputs[1])
    before = contents(tmp_path)
    for path in (*inputs, tmp_path / "link", tmp_path / "same"):
        message = " ".join(seqattn(*command, path, status=2).stderr.split())
        assert "is also an input, which would be overwritten" in message or "is part of" in message
        assert contents(tmp_path) == before


def test_outputs_of_one_command_are_different_files(work, tmp_path):
    command = ("evaluate", work.run("lstm"), "--test", work.test, "--output", tmp_path / "a")
    assert "must be different" in seqattn(*command, "--json", f"{tmp_path}/./a", status=2).stderr


def test_translations_that_a_comparison_keeps_are_no_input_to_it(compared):
    out, _ = compared
    before = contents(out)
    command = ("compare", out, "--system", f"old={out}/lstm/seed-1.txt", "--beam", 1)
    assert "give a copy" in seqattn(*command, status=2).stderr
    assert contents(out) == before


def test_standard_streams_are_inputs_and_outputs_too(work, tmp_path):
    text = tmp_path / "text"
    text.write_text("red dog\n")
    command = [sys.executable, "-m", "seqattn", "translate", str(work.run("lstm"))]
    for arguments in (["--output", str(text)], []):
        with text.open("rb") as given, text.open("ab") as appended:
            done = subprocess.run(
                [*command, *arguments], stdin=given, stdout=appended, stderr=subprocess.PIPE, check=False
            )
        assert done.returncode == 2 and b"also" in done.stderr
        assert text.read_text() == "red dog\n"


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_a_file_that_is_replaced_keeps_who_may_read_it_also_while_it_is_written(work, tmp_path, mode):
    out = tmp_path / "out"
    out.touch()
    out.chmod(mode)
    seqattn("translate", work.run("lstm"), work.source, "--output", out)
    assert out.read_text() and out.stat().st_mode & 0o777 == mode
    with replacing(out):
        assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {mode}
        assert len(list(tmp_path.iterdir())) == 2
    write_aside(tmp_path / "new", b"")
    (tmp_path / "usual").touch()
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_link_that_leads_to_itself_is_an_error_in_one_line(work, tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    result = seqattn("translate", work.run("lstm"), work.source, "--output", loop, status=1)
    assert "leads to itself" in error_of(result)
    result = seqattn("translate", loop, work.source, "--output", tmp_path / "out", status=1)
    assert "leads to itself" in error_of(result)
