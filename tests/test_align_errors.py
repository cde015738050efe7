"""Input that a run cannot align: the error names the run and the sentence, and nothing is printed."""

import pytest

from seqattn.data.corpus import Pair

from commands import TEST, error_of, seqattn
from runs import random_run, write_tsv

LONG = Pair("red dog " * 20, "dog")


@pytest.fixture
def short(tmp_path):
    """A run limited to 30 pieces."""
    return random_run(tmp_path / "short", "transformer", positions="learned", max_positions=30)[0].path


@pytest.fixture
def blind(tmp_path):
    """A run without attention."""
    return random_run(tmp_path / "blind", "lstm", score="none")[0].path


@pytest.mark.parametrize("form", ["heatmap", "html", "svg", "jsonl"])
def test_the_error_names_the_run_that_cannot_show_its_attention(work, short, blind, form):
    run, show = work.run("lstm"), ("--format", form)
    assert "blind: this model has no" in error_of(seqattn("align", run, blind, *TEST[0], *show, status=1))
    assert "short: sentence 1 has a source of 101 positions, more than the 30" in error_of(
        seqattn("align", run, short, *LONG, *show, status=1)
    )
    asked = ("align", run, short, *TEST[0], "--layer", 2, "--head", 1, *show)
    assert "lstm: there is no layer 2" in error_of(seqattn(*asked, status=1))


def test_the_error_names_the_sentence_that_is_too_long(work, short, tmp_path):
    pairs = write_tsv(tmp_path / "pairs.tsv", (*TEST[:2], LONG, *TEST[2:]))
    for more in ([], ["--format", "jsonl"], ["--heads"]):
        message = error_of(seqattn("align", short, "--pairs", pairs, *more, status=1))
        assert "sentence 3 has a source of" in message and "more than the 30" in message
    message = error_of(seqattn("align", work.run("lstm"), "--reverse", short, "--pairs", pairs, status=1))
    assert "short: sentence 3 has a target of" in message


def test_a_sentence_that_is_too_long_has_no_links_by_a_lexicon(short, tmp_path):
    pairs = write_tsv(tmp_path / "pairs.tsv", (*TEST[:2], LONG, *TEST[2:]))
    lines = seqattn("align", short, "--pairs", pairs, "--lexicon", pairs).stdout.splitlines()
    assert [bool(line) for line in lines] == [True, True, False, *(True for _ in TEST[2:])]
