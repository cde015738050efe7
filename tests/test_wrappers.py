"""torch's wrappers of a whole model: compiled, exported or data-parallel, it computes the same."""

import pytest
import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from seqattn.models import ARCHITECTURES

from helpers import random_source, random_target, tiny_model

# Warnings from torch itself.
pytestmark = pytest.mark.filterwarnings(
    "ignore::UserWarning", "ignore::FutureWarning", "ignore::DeprecationWarning"
)


def test_a_compiled_model_computes_the_same():
    model, read = tiny_model("hybrid"), (random_source(), random_target())
    compiled = torch.compile(model, backend="eager")
    torch.testing.assert_close(compiled(*read).logits, model(*read).logits)


def test_an_exported_model_computes_the_same():
    model, read = tiny_model("hybrid"), (random_source(), random_target())
    exported = torch.export.export(model, read)
    torch.testing.assert_close(exported.module()(*read).logits, model(*read).logits)


@pytest.fixture
def one_process():
    if not (distributed.is_available() and distributed.is_gloo_available()):
        pytest.skip("needs torch.distributed with gloo")
    distributed.init_process_group("gloo", store=distributed.HashStore(), rank=0, world_size=1)
    yield
    distributed.destroy_process_group()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_data_parallel_model_computes_the_same_and_gives_every_parameter_its_gradient(
    one_process, architecture
):
    model, read = tiny_model(architecture), (random_source(), random_target())
    logits = DistributedDataParallel(model)(*read).logits
    torch.testing.assert_close(logits, model(*read).logits)
    logits.log_softmax(-1)[..., 5].sum().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
