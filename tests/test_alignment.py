"""Attention as word links: which weights are read and how pieces are merged into words."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.alignment.reading import (
    Judged,
    as_links,
    attention_of,
    best_linked,
    judge_readings,
    link_scores,
    links_of,
    merge_words,
    read_attention,
    read_every_way,
    usual_reading,
)
from seqattn.alignment.words import END, Words, words_of
from seqattn.data.batching import Example, collate
from seqattn.errors import InputError
from seqattn.models.base import AttentionShape, Reading, Vocabulary
from seqattn.symbols import EOS
from seqattn.text.normalising import normalise

from helpers import tiny_model
from runs import PROSE, prose_tokenizer

MODELS = [
    pytest.param("lstm", {}, id="lstm"),
    pytest.param("lstm", {"input_feeding": True, "score": "additive"}, id="lstm-fed"),
    pytest.param("transformer", {}, id="transformer"),
]


def model_of(architecture, **options):
    tokenizer = prose_tokenizer()
    sizes = Vocabulary(len(tokenizer.source), len(tokenizer.target), shared=True)
    return tiny_model(architecture, vocabulary=sizes, spread=3.0, **options)


def example(source, target):
    tokenizer = prose_tokenizer()
    return Example(tokenizer.source.encode(source), tokenizer.target.encode(target))


EXAMPLES = [example(source, target) for source, target in zip(PROSE, [*PROSE[1:], "bells"], strict=True)]


def groups(draw, pieces):
    """Word indices of pieces, ascending from 0 without gaps."""
    starts = draw(st.lists(st.booleans(), min_size=pieces - 1, max_size=pieces - 1))
    word, index = 0, [0]
    for start in starts:
        word += start
        index.append(word)
    return index


@st.composite
def weights_with_words(draw):
    target, source = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    torch.manual_seed(draw(st.integers(0, 1000)))
    return torch.rand(target, source).softmax(-1), groups(draw, source), groups(draw, target)


@given(weights_with_words())
def test_merging_to_words_keeps_row_sums_and_equals_a_loop(case):
    weights, source, target = case
    merged = merge_words(weights, source, target)
    assert merged.shape == (target[-1] + 1, source[-1] + 1)
    torch.testing.assert_close(merged.sum(1), torch.ones(len(merged)))
    for row in range(target[-1] + 1):
        pieces = [t for t, word in enumerate(target) if word == row]
        for column in range(source[-1] + 1):
            total = sum(float(weights[t, s]) for t in pieces for s, w in enumerate(source) if w == column)
            assert float(merged[row, column]) == pytest.approx(total / len(pieces), abs=1e-6)


def test_merging_no_target_gives_no_rows():
    assert merge_words(torch.zeros(0, 3), [0, 0, 1], []).shape == (0, 2)


@pytest.mark.parametrize(("architecture", "options"), MODELS)
def test_words_of_an_attention_are_those_of_the_texts_and_its_rows_sum_to_one(architecture, options):
    model = model_of(architecture, **options)
    pairs = list(zip(PROSE, ["  bells\tand   bells ", *PROSE[1:]], strict=True))
    found = list(attention_of(model, prose_tokenizer(), [example(*p) for p in pairs], Reading()))
    assert len(found) == len(pairs)
    for (source, target), seen in zip(pairs, found, strict=True):
        assert seen.source == [*normalise(source).split(" "), END]
        assert seen.target == normalise(target).split(" ")
        assert seen.weights.shape == (len(seen.target), len(seen.source))
        torch.testing.assert_close(seen.weights.sum(1), torch.ones(len(seen.target)))


@given(
    st.text(st.sampled_from("aäe\u0301ßЖ한中語😀\u200d▁_ \t\u00a0\u3000"), max_size=12),
    st.text(max_size=12),
)
def test_words_line_up_for_any_text(source, target):
    (seen,) = attention_of(model_of("lstm"), prose_tokenizer(), [example(source, target)], Reading())
    assert seen.source == [*filter(None, normalise(source).split(" ")), END]
    assert seen.target == list(filter(None, normalise(target).split(" ")))


def test_pieces_are_those_of_the_tokenizer():
    (seen,) = attention_of(model_of("lstm"), prose_tokenizer(), EXAMPLES[:1], Reading(), "pieces")
    side = prose_tokenizer().source
    assert seen.source == [*side.pieces(EXAMPLES[0].source[:-1]), END]
    assert seen.target == side.pieces(EXAMPLES[0].target[:-1])
    (words,) = attention_of(model_of("lstm"), prose_tokenizer(), EXAMPLES[:1], Reading())
    assert len(words.source) < len(seen.source)


@pytest.mark.parametrize("batch_tokens", [1, 60, 100_000])
@pytest.mark.parametrize(("architecture", "options"), MODELS)
def test_attention_is_that_of_teacher_forcing_each_pair_alone(architecture, options, batch_tokens):
    model = model_of(architecture, **options)
    found = list(read_attention(model, EXAMPLES, batch_tokens=batch_tokens))
    for one, attention in zip(EXAMPLES, found, strict=True):
        source, target = collate([one])
        with torch.no_grad():
            decoded = model.decode(target[:, :-1], *model.encode(source), attention=True)
        alone = decoded.attention[0][..., : len(one.target), : len(one.source)]
        torch.testing.assert_close(attention, alone, rtol=1e-4, atol=1e-6)
        assert attention.shape[2:] == (len(one.target), len(one.source))


@pytest.mark.parametrize(("layers", "default"), [(1, 1), (2, 1), (3, 2), (6, 5)])
def test_the_default_reading_is_the_mean_of_the_penultimate_layer(layers, default):
    attention = torch.rand(layers, 3, 4, 5)
    assert torch.equal(
        usual_reading(AttentionShape(layers, 3)).apply(attention), attention[default - 1].mean(0)[:-1]
    )


def test_a_layer_and_a_head_are_counted_from_one():
    attention = torch.rand(3, 4, 5, 6)
    assert torch.equal(Reading(layer=3, head=2).apply(attention), attention[2, 1, :4])
    assert torch.equal(Reading(layer=1).apply(attention), attention[0, :, :4].mean(0))


def test_a_word_is_consumed_at_the_step_after_the_one_that_produced_it():
    attention = torch.rand(1, 1, 5, 6)
    produced, consumed = (Reading(consumed=late).apply(attention) for late in (False, True))
    assert torch.equal(produced, attention[0, 0, :4])
    assert torch.equal(consumed, attention[0, 0, 1:])


@pytest.mark.parametrize(("architecture", "options"), MODELS)
def test_every_reading_occurs_once_and_links_as_it_does_alone(architecture, options):
    model = model_of(architecture, **options)
    examples = [*EXAMPLES[:3], example("", "the dog"), example("the dog", "")]
    judged = list(read_every_way(model, prose_tokenizer(), examples))
    readings = judged[0].readings
    assert len(readings) == len(set(readings)) == (12 if architecture == "transformer" else 2)
    for at, reading in enumerate(readings):
        alone = links_of(model, prose_tokenizer(), examples, reading)
        assert [pair.links(at) for pair in judged] == list(alone)


def test_a_reading_is_judged_by_the_correlation_of_the_words_it_links():
    ours, theirs = Reading(), Reading(consumed=True)
    words = [
        Words(["red", "dog", END], ["Hund", "rot"], [0, 1, 2], [0, 1]),
        Words(["red", "cat", END], ["Katze", "rot"], [0, 1, 2], [0, 1]),
        Words(["dog", END], ["Hund"], [0, 1], [0]),
        Words([END], [], [0], []),
    ]
    linked = [[[1, 0], [0, 1]], [[1, 0], [0, 1]], [[0], [0]], [[], []]]
    judged = [
        Judged(pair, [ours, theirs], torch.tensor(choice, dtype=torch.int64))
        for pair, choice in zip(words, linked, strict=True)
    ]
    # In 4 pairs: red and rot in the same 2, dog and Hund in the same 2, cat and Katze in the same one: φ = 1.
    assert judge_readings(judged)[ours] == pytest.approx(1)
    # red-Hund and dog-rot: (1·4 - 2·2) / √(2·2·2·2) = 0; red-Katze and cat-rot: (1·4 - 2·1) / √(2·2·1·3).
    assert judge_readings(judged)[theirs] == pytest.approx((0 + 0 + 2 * 2 / math.sqrt(12) + 1) / 5)


def test_without_words_no_reading_is_judged():
    nothing = Judged(Words([END], [], [0], []), [Reading()], torch.zeros(1, 0, dtype=torch.int64))
    assert judge_readings([nothing]) == {}


@pytest.mark.parametrize("reading", [Reading(layer=4), Reading(head=5)])
def test_a_missing_layer_or_head_is_an_error_that_gives_their_number(reading):
    with pytest.raises(InputError, match="only 3 layers of 4 heads"):
        reading.apply(torch.rand(3, 4, 5, 6))
    with pytest.raises(InputError, match="no layer 3"):
        list(attention_of(model_of("transformer"), prose_tokenizer(), EXAMPLES, Reading(layer=3)))


def test_reading_a_model_without_attention_is_an_error():
    with pytest.raises(InputError, match="no attention"):
        list(read_attention(model_of("lstm", score="none"), EXAMPLES))


def test_a_sentence_too_long_for_the_model_is_an_error():
    model = model_of("transformer", positions="learned", max_positions=10)
    with pytest.raises(InputError, match="more than the 10 that this model can hold"):
        list(read_attention(model, EXAMPLES))


def scored(source, target, weights):
    """`link_scores` of a pair of texts, from weights between their words."""
    pair = example(source, target)
    words = words_of(prose_tokenizer(), pair)
    of_target, of_source = torch.tensor(words.of_target), torch.tensor(words.of_source)
    return link_scores(prose_tokenizer(), pair, words, torch.tensor(weights)[of_target][:, of_source])


def test_each_target_word_is_linked_to_what_it_attends_to_most_but_never_to_the_end():
    scores = scored("the dog", "dog the dog", [[0.1, 0.3, 0.6], [0.5, 0.4, 0.1], [0.2, 0.3, 0.5]])
    assert as_links(best_linked(scores)) == {(1, 0), (0, 1), (1, 2)}


def test_an_attention_sink_scores_low_for_every_target_word():
    weights = [[0.2, 0.8, 0.0], [0.0, 0.9, 0.1], [0.4, 0.5, 0.1]]
    scores = scored("the dog", "dog the dog", weights)
    shares = [[0.2, 0.8], [0.0, 0.9], [0.4, 0.5]]
    sums = [0.6, 2.2]
    for row, share in zip(scores, shares, strict=True):
        assert row.tolist() == pytest.approx([a / (0.3 + s) for a, s in zip(share, sums, strict=True)])
    assert as_links(best_linked(scores)) == {(1, 0), (1, 1), (0, 2)}


@pytest.mark.parametrize(("source", "target"), [("", ""), ("", "the dog"), ("the dog", "")])
def test_an_empty_sentence_has_no_links(source, target):
    found = links_of(model_of("lstm"), prose_tokenizer(), [example(source, target)], Reading())
    assert list(found) == [frozenset()]
    assert example("", "") == ([EOS], [EOS])
