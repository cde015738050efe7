"""Layers in 8-bit integers against exact arithmetic, and models built from them."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from seqattn.decoding.search import SearchOptions, beam_search
from seqattn.errors import InputError
from seqattn.models.int8 import STEPS, Int8Linear, Int8LSTM, quantize, quantize_rows

from helpers import VARIANT_NAMES, VARIANTS, random_source, random_target, tiny_model


def layer(inputs: int, outputs: int, bias: bool = True, seed: int = 0) -> nn.Linear:
    torch.manual_seed(seed)
    return nn.Linear(inputs, outputs, bias=bias)


@given(st.integers(0, 1000), st.integers(1, 7), st.integers(1, 9), st.floats(-6, 6))
def test_rounding_is_off_by_half_a_step_at_most(seed, rows, width, magnitude):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(rows, width, generator=generator) * 10**magnitude
    q, scale = quantize_rows(x)
    assert q.dtype == torch.int8 and q.abs().max() <= STEPS
    assert (q.abs().amax(1) == STEPS).all()
    assert ((q * scale - x).abs() <= scale * 0.5001).all()


def test_rows_of_zeros_stay_zeros_and_do_not_affect_other_rows():
    x = torch.tensor([[0.0, 0.0], [3.0, -1.0]])
    q, scale = quantize_rows(x)
    assert q[0].tolist() == [0, 0] and torch.isfinite(scale).all()
    assert q[1].tolist() == [127, -42]


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_the_exact_product_of_the_rounded_numbers(bias):
    exact = layer(300, 24, bias)
    x = torch.randn(5, 3, 300)
    q, scale = quantize_rows(x)
    weight, of_output = quantize_rows(exact.weight.detach())
    expected = (q.double() @ weight.double().T) * scale * of_output.T
    if bias:
        expected = expected + exact.bias.detach()
    found = Int8Linear(exact.weight, exact.bias)(x)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, expected.float(), rtol=1e-5, atol=1e-6)
    in_full = exact(x).detach()
    assert (found - in_full).norm() / in_full.norm() < 0.02


def test_the_output_of_a_row_is_the_same_bit_for_bit_in_any_batch():
    exact = layer(64, 50)
    quantized = Int8Linear(exact.weight, exact.bias)
    x = torch.randn(40, 64) * torch.logspace(-2, 2, 40).unsqueeze(1)
    whole = quantized(x)
    for row in (0, 7, 39):
        assert torch.equal(quantized(x[row : row + 1])[0], whole[row])


@pytest.mark.parametrize("layers", [1, 2])
def test_an_lstm_continues_from_its_state_and_is_close_to_the_original(layers):
    torch.manual_seed(0)
    exact = nn.LSTM(20, 32, layers, batch_first=True).eval()
    quantized = Int8LSTM(exact)
    x = torch.randn(3, 6, 20)
    with torch.inference_mode():
        states, (h, c) = quantized(x)
        expected, (h_expected, c_expected) = exact(x)
        for found, wanted in ((states, expected), (h, h_expected), (c, c_expected)):
            assert found.shape == wanted.shape
            assert 0 < float((found - wanted).norm() / wanted.norm()) < 0.03
        first, state = quantized(x[:, :2])
        rest, (h_after, c_after) = quantized(x[:, 2:], state)
    assert torch.equal(torch.cat([first, rest], dim=1), states)
    assert torch.equal(h_after, h) and torch.equal(c_after, c)


@pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
def test_a_model_has_only_int8_layers_and_gives_nearly_the_same_scores(architecture, options):
    model = tiny_model(architecture, **options)
    source, target = random_source(), random_target()
    with torch.inference_mode():
        memory, state = model.encode(source)
        before = model.logits(model.decode(target, memory, state).hidden).log_softmax(-1)
        quantize(model)
        assert not any(isinstance(module, (nn.Linear, nn.LSTM)) for module in model.modules())
        assert any(isinstance(module, Int8Linear) for module in model.modules())
        memory, state = model.encode(source)
        after = model.logits(model.decode(target, memory, state).hidden).log_softmax(-1)
        assert 0 < float((after - before).abs().mean()) < 0.05
        found = beam_search(model, source, SearchOptions(beam=3, max_ratio=1))
    assert all(len(hypotheses) == 3 for hypotheses in found)


def test_int8_is_refused_on_devices_other_than_a_cpu():
    with pytest.raises(InputError, match="only on a CPU"):
        quantize(nn.Linear(2, 2, device="meta"))
