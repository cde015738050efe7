"""The processes that train one model together: one alone, or several, which torchrun starts."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import NoReturn, TypeVar

import torch
from torch import Tensor
from torch import distributed as dist

from seqattn.errors import InputError

Item = TypeVar("Item")
LONGEST_WAIT = timedelta(days=1)
"""How long the others wait for the first, which learns the vocabulary and writes the run."""


class Ranks:
    """A process by itself: the sum over all processes is what it has, and it decides alone."""

    rank, size = 0, 1

    @property
    def first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors of the same dtype by their sums over all processes."""

    def gather(self, item: Item) -> list[Item]:
        """What every process has, in the order of their ranks."""
        return [item]

    def decided(self, item: Item) -> Item:
        """What the first process has, for all of them."""
        return item


ALONE = Ranks()


class Group(Ranks):
    """Processes joined by torch.distributed; InputError in each of them when another has ended."""

    def __init__(self) -> None:
        self.rank, self.size = dist.get_rank(), dist.get_world_size()

    def add(self, tensors: Sequence[Tensor]) -> None:
        """Replace tensors by their sums over all processes."""
        whole = torch.cat([tensor.flatten() for tensor in tensors])
        self._with_the_others(lambda: dist.all_reduce(whole))
        for tensor, part in zip(tensors, whole.split([one.numel() for one in tensors]), strict=True):
            tensor.copy_(part.view_as(tensor))

    def gather(self, item: Item) -> list[Item]:
        """What every process has, in the order of their ranks."""
        found: list[Item] = [item] * self.size
        self._with_the_others(lambda: dist.all_gather_object(found, item))
        return found

    def decided(self, item: Item) -> Item:
        """What the first process has, for all of them."""
        found = [item]
        self._with_the_others(lambda: dist.broadcast_object_list(found, src=0))
        return found[0]

    def _with_the_others(self, exchange: Callable[[], object]) -> None:
        try:
            exchange()
        except RuntimeError as error:
            raise self.ended("lost the others") from error

    def ended(self, how: str) -> InputError:
        """The error of a process that cannot go on."""
        return InputError(
            f"process {self.rank + 1} of {self.size} {how}",
            remedy="continue from the last validation: train by --resume, compare by the same command",
        )


def started_together() -> bool:
    """Whether this process is one of several, as torchrun says by environment variables."""
    named = {"RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"} <= os.environ.keys()
    return named and int(os.environ["WORLD_SIZE"]) > 1


def own_device(device: torch.device) -> torch.device:
    """The GPU of this process, if each of several has its own."""
    if device != torch.device("cuda") or not started_together():
        return device
    return torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))


@contextmanager
def together(device: torch.device) -> Iterator[Ranks]:
    """The processes that were started with this one: over NCCL on GPUs, over gloo on CPUs."""
    if not started_together():
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=LONGEST_WAIT)
    group = Group()

    def end(number: int, _: FrameType | None) -> NoReturn:
        raise group.ended("was told to end, as torchrun does when another has failed")

    previous = signal.signal(signal.SIGTERM, end)
    try:
        yield group
        signal.signal(signal.SIGTERM, previous)
    except BaseException:
        # What went wrong is still to be said.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise
    finally:
        dist.destroy_process_group()
        # Ends the threads of the group, which a cycle keeps: they abort a process that is about to exit.
        gc.collect()
