"""The weights of a model by name: reading, loading and replacing them temporarily."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The parameters by name, tied ones once."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def load_weights(model: nn.Module, tensors: dict[str, Tensor]) -> None:
    """Copy `tensors` into the parameters; KeyError names unmatched ones, ValueError a wrong shape."""
    parameters = dict(model.named_parameters())
    if unmatched := parameters.keys() ^ tensors.keys():
        raise KeyError(f"parameters do not match: {', '.join(sorted(unmatched)[:5])}")
    with torch.no_grad():
        for name, parameter in parameters.items():
            if parameter.shape != tensors[name].shape:
                shapes = f"{tuple(tensors[name].shape)} where {tuple(parameter.shape)} is needed"
                raise ValueError(f"parameter {name} has shape {shapes}")
            parameter.copy_(tensors[name])


@contextmanager
def temporary_weights(model: nn.Module, tensors: dict[str, Tensor]) -> Iterator[None]:
    """Give the model other weights within the context; its own are restored afterwards."""
    own = {name: tensor.clone() for name, tensor in weights(model).items()}
    load_weights(model, tensors)
    try:
        yield
    finally:
        load_weights(model, own)
