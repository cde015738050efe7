"""The equations of attention against numbers worked out by hand, explicit loops, and torch's module."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from seqattn.models.attention import (
    MultiHeadAttention,
    additive_scores,
    attend,
    attention_weights,
    causal_mask,
    dot_scores,
    fold_queries,
    general_keys,
    padding_mask,
    scaled_dot_product_attention,
    scaled_dot_scores,
    unfold_queries,
)

KEYS = torch.tensor([[10.0, 0, 0], [0, 10, 0], [0, 0, 10], [0, 0, 10]])
VALUES = torch.tensor([[1.0, 0], [10, 0], [100, 5], [1000, 6]])
WORKED = {
    "one key": ([0.0, 10, 0], [0.0, 1, 0, 0], [10.0, 0]),
    "two equal keys": ([0.0, 0, 10], [0.0, 0, 0.5, 0.5], [550.0, 5.5]),
    "between two keys": ([10.0, 10, 0], [0.5, 0.5, 0.0, 0], [5.5, 0.0]),
}


def randn(*shape: int, seed: int = 1) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("scores", [dot_scores, scaled_dot_scores])
@pytest.mark.parametrize(("query", "weights", "output"), WORKED.values(), ids=WORKED)
def test_a_query_takes_the_values_of_the_keys_it_is_nearest_to(scores, query, weights, output):
    attended = attend(scores(torch.tensor([query]), KEYS), VALUES)
    torch.testing.assert_close(attended.weights, torch.tensor([weights]))
    torch.testing.assert_close(attended.context, torch.tensor([output]))


def test_several_queries_at_once_give_what_each_gives_alone():
    queries, weights, outputs = zip(*WORKED.values(), strict=True)
    attended = scaled_dot_product_attention(torch.tensor(queries), KEYS, VALUES)
    torch.testing.assert_close(attended.weights, torch.tensor(weights))
    torch.testing.assert_close(attended.context, torch.tensor(outputs))


def test_a_masked_key_has_no_effect():
    mask = torch.tensor([True, True, True, False])
    attended = scaled_dot_product_attention(torch.tensor([[0.0, 0, 10]]), KEYS, VALUES, mask)
    torch.testing.assert_close(attended.weights, torch.tensor([[0.0, 0, 1, 0]]))
    torch.testing.assert_close(attended.context, torch.tensor([[100.0, 5]]))


def test_dropout_is_of_what_averages_the_values_and_the_weights_are_told_without_it():
    queries, keys, values = randn(3, 4), randn(5, 4, seed=2), randn(5, 2, seed=3)
    plain = scaled_dot_product_attention(queries, keys, values)
    dropped = scaled_dot_product_attention(queries, keys, values, dropout=lambda weights: 2 * weights)
    torch.testing.assert_close(dropped.context, 2 * plain.context)
    torch.testing.assert_close(dropped.weights, plain.weights)


def loop_scores(queries: Tensor, keys: Tensor, score) -> Tensor:
    """The score of every query and key, one at a time."""
    return torch.tensor(
        [
            [[score(q.tolist(), k.tolist()) for k in row_k] for q in row_q]
            for row_q, row_k in zip(queries, keys, strict=True)
        ],
        dtype=torch.float64,
    )


def test_dot_scores_are_sums_of_products():
    queries, keys = randn(2, 3, 4), randn(2, 5, 4, seed=2)

    def score(q, k):
        return sum(a * b for a, b in zip(q, k, strict=True))

    torch.testing.assert_close(dot_scores(queries, keys), loop_scores(queries, keys, score))


def test_scaled_dot_scores_divide_by_the_root_of_the_width():
    queries, keys = randn(2, 3, 7), randn(2, 5, 7, seed=2)

    def score(q, k):
        return sum(a * b for a, b in zip(q, k, strict=True)) / math.sqrt(7)

    torch.testing.assert_close(scaled_dot_scores(queries, keys), loop_scores(queries, keys, score))


def test_general_scores_multiply_by_a_matrix_between_query_and_key():
    queries, keys, weight = randn(2, 3, 4), randn(2, 5, 6, seed=2), randn(4, 6, seed=3)

    def score(q, k):
        return sum(q[i] * float(weight[i, j]) * k[j] for i in range(4) for j in range(6))

    found = dot_scores(queries, general_keys(keys, weight))
    torch.testing.assert_close(found, loop_scores(queries, keys, score))


def test_additive_scores_weight_the_tanh_of_a_sum():
    queries, keys, vector = randn(2, 3, 4), randn(2, 5, 4, seed=2), randn(4, seed=3)

    def score(q, k):
        return sum(float(vector[i]) * math.tanh(q[i] + k[i]) for i in range(4))

    torch.testing.assert_close(additive_scores(queries, keys, vector), loop_scores(queries, keys, score))


def test_attention_is_the_weighted_sum_written_out():
    scores, values = randn(2, 3, 5), randn(2, 5, 4, seed=2)
    mask = torch.tensor([[True, True, False, True, True], [True, False, False, False, True]])[:, None, :]
    context, weights, _ = attend(scores, values, mask)
    for b in range(2):
        for t in range(3):
            allowed = [s for s in range(5) if mask[b, 0, s]]
            total = sum(math.exp(scores[b, t, s]) for s in allowed)
            expected = [math.exp(scores[b, t, s]) / total if s in allowed else 0.0 for s in range(5)]
            assert weights[b, t].tolist() == pytest.approx(expected, abs=1e-12)
            sums = [sum(expected[s] * float(values[b, s, d]) for s in range(5)) for d in range(4)]
            assert context[b, t].tolist() == pytest.approx(sums, abs=1e-12)


def test_attention_weights_are_finite_for_scores_too_large_to_exponentiate():
    weights = attention_weights(torch.tensor([[1e4, 1e4, -1e4], [-1e4, -1e4, -1e4]]))
    torch.testing.assert_close(weights, torch.tensor([[0.5, 0.5, 0.0], [1 / 3, 1 / 3, 1 / 3]]))


@given(
    rows=st.integers(1, 3),
    queries=st.integers(1, 4),
    keys=st.integers(1, 6),
    size=st.sampled_from([0.0, 1.0, 30.0, 1e4]),
    seed=st.integers(0, 10_000),
)
def test_rows_of_weights_sum_to_one_and_are_zero_where_masked(rows, queries, keys, size, seed):
    scores = randn(rows, queries, keys, seed=seed).float() * size
    mask = torch.rand(rows, 1, keys, generator=torch.Generator().manual_seed(seed)) < 0.6
    mask[..., seed % keys] = True
    weights = attention_weights(scores, mask)
    assert (weights >= 0).all()
    assert (weights.masked_select(~mask.expand_as(weights)) == 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(rows, queries))
    kept = attention_weights(scores[0][:, mask[0, 0]])
    torch.testing.assert_close(weights[0][:, mask[0, 0]], kept)


def test_padding_mask_is_true_where_there_is_a_token():
    assert padding_mask(torch.tensor([[5, 2, 0], [2, 0, 0]]), 0).tolist() == [
        [True, True, False],
        [True, False, False],
    ]


def test_causal_mask_lets_each_query_see_itself_and_what_came_before():
    assert causal_mask(3, 3).tolist() == [[True, False, False], [True, True, False], [True, True, True]]


def test_causal_mask_with_a_past_lets_every_query_see_all_of_it():
    assert causal_mask(2, 5).tolist() == [[True, True, True, True, False], [True, True, True, True, True]]
    assert causal_mask(1, 4).tolist() == [[True, True, True, True]]


@given(b=st.integers(1, 3), k=st.integers(1, 4), t=st.integers(1, 4), heads=st.sampled_from([None, 1, 3]))
def test_fold_and_unfold_are_inverse(b, k, t, heads):
    shape = (b * k, t, 5) if heads is None else (b * k, heads, t, 5)
    queries = randn(*shape)
    folded = fold_queries(queries, b)
    assert folded.shape == (b, *shape[1:-2], k * t, 5)
    assert torch.equal(unfold_queries(folded, b * k), queries)


@pytest.mark.parametrize("t", [1, 3])
def test_hypotheses_that_share_keys_attend_as_if_each_had_a_copy(t):
    b, k, s = 2, 3, 4
    queries, keys, values = randn(b * k, t, 5), randn(b, s, 5, seed=2), randn(b, s, 6, seed=3)
    mask = torch.tensor([[True, True, True, False], [True, False, True, True]])[:, None, :]
    shared = attend(dot_scores(fold_queries(queries, b), keys), values, mask)
    copied = attend(
        dot_scores(queries, keys.repeat_interleave(k, 0)),
        values.repeat_interleave(k, 0),
        mask.repeat_interleave(k, 0),
    )
    torch.testing.assert_close(unfold_queries(shared.context, b * k), copied.context)
    torch.testing.assert_close(unfold_queries(shared.weights, b * k), copied.weights)


def multi_head(width: int, heads: int, seed: int = 1) -> MultiHeadAttention:
    module = MultiHeadAttention(width, heads).double()
    for i, parameter in enumerate(module.parameters()):
        parameter.data = randn(*parameter.shape, seed=seed + i) * 0.5
    return module


def test_multi_head_attention_equals_torch_with_the_same_weights():
    width, heads = 12, 3
    ours = multi_head(width, heads)
    theirs = nn.MultiheadAttention(width, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.weight.copy_(ours.output.weight)
        theirs.out_proj.bias.copy_(ours.output.bias)
    queries, source = randn(2, 4, width), randn(2, 5, width, seed=2)
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])
    context, weights, _ = ours(queries, *ours.project(source), mask[:, None, None, :])
    expected, expected_weights = theirs(
        queries, source, source, key_padding_mask=~mask, average_attn_weights=False
    )
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(weights, expected_weights)


def test_multi_head_self_attention_under_a_causal_mask_equals_torch():
    width, heads = 8, 2
    ours = multi_head(width, heads, seed=20)
    theirs = nn.MultiheadAttention(width, heads, batch_first=True, dtype=torch.float64)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key_value.weight]))
        theirs.in_proj_bias.copy_(torch.cat([ours.query.bias, ours.key_value.bias]))
        theirs.out_proj.load_state_dict(ours.output.state_dict())
    x = randn(2, 5, width)
    context, weights, _ = ours(x, *ours.project(x), causal_mask(5, 5))
    expected, expected_weights = theirs(x, x, x, attn_mask=~causal_mask(5, 5), average_attn_weights=False)
    torch.testing.assert_close(context, expected)
    torch.testing.assert_close(weights, expected_weights)


def test_multi_head_attention_of_hypotheses_that_share_keys_equals_copied_keys():
    b, k = 2, 3
    module = multi_head(8, 2)
    queries, source = randn(b * k, 2, 8), randn(b, 5, 8, seed=2)
    mask = torch.tensor([[True, True, True, False, False], [True] * 5])[:, None, None, :]
    keys, values = module.project(source)
    shared = module(queries, keys, values, mask)
    copied = module(queries, *(x.repeat_interleave(k, 0) for x in (keys, values, mask)))
    torch.testing.assert_close(shared.context, copied.context)
    torch.testing.assert_close(shared.weights, copied.weights)


def test_heads_that_do_not_divide_the_width_are_refused():
    with pytest.raises(ValueError, match=r"width 10 .* 3 heads"):
        MultiHeadAttention(10, 3)
