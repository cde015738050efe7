"""Bad corpora and folders, for every command that reads one: a one-line error, and nothing is written."""

import pytest
import torch
from click.testing import CliRunner
from seqattn_cli.main import cli

from commands import PAIRS, contents, error_of, seqattn
from runs import write_tsv

BAD = {
    "empty": ("bad.tsv", b"", "empty"),
    "missing": ("bad.tsv", None, "No such file"),
    "no tabs": ("bad.tsv", b"a\tb\nc d\n", "line 2: no tab"),
    "two tabs": ("bad.tsv", b"a\tb\nc\td\te\n", "line 2: 2 tabs"),
    "Latin-1": (
        "bad.tsv",
        "a\tb\nc\té\n".encode("latin-1"),
        "line 2: byte 3 of the line, 0xe9, is not UTF-8",
    ),
    "Latin-1 after a BOM": (
        "bad.tsv",
        b"\xef\xbb\xbfa\t\xe9\n",
        "line 1: byte 6 of the line, 0xe9, is not UTF-8",
    ),
    "not JSON": ("bad.jsonl", b'{"source": "a", "target": "b"}\n{"source"}\n', "line 2: not JSON"),
    "half JSON": (
        "bad.jsonl",
        b'{"source": "a", "target": "b"}\n{"source": "a"}\n',
        'line 2: the field "target"',
    ),
    "not gzip": ("bad.tsv.gz", b"a\tb\n", "gzip"),
    "another format": ("bad.xml", b"<a/>", "is not a corpus"),
}
"""A file's name, its contents, and the error message."""


def bad_corpus(folder, kind):
    """The argument, and what the message must contain."""
    if kind == "directory":
        (folder / "bad.tsv").mkdir()
        return folder / "bad.tsv", [str(folder / "bad.tsv"), "is a directory"]
    if kind == "unequal":
        (folder / "a").write_text("x\ny\nz\n")
        (folder / "b").write_text("x\ny\n")
        return f"{folder / 'a'},{folder / 'b'}", [f"{folder / 'b'}: ends after 2 lines", "has 3"]
    name, data, message = BAD[kind]
    if data is not None:
        (folder / name).write_bytes(data)
    return folder / name, [str(folder / name), message]


@pytest.mark.parametrize("kind", [*BAD, "directory", "unequal"])
def test_a_bad_corpus_is_a_one_line_error_and_nothing_is_written(work, tmp_path, kind):
    corpus, expected = bad_corpus(tmp_path, kind)
    out = tmp_path / "out"
    before = contents(tmp_path)
    for command in (
        ["train", "--train", corpus, "--arch", "lstm", "--out", out],
        ["train", "--train", work.train, "--valid", corpus, "--arch", "lstm", "--out", out],
        ["evaluate", work.run("lstm"), "--test", corpus, "--json", out],
        ["align", work.run("lstm"), "--pairs", corpus],
        ["compare", work.run("lstm"), "--test", corpus, "--json", out],
        ["compare", "--train", corpus, "--test", work.test, "--out", out],
    ):
        message = error_of(seqattn(*command, status=1))
        for words in expected:
            assert words in message
        assert contents(tmp_path) == before and not out.exists()


def test_a_corpus_too_small_to_hold_anything_out_is_an_error(tmp_path):
    corpus = write_tsv(tmp_path / "few.tsv", PAIRS[:10])
    result = seqattn("train", "--train", corpus, "--arch", "lstm", "--out", tmp_path / "run", status=1)
    assert "10 distinct pairs: too few" in error_of(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_a_folder_that_is_not_a_run_is_a_one_line_error(work, tmp_path, kind):
    path = tmp_path / "given"
    if kind == "file":
        path.write_text("text")
    elif kind == "folder":
        path.mkdir()
    before = contents(tmp_path)
    for command in (
        ["translate", path, work.source],
        ["evaluate", path, "--test", work.test],
        ["align", path, "red dog"],
        ["compare", work.run("lstm"), path, "--test", work.test],
        ["info", path],
        ["train", "--train", work.train, "--init-from", path, "--out", tmp_path / "out"],
    ):
        result = CliRunner().invoke(cli, list(map(str, command)))
        assert result.exit_code == 1 and "Traceback" not in result.output
        assert result.stdout == ""
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1 and str(path) in errors[0]
        assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "not enough memory"),
        (torch.OutOfMemoryError("CUDA out of memory."), "not enough memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes."),
            "not enough memory",
        ),
        (
            RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes."),
            "not enough memory",
        ),
        (RuntimeError("MPS backend out of memory (MPS allocated: 1.00 GB)."), "not enough memory"),
    ],
)
def test_a_lack_of_memory_is_a_one_line_error(work, monkeypatch, error, message):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr("seqattn.runs.run.load_run", fail)
    assert message in error_of(seqattn("info", work.run("lstm"), status=1))


def test_an_error_that_only_mentions_memory_is_not_reported_as_a_lack_of_it(work, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("the memory has 3 rows, the target 4")

    monkeypatch.setattr("seqattn.runs.run.load_run", fail)
    with pytest.raises(RuntimeError, match="3 rows"):
        seqattn("info", work.run("lstm"))
