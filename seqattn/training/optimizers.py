"""The optimizers that update a model's parameters."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.training.schedule import TrainingOptions

Moments = dict[str, Tensor]
"""What an optimizer keeps of a parameter."""
LAST = {"norm", "output"}
"""Final norms and the output layer come last, as in format 1: the order affects the rounding of sums."""


def check_optimizer(options: TrainingOptions) -> None:
    """InputError when the installed torch lacks the optimizer."""
    if options.optimizer == "muon" and not hasattr(torch.optim, "Muon"):
        raise InputError(
            f"torch {torch.__version__} has no Muon",
            remedy="install torch 2.9 or later, or set optimizer=adam for a new run",
        )


class Optimizers:
    """Adam for all parameters; or Muon (Jordan et al. 2024) for matrices of layers and Adam for the others.

    Muon makes the singular values of a matrix's update about equal; key and value, and the gates of an LSTM,
    are one matrix. Embeddings and the output layer, whose rows belong to single pieces, and convolutions are
    left to Adam. The updates of a matrix have the root mean square of Adam's (Liu et al. 2025), so that
    both have the same rate. InputError when torch has no Muon.
    """

    def __init__(self, model: Seq2Seq, options: TrainingOptions) -> None:
        check_optimizer(options)
        named = sorted(model.named_parameters(), key=lambda one: one[0].split(".")[1] in LAST)
        self.parameters = dict(named)
        """By name, in the order in which sums go over them."""
        matrices = _matrices(model, self.parameters) if options.optimizer == "muon" else set()
        self._names = [[name for name in self.parameters if name not in matrices]]
        self._optimizers: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                [self.parameters[name] for name in self._names[0]],
                betas=(0.9, 0.98),
                eps=1e-9,
                weight_decay=options.weight_decay,
                fused=True,
            )
        ]
        if matrices:
            self._names.append([name for name in self.parameters if name in matrices])
            self._optimizers.append(
                torch.optim.Muon(
                    [self.parameters[name] for name in self._names[1]],
                    weight_decay=options.weight_decay,
                    adjust_lr_fn="match_rms_adamw",
                )
            )

    @property
    def like(self) -> dict[str, Moments]:
        """By the name of each parameter, tensors of the shapes and dtypes of what is kept of it."""
        adam, *muon = self._names
        step = torch.zeros((), dtype=torch.float32)
        found: dict[str, Moments] = {}
        for name in adam:
            one = self.parameters[name]
            found[name] = {"exp_avg": one, "exp_avg_sq": one, "step": step}
        return found | {name: {"momentum_buffer": self.parameters[name]} for names in muon for name in names}

    def step(self, rate: float) -> None:
        """Update the parameters at a rate."""
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self.parameters.values():
            parameter.grad = None

    def state(self) -> dict[str, Tensor]:
        """What is kept of each parameter, as `name.key`."""
        return {
            f"{name}.{key}": tensor
            for names, optimizer in zip(self._names, self._optimizers, strict=True)
            for name in names
            for key, tensor in optimizer.state.get(self.parameters[name], {}).items()
        }

    def restore(self, moments: Mapping[str, Moments]) -> None:
        """Continue from a state, by the names of the parameters, whose tensors are as in `like`."""
        for names, optimizer in zip(self._names, self._optimizers, strict=True):
            state = {index: moments[name] for index, name in enumerate(names) if name in moments}
            groups = optimizer.state_dict()["param_groups"]
            optimizer.load_state_dict({"state": state, "param_groups": groups})


def _matrices(model: Seq2Seq, parameters: Mapping[str, nn.Parameter]) -> set[str]:
    """The names of the matrices of layers."""
    looked_up = {id(one.weight) for one in model.modules() if isinstance(one, nn.Embedding)}
    return {
        name
        for name, one in parameters.items()
        if one.ndim == 2 and id(one) not in looked_up and name.split(".")[1] not in LAST
    }
