"""Which optimizer updates which parameters, and by how much."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from seqattn.models.base import Vocabulary
from seqattn.training.loop import Trainer
from seqattn.training.muon import Muon, with_equal_singular_values
from seqattn.training.optimizers import Optimizers
from seqattn.training.schedule import TrainingOptions

from helpers import tiny_model
from runs import copy_examples

ADAM, MUON = TrainingOptions(), TrainingOptions(optimizer="muon", precision="fp32")
RATE = 0.01


TIED = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
BOTH = pytest.mark.parametrize("architecture", ["lstm", "transformer"])
ARCHITECTURES = pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid", "lstm+transformer"])


class Update(NamedTuple):
    change: Tensor
    gradients: list[Tensor]
    before: Tensor


def updates(architecture, options, tied=True, steps=1, processes=1):
    """Each parameter's last of some updates divided by the rate; and its gradients, and value before it.

    The gradients have one large singular value.
    """
    model = tiny_model(architecture, vocabulary=Vocabulary(40, 40, shared=tied), tied=tied, double=True)
    optimizers = Optimizers(model, options, processes)
    generator = torch.Generator().manual_seed(3)
    before, gradients = {}, {}
    for _ in range(steps):
        for name, one in model.named_parameters():
            one.grad = torch.randn(one.shape, generator=generator).double() + 10
            gradients.setdefault(name, []).append(one.grad.clone())
            before[name] = one.detach().clone()
        optimizers.step(RATE)
    return {
        name: Update((one.detach() - before[name]) / RATE, gradients[name], before[name])
        for name, one in model.named_parameters()
    }


def is_matrix_of_a_layer(name, update):
    return update.change.ndim == 2 and "embedding" not in name and not name.startswith("decoder.output")


@TIED
@ARCHITECTURES
def test_muon_makes_the_singular_values_of_the_updates_of_matrices_about_equal(architecture, tied):
    by_muon, by_adam = updates(architecture, MUON, tied), updates(architecture, ADAM, tied)
    matrices = [name for name, update in by_muon.items() if is_matrix_of_a_layer(name, update)]
    assert len(matrices) >= 5
    for name in matrices:
        change = by_muon[name].change
        values = torch.linalg.svdvals(change)
        # All that are not very small become about 1.
        assert values.max() < 2 * values.median(), name
        assert torch.linalg.svdvals(by_adam[name].change).max() > 10 * values.median(), name
        # A fifth, as is usual for Adam's after the first.
        assert change.square().mean().sqrt() == pytest.approx(0.2, rel=0.3), name


@TIED
@ARCHITECTURES
def test_with_muon_embeddings_the_output_layer_norms_and_biases_are_left_to_adam(architecture, tied):
    by_muon, by_adam = updates(architecture, MUON, tied), updates(architecture, ADAM, tied)
    others = [name for name, update in by_muon.items() if not is_matrix_of_a_layer(name, update)]
    assert {"encoder.embedding", "decoder.output"} - {".".join(name.split(".")[:2]) for name in others} <= (
        {"decoder.output"} if tied else set()
    )
    for name in others:
        assert torch.equal(by_muon[name].change, by_adam[name].change), name


@BOTH
def test_muon_follows_the_gradients_of_several_updates_as_its_formula_says(architecture):
    for name, update in updates(architecture, MUON, steps=2).items():
        if is_matrix_of_a_layer(name, update):
            first, second = update.gradients
            momentum = 0.95 * 0.05 * first + 0.05 * second
            left, _, right = torch.linalg.svd(0.95 * momentum + 0.05 * second, full_matrices=False)
            # In the basis of its singular vectors the change is diagonal.
            turned = -left.T @ update.change @ right.T / (0.2 * math.sqrt(max(update.change.shape)))
            assert turned.diagonal().median() > 0.6 and turned.diagonal().max() < 1.3, name
            others = turned - turned.diagonal().diag()
            assert others.abs().max() < 1e-3, name


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has it since 2.9")
@pytest.mark.parametrize("shape", [(16, 16), (8, 24), (24, 8)], ids=str)
def test_muon_updates_as_that_of_torch_does(shape):
    generator = torch.Generator().manual_seed(5)
    start = torch.randn(3, *shape, generator=generator)
    ours, theirs = ([nn.Parameter(one.clone()) for one in start] for _ in range(2))
    both = (
        Muon(ours, weight_decay=0.3, dtype=torch.bfloat16),
        torch.optim.Muon(theirs, lr=RATE, weight_decay=0.3, adjust_lr_fn="match_rms_adamw"),
    )
    for _ in range(3):
        for one, other in zip(ours, theirs, strict=True):
            one.grad = torch.randn(shape, generator=generator)
            other.grad = one.grad.clone()
        for optimizer in both:
            optimizer.param_groups[0]["lr"] = RATE
            optimizer.step()
    for one, other, before in zip(ours, theirs, start, strict=True):
        changed = other.detach() - before
        # The order of sums differs, and rounding to bf16 with it.
        assert (one.detach() - other.detach()).norm() < 0.02 * changed.norm()


def test_directions_in_bf16_are_those_in_fp32_up_to_rounding():
    matrices = torch.randn(4, 12, 30, generator=torch.Generator().manual_seed(7))
    exact = with_equal_singular_values(matrices)
    rounded = with_equal_singular_values(matrices.bfloat16()).float()
    assert 0 < (rounded - exact).norm() < 0.02 * exact.norm()


def test_muon_leaves_a_matrix_without_a_gradient_and_only_decays_one_whose_gradient_is_zero():
    without, zero, moved = (nn.Parameter(torch.ones(3, 4)) for _ in range(3))
    zero.grad, moved.grad = torch.zeros(3, 4), torch.ones(3, 4)
    muon = Muon([without, zero, moved], weight_decay=0.5, dtype=torch.float32)
    muon.param_groups[0]["lr"] = RATE
    muon.step()
    assert torch.equal(without, torch.ones(3, 4)) and not muon.state[without]
    decayed = torch.full((3, 4), 1 - 0.5 * RATE)
    torch.testing.assert_close(zero.detach(), decayed)
    assert (moved < decayed - 0.05 * RATE).all()


def test_muon_multiplies_in_the_precision_of_training_and_of_several_processes_in_fp32():
    def changes(precision, processes=1):
        return updates("lstm", replace(MUON, precision=precision), processes=processes)

    exact, rounded, several = changes("fp32"), changes("bf16"), changes("bf16", processes=2)
    matrices = {name for name, update in exact.items() if is_matrix_of_a_layer(name, update)}
    for name, update in exact.items():
        assert torch.equal(update.change, several[name].change), name
        assert torch.equal(update.change, rounded[name].change) != (name in matrices), name


@BOTH
def test_weight_decay_is_the_same_for_both_optimizers(architecture):
    decayed, plain = (updates(architecture, replace(MUON, weight_decay=w)) for w in (0.5, 0.0))
    for name, update in decayed.items():
        torch.testing.assert_close(update.change - plain[name].change, -0.5 * update.before, msg=name)


@pytest.mark.parametrize(("before", "after"), [(ADAM, MUON), (MUON, ADAM)], ids=["adam", "muon"])
def test_the_state_of_one_optimizer_is_not_continued_with_another(before, after):
    examples = copy_examples(20)
    first = Trainer(tiny_model("lstm"), examples, before, validate=None)
    next(first.run())
    second = Trainer(tiny_model("lstm"), examples, after, validate=None)
    with pytest.raises(ValueError, match=r"the tensor optimizer\..* is unknown"):
        second.restore(*first.state(), {})
