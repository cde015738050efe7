import pytest
import torch

from seqattn.models.dropout import Dropout


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def test_it_does_nothing_in_evaluation():
    x = torch.randn(3, 5)
    assert Dropout(0.5).eval()(x) is x


def test_it_does_nothing_at_rate_zero():
    x = torch.randn(3, 5)
    assert Dropout(0.0)(x) is x


@pytest.mark.parametrize("p", [0.1, 0.2, 0.5, 0.9])
def test_numbers_are_dropped_at_the_rate_and_the_mean_is_kept(p):
    y = Dropout(p)(torch.ones(999, 1001))
    assert (y == 0).float().mean().item() == pytest.approx(p, abs=0.004)
    assert y.mean().item() == pytest.approx(1.0, abs=0.02)
    assert y.unique().numel() == 2


def test_every_byte_of_the_random_words_drops_at_the_same_rate():
    rates = (Dropout(0.5)(torch.ones(80_000)).view(-1, 8) == 0).float().mean(0)
    assert rates.min() > 0.48
    assert rates.max() < 0.52


def test_the_gradient_has_the_same_mask_as_the_output():
    x = torch.ones(7, 13, requires_grad=True)
    y = Dropout(0.5)(x)
    y.sum().backward()
    assert torch.equal(x.grad, y.detach())


def test_the_same_seed_drops_the_same_numbers_and_another_call_does_not():
    x = torch.ones(64, 64)
    first, second = Dropout(0.5)(x), Dropout(0.5)(x)
    torch.manual_seed(0)
    assert torch.equal(Dropout(0.5)(x), first)
    assert not torch.equal(first, second)
