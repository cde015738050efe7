"""Reading and showing self-attention: by align, on pages, from Python."""

import json

import pytest
import torch

import seqattn
from seqattn.alignment.reading import heads_of
from seqattn.data.batching import Example, collate
from seqattn.data.corpus import Pair
from seqattn.errors import InputError
from seqattn.models.base import Reading, Vocabulary

from commands import TEST, error_of
from commands import seqattn as command
from helpers import tiny_model
from runs import PROSE, prose_tokenizer

TOKENIZER = prose_tokenizer()
EXAMPLES = [
    Example(TOKENIZER.source.encode(line), TOKENIZER.target.encode(" ".join(reversed(line.split()))))
    for line in PROSE
]


@pytest.fixture(scope="module")
def model():
    sizes = [len(TOKENIZER.source)] * 2
    return tiny_model("transformer", vocabulary=Vocabulary(*sizes, shared=True), spread=3.0)


@pytest.mark.parametrize("place", ["encoder", "decoder"])
def test_pieces_of_a_batch_attend_as_each_sentence_alone(model, place):
    found = list(heads_of(model, TOKENIZER, EXAMPLES, unit="pieces", consumed=True, place=place))
    for heads, example in zip(found, EXAMPLES, strict=True):
        batch = collate([example])
        source, target = batch.source[:, : len(example.source)], batch.target[:, : len(example.target)]
        (whole,) = model.attend(source, target, place)
        # The target begins with BOS, which is not a word.
        expected = whole if place == "encoder" else whole[..., 1:, :]
        torch.testing.assert_close(heads.weights, expected, rtol=1e-4, atol=1e-5)
        assert heads.weights.shape[-2:] == (len(heads.target), len(heads.source))


def test_the_encoder_shows_the_source_and_its_end_twice(model):
    (heads,) = heads_of(model, TOKENIZER, EXAMPLES[:1], place="encoder")
    assert heads.source == heads.target == [*PROSE[0].split(), "</s>"]
    assert heads.read(Reading()).mark == len(heads.source) - 1
    torch.testing.assert_close(heads.weights.sum(-1), torch.ones(heads.weights.shape[:-1]))


@pytest.mark.parametrize("consumed", [True, False])
def test_the_decoder_shows_its_target_after_its_beginning_and_no_future(model, consumed):
    words = list(reversed(PROSE[3].split()))
    (heads,) = heads_of(model, TOKENIZER, EXAMPLES[3:4], place="decoder", consumed=consumed)
    assert heads.source == ["<s>", *words] and heads.target == words
    assert heads.read(Reading()).mark == 0
    torch.testing.assert_close(heads.weights.sum(-1), torch.ones(heads.weights.shape[:-1]))
    for row in range(len(words)):
        # A consumed word attends to itself; a word to be produced has not been read.
        assert (heads.weights[..., row, row + 2 :] == 0).all()
        seen = heads.weights[..., row, row + 1]
        assert (seen > 0).all() or not consumed


def record(*arguments):
    (line,) = command("align", *arguments, "--format", "jsonl").stdout.splitlines()
    return json.loads(line)


def test_align_shows_self_attention_of_a_source_without_translating_it(work, monkeypatch):
    monkeypatch.setattr("seqattn.runs.run.Run.translate", None)
    found = record(work.run("transformer"), "red dog", "--self-attention", "encoder")
    assert found["source"] == found["target"] == ["red", "dog", "</s>"]
    assert len(found["weights"]) == 3 and all(
        sum(row) == pytest.approx(1, abs=1e-3) for row in found["weights"]
    )


def test_align_shows_self_attention_of_a_target(work):
    found = record(work.run("transformer"), "red dog", "dog red", "--self-attention", "decoder")
    assert found["source"] == ["<s>", "dog", "red"] and found["target"] == ["dog", "red"]
    assert found["weights"][0][2] == 0 and found["weights"][0][1] > 0
    produced = record(
        *(work.run("transformer"), "red dog", "dog red", "--self-attention", "decoder"), "--at", "produced"
    )
    assert produced["weights"][0] == [1, 0, 0]


@pytest.mark.parametrize("whose", ["encoder", "decoder"])
def test_every_format_shows_self_attention(work, whose):
    given = ["dog red"] if whose == "decoder" else []
    asked = ("align", work.run("transformer"), "red dog", *given, "--self-attention", whose)
    assert f"self-attention of the {whose}" in command(*asked).stdout
    assert f"self-attention of the {whose}" in command(*asked, "--format", "svg").stdout
    page = command(*asked, "--format", "html").stdout
    assert (
        f"self-attention of the {whose}" in page
        and f"attends to in the {('source', 'target')[whose == 'decoder']}" in page
    )
    assert ('class="target-text"' in page) == (whose == "decoder")
    heads = command(*asked, "--heads").stdout
    assert "head 1" in heads and f"self-attention of the {whose}" in heads
    # The reading chosen in training is not among these.
    assert "the run's own" not in heads and heads.splitlines()[1].startswith(
        ("source", "target")[whose == "decoder"]
    )
    assert "head 1*" not in heads and "head 2*" not in heads and "mean*" not in heads
    some = command(
        "align", work.run("transformer"), "--pairs", work.test, "--self-attention", whose, "--format", "jsonl"
    )
    assert len(some.stdout.splitlines()) == len(TEST)


