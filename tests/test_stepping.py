"""Decoding one step at a time: what attention averages, and what the steps are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from seqattn.models.base import Seq2Seq
from seqattn.models.lstm import LSTM
from seqattn.models.transformer import Transformer

from helpers import VARIANT_NAMES, VARIANTS, random_source, random_target, tiny_model


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, double=True, **options)


def contexts_used(model: Seq2Seq, seen: list[Tensor]) -> None:
    """Have the model note the context vectors it computes, (B, heads, T, D) for each layer and call."""

    def of_heads(module: nn.Module, read: tuple[Tensor, ...]) -> None:
        seen.append(read[0].unflatten(-1, (model.options.heads, -1)).transpose(1, 2))

    def of_luong(module: nn.Module, read: tuple[Tensor, ...]) -> None:
        seen.append(read[0][:, None, :, : model.options.hidden])

    if isinstance(model, Transformer):
        for layer in model.decoder:
            layer.cross_attention.output.register_forward_pre_hook(of_heads)
    else:
        assert isinstance(model, LSTM)
        model.combine.register_forward_pre_hook(of_luong)


def test_the_context_vectors_a_model_computes_are_its_attention_times_its_values(model):
    seen: list[Tensor] = []
    contexts_used(model, seen)
    memory, state = model.encode(random_source((5, 3, 7)))
    decoded = model.decode(random_target(3, 4), memory, state, attention=True)
    values = model.values(memory)
    assert (values is None) == (decoded.attention is None)
    if values is None or decoded.attention is None:
        return
    # With input feeding an LSTM computes a step at a time.
    layers = decoded.attention.shape[1]
    used = torch.stack([torch.cat(seen[layer::layers], dim=2) for layer in range(layers)], dim=1)
    torch.testing.assert_close(decoded.attention @ values, used, rtol=1e-9, atol=1e-10)
