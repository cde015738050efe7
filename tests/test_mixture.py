"""Several models as one: the next id has the mean of their probabilities, in every kind of search."""

from __future__ import annotations

import math
from itertools import product
from random import Random

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from seqattn.data.batching import UNLIMITED, Limits, pad
from seqattn.decoding.search import (
    SamplingOptions,
    SearchOptions,
    beam_search,
    length_penalty,
    sample,
    score_targets,
)
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.models.base import Reading, Seq2Seq, Vocabulary
from seqattn.models.int8 import quantize
from seqattn.models.mixture import Member, Mixture, mean_probability
from seqattn.symbols import BOS, EOS

from helpers import VARIANT_NAMES, VARIANTS, log_of_mean, random_rows, random_target, tiny_model
from trees import A, B, C, Tree, TreeModel

MIXED: list[tuple[str, dict[str, object]]] = [
    ("lstm", {"input_feeding": True}),
    ("transformer", {}),
    ("hybrid", {"score": "general"}),
    ("lstm", {"score": "none", "decoder_layers": 2}),
    ("lstm", {"attention": "local-m", "window": 1}),
]
LENGTHS = (5, 2, 7, 3)


def mixture_of(*models: Seq2Seq) -> Mixture:
    return Mixture([Member(model) for model in models])


def mixed(**sizes: object) -> list[Seq2Seq]:
    return [
        tiny_model(architecture, seed=seed, spread=3.0, **sizes, **options)
        for seed, (architecture, options) in enumerate(MIXED)
    ]


def stacked(mixture: Mixture, lengths: tuple[int, ...] = LENGTHS, size: int = 13) -> Tensor:
    return mixture.collator.stack(random_rows(lengths, size), 0)


@given(
    st.integers(1, 4).flatmap(
        lambda count: st.lists(
            st.lists(st.floats(-60, 60), min_size=count, max_size=count), min_size=2, max_size=5
        )
    )
)
def test_the_mean_is_that_of_the_probabilities(logits):
    each = list(torch.tensor(logits, dtype=torch.float64).T.log_softmax(-1))
    expected = torch.stack(each).exp().mean(0)
    found = mean_probability([one.float() for one in each])
    torch.testing.assert_close(found.exp().double(), expected, rtol=1e-4, atol=1e-12)


