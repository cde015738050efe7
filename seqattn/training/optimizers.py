"""The optimizers that update a model's parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqattn.hardware import product_dtype
from seqattn.models.base import Seq2Seq
from seqattn.training.muon import Muon
from seqattn.training.schedule import TrainingOptions

Moments = dict[str, Tensor]
"""What an optimizer keeps of a parameter."""
LAST = {"norm", "output"}
"""Final norms and the output layer come last, as in format 1: the order affects the rounding of sums."""


class _Part(NamedTuple):
    """An optimizer, the parameters that it updates by their names, and the keys of what it keeps of each."""

    optimizer: torch.optim.Optimizer
    parameters: dict[str, nn.Parameter]
    keys: tuple[str, ...]


class Optimizers:
    """Adam for all parameters; or Muon (Jordan et al. 2024) for matrices of layers and Adam for the others.

    Muon makes the singular values of a matrix's update about equal; key and value, and the gates of an LSTM,
    are one matrix. Embeddings and the output layer, whose rows belong to single pieces, and convolutions are
    left to Adam. The updates of a matrix have the root mean square of Adam's (Liu et al. 2025), so that
    both have the same rate.
    """

    def __init__(self, model: Seq2Seq, options: TrainingOptions, processes: int = 1) -> None:
        named = sorted(model.named_parameters(), key=lambda one: one[0].split(".")[1] in LAST)
        self.parameters = dict(named)
        """By name, in the order in which sums go over them."""
        matrices = _matrices(model, self.parameters) if options.optimizer == "muon" else {}
        others = {name: one for name, one in self.parameters.items() if name not in matrices}
        decay = options.weight_decay
        adam = torch.optim.AdamW(others.values(), betas=(0.9, 0.98), eps=1e-9, weight_decay=decay, fused=True)
        self._parts = [_Part(adam, others, ("exp_avg", "exp_avg_sq", "step"))]
        if matrices:
            dtype = product_dtype(next(model.parameters()).device, options.precision)
            if processes > 1:
                # Each updates weights of its own, which rounding to bf16 would drive apart.
                dtype = torch.float32
            muon = Muon(matrices.values(), decay, dtype)
            self._parts.append(_Part(muon, matrices, ("momentum_buffer",)))

    @property
    def like(self) -> dict[str, Moments]:
        """By the name of each parameter, tensors of the shapes and dtypes of what is kept of it."""
        step = torch.zeros((), dtype=torch.float32)
        return {
            name: {key: step if key == "step" else one for key in part.keys}
            for part in self._parts
            for name, one in part.parameters.items()
        }

    def step(self, rate: float) -> None:
        """Update the parameters at a rate."""
        for part in self._parts:
            for group in part.optimizer.param_groups:
                group["lr"] = rate
            part.optimizer.step()

    def state(self) -> dict[str, Tensor]:
        """What is kept of each parameter, as `name.key`."""
        return {
            f"{name}.{key}": tensor
            for part in self._parts
            for name, one in part.parameters.items()
            for key, tensor in part.optimizer.state.get(one, {}).items()
        }

    def restore(self, moments: Mapping[str, Moments]) -> None:
        """Continue from a state, by the names of the parameters, whose tensors are as in `like`."""
        for part in self._parts:
            # Copies, as in the trainer.
            state = {
                index: {key: value.clone() for key, value in moments[name].items()}
                for index, name in enumerate(part.parameters)
                if name in moments
            }
            groups = part.optimizer.state_dict()["param_groups"]
            part.optimizer.load_state_dict({"state": state, "param_groups": groups})


def _matrices(model: Seq2Seq, parameters: Mapping[str, nn.Parameter]) -> dict[str, nn.Parameter]:
    """The matrices of layers, by their names."""
    looked_up = {id(one.weight) for one in model.modules() if isinstance(one, nn.Embedding)}
    return {
        name: one
        for name, one in parameters.items()
        if one.ndim == 2 and id(one) not in looked_up and name.split(".")[1] not in LAST
    }
