"""Search against trees worked out by hand, brute force, and the scores of given targets."""

from __future__ import annotations

import math
from collections import Counter
from itertools import product
from random import Random

import pytest
import torch
from torch import Tensor

from seqattn.data.batching import pad
from seqattn.decoding.search import (
    Hypothesis,
    SamplingOptions,
    SearchOptions,
    beam_search,
    length_penalty,
    sample,
    score_targets,
    top_k,
)
from seqattn.models.base import Seq2Seq, Vocabulary
from seqattn.symbols import BOS, EOS, PAD, UNK

from helpers import VARIANT_NAMES, VARIANTS, random_source, tiny_model
from trees import A, B, C, Tree, TreeModel, reading


@pytest.mark.parametrize("k", [1, 2, 10])
@pytest.mark.parametrize("columns", [5, 63, 64, 200, 1300, 1344])
def test_the_largest_found_by_blocks_are_the_largest(columns, k):
    k = min(k, columns)
    x = torch.randn(7, columns, generator=torch.Generator().manual_seed(columns))
    x[0, 3:] = -torch.inf
    x[1] = torch.arange(columns)
    best, ids = top_k(x, k)
    assert torch.equal(best, x.topk(k, dim=1).values)
    assert torch.equal(x.gather(1, ids), best)
    assert all(len(set(row)) == k for row in ids.tolist())


GARDEN_PATH: Tree = {
    (): {A: 0.6, B: 0.4},
    (A,): {A: 0.42, B: 0.31, EOS: 0.27},
    (B,): {A: 0.06, B: 0.04, EOS: 0.9},
    (A, A): {EOS: 0.5, A: 0.3, B: 0.2},
    (A, B): {EOS: 0.6, A: 0.3, B: 0.1},
}
"""The likelier first word leads to less likely sequences."""

SHORT_OR_LONG: Tree = {
    (): {A: 0.55, B: 0.45},
    (A,): {A: 0.8, EOS: 0.2},
}
"""B EOS 0.45 is likelier than A A EOS 0.44, but shorter."""


def search(
    model: Seq2Seq, source: Tensor, beam: int = 5, alpha: float = 0.0, **options
) -> list[list[Hypothesis]]:
    return beam_search(model, source, SearchOptions(beam=beam, length_penalty=alpha, **options))


def check(hypotheses: list[Hypothesis], expected: list[tuple[list[int], float]], alpha: float = 0.0) -> None:
    """Compare with (ids, probability), best first."""
    assert [hypothesis.ids for hypothesis in hypotheses] == [ids for ids, _ in expected]
    for hypothesis, (ids, probability) in zip(hypotheses, expected, strict=True):
        assert hypothesis.log_probability == pytest.approx(math.log(probability), abs=1e-5)
        score = math.log(probability) / ((5 + len(ids)) / 6) ** alpha
        assert hypothesis.score == pytest.approx(score, abs=1e-5)


def test_length_penalty_is_wu_et_als():
    assert length_penalty(1, 0.7) == 1
    assert length_penalty(7, 1.0) == 2
    assert length_penalty(7, 2.0) == 4
    assert length_penalty(30, 0.0) == 1


# Trees worked out by hand.


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_greedy_search_takes_the_likeliest_word_each_time(alpha):
    (found,) = search(TreeModel(GARDEN_PATH), reading(0), beam=1, alpha=alpha)
    check(found, [([A, A, EOS], 0.6 * 0.42 * 0.5)], alpha)


def test_a_beam_of_two_finds_what_greedy_search_misses():
    (found,) = search(TreeModel(GARDEN_PATH), reading(0), beam=2)
    check(found, [([B, EOS], 0.4 * 0.9), ([A, A, EOS], 0.6 * 0.42 * 0.5)])


def test_a_hypothesis_ends_only_when_its_end_is_among_the_k_best_continuations():
    model, source = TreeModel(GARDEN_PATH), reading(0)
    # A EOS, 0.162, comes fourth of the second step: after B EOS, A A and A B.
    best, a_a, a_b = ([B, EOS], 0.36), ([A, A, EOS], 0.126), ([A, B, EOS], 0.6 * 0.31 * 0.6)
    check(search(model, source, beam=3)[0], [best, a_a, a_b])
    check(search(model, source, beam=4)[0], [best, ([A, EOS], 0.162), a_a, a_b])


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
def test_hypotheses_come_best_first(alpha):
    (found,) = search(TreeModel(GARDEN_PATH), reading(0), beam=8, alpha=alpha)
    scores = [hypothesis.score for hypothesis in found]
    assert len(found) == 8
    assert scores == sorted(scores, reverse=True)
    assert len({tuple(hypothesis.ids) for hypothesis in found}) == 8