def test_the_mean_of_probabilities_that_underflow_is_exact():
    each = [torch.tensor([-300.0, -200.0]), torch.tensor([-301.0, -5000.0])]
    found = mean_probability(each)
    assert found.tolist() == pytest.approx([-300 + math.log((1 + math.exp(-1)) / 2), -200 - math.log(2)])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_mean_of_equal_probabilities_is_the_same_bit_for_bit(count):
    one = torch.randn(4, 9, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    one[0, 3] = -torch.inf
    assert torch.equal(mean_probability([one] * count), one)


def test_an_id_is_impossible_only_if_it_is_for_every_model():
    never = -torch.inf
    found = mean_probability([torch.tensor([never, never, 0.0]), torch.tensor([never, 0.0, never])])
    assert found.tolist() == pytest.approx([never, -math.log(2), -math.log(2)])


def test_search_over_two_trees_finds_the_mean_worked_out_by_hand():
    one: Tree = {(): {A: 0.8, B: 0.2}, (A,): {EOS: 0.1, C: 0.9}, (A, C): {EOS: 0.5, C: 0.5}}
    two: Tree = {(): {A: 0.2, B: 0.8}, (A,): {EOS: 0.3, C: 0.7}, (A, C): {EOS: 0.7, C: 0.3}}
    mixture = mixture_of(TreeModel(one), TreeModel(two))
    source = mixture.collator.stack([[A, EOS]], 0)
    (found,) = beam_search(mixture, source, SearchOptions(beam=8, length_penalty=0))
    # The products are of means: 0.5 · 0.8 · 0.6, which is not the mean of the products.
    expected = {(B, EOS): 0.5, (A, C, EOS): 0.5 * 0.8 * 0.6, (A, C, C, EOS): 0.5 * 0.8 * 0.4, (A, EOS): 0.1}
    assert {tuple(one.ids): math.exp(one.log_probability) for one in found} == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_over_an_ensemble_equals_brute_force_over_every_sequence(alpha):
    models = mixed(vocabulary=Vocabulary(9, 7, shared=False))
    mixture, sources = mixture_of(*models), random_rows((4, 6), 9)
    options = SearchOptions(beam=64, length_penalty=alpha, max_ratio=0.0, max_extra=4)
    found = beam_search(mixture, mixture.collator.stack(sources, 0), options)
    every = [[*words, EOS] for length in range(4) for words in product((A, B, C), repeat=length)]
    for source, hypotheses in zip(sources, found, strict=True):
        totals = {tuple(ids): log_of_mean(models, source, ids) for ids in every}
        scores = {ids: total / length_penalty(len(ids), alpha) for ids, total in totals.items()}
        assert {tuple(one.ids) for one in hypotheses} == set(scores)
        assert [one.score for one in hypotheses] == pytest.approx(
            sorted(scores.values(), reverse=True), abs=1e-4
        )
        for one in hypotheses:
            assert one.log_probability == pytest.approx(totals[tuple(one.ids)], abs=1e-4)
            assert one.score == pytest.approx(scores[tuple(one.ids)], abs=1e-4)


def test_scores_of_targets_are_the_log_of_the_mean_probability_at_each_step():
    models = mixed()
    mixture, sources = mixture_of(*models), random_rows(LENGTHS, 13)
    targets = [[7, 5, EOS], [EOS], [6, 6, 8, 9, EOS], [4, EOS]]
    found = score_targets(
        mixture, mixture.collator.stack(sources, 0), pad([[BOS, *target] for target in targets])
    )
    expected = [log_of_mean(models, *pair) for pair in zip(sources, targets, strict=True)]
    assert found.tolist() == pytest.approx(expected, abs=1e-4)
    # It is neither the mean of the scores nor the score of one.
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        each = [log_of_mean([model], source, target) for model in models]
        assert abs(found[row].item() - sum(each) / len(each)) > 1e-3


@pytest.mark.parametrize("beam", [1, 4])
def test_hypotheses_have_the_scores_of_their_targets_and_a_batch_equals_single_sentences(beam):
    models = mixed()
    mixture, sources = mixture_of(*models), random_rows(LENGTHS, 13)
    options = SearchOptions(beam=beam, max_ratio=1.0)
    found = beam_search(mixture, mixture.collator.stack(sources, 0), options)
    for source, hypotheses in zip(sources, found, strict=True):
        (alone,) = beam_search(mixture, mixture.collator.stack([source], 0), options)
        assert [one.ids for one in hypotheses] == [one.ids for one in alone]
        for one in hypotheses:
            assert one.log_probability == pytest.approx(log_of_mean(models, source, one.ids), abs=1e-4)


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, spread=2.0, **options)


