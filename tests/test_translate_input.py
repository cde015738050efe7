"""What translate is given: every line in is one line out, and what is no text is named for what it is."""

import gzip
import json
import os
import subprocess
import sys
import threading
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from seqattn.data.recognition import recognise
from seqattn.runs.run import load_run
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.normalising import normalise
from seqattn.text.unknown import Alphabet

from commands import error_of, seqattn

posix = pytest.mark.skipif(os.name != "posix", reason="there are no such files here")
ODD = [
    *("", " ", "   ", "\t", "\r", "\u2028", "\u2029", "\u0085", "\f", "\v", "\x1c", "\x00", "\ufeff"),
    *("red dog", "red\u2028dog", "a\ufeffb", "\u200b", "<s>", "</s>", "<unk>", "<pad>", "<0x0A>", "▁", "_"),
    *("a\u0301", "😀", "한국어", "Red dog. Blue cat.", '{"a": 1}', "\x1b[31mred", "\u202ered", "x" * 900),
]
INVALID = [b"\xff", b"ca\xf1on", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf0\x9f", b"red \x80 dog"]
"""Lone bytes, a lone surrogate, an overlong form, a cut character."""
lines = st.lists(st.sampled_from([one.encode() for one in ODD] + INVALID), max_size=6)


@given(lines, st.sampled_from([b"\n", b"\r\n"]), st.booleans(), st.sampled_from(["text", "jsonl"]))
@settings(max_examples=30)
@example([one.encode() for one in ODD], b"\n", True, "text")
@example([b""], b"\n", False, "text")
@example(INVALID, b"\n", False, "jsonl")
def test_every_line_in_is_one_line_out_whatever_it_holds(work, given_lines, ending, ended, form):
    data = ending.join(given_lines) + (ending if ended else b"")
    count = data.count(b"\n") + bool(data.rpartition(b"\n")[2])
    command = ("translate", work.run("lstm"), "--beam", 1, "--plain", "--invalid-utf8", "replace")
    result = seqattn(*command, "--format", form, input=data)
    assert result.stdout.count("\n") == len(result.stdout.splitlines()) == count
    texts = [one.removesuffix(b"\r").decode("utf-8", "replace") for one in data.split(b"\n")][:count]
    texts[:1] = [text.removeprefix("\ufeff") for text in texts[:1]]
    if form == "jsonl":
        assert [json.loads(one)["source"] for one in result.stdout.splitlines()] == texts
    else:
        answers = result.stdout.split("\n")[:-1]
        assert all(answer == "" for answer, text in zip(answers, texts, strict=True) if not text.strip())
    wrong = [number for number, text in enumerate(texts, 1) if "\ufffd" in text]
    assert ("not UTF-8" in result.stderr) == bool(wrong)
    if wrong:
        assert f"The first is line {wrong[0]}." in result.stderr and f"{len(wrong)} line" in result.stderr


@given(st.lists(st.sampled_from(ODD), max_size=4))
def test_control_symbols_in_a_text_are_text(work, parts):
    side = load_run(work.run("lstm")).tokenizer.texts
    text = "red".join(parts)
    ids = side.encode(text)
    assert not {PAD, BOS, EOS, UNK} & set(ids[:-1])
    assert side.decode(ids) == normalise(text)


def test_a_line_that_is_not_utf8_has_its_number_in_the_whole_file_and_spoils_no_other_part(work, tmp_path):
    (tmp_path / "text").write_bytes(b"red\nblue\ndog\nca\xf1on\n")
    command = ("translate", work.run("lstm"), tmp_path / "text")
    assert len(seqattn(*command, "--shard", "1/2").stdout.splitlines()) == 2
    assert "text, line 4: byte 3" in seqattn(*command, "--shard", "2/2", status=1).stderr
    replaced = seqattn(*command, "--shard", "2/2", "--invalid-utf8", "replace")
    assert len(replaced.stdout.splitlines()) == 2 and "The first is line 4." in replaced.stderr
    (tmp_path / "text").write_text("red\nblue\ndog\n\u1200\n", encoding="utf-8")
    assert "the first is line 4." in seqattn(*command, "--shard", "2/2").stderr
    assert "the first is line 4." in seqattn(*command).stderr


@posix
def test_a_pipe_with_a_name_is_read_to_its_end(work, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    text = work.source.read_bytes()
    writer = threading.Thread(target=(tmp_path / "pipe").write_bytes, args=(text,))
    writer.start()
    found = seqattn("translate", work.run("lstm"), tmp_path / "pipe").stdout
    writer.join()
    assert found == seqattn("translate", work.run("lstm"), work.source).stdout


@posix
def test_a_line_without_an_end_is_an_error_before_it_takes_all_memory(work, tmp_path):
    assert "line 1: has more than" in error_of(seqattn("translate", work.run("lstm"), "/dev/zero", status=1))
    bomb = tmp_path / "bomb.gz"
    bomb.write_bytes(gzip.compress(b"red\n" + bytes(2**24 + 2), 1))
    result = seqattn("translate", work.run("lstm"), bomb, status=1)
    assert "bomb.gz, line 2: has more than" in result.stderr and len(result.stdout.splitlines()) == 1


def test_a_long_line_is_translated_in_parts_and_what_cannot_be_read_in_it_is_all_copied(work):
    # Hours, if a step took the square of its length.
    known = Alphabet(frozenset("redog")).known("red 😀 dog Ж " * 15_000)
    assert len(known.left_out) == 30_000 and known.text == " ".join(["red dog"] * 15_000)
    assert [one.at for one in known.left_out[:3]] == [3, 6, 9]
    result = seqattn("translate", work.run("lstm"), "--beam", 1, input="red dog " * 3_000 + "\nblue\n")
    assert len(result.stdout.splitlines()) == 2 and len(result.stdout) > 1_000


FILES = {
    "page.xlf": (b'<?xml version="1.0"?>\n<xliff version="1.2">\n<file/>\n', "an XLIFF file"),
    "no-declaration.xlf": (b'\xef\xbb\xbf<xliff version="1.2">\n', "an XLIFF file"),
    "memory.tmx": (
        b'<?xml version="1.0"?>\n<!DOCTYPE tmx SYSTEM "tmx14.dtd">\n<!-- x -->\n<tmx>',
        "a TMX file",
    ),
    "strings.xml": (b"<?xml version='1.0'?><resources></resources>", "an XML file"),
    "page": (b"<!doctype html>\n<p>red", "an HTML page"),
    "german.po": (b'# German\n#, fuzzy\nmsgid ""\nmsgstr ""\n"Language: de\\n"\n', "a PO file"),
    "list.csv": (b"red dog,blue dog\n", "a table"),
    "pairs.tsv": (b"red dog\tblue dog\n", "a table"),
    "header": (b"id;source;target\r\n1;red;blue\r\n", "a table"),
    "pairs.jsonl": (b'{"source": "red", "target": "blue"}\n', "a JSON file"),
    "strings.json": (b'{\n  "red": "blue"\n}\n', "a JSON file"),
    "film.srt": (b"1\r\n00:00:01,000 --> 00:00:02,000\r\nred\r\n", "a file of subtitles"),
    "film.vtt": (b"WEBVTT\n\n00:01.000 --> 00:02.000\nred\n", "a file of subtitles"),
    "text.docx": (b"PK\x03\x04\x14\x00", "a zip archive"),
    "text.pdf": (b"%PDF-1.7\n", "a PDF document"),
    "picture": (b"\x89PNG\r\n\x1a\n\x00", "a PNG image"),
    "packed": (gzip.compress(b"red\n"), "gzip data"),
    "messages.mo": (b"\xde\x12\x04\x95\x00", "a compiled message catalogue"),
    "wide.txt": ("\ufeffred dog\n".encode("utf-16-le"), "a text in UTF-16"),
    "wide-be.txt": ("\ufeffred dog\n".encode("utf-16-be"), "a text in UTF-16"),
    "wider.txt": ("\ufeffred dog\n".encode("utf-32-le"), "a text in UTF-32"),
    "wider-be.txt": ("\ufeffred dog\n".encode("utf-32-be"), "a text in UTF-32"),
}
TEXTS = [
    b"",
    b"\n",
    b"red dog\n",
    b"<s> red </s>\n",
    b"<b>red</b> dog\n",
    b"<red> is an element of XML.\n",
    b"In, it, out\nred\n",
    b"Yes, no\n",
    b"[laughs] red\n",
    b"{0} dogs\n",
    b"PK is a name.\n",
    b"msgid is a keyword of PO files.\n",
    b"1\n2\n3\n",
    b"ca\xf1on\n",
    b"\x00\x00\n",
]


@pytest.mark.parametrize("name", list(FILES))
def test_a_file_that_is_plainly_no_plain_text_is_named_for_what_it_is_unless_plain_insists(
    work, tmp_path, name
):
    data, kind = FILES[name]
    path = tmp_path / name
    path.write_bytes(data)
    command = ("translate", work.run("lstm"), path, "--beam", 1)
    error = error_of(seqattn(*command, status=1))
    assert f"{path}: is {kind}" in error and ("--plain" in error or "iconv" in error)
    assert f"{path}: is {kind}" in error_of(seqattn(*command, "--shard", "2/2", status=1))
    insisted = seqattn(*command, "--plain", "--invalid-utf8", "replace").stdout
    assert len(insisted.splitlines()) == data.count(b"\n") + bool(data.rpartition(b"\n")[2])


def test_standard_input_is_looked_at_too_a_file_as_far_as_another_a_pipe_by_its_first_line(work, tmp_path):
    (tmp_path / "german.po").write_bytes(FILES["german.po"][0])
    command = [sys.executable, "-m", "seqattn", "translate", str(work.run("lstm")), "--beam", "1"]
    with (tmp_path / "german.po").open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, check=False)
    assert done.returncode == 1 and done.stdout == b"" and b"standard input: is a PO file" in done.stderr
    xml = FILES["page.xlf"][0]
    assert "is an XML file" in error_of(seqattn("translate", work.run("lstm"), input=xml, status=1))
    assert len(seqattn("translate", work.run("lstm"), "--plain", input=xml).stdout.splitlines()) == 3


@pytest.mark.parametrize("data", TEXTS)
def test_a_plain_text_is_not_mistaken_for_another_format(data):
    assert recognise(data, "input.txt") == ""


def test_an_archive_is_recognised_as_python_writes_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "x", "w") as archive:
        archive.writestr("a", "red\n")
    assert "zip" in recognise((tmp_path / "x").read_bytes(), "x")


@posix
def test_a_terminal_is_shown_what_a_translation_would_make_it_do_and_a_pipe_gets_it_unchanged(work):
    import pty

    ours, theirs = pty.openpty()
    command = ["translate", str(work.run("lstm")), str(work.source), "--prefix", "\x1b[31m\u202e"]
    subprocess.run([sys.executable, "-m", "seqattn", *command], stdout=theirs, check=True)
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert shown.startswith("␛[31m\\u202e") and "\x1b" not in shown
    assert seqattn(*command).stdout.startswith("\x1b[31m\u202e")