def test_the_length_penalty_changes_the_winner():
    model, source = TreeModel(SHORT_OR_LONG), reading(0)
    short, long = ([B, EOS], 0.45), ([A, A, EOS], 0.44)
    check(search(model, source, beam=2, alpha=0.0)[0], [short, long], 0.0)
    check(search(model, source, beam=2, alpha=1.0)[0], [long, short], 1.0)


def test_search_continues_while_a_growing_hypothesis_could_still_enter_the_ranking():
    # One hypothesis ends early with a low score; the better one needs four more steps.
    tree: Tree = {(): {A: 0.51, B: 0.49}, (A,): {EOS: 0.3, A: 0.7}, (B,): {EOS: 0.35, B: 0.65}}
    tree |= {(A,) * n: {A: 0.99, EOS: 0.01} for n in range(2, 6)}
    (found,) = search(TreeModel(tree), reading(0), beam=2, max_extra=20)
    check(found, [([A] * 6 + [EOS], 0.51 * 0.7 * 0.99**4), ([B, B, EOS], 0.49 * 0.65)])


def test_the_number_of_growing_hypotheses_stays_the_same_when_one_has_ended():
    tree: Tree = {
        (): {A: 0.6, B: 0.4},
        (A,): {A: 0.5, B: 0.45, EOS: 0.05},
        (B,): {EOS: 0.9, B: 0.1},
        (A, A): {A: 0.5, B: 0.5},
    }
    # After B EOS, 0.36, both A A, 0.3, and A B, 0.27, must grow: the second leads to the better end.
    (found,) = search(TreeModel(tree), reading(0), beam=2)
    check(found, [([B, EOS], 0.36), ([A, B, EOS], 0.27)])


def test_search_continues_for_the_last_place_when_the_first_is_taken():
    tree: Tree = {(): {A: 0.6, EOS: 0.4}, (A,): {A: 0.5, EOS: 0.3, B: 0.2}}
    # After two steps EOS, 0.4, and A EOS, 0.18, have ended; A A, 0.3, cannot win but comes second.
    (found,) = search(TreeModel(tree), reading(0), beam=2)
    check(found, [([EOS], 0.4), ([A, A, EOS], 0.3)])


def test_sentences_of_one_batch_are_searched_each_in_its_own_tree():
    model = TreeModel(GARDEN_PATH, SHORT_OR_LONG)
    found = search(model, reading(1, 0, 1), beam=2)
    check(found[0], [([B, EOS], 0.45), ([A, A, EOS], 0.44)])
    check(found[1], [([B, EOS], 0.36), ([A, A, EOS], 0.126)])
    assert found[2] == found[0]


def test_sentences_that_end_at_different_times_do_not_mix():
    chains: list[Tree] = []
    for length in (1, 4, 2, 6):
        word = A if length % 4 else B
        chains.append({(word,) * n: {word: 0.9, C: 0.1} for n in range(length)})
    found = search(TreeModel(*chains), reading(0, 1, 2, 3), beam=3)
    for row, length in enumerate((1, 4, 2, 6)):
        word = A if length % 4 else B
        check(found[row][:1], [([word] * length + [EOS], 0.9**length)])


def test_pad_bos_and_unk_are_never_proposed_and_the_rest_keeps_its_probability():
    tree: Tree = {(): {PAD: 0.3, BOS: 0.2, UNK: 0.3, A: 0.15, EOS: 0.05}, (A,): {UNK: 0.6, EOS: 0.4}}
    (found,) = search(TreeModel(tree), reading(0), beam=4)
    check(found, [([A, EOS], 0.15 * 0.4), ([EOS], 0.05)])
    drawn = draw(TreeModel(tree), reading(0), n=200)[0]
    assert {tuple(hypothesis.ids) for hypothesis in drawn} == {(A, EOS), (EOS,)}


def test_at_the_limit_the_end_is_forced_at_its_own_probability():
    tree: Tree = {(A,) * n: {A: 0.9, EOS: 0.1} for n in range(20)}
    (found,) = search(TreeModel(tree), reading(0), beam=1, max_ratio=1.0, max_extra=1)
    check(found, [([A, A, EOS], 0.9 * 0.9 * 0.1)])