def test_reading_ids_at_once_equals_reading_them_one_by_one(model):
    mixture = mixture_of(model, tiny_model("lstm", seed=5), tiny_model("transformer", seed=6))
    target = random_target(len(LENGTHS), 5)
    memory, state = mixture.encode(stacked(mixture))
    whole = mixture.predict(target, memory, state).log_p
    torch.testing.assert_close(whole.exp().sum(-1), torch.ones(whole.shape[:2]))
    for at in range(target.shape[1]):
        found = mixture.predict(target[:, at : at + 1], memory, state)
        state = found.state
        torch.testing.assert_close(found.log_p[:, 0], whole[:, at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_model_with_itself_finds_exactly_what_it_finds_alone(model, count):
    mixture, alone = mixture_of(*[model] * count), pad(random_rows(LENGTHS, 13))
    for beam in (1, 4):
        options = SearchOptions(beam=beam, max_ratio=1.0)
        assert beam_search(mixture, stacked(mixture), options) == beam_search(model, alone, options)
    drawn = [
        sample(
            one,
            source,
            SearchOptions(beam=3),
            SamplingOptions(),
            [Random(row) for row in range(len(LENGTHS))],
        )
        for one, source in ((mixture, stacked(mixture)), (model, alone))
    ]
    assert drawn[0] == drawn[1]


def test_the_order_of_the_models_does_not_matter():
    models = mixed()
    options, found = SearchOptions(beam=4, max_ratio=1.0), []
    for order in (models, models[::-1], models[2:] + models[:2]):
        mixture = mixture_of(*order)
        found.append(beam_search(mixture, stacked(mixture), options))
    for other in found[1:]:
        for row, expected in zip(other, found[0], strict=True):
            assert [one.ids for one in row] == [one.ids for one in expected]
            assert [one.score for one in row] == pytest.approx([one.score for one in expected], abs=1e-4)


def test_an_ensemble_holds_what_each_of_its_models_holds():
    short = tiny_model("transformer", positions="learned", max_positions=6, spread=2.0)
    unlimited, longer = tiny_model("lstm"), tiny_model("transformer", positions="learned", max_positions=9)
    assert mixture_of(unlimited, unlimited).longest == UNLIMITED
    mixture = mixture_of(unlimited, longer, short)
    assert mixture.longest == Limits(6, 6)
    options = SearchOptions(beam=2, max_ratio=9.0)
    found = beam_search(mixture, stacked(mixture, (6, 3)), options)
    assert max(len(one.ids) for row in found for one in row) <= 6


def test_an_ensemble_of_models_in_int8_equals_each_of_them_alone_and_finds_its_own_scores():
    models = [tiny_model("lstm", spread=2.0), tiny_model("transformer", spread=2.0)]
    for model in models:
        quantize(model)
    same = mixture_of(models[0], models[0])
    options = SearchOptions(beam=3, max_ratio=1.0)
    alone = beam_search(models[0], pad(random_rows(LENGTHS, 13)), options)
    assert beam_search(same, stacked(same), options) == alone
    mixture = mixture_of(*models)
    for row, hypotheses in enumerate(beam_search(mixture, stacked(mixture), options)):
        for one in hypotheses:
            source = mixture.collator.stack(random_rows(LENGTHS, 13)[row : row + 1], 0)
            total = float(score_targets(mixture, source, torch.tensor([[BOS, *one.ids]])))
            assert one.log_probability == pytest.approx(total, abs=1e-4)


def test_the_attention_of_an_ensemble_has_a_head_for_each_models_reading():
    models = [tiny_model("lstm"), tiny_model("transformer")]
    readings = [Reading(1), Reading(2, 1)]
    mixture = Mixture([Member(*pair) for pair in zip(models, readings, strict=True)])
    target = random_target(len(LENGTHS), 5)
    found = mixture.predict(target, *mixture.encode(stacked(mixture)), attention=True).attention
    assert mixture.attention_shape == (1, 2) and found is not None
    for head, (one, reading) in enumerate(zip(models, readings, strict=True)):
        expected = reading.weights(one.attend(pad(random_rows(LENGTHS, 13)), target))
        torch.testing.assert_close(found[:, 0, head], expected)
    assert mixture_of(tiny_model("lstm", score="none"), models[0]).attention_shape is None


def test_batches_in_parallel_give_the_same_as_in_sequence():
    mixture, sources = mixture_of(*mixed()), random_rows((5, 2, 7, 3, 6, 4, 8), 13)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            options = TranslationOptions(SearchOptions(beam=3, max_ratio=1.0), batch_tokens=24)
            found.append(search_all(mixture, sources, options))
    finally:
        torch.set_num_threads(before)
    assert [[one.ids for one in row] for row in found[0]] == [[one.ids for one in row] for row in found[1]]
