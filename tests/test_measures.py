"""Summary measures of attention, against their definitions and worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from seqattn.alignment.measures import coverage, entropy


def test_entropy_is_zero_bits_for_one_of_many_and_one_bit_for_two_equal_weights():
    rows = torch.tensor(
        [[[0.0, 1.0, 0.0, 0.0], [0.5, 0.0, 0.0, 0.5]], [[0.25] * 4, [0.5, 0.25, 0.125, 0.125]]]
    )
    assert entropy(rows).tolist() == [[0.0, 1.0], [2.0, 1.75]]


def test_no_row_has_more_entropy_than_one_with_equal_weights():
    rows = torch.randn(200, 7, generator=torch.Generator().manual_seed(1)).mul(3).softmax(-1)
    found = entropy(rows)
    assert found.min() >= 0 and found.max() < math.log2(7)
    assert entropy(torch.full((1, 7), 1 / 7)).item() == pytest.approx(math.log2(7))


def test_entropy_does_not_depend_on_what_a_row_sums_to():
    rows = torch.tensor([[0.5, 0.25, 0.125, 0.125], [0.25] * 4, [1.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(entropy(0.3 * rows), entropy(rows))
    assert entropy(torch.zeros(1, 4)).tolist() == [0.0]


def test_coverage_is_the_sum_over_rows():
    weights = torch.tensor([[[0.5, 0.5, 0.0], [0.25, 0.0, 0.75]]])
    assert coverage(weights).tolist() == [[0.75, 0.5, 0.75]]