# Models with random weights.


def rescored(model: Seq2Seq, source: Tensor, ids: list[int]) -> float:
    with torch.no_grad():
        return float(score_targets(model, source.unsqueeze(0), torch.tensor([[BOS, *ids]])))


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize(
    ("architecture", "options"),
    [
        ("lstm", {"input_feeding": True}),
        ("lstm", {"score": "none"}),
        ("transformer", {}),
        ("transformer", {"norm": "post"}),
    ],
    ids=str,
)
def test_a_wide_beam_equals_brute_force_over_every_sequence(architecture, options, alpha):
    model = tiny_model(architecture, vocabulary=Vocabulary(9, 7, shared=False), spread=2.0, **options)
    source = random_source((4, 6), size=9)
    found = search(model, source, beam=64, alpha=alpha, max_ratio=0.0, max_extra=4)
    every = [[*words, EOS] for length in range(4) for words in product((A, B, C), repeat=length)]
    for row in range(2):
        expected = {tuple(ids): rescored(model, source[row], ids) for ids in every}
        penalised = {ids: total / length_penalty(len(ids), alpha) for ids, total in expected.items()}
        assert len(found[row]) == len(every) == 40
        assert {tuple(h.ids) for h in found[row]} == set(expected)
        for hypothesis, score in zip(found[row], sorted(penalised.values(), reverse=True), strict=True):
            assert hypothesis.log_probability == pytest.approx(expected[tuple(hypothesis.ids)], abs=1e-4)
            assert hypothesis.score == pytest.approx(penalised[tuple(hypothesis.ids)], abs=1e-4)
            assert hypothesis.score == pytest.approx(score, abs=1e-4)


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, spread=2.0, **options)


LENGTHS = (5, 2, 7, 3)


def test_scores_of_hypotheses_equal_their_rescoring(model):
    source = random_source(LENGTHS)
    found = search(model, source, beam=4, alpha=0.8)
    for row, hypotheses in enumerate(found):
        assert len(hypotheses) == 4
        for hypothesis in hypotheses:
            total = rescored(model, source[row], hypothesis.ids)
            assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)
            penalty = ((5 + len(hypothesis.ids)) / 6) ** 0.8
            assert hypothesis.score == pytest.approx(total / penalty, abs=1e-4)


def test_searching_a_batch_equals_searching_each_sentence(model):
    source = random_source(LENGTHS)
    together = search(model, source, beam=3, alpha=1.0)
    for row, length in enumerate(LENGTHS):
        (alone,) = search(model, source[row : row + 1, :length], beam=3, alpha=1.0)
        assert [h.ids for h in together[row]] == [h.ids for h in alone]
        assert [h.score for h in together[row]] == pytest.approx([h.score for h in alone], abs=1e-4)


def test_greedy_search_equals_argmax_step_by_step(model):
    source = random_source(LENGTHS)
    found = search(model, source, beam=1, alpha=1.0, max_extra=3)
    for row, length in enumerate(LENGTHS):
        limit = 2 * length + 3
        ids = [BOS]
        with torch.no_grad():
            while ids[-1] != EOS and len(ids) < limit:
                # From the beginning each time: this does not depend on the state.
                memory, state = model.encode(source[row : row + 1])
                logits = model.logits(model.decode(torch.tensor([ids]), memory, state).hidden[0, -1])
                logits[[PAD, BOS, UNK]] = -torch.inf
                ids.append(int(logits.argmax()))
        if ids[-1] != EOS:
            ids.append(EOS)
        assert [hypothesis.ids for hypothesis in found[row]] == [ids[1:]]


@pytest.mark.parametrize("beam", [1, 3])
def test_hypotheses_end_in_eos_within_their_limit(model, beam):
    source = random_source(LENGTHS)
    for row, hypotheses in enumerate(search(model, source, beam=beam, max_ratio=0.7, max_extra=1)):
        for ids, _, _ in hypotheses:
            assert 1 <= len(ids) <= int(0.7 * LENGTHS[row]) + 1
            assert ids[-1] == EOS
            assert not {PAD, BOS, EOS, UNK} & set(ids[:-1])


