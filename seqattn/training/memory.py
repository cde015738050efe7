"""A limit to what a batch may keep in memory, and batches that do not fit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from seqattn.errors import out_of_memory


class TooLarge(MemoryError):
    """A batch keeps more for its backward pass than it may."""


@contextmanager
def kept_within(most: int, parameters: Iterable[Tensor]) -> Iterator[None]:
    """In this context TooLarge is raised as soon as more than `most` bytes are kept for a backward pass.

    What several operations keep counts once, parameters do not count. 0: no limit.
    """
    if not most:
        yield
        return
    known = {parameter.untyped_storage().data_ptr() for parameter in parameters}
    kept = 0

    def keep(tensor: Tensor) -> Tensor:
        nonlocal kept
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            known.add(storage.data_ptr())
            kept += storage.nbytes()
            if kept > most:
                raise TooLarge(f"a batch keeps more than {most} bytes")
        # The tensor itself would make a cycle of references with the operation that it is a result of.
        return tensor.detach()

    with torch.autograd.graph.saved_tensors_hooks(keep, _the_same):
        yield


def _the_same(tensor: Tensor) -> Tensor:
    return tensor


@dataclass
class Summed:
    """What the batches of an update add up to."""

    loss: float = 0.0
    left_out: list[int] = field(default_factory=list)
    """Rows for which memory did not suffice."""
    divided: bool = False
    """Whether a batch was computed in parts."""


def sum_of_batches(
    batches: Iterable[Sequence[int]], backward: Callable[[list[int]], float], begin_again: Callable[[], None]
) -> Summed:
    """The sum of what `backward` says of each batch, which adds gradients too.

    A batch that does not fit into memory is halved. Unless that shows before its backward pass, it may have
    added some gradients: `begin_again` drops all of them, and every batch is computed once more.
    """
    parts, found, done = [list(rows) for rows in batches], Summed(), 0
    while done < len(parts):
        rows = parts[done]
        try:
            found.loss += backward(rows)
            done += 1
            continue
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            clean = isinstance(error, TooLarge)
        # Only now, when the error no longer holds what the batch had allocated.
        middle = len(rows) // 2
        parts[done : done + 1] = [rows[:middle], rows[middle:]] if middle else []
        found.divided = found.divided or middle > 0
        found.left_out += [] if middle else rows
        if not clean:
            begin_again()
            done, found.loss = 0, 0.0
    return found
