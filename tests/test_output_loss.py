"""The loss of an output layer, computed in parts, equals torch's cross-entropy of all its logits."""

import pytest
import torch
from torch import nn
from torch.distributions import Categorical, kl_divergence
from torch.nn import functional as F

from seqattn.symbols import PAD
from seqattn.training import output_loss
from seqattn.training.output_loss import FEWEST_ROWS

VOCABULARY = 11


def case(rows=5, length=40, width=6, seed=1):
    """More positions than one part has, some of them padding."""
    torch.manual_seed(seed)
    layer = nn.Linear(width, VOCABULARY, bias=False)
    hidden = torch.randn(rows, length, width, requires_grad=True)
    gold = torch.randint(4, VOCABULARY, (rows, length))
    gold[:, 30:] = PAD
    return layer, hidden, gold


def whole(layer, hidden, gold, smoothing):
    logits = layer(hidden).flatten(0, 1).float()
    return F.cross_entropy(
        logits, gold.flatten(), ignore_index=PAD, reduction="sum", label_smoothing=smoothing
    )


def gradients(loss, *of):
    return torch.autograd.grad(3 * loss, of)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_are_those_of_all_logits_at_once(smoothing, monkeypatch):
    monkeypatch.setattr(output_loss, "LOGITS", FEWEST_ROWS * VOCABULARY)
    layer, hidden, gold = case()
    assert (gold != PAD).sum() > 2 * FEWEST_ROWS
    expected = whole(layer, hidden, gold, smoothing)
    found = output_loss.output_loss(layer, hidden, gold, smoothing)
    torch.testing.assert_close(found, expected)
    of = hidden, layer.weight
    for one, other in zip(gradients(found, *of), gradients(expected, *of), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_a_weight_that_is_an_embedding_too_has_the_gradients_of_both():
    layer, _, gold = case()
    ids = torch.randint(0, VOCABULARY, gold.shape)
    one = output_loss.output_loss(layer, F.embedding(ids, layer.weight), gold)
    other = whole(layer, F.embedding(ids, layer.weight), gold, 0.0)
    (found,), (expected,) = gradients(one, layer.weight), gradients(other, layer.weight)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_under_autocast_products_are_rounded_and_the_rest_is_not():
    layer, hidden, gold = case(width=32)
    exact = whole(layer, hidden, gold, 0.1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = output_loss.output_loss(layer, hidden, gold, 0.1)
    assert found.dtype == torch.float32 and float(found.detach()) != float(exact.detach())
    torch.testing.assert_close(found, exact, rtol=5e-3, atol=0)
    of = hidden, layer.weight
    for one, other in zip(gradients(found, *of), gradients(exact, *of), strict=True):
        assert one.dtype == torch.float32
        assert F.cosine_similarity(one.flatten(), other.flatten(), dim=0) > 0.999


def test_a_batch_of_padding_alone_has_no_loss():
    layer, hidden, gold = case()
    found = output_loss.output_loss(layer, hidden, torch.full_like(gold, PAD))
    assert float(found.detach()) == 0 and not gradients(found, hidden)[0].any()


def test_without_gradients_the_loss_is_the_same():
    layer, hidden, gold = case()
    expected = float(output_loss.output_loss(layer, hidden, gold, 0.1).detach())
    with torch.inference_mode():
        assert float(output_loss.output_loss(layer, hidden, gold, 0.1)) == expected


def whole_agreement(layer, hidden, gold, weight, smoothing):
    first, second = hidden
    kept = gold != PAD
    one, other = (Categorical(logits=layer(side)[kept]) for side in hidden)
    apart = (kl_divergence(one, other) + kl_divergence(other, one)).sum() / 2
    both = whole(layer, first, gold, smoothing) + whole(layer, second, gold, smoothing)
    return (both + weight * apart) / 2


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_loss_and_gradients_of_two_predictions_that_agree_are_those_of_all_logits_at_once(
    smoothing, monkeypatch
):
    monkeypatch.setattr(output_loss, "LOGITS", 2 * FEWEST_ROWS * VOCABULARY)
    layer, first, gold = case()
    hidden = torch.stack([first, case(seed=2)[1]]).detach().requires_grad_()
    expected = whole_agreement(layer, hidden, gold, 3.0, smoothing)
    assert expected.item() > whole_agreement(layer, hidden, gold, 0.0, smoothing).item()
    found = output_loss.agreement_output_loss(layer, hidden, gold, 3.0, smoothing)
    torch.testing.assert_close(found, expected)
    of = hidden, layer.weight
    for one, other in zip(gradients(found, *of), gradients(expected, *of), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)