def test_no_target_is_longer_than_learned_positions_hold():
    model = tiny_model("transformer", positions="learned", max_positions=6, spread=2.0)
    with torch.no_grad():
        model.decoder.norm.weight.zero_()
        model.decoder.norm.bias.fill_(1.0)
        model.decoder.output.weight[EOS] = -10.0
    found = search(model, random_source((6, 3)), beam=2)
    drawn = draw(model, random_source((6, 3)), n=20)
    lengths = [len(hypothesis.ids) for row in [*found, *drawn] for hypothesis in row]
    assert max(lengths) == 6


def test_score_targets_of_a_tree_are_products_of_its_probabilities():
    model = TreeModel(GARDEN_PATH, SHORT_OR_LONG)
    source = reading(0, 0, 1)
    target = pad([[BOS, B, EOS], [BOS, A, B, EOS], [BOS, A, A, EOS]])
    expected = torch.tensor([0.4 * 0.9, 0.6 * 0.31 * 0.6, 0.44]).log()
    torch.testing.assert_close(score_targets(model, source, target), expected)


def test_scores_of_targets_in_a_batch_equal_those_alone(model):
    source = random_source(LENGTHS)
    targets = [[BOS, 7, 5, EOS], [BOS, EOS], [BOS, 6, 6, 8, 9, EOS], [BOS, 4, EOS]]
    together = score_targets(model, source, pad(targets)).tolist()
    alone = [rescored(model, source[row], ids[1:]) for row, ids in enumerate(targets)]
    assert together == pytest.approx(alone, abs=1e-4)


# Sampling.


def draw(
    model: Seq2Seq, source: Tensor, n: int = 1, alpha: float = 0.0, max_extra: int = 10, **options
) -> list[list[Hypothesis]]:
    sampling = SamplingOptions(**options)
    chances = [Random(f"{sampling.seed} {row}") for row in range(len(source))]
    search_options = SearchOptions(beam=n, length_penalty=alpha, max_extra=max_extra)
    return sample(model, source, search_options, sampling, chances)


FOUR: Tree = {(): {A: 0.45, B: 0.3, C: 0.15, EOS: 0.1}, (A,): {B: 0.2, EOS: 0.8}}


def frequencies(n: int = 4000, tree: Tree = FOUR, **options) -> dict[tuple[int, ...], float]:
    (drawn,) = draw(TreeModel(tree), reading(0), n=n, **options)
    assert len(drawn) == n
    counts = Counter(tuple(hypothesis.ids) for hypothesis in drawn)
    return {ids: count / n for ids, count in counts.items()}


def assert_distributed(
    seen: dict[tuple[int, ...], float], expected: dict[tuple[int, ...], float], n: int = 4000
) -> None:
    """The same support, and each frequency within four standard errors."""
    assert set(seen) == set(expected)
    assert sum(expected.values()) == pytest.approx(1)
    for ids, probability in expected.items():
        assert abs(seen[ids] - probability) < 4 * math.sqrt(probability * (1 - probability) / n) + 1e-9, ids


def test_draws_follow_the_models_distribution():
    expected = {(A, EOS): 0.36, (A, B, EOS): 0.09, (B, EOS): 0.3, (C, EOS): 0.15, (EOS,): 0.1}
    assert_distributed(frequencies(), expected)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_the_temperature_is_the_inverse_of_a_power(temperature):
    first = {word: p ** (1 / temperature) for word, p in FOUR[()].items()}
    second = {word: p ** (1 / temperature) for word, p in FOUR[(A,)].items()}
    first = {word: p / sum(first.values()) for word, p in first.items()}
    second = {word: p / sum(second.values()) for word, p in second.items()}
    expected = {(B, EOS): first[B], (C, EOS): first[C], (EOS,): first[EOS]}
    expected |= {(A, EOS): first[A] * second[EOS], (A, B, EOS): first[A] * second[B]}
    assert_distributed(frequencies(temperature=temperature), expected)


def test_top_k_draws_among_the_k_likeliest():
    expected = {(A, EOS): 0.6 * 0.8, (A, B, EOS): 0.6 * 0.2, (B, EOS): 0.4}
    assert_distributed(frequencies(top_k=2), expected)


