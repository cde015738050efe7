"""Which optimizer updates which parameters, and by how much."""

import pytest
import torch

from seqattn.errors import InputError
from seqattn.models.base import Vocabulary
from seqattn.training.loop import Trainer
from seqattn.training.optimizers import Optimizers
from seqattn.training.schedule import TrainingOptions

from helpers import WITH_MUON, tiny_model
from runs import copy_examples

ADAM, MUON = TrainingOptions(), TrainingOptions(optimizer="muon")
RATE = 0.01
TIED = pytest.mark.parametrize("tied", [True, False], ids=["tied", "untied"])
ARCHITECTURES = pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid", "lstm+transformer"])


def updates(architecture, options, tied):
    """Each parameter's first update divided by the rate, for gradients with one large singular value."""
    model = tiny_model(architecture, vocabulary=Vocabulary(40, 40, shared=tied), tied=tied, double=True)
    before = {name: one.detach().clone() for name, one in model.named_parameters()}
    generator = torch.Generator().manual_seed(3)
    for one in model.parameters():
        one.grad = torch.randn(one.shape, generator=generator).double() + 10
    Optimizers(model, options).step(RATE)
    return {name: (one.detach() - before[name]) / RATE for name, one in model.named_parameters()}


def is_matrix_of_a_layer(name, update):
    return update.ndim == 2 and "embedding" not in name and not name.startswith("decoder.output")


@WITH_MUON
@TIED
@ARCHITECTURES
def test_muon_makes_the_singular_values_of_the_updates_of_matrices_about_equal(architecture, tied):
    by_muon, by_adam = updates(architecture, MUON, tied), updates(architecture, ADAM, tied)
    matrices = [name for name, update in by_muon.items() if is_matrix_of_a_layer(name, update)]
    assert len(matrices) >= 5
    for name in matrices:
        values = torch.linalg.svdvals(by_muon[name])
        # 5 steps of Newton-Schulz bring all that are not very small to between 0.7 and 1.2.
        assert values.max() < 2 * values.median(), name
        assert torch.linalg.svdvals(by_adam[name]).max() > 10 * values.median(), name
        # A fifth, as is usual for Adam's after the first.
        assert by_muon[name].square().mean().sqrt() == pytest.approx(0.2, rel=0.3), name


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
        assert torch.equal(by_muon[name], by_adam[name]), name


@WITH_MUON
@pytest.mark.parametrize(("before", "after"), [(ADAM, MUON), (MUON, ADAM)], ids=["adam", "muon"])
def test_the_state_of_one_optimizer_is_not_continued_with_another(before, after):
    examples = copy_examples(20)
    first = Trainer(tiny_model("lstm"), examples, before, validate=None)
    next(first.run())
    second = Trainer(tiny_model("lstm"), examples, after, validate=None)
    with pytest.raises(ValueError, match=r"the tensor optimizer\..* is unknown"):
        second.restore(*first.state(), {})


def test_a_torch_without_muon_is_an_error_that_says_what_to_install(monkeypatch):
    monkeypatch.delattr(torch.optim, "Muon", raising=False)
    with pytest.raises(InputError, match=r"has no Muon.*install torch 2.9"):
        Optimizers(tiny_model("lstm"), MUON)