def test_a_layer_or_head_of_self_attention_can_be_requested(work):
    asked = (work.run("transformer"), "red dog", "--self-attention", "encoder")
    heads = [record(*asked, "--head", head)["weights"] for head in (0, 1, 2)]
    assert heads[1] != heads[2]
    mean = (torch.tensor(heads[1]) + torch.tensor(heads[2])) / 2
    torch.testing.assert_close(torch.tensor(heads[0]), mean, atol=2e-5, rtol=0)
    assert "only 1 layer of 2 heads" in error_of(command("align", *asked, "--layer", 2, status=1))


def test_the_error_for_a_part_without_self_attention_names_it(work):
    for whose in ("encoder", "decoder"):
        message = error_of(command("align", work.run("lstm"), "red dog", "--self-attention", whose, status=1))
        assert f"{work.run('lstm')}: the {whose} of this model has no self-attention to read" in message


@pytest.mark.parametrize(
    "more",
    [
        ["--step"],
        ["--format", "pharaoh"],
        ["--threshold", "0.5"],
        ["--at", "produced"],
        ["a target"],
    ],
    ids=str,
)
def test_invalid_combinations_with_self_attention_are_usage_errors(work, more):
    asked = ("align", work.run("transformer"), "red dog", *more, "--self-attention", "encoder")
    assert "--self-attention" in command(*asked, status=2).stderr


def test_self_attention_of_pairs_needs_a_format(work):
    asked = ("align", work.run("transformer"), "--pairs", work.test, "--self-attention", "decoder")
    assert "needs a --format" in command(*asked, status=2).stderr
    assert "needs a --format" in command(*asked, "--heads", status=2).stderr


def test_python_reads_self_attention_as_the_command_does(work):
    run = seqattn.load(work.run("transformer"))
    for whose in ("encoder", "decoder"):
        given = ["dog red"] if whose == "decoder" else []
        seen = run.attention("red dog", *given, self_attention=whose)
        found = record(work.run("transformer"), "red dog", *given, "--self-attention", whose)
        assert (seen.source, seen.target) == (found["source"], found["target"])
        torch.testing.assert_close(seen.weights, torch.tensor(found["weights"]), atol=2e-5, rtol=0)
        assert f"self-attention of the {whose}" in repr(seen)


def test_what_python_cannot_show_is_refused_by_name(work):
    run = seqattn.load(work.run("transformer"))
    with pytest.raises(ValueError, match="one of cross, encoder, decoder, not 'x'"):
        run.attention("red dog", "dog red", self_attention="x")
    with pytest.raises(ValueError, match="leave out the target"):
        run.attention("red dog", "dog red", self_attention="encoder")
    with pytest.raises(ValueError, match="unit must be one of words, pieces"):
        run.attention("red dog", "dog red", unit="letters")
    with pytest.raises(InputError, match="only 1 layer of 2 heads"):
        run.attention("red dog", "dog red", reading=Reading(9))


def test_a_map_is_an_image_in_a_notebook_and_a_picture_or_a_page_on_disk(work, tmp_path):
    seen = seqattn.load(work.run("transformer")).attention("red dog", "dog red")
    assert seen._repr_html_().startswith('<img alt="attention" src="data:image/svg+xml;base64,')
    seen.save(tmp_path / "map.svg")
    seen.save(str(tmp_path / "map.html"))
    picture, page = (tmp_path / "map.svg").read_text(), (tmp_path / "map.html").read_text()
    assert picture == seen.to_svg() and picture.startswith("<svg")
    assert page == seen.to_html() and page.startswith("<!DOCTYPE html>")
    with pytest.raises(InputError, match="must end in"):
        seen.save(tmp_path / "map.png")


def test_maps_can_be_compared_and_kept_in_a_set(work):
    run = seqattn.load(work.run("transformer"))
    one, other = (run.attention("red dog", "dog red") for _ in range(2))
    assert [one, other].index(other) == 1 and len({one, other, one}) == 2


def test_maps_of_many_pairs_come_in_order(work):
    run = seqattn.load(work.run("lstm"))
    pairs = [Pair(*pair) for pair in TEST]
    for seen, pair in zip(run.attentions(pairs), pairs, strict=True):
        assert seen.pair == pair and seen.target == pair.target.split()
        one = run.attention(*pair)
        torch.testing.assert_close(one.weights, seen.weights, rtol=1e-4, atol=1e-5)