@pytest.mark.parametrize(
    ("top_p", "expected"),
    [
        (0.4, {(A, EOS): 1.0}),
        (0.6, {(A, EOS): 0.6, (B, EOS): 0.4}),
        (0.78, {(A, EOS): 0.5, (B, EOS): 1 / 3, (C, EOS): 1 / 6}),
        (0.85, {(A, EOS): 0.4, (A, B, EOS): 0.1, (B, EOS): 1 / 3, (C, EOS): 1 / 6}),
        (0.95, {(A, EOS): 0.36, (A, B, EOS): 0.09, (B, EOS): 0.3, (C, EOS): 0.15, (EOS,): 0.1}),
    ],
)
def test_top_p_keeps_exactly_the_nucleus(top_p, expected):
    assert_distributed(frequencies(top_p=top_p), expected)


def test_the_nucleus_is_taken_from_the_top_k_once_renormalised():
    # Of A 0.45, B 0.3, C 0.15 the first makes half: a nucleus of 0.49 is A alone, though 0.45 < 0.49.
    assert set(frequencies(n=300, top_k=3, top_p=0.49)) == {(A, EOS)}
    assert set(frequencies(n=300, top_p=0.49)) == {(A, EOS), (B, EOS)}


def test_sampling_among_one_equals_greedy_search(model):
    source = random_source(LENGTHS)
    greedy = search(model, source, beam=1)
    for drawn, (best,) in zip(draw(model, source, n=2, top_k=1), greedy, strict=True):
        assert [hypothesis.ids for hypothesis in drawn] == [best.ids, best.ids]
        assert drawn[0].score == pytest.approx(best.score, abs=1e-4)
    for drawn, (best,) in zip(draw(model, source, top_p=1e-6), greedy, strict=True):
        assert [hypothesis.ids for hypothesis in drawn] == [best.ids]


def test_the_same_seed_draws_the_same_and_another_seed_does_not(model):
    source = random_source(LENGTHS)
    first = draw(model, source, n=3, seed=7)
    assert draw(model, source, n=3, seed=7) == first
    assert draw(model, source, n=3, seed=8) != first


def test_what_is_drawn_for_a_source_does_not_depend_on_the_others(model):
    source, options = random_source(LENGTHS), (SearchOptions(beam=3), SamplingOptions())
    together = sample(model, source, *options, [Random(row) for row in range(len(source))])
    for row, drawn in enumerate(together):
        alone = source[row : row + 1, : LENGTHS[row]]
        ((*other,),) = sample(model, alone, *options, [Random(row)])
        assert [one.ids for one in other] == [one.ids for one in drawn]


def test_the_draws_for_a_source_are_in_no_order_of_scores():
    # Sorted draws of two sources, joined one by one, would not be draws for both.
    (drawn,) = draw(TreeModel(FOUR), reading(0), n=4000)
    later = Counter(tuple(hypothesis.ids) for hypothesis in drawn[2000:])
    assert abs(later[(A, EOS)] / 2000 - 0.36) < 4 * math.sqrt(0.36 * 0.64 / 2000)


def test_scores_of_samples_are_the_models_at_temperature_one(model):
    source = random_source(LENGTHS)
    for row, drawn in enumerate(draw(model, source, n=4, alpha=1.0, temperature=2.0, top_k=6)):
        assert len(drawn) == 4
        for hypothesis in drawn:
            total = rescored(model, source[row], hypothesis.ids)
            assert hypothesis.log_probability == pytest.approx(total, abs=1e-4)
            assert hypothesis.score == pytest.approx(
                total / length_penalty(len(hypothesis.ids), 1.0), abs=1e-4
            )


def test_draws_end_in_eos_within_their_limit(model):
    source = random_source(LENGTHS)
    for row, drawn in enumerate(draw(model, source, n=5, max_extra=0, temperature=3.0)):
        for ids, _, _ in drawn:
            assert len(ids) <= 2 * LENGTHS[row]
            assert ids[-1] == EOS
            assert not {PAD, BOS, EOS, UNK} & set(ids[:-1])


BELOW = {"beam": 0, "length_penalty": -0.1, "max_ratio": -0.1, "max_extra": -1, "coverage_penalty": -0.1}


@pytest.mark.parametrize("name", BELOW)
def test_impossible_search_options_are_refused(name):
    with pytest.raises(ValueError, match=name):
        SearchOptions(**{name: BELOW[name]})


@pytest.mark.parametrize(
    "options", [{"temperature": 0.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.1}], ids=str
)
def test_impossible_sampling_options_are_refused(options):
    with pytest.raises(ValueError, match=next(iter(options))):
        SamplingOptions(**options)
