"""Which optimizer updates which parameters, and by how much."""

import math
from dataclasses import replace
from typing import NamedTuple

import pytest
import torch
from torch import Tensor

from seqattn.errors import InputError
from seqattn.models.base import Vocabulary
from seqattn.runs.run import load_run
from seqattn.training.loop import Trainer
from seqattn.training.optimizers import Optimizers
from seqattn.training.schedule import TrainingOptions

from commands import seqattn as command
from helpers import WITH_MUON, tiny_model
from runs import copy_examples, train_toy

ADAM, MUON = TrainingOptions(), TrainingOptions(optimizer="muon")
RATE = 0.01


class Update(NamedTuple):
    change: Tensor
    gradients: list[Tensor]
    before: Tensor


TIED = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
BOTH = pytest.mark.parametrize("architecture", ["lstm", "transformer"])
ARCHITECTURES = pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid", "lstm+transformer"])


def updates(architecture, options, tied=True, steps=1):
    """Each parameter's last of some updates divided by the rate; and its gradients, and value before it.

    The gradients have one large singular value.
    """
    model = tiny_model(architecture, vocabulary=Vocabulary(40, 40, shared=tied), tied=tied, double=True)
    optimizers = Optimizers(model, options)
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


@WITH_MUON
@TIED
@ARCHITECTURES
def test_muon_makes_the_singular_values_of_the_updates_of_matrices_about_equal(architecture, tied):
    by_muon, by_adam = updates(architecture, MUON, tied), updates(architecture, ADAM, tied)
    matrices = [name for name, update in by_muon.items() if is_matrix_of_a_layer(name, update)]
    assert len(matrices) >= 5
    for name in matrices:
        change = by_muon[name].change
        values = torch.linalg.svdvals(change)
        # 5 steps of Newton-Schulz bring all that are not very small to between 0.7 and 1.2.
        assert values.max() < 2 * values.median(), name
        assert torch.linalg.svdvals(by_adam[name].change).max() > 10 * values.median(), name
        # A fifth, as is usual for Adam's after the first.
        assert change.square().mean().sqrt() == pytest.approx(0.2, rel=0.3), name


@WITH_MUON
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


@WITH_MUON
@BOTH
def test_muon_follows_the_gradients_of_several_updates_as_its_formula_says(architecture):
    for name, update in updates(architecture, MUON, steps=2).items():
        if is_matrix_of_a_layer(name, update):
            first, second = update.gradients
            momentum = 0.95 * 0.05 * first + 0.05 * second
            left, values, right = torch.linalg.svd(0.95 * momentum + 0.05 * second, full_matrices=False)
            # In the basis of its singular vectors the change is diagonal, up to rounding to bf16.
            turned = -left.T @ update.change @ right.T / (0.2 * math.sqrt(max(update.change.shape)))
            assert turned.diagonal().median() > 0.6, name
            others = turned - turned.diagonal().diag()
            assert others.abs().max() < 0.15, (name, values)


@WITH_MUON
@BOTH
def test_weight_decay_is_the_same_for_both_optimizers(architecture):
    decayed, plain = (updates(architecture, replace(MUON, weight_decay=w)) for w in (0.5, 0.0))
    for name, update in decayed.items():
        torch.testing.assert_close(update.change - plain[name].change, -0.5 * update.before, msg=name)


@WITH_MUON
@pytest.mark.parametrize(("before", "after"), [(ADAM, MUON), (MUON, ADAM)], ids=["adam", "muon"])
def test_the_state_of_one_optimizer_is_not_continued_with_another(before, after):
    examples = copy_examples(20)
    first = Trainer(tiny_model("lstm"), examples, before, validate=None)
    next(first.run())
    second = Trainer(tiny_model("lstm"), examples, after, validate=None)
    with pytest.raises(ValueError, match=r"the tensor optimizer\..* is unknown"):
        second.restore(*first.state(), {})


@pytest.mark.parametrize(
    "arguments", [["train", "--arch", "lstm", "--train"], ["compare", "--test", "no.tsv", "--train"]]
)
def test_a_torch_without_muon_is_an_error_before_a_corpus_is_read(monkeypatch, tmp_path, arguments):
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    out = tmp_path / "out"
    # There is no such corpus, which would be another error.
    result = command(*arguments, tmp_path / "no.tsv", "--set", "optimizer=muon", "--out", out, status=1)
    assert "has no Muon" in result.stderr and "install torch 2.9" in result.stderr
    assert not out.exists()


@WITH_MUON
def test_a_run_trained_with_muon_is_loaded_without_but_not_trained_on(monkeypatch, tmp_path):
    train_toy(tmp_path / "run", "lstm", optimizer="muon", max_updates=2)
    monkeypatch.delattr(torch.optim, "Muon")
    assert load_run(tmp_path / "run").config.training.optimizer == "muon"
    with pytest.raises(InputError, match=r"has no Muon.*optimizer=adam for a new run"):
        Optimizers(tiny_model("lstm"), MUON)
