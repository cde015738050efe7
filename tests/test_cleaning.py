"""What remains of a corpus without what is certainly wrong."""

import gzip
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

import seqattn
from seqattn.data.checks.texts import cleaned
from seqattn.data.corpus import Pair, read_corpus
from seqattn.errors import InputError

from corpora import (
    CLEAN,
    checked,
    damaged,
    found,
    translated,
    write_jsonl,
    write_texts,
)
from runs import write_tsv

# What remains.

messy_texts = st.text(st.sampled_from("ab \t\n\x00\x9f\ud800é\u2028&<>%s"), max_size=5)
messy_pairs = st.lists(st.builds(Pair, messy_texts, messy_texts), max_size=30)


@given(pairs=messy_pairs, form=st.sampled_from([".tsv", ".jsonl", ".tsv.gz", ".jsonl.gz"]), valid=messy_pairs)
def test_a_clean_corpus_has_nothing_left_to_clean(tmp_path_factory, pairs, form, valid):
    folder = tmp_path_factory.mktemp("clean")
    pairs = [Pair("en", "de"), Pair("kept", "kept too"), *pairs, *pairs[:5]]
    other = str(write_jsonl(folder / "valid.jsonl", [*valid, *pairs[4:6]]))
    clean = folder / f"clean{form}"
    written = checked(folder, pairs, valid=other).write_clean(clean)
    kept = read_corpus(str(clean)).pairs
    assert len(kept) == written.pairs == len(pairs) - sum(written.removed.values())
    remaining = iter([Pair(*map(cleaned, pair)) for pair in pairs])
    assert all(pair in remaining for pair in kept), "pairs in another order, or others"
    again = seqattn.check(str(clean), valid=other)
    own = {finding.kind for finding in again.findings if str(clean) in finding.lines}
    assert not own & {"header", "empty", "repeated", "controls", "surrogates", "unreadable"}
    assert found(again, "valid-in-train") is None
    assert again.write_clean(folder / "again.tsv").removed == {}


def test_each_line_left_out_is_counted_under_one_reason(tmp_path):
    pairs = [Pair("source", "target"), *CLEAN, CLEAN[0], Pair("", "x"), Pair("a\x00b c", "d")]
    pairs[100] = Pair("x", "y" * 300)
    written = checked(tmp_path, pairs).write_clean(tmp_path / "clean.tsv")
    distinct = len(set(CLEAN))
    assert written.removed == {"header": 1, "empty": 1, "lengths": 1, "repeated": written.removed["repeated"]}
    assert written.removed["repeated"] == 1 + len(CLEAN) - distinct - (CLEAN[99] in CLEAN[:99])
    assert written.changed == 1
    assert read_corpus(str(tmp_path / "clean.tsv")).pairs[-1] == Pair("ab c", "d")


def test_a_clean_corpus_has_no_shifted_lines(tmp_path):
    report = seqattn.check(damaged(tmp_path, source=[450], target=[200]))
    written = report.write_clean(tmp_path / "clean.tsv")
    assert 240 < written.removed["misaligned"] < 260
    assert seqattn.check(str(tmp_path / "clean.tsv")).alignment.spans == ()


def test_the_first_of_equal_pairs_that_remain_is_kept(tmp_path):
    pairs = list(translated())
    shifted = pairs[300]
    targets = [pair.target for pair in pairs]
    del targets[100]
    sources = [pair.source for pair in pairs[:-1]]
    sources, targets = [*sources, shifted.source], [*targets, shifted.target]
    del sources[450], targets[449]
    report = seqattn.check(write_texts(tmp_path, sources[: len(targets)], targets[: len(sources)]))
    report.write_clean(tmp_path / "clean.tsv")
    kept = read_corpus(str(tmp_path / "clean.tsv")).pairs
    assert len(set(kept)) == len(kept)


def test_an_input_is_never_overwritten_and_other_files_only_completely(tmp_path):
    path = write_tsv(tmp_path / "pairs.tsv", CLEAN)
    link = tmp_path / "link.tsv"
    os.link(path, link)
    report = seqattn.check(str(path))
    before = path.read_bytes()
    for output in (path, link, tmp_path / "folder" / ".." / "pairs.tsv"):
        (tmp_path / "folder").mkdir(exist_ok=True)
        with pytest.raises(InputError, match="also an input"):
            report.write_clean(output)
    for name in ("clean.txt", "clean", "clean.gz"):
        with pytest.raises(InputError, match="not named as a file of pairs"):
            report.write_clean(tmp_path / name)
    assert path.read_bytes() == before
    assert {one.name for one in tmp_path.iterdir()} == {"pairs.tsv", "link.tsv", "folder"}


def test_the_same_pairs_give_the_same_bytes(tmp_path):
    report = checked(tmp_path, CLEAN)
    first, second = (
        report.write_clean(tmp_path / name).path.read_bytes() for name in ("a.tsv.gz", "b.tsv.gz")
    )
    assert first == second and gzip.decompress(first).startswith(CLEAN[0].source.encode())
