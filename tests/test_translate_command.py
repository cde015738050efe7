"""seqattn translate: one line out for each line in, whatever its text."""

import json
import os

import pytest

from commands import BOTH, TEST, error_of, seqattn


@BOTH
def test_translate_gives_a_line_for_each_line_from_a_file_stdin_or_into_a_file(work, tmp_path, architecture):
    run = work.run(architecture)
    text = work.source.read_text()
    from_file = seqattn("translate", run, work.source)
    assert len(from_file.stdout.splitlines()) == len(TEST) and from_file.stderr == ""
    assert seqattn("translate", run, input=text).stdout == from_file.stdout
    assert seqattn("translate", run, "-", input=text).stdout == from_file.stdout
    silent = seqattn("translate", run, work.source, "--output", tmp_path / "out")
    assert silent.output == ""
    assert (tmp_path / "out").read_text() == from_file.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_empty_lines_give_empty_lines_and_odd_ones_one_line_each(work):
    lines = ["red dog", "", "  ", "\u2028", "\x00\x1b[31m", "한국어", "</s>", "cat"]
    found = seqattn("translate", work.run("lstm"), input="\n".join(lines)).stdout
    assert found.endswith("\n")
    answers = found[:-1].split("\n")
    assert len(answers) == len(lines)
    assert answers[1:4] == ["", "", ""]
    assert seqattn("translate", work.run("lstm"), input="").stdout == ""


def test_translate_accepts_a_byte_order_mark_and_carriage_returns(work):
    plain = seqattn("translate", work.run("lstm"), input=b"red dog\nblue cat\n").stdout
    assert seqattn("translate", work.run("lstm"), input=b"\xef\xbb\xbfred dog\r\nblue cat").stdout == plain


def test_translate_writes_its_best_candidates_as_jsonl_with_descending_scores(work):
    result = seqattn("translate", work.run("lstm"), work.source, "--nbest", 3, "--format", "jsonl")
    best = seqattn("translate", work.run("lstm"), work.source).stdout.splitlines()
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["source"] for record in records] == [pair.source for pair in TEST]
    assert [record["translations"][0]["text"] for record in records] == best
    for record in records:
        scores = [candidate["score"] for candidate in record["translations"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert all(candidate["log_probability"] <= 0 for candidate in record["translations"])


@pytest.mark.parametrize("count", [1, 3, 16, 40])
@pytest.mark.parametrize("more", [(), ("--sample",)], ids=["search", "sampling"])
def test_shards_concatenate_to_the_whole(work, count, more):
    command = "translate", work.run("lstm"), work.source, *more
    parts = [seqattn(*command, "--shard", f"{at + 1}/{count}") for at in range(count)]
    assert "".join(part.stdout for part in parts) == seqattn(*command).stdout


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes have names here")
def test_a_part_of_a_pipe_is_refused_since_its_lines_can_be_read_only_once(work, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    result = seqattn("translate", work.run("lstm"), tmp_path / "pipe", "--shard", "1/2", status=1)
    assert "pipe: is a device or a pipe, a file is needed" in error_of(result)


@pytest.mark.parametrize("shard", ["0/3", "4/3", "3", "a/b", "-1/3", "1/0"])
def test_a_shard_is_one_of_several(work, shard):
    assert "not K/N" in seqattn("translate", work.run("lstm"), work.source, "--shard", shard, status=2).stderr


def test_standard_input_cannot_be_divided(work):
    result = seqattn("translate", work.run("lstm"), "--shard", "1/3", input="red dog\n", status=2)
    assert "--shard needs INPUT" in result.stderr


@pytest.mark.parametrize("chunk", [1, 7, 1000])
@pytest.mark.parametrize("more", [(), ("--sample",)], ids=["search", "sampling"])
def test_translations_do_not_depend_on_the_chunk(work, chunk, more):
    run, more = work.run("lstm"), (*more, "--chunk", chunk)
    whole = seqattn("translate", run, work.source, *more[:-2]).stdout
    assert seqattn("translate", run, work.source, *more).stdout == whole
    assert seqattn("translate", run, *more, input=work.source.read_text()).stdout == whole


def test_sampling_follows_its_seed(work):
    def drawn(*more):
        return seqattn("translate", work.run("lstm"), work.source, "--sample", *more).stdout

    assert drawn("--seed", 3) == drawn("--seed", 3)
    assert drawn("--seed", 3) != drawn("--seed", 4)
    greedy = seqattn("translate", work.run("lstm"), work.source, "--beam", 1).stdout
    assert drawn("--top-k", 1) == greedy != drawn("--seed", 3)


@pytest.mark.parametrize("more", [["--seed", 1], ["--top-p", 1], ["--sample", "--beam", 5]])
def test_an_option_of_another_way_to_search_is_refused_whatever_its_value(work, more):
    assert "--sample" in seqattn("translate", work.run("lstm"), work.source, *more, status=2).stderr


@BOTH
def test_translate_shows_the_attention_of_each_translation(work, architecture):
    run = work.run(architecture)
    every = seqattn("translate", run, work.source).stdout.splitlines()
    source = next(pair.source for pair, text in zip(TEST, every, strict=True) if text)
    lines = f"{source}\n\n{source}\n"
    plain = seqattn("translate", run, input=lines).stdout.splitlines()
    shown = seqattn("translate", run, "--attention", input=lines).stdout.splitlines()
    assert set(plain) <= set(shown) and len(shown) > len(plain) + 2
    result = seqattn("translate", run, "--attention", "--format", "jsonl", input=f"{source}\n\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert not second.get("attention") and second["translations"][0]["text"] == ""
    (seen,) = first["attention"]
    assert seen["source"] == [*source.split(), "</s>"]
    assert " ".join(seen["target"]) == first["translations"][0]["text"]
    assert [len(row) for row in seen["weights"]] == [len(seen["source"])] * len(seen["target"])
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in seen["weights"])


def test_text_that_is_not_utf8_is_an_error_with_its_line(work, tmp_path):
    data = b"red dog\nblue\nca\xf1on\n"
    stopped = seqattn("translate", work.run("lstm"), input=data, status=1)
    assert "standard input, line 3" in stopped.stderr and "0xf1" in stopped.stderr
    assert stopped.stdout == seqattn("translate", work.run("lstm"), input=b"red dog\nblue\n").stdout
    (tmp_path / "text").write_bytes(data)
    arguments = ("translate", work.run("lstm"), tmp_path / "text", "--output", tmp_path / "out")
    assert "text, line 3" in error_of(seqattn(*arguments, status=1))
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_an_unreadable_input_is_an_error_and_an_old_output_is_kept(work, tmp_path, kind):
    (tmp_path / "out").write_text("old")
    if kind == "directory":
        (tmp_path / "in").mkdir()
    arguments = ("translate", work.run("lstm"), tmp_path / "in", "--output", tmp_path / "out")
    assert str(tmp_path / "in") in error_of(seqattn(*arguments, status=1))
    assert (tmp_path / "out").read_text() == "old"
    assert not (tmp_path / "out.part").exists()


def test_an_output_that_cannot_be_written_is_an_error(work, tmp_path):
    arguments = ("translate", work.run("lstm"), work.source, "--output", tmp_path / "nowhere" / "out")
    assert "cannot be written" in error_of(seqattn(*arguments, status=1))
