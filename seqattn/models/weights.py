"""The weights of a model by name: reading, loading and replacing them temporarily."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode


def weights(model: nn.Module) -> dict[str, Tensor]:
    """The parameters by name, tied ones once."""
    return {name: parameter.detach() for name, parameter in model.named_parameters()}


def check_weights(wanted: Mapping[str, Tensor], tensors: Mapping[str, Tensor]) -> None:
    """KeyError names unmatched tensors, ValueError one of the wrong shape or type; no value is read."""
    if unmatched := wanted.keys() ^ tensors.keys():
        raise KeyError(f"parameters do not match: {', '.join(sorted(unmatched)[:5])}")
    for name, one in wanted.items():
        tensor = tensors[name]
        if one.shape != tensor.shape:
            shapes = f"{tuple(tensor.shape)} where {tuple(one.shape)} is needed"
            raise ValueError(f"parameter {name} has shape {shapes}")
        if one.dtype != tensor.dtype:
            types = f"{tensor.dtype} where {one.dtype} is needed".replace("torch.", "")
            raise ValueError(f"parameter {name} is {types}")


def load_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Copy `tensors` into the parameters; errors as those of `check_weights`."""
    parameters = dict(model.named_parameters())
    check_weights(parameters, tensors)
    with torch.no_grad():
        for name, parameter in parameters.items():
            parameter.copy_(tensors[name])


@contextmanager
def without_weights() -> Iterator[None]:
    """Models that are built in this context are on the device meta: they take no memory, nothing is drawn."""
    with torch.device("meta"), _Undrawn():
        yield


class _Undrawn(TorchFunctionMode):
    """Leaves out random draws: on meta torch would load modules for a second to make none."""

    drawing = (Tensor.normal_, Tensor.uniform_, nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_)

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.drawing:
            return args[0] if args else kwargs["tensor"]
        return func(*args, **kwargs)


def fill(outline: nn.Module, tensors: Mapping[str, Tensor]) -> bool:
    """Give copies of `tensors` to a model on the device meta, which has none; tied parameters stay tied.

    Initial weights, which take longer to draw than weights to copy, are never drawn. False, and nothing is
    done, if the model has other tensors than parameters, which only building it computes. Errors as those of
    `check_weights`.
    """
    check_weights(dict(outline.named_parameters()), tensors)
    held = [value for module in outline.modules() for value in vars(module).values()]
    if any(isinstance(value, Tensor) for value in [*held, *outline.buffers()]):
        return False
    made = {
        one: nn.Parameter(tensors[name].clone(), one.requires_grad)
        for name, one in outline.named_parameters()
    }
    for module in outline.modules():
        for name, one in list(module.named_parameters(recurse=False, remove_duplicate=False)):
            setattr(module, name, made[one])
    return True


def all_finite(tensors: Mapping[str, Tensor]) -> bool:
    """Whether every number is one; reads all."""
    ends = (end for tensor in tensors.values() if tensor.numel() for end in torch.aminmax(tensor))
    return all(bool(end.isfinite()) for end in ends)


@contextmanager
def temporary_weights(model: nn.Module, tensors: Mapping[str, Tensor]) -> Iterator[None]:
    """Give the model other weights within the context; its own are restored afterwards."""
    own = {name: tensor.clone() for name, tensor in weights(model).items()}
    load_weights(model, tensors)
    try:
        yield
    finally:
        load_weights(model, own)
