"""Pairs from every format, and errors that name file and line."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.data.corpus import Corpus, Pair, hold_out, merge, read_corpus
from seqattn.errors import InputError
from seqattn.files import read_lines

PAIRS = (Pair("one book", "책 한 권"), Pair("naïve\u2028café \x85 x\x0bz", "두 번째"), Pair("3", "셋"))
ENDS = pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["LF", "CRLF"])
BOMS = pytest.mark.parametrize("bom", ["", "\ufeff"], ids=["no BOM", "BOM"])
ZIPPED = pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gz"])


def write(path: Path, data: str | bytes, zipped: bool = False) -> Path:
    """Write a file, gzipped with .gz in its name if requested."""
    raw = data.encode() if isinstance(data, str) else data
    if zipped:
        path = path.with_name(path.name + ".gz")
        raw = gzip.compress(raw)
    path.write_bytes(raw)
    return path


def write_as(
    form: str, folder: Path, zipped: bool = False, end: str = "\n", bom: str = "", last: bool = True
) -> str:
    """PAIRS as a corpus of one format; gives the CORPUS argument."""
    if form == "tsv":
        lines = [["\t".join(pair) for pair in PAIRS]]
    elif form == "jsonl":
        lines = [[json.dumps(pair._asdict(), ensure_ascii=False) for pair in PAIRS]]
    else:
        lines = [[pair.source for pair in PAIRS], [pair.target for pair in PAIRS]]
    names = [f"pairs.{form}"] if len(lines) == 1 else ["pairs.en", "pairs.ko"]
    paths = [
        write(folder / name, bom + end.join(side) + (end if last else ""), zipped)
        for name, side in zip(names, lines, strict=True)
    ]
    return ",".join(map(str, paths))


def error_of(argument: object) -> InputError:
    """The error of reading a corpus."""
    with pytest.raises(InputError) as caught:
        read_corpus(str(argument))
    return caught.value


def check_error(argument: object, path: object, line: int | None, *words: str) -> str:
    """Check that reading fails with file, line and words in the message; return it."""
    error = error_of(argument)
    message = str(error)
    assert (error.path, error.line) == (str(path), line)
    assert message.startswith(f"{path}: " if line is None else f"{path}, line {line}: ")
    assert "\n" not in message
    for word in words:
        assert word in message
    return message


# Formats.


@pytest.mark.parametrize("form", ["tsv", "jsonl", "aligned"])
@ZIPPED
@ENDS
@BOMS
def test_every_format_gives_the_same_pairs(tmp_path, form, zipped, end, bom):
    argument = write_as(form, tmp_path, zipped, end, bom)
    corpus = read_corpus(argument)
    assert corpus.pairs == PAIRS
    assert corpus.name == argument


@pytest.mark.parametrize("form", ["tsv", "jsonl", "aligned"])
def test_the_last_line_needs_no_line_ending(tmp_path, form):
    assert read_corpus(write_as(form, tmp_path, last=False)).pairs == PAIRS


def test_the_two_sides_may_differ_in_form(tmp_path):
    source = write(tmp_path / "a.en", "\ufeffone\r\ntwo\r\n")
    target = write(tmp_path / "a.ko", "하나\n둘", zipped=True)
    assert read_corpus(f"{source},{target}").pairs == (Pair("one", "하나"), Pair("two", "둘"))


def test_only_lf_and_crlf_end_a_line(tmp_path):
    path = write(tmp_path / "x.txt", "a\u2028b\rc\x85d\x0ce\x1cf\nsecond\r\r\n\nend")
    assert list(read_lines(path)) == ["a\u2028b\rc\x85d\x0ce\x1cf", "second\r", "", "end"]


def test_a_bom_is_text_except_at_the_start(tmp_path):
    path = write(tmp_path / "x.txt", "\ufeffa\n\ufeffb\n")
    assert list(read_lines(path)) == ["a", "\ufeffb"]


def test_one_file_may_have_a_comma_in_its_name(tmp_path):
    path = write(tmp_path / "a,b.tsv", "x\ty\n")
    assert read_corpus(str(path)).pairs == (Pair("x", "y"),)


def test_json_escapes_are_decoded_and_other_fields_ignored(tmp_path):
    path = write(tmp_path / "x.jsonl", r'{"id": 7, "target": "b\u0041\n\tc", "source": "\"a\""}' + "\n")
    assert read_corpus(str(path)).pairs == (Pair('"a"', "bA\n\tc"),)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.tsv", "a\t\n\tb\n \t \n\nc\td\n"),
        (
            "x.jsonl",
            '{"source": "a", "target": ""}\n{"source": "", "target": "b"}\n'
            '{"source": " ", "target": " "}\n\n{"source": "c", "target": "d"}\n',
        ),
    ],
)
def test_empty_sides_are_kept_among_the_pairs_but_not_complete(tmp_path, name, data):
    corpus = read_corpus(str(write(tmp_path / name, data)))
    assert [(pair.source.strip(), pair.target.strip()) for pair in corpus.pairs] == [
        ("a", ""),
        ("", "b"),
        ("", ""),
        ("", ""),
        ("c", "d"),
    ]
    assert corpus.complete == (Pair("c", "d"),)


def test_empty_lines_of_aligned_files_are_kept_among_the_pairs(tmp_path):
    source, target = write(tmp_path / "s", "a\n\nc\n"), write(tmp_path / "t", "\nb\nd\n")
    corpus = read_corpus(f"{source},{target}")
    assert corpus.pairs == (Pair("a", ""), Pair("", "b"), Pair("c", "d"))
    assert corpus.complete == (Pair("c", "d"),)


def test_merged_corpora_follow_one_another():
    first, second = Corpus("a", PAIRS[:1]), Corpus("b", PAIRS[1:])
    assert merge([first, second]) == Corpus("a + b", PAIRS)


def test_the_fingerprint_depends_only_on_the_texts(tmp_path):
    prints = {read_corpus(write_as(form, tmp_path)).fingerprint for form in ("tsv", "jsonl", "aligned")}
    assert prints == {Corpus("whatever", PAIRS).fingerprint}
    assert Corpus("x", PAIRS[::-1]).fingerprint not in prints
    assert Corpus("x", PAIRS[:2]).fingerprint not in prints


# Errors.


@pytest.mark.parametrize("name", ["none.tsv", "none.jsonl", "none.tsv.gz"])
def test_a_missing_file_is_named(tmp_path, name):
    check_error(tmp_path / name, tmp_path / name, None, "No such file")


@pytest.mark.parametrize("missing", [0, 1])
def test_the_missing_one_of_two_files_is_named(tmp_path, missing):
    paths = [tmp_path / "s", tmp_path / "t"]
    write(paths[1 - missing], "a\n")
    check_error(f"{paths[0]},{paths[1]}", paths[missing], None, "No such file")


def test_a_directory_is_named(tmp_path):
    check_error(tmp_path, tmp_path, None, "is a directory")
    folder = tmp_path / "folder.tsv"
    folder.mkdir()
    check_error(folder, folder, None, "is a directory")
    text = write(tmp_path / "t", "a\n")
    (tmp_path / "folder").mkdir()
    check_error(f"{tmp_path / 'folder'},{text}", tmp_path / "folder", None, "is a directory")
    check_error(f"{text},{tmp_path / 'folder'}", tmp_path / "folder", None, "is a directory")


@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl"])
@ZIPPED
def test_an_empty_file_is_named(tmp_path, name, zipped):
    path = write(tmp_path / name, "", zipped)
    check_error(path, path, None, "is empty")


def test_two_empty_files_are_named(tmp_path):
    argument = f"{write(tmp_path / 's', '')},{write(tmp_path / 't', '')}"
    check_error(argument, argument, None, "is empty")


@pytest.mark.parametrize("argument", ["book", "a.txt", "a,b,c", ",b", "a,", ","])
def test_the_error_for_other_arguments_explains_what_a_corpus_is(argument):
    message = check_error(argument, argument, None, "is not a corpus")
    assert "SOURCE,TARGET" in message
    assert ".tsv" in message


@pytest.mark.parametrize("name", ["b.tsv", "b.jsonl.gz"])
def test_a_file_of_pairs_is_not_one_side_of_two_files(tmp_path, name):
    text, pairs = write(tmp_path / "a.txt", "x\n"), write(tmp_path / name, "x\ty\n")
    for argument in (f"{text},{pairs}", f"{pairs},{text}"):
        check_error(argument, argument, None, "joins a file of pairs")


@ZIPPED
def test_a_line_without_a_tab_is_named(tmp_path, zipped):
    path = write(tmp_path / "x.tsv", "a\tb\nno tab here\nc\td\n", zipped)
    check_error(path, path, 2, "no tab")


def test_a_line_with_several_tabs_is_named(tmp_path):
    path = write(tmp_path / "x.tsv", "a\tb\nc\td\n\ne\tf\tg\th\n")
    check_error(path, path, 4, "3 tabs")


@pytest.mark.parametrize("order", [1, -1], ids=["source shorter", "target shorter"])
@pytest.mark.parametrize(("short", "long"), [(2, 3), (1, 9), (0, 1)])
def test_unequal_line_counts_are_an_error_with_both_numbers(tmp_path, order, short, long):
    shorter, longer = write(tmp_path / "short", "x\n" * short), write(tmp_path / "long", "y\n" * long)
    argument = ",".join(map(str, [shorter, longer][::order]))
    check_error(argument, shorter, None, f"ends after {short} lines", f"{longer} has {long}")


@pytest.mark.parametrize("name", ["x.tsv", "x.jsonl"])
@ZIPPED
def test_latin_1_bytes_are_named_with_their_line(tmp_path, name, zipped):
    line = "a\tb\n" if name == "x.tsv" else '{"source": "a", "target": "b"}\n'
    path = write(tmp_path / name, (line + line).encode() + "café\tx\n".encode("latin-1"), zipped)
    check_error(path, path, 3, "byte 4", "0xe9", "not UTF-8", "iconv")


@pytest.mark.parametrize("side", [0, 1])
def test_latin_1_bytes_are_named_with_the_side_they_are_in(tmp_path, side):
    paths = [write(tmp_path / "s", "a\nb\n"), write(tmp_path / "t", "a\nb\n")]
    write(paths[side], "a\né\n".encode("latin-1"))
    check_error(f"{paths[0]},{paths[1]}", paths[side], 2, "0xe9", "not UTF-8")


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_utf_16_is_an_error_in_its_first_lines(tmp_path, encoding):
    path = write(tmp_path / "x.tsv", "책\t書\nb\tc\n".encode(encoding))
    error = error_of(path)
    assert error.path == str(path)
    assert error.line == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data[:-4],
        lambda data: b"not gzip at all",
        lambda data: data[:20] + bytes(8) + data[28:],
        lambda data: data[:-8] + b"\0\0\0\0" + data[-4:],
    ],
    ids=["half", "without its end", "not gzip", "overwritten", "wrong checksum"],
)
def test_damaged_gzip_is_named(tmp_path, damage):
    data = gzip.compress("".join(f"word {n * n}\twort {n}\n" for n in range(500)).encode())
    path = write(tmp_path / "x.tsv.gz", damage(data))
    check_error(path, path, None, "gzip data is damaged")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json}", ["not JSON"]),
        ('{"source": "a", "target": "b"', ["not JSON"]),
        ('["a", "b"]', ["not a JSON object"]),
        ('"a"', ["not a JSON object"]),
        ("7", ["not a JSON object"]),
        ("null", ["not a JSON object"]),
        ('{"source": "a"}', ['"target"', "missing"]),
        ('{"target": "b"}', ['"source"', "missing"]),
        ('{"source": "a", "target": 7}', ['"target"', "not text"]),
        ('{"source": null, "target": "b"}', ['"source"', "not text"]),
    ],
)
def test_a_malformed_json_line_is_named(tmp_path, line, words):
    path = write(tmp_path / "x.jsonl", '{"source": "a", "target": "b"}\n' + line + "\n")
    check_error(path, path, 2, *words, '{"source": ')


@pytest.mark.parametrize(
    "line", ["[" * 100_000, '{"source": ' + "9" * 5000 + ', "target": "b"}'], ids=["deep", "huge"]
)
def test_json_too_deep_or_large_for_python_is_named(tmp_path, line):
    path = write(tmp_path / "x.jsonl", line + "\n")
    error = error_of(path)
    assert (error.path, error.line) == (str(path), 1)


# Holding out.

sources = st.text(st.sampled_from("abcdé "), min_size=1, max_size=6)
pairs_lists = st.lists(st.builds(Pair, sources, st.text("xy", max_size=2)), min_size=40, max_size=80)


def numbered(count: int) -> list[Pair]:
    return [Pair(f"source {n}", f"target {n}") for n in range(count)]


@given(pairs=pairs_lists, seed=st.integers(0, 99))
def test_holding_out_keeps_its_promises_for_any_pairs(pairs, seed):
    distinct = len({pair.source for pair in pairs})
    if distinct < 20:
        with pytest.raises(InputError):
            hold_out(pairs)
        return
    split = hold_out(pairs)
    held = {pair.source for pair in split.valid}
    assert len(split.valid) == len(held) == distinct // 10
    assert not held & {pair.source for pair in split.train}
    assert split.train == tuple(pair for pair in pairs if pair.source not in held)
    assert set(split.valid) <= set(pairs)
    assert len(split.train) + len(split.valid) + split.duplicates == len(pairs)
    assert len(hold_out(pairs, 3).valid) == 3
    again = hold_out(random.Random(seed).sample(pairs, len(pairs)))
    assert {pair.source for pair in again.valid} == held
    assert sorted(again.train) == sorted(split.train)


def test_a_twentieth_is_held_out_or_a_tenth_up_to_a_hundred_and_never_more_than_a_thousand():
    sizes = (
        (20, 2),
        (39, 3),
        (300, 30),
        (1000, 100),
        (2000, 100),
        (2500, 125),
        (20_000, 1000),
        (30_000, 1000),
    )
    for count, size in sizes:
        split = hold_out(numbered(count))
        assert (len(split.valid), len(split.train), split.duplicates) == (size, count - size, 0)


def test_a_duplicate_of_a_held_out_source_is_left_out_of_training_and_counted():
    pairs = numbered(100)
    held = hold_out(pairs).valid[0]
    split = hold_out([*pairs, held, Pair(held.source, "another target")])
    assert split.valid == hold_out(pairs).valid
    assert split.train == hold_out(pairs).train
    assert split.duplicates == 2


def test_adding_pairs_moves_few_others():
    before = {pair.source for pair in hold_out(numbered(2000)).valid}
    after = {pair.source for pair in hold_out(numbered(2200)).valid}
    assert len(before & after) > 80


def test_the_choice_is_not_a_prefix_of_the_corpus():
    held = sorted(int(pair.source.split()[1]) for pair in hold_out(numbered(2000)).valid)
    assert held[0] < 200
    assert held[-1] > 1800


@pytest.mark.parametrize("pairs", [[], numbered(19), numbered(19) * 5], ids=["none", "19", "19 distinct"])
def test_too_few_pairs_to_hold_out_are_an_input_error(pairs):
    with pytest.raises(InputError, match=f"{len(set(pairs))} distinct pairs: too few") as caught:
        hold_out(pairs)
    assert "validation corpus" in caught.value.remedy
