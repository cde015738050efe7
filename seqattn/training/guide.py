"""Guided alignment: an attention head learns given links while translating (Garg et al. 2019)."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from seqattn.models.base import AttentionShape, Reading


class IdLinks:
    """The links between the ids of many examples, eight bytes a link."""

    def __init__(self) -> None:
        self._flat, self._starts = array("i"), array("q", [0])

    def __len__(self) -> int:
        return len(self._starts) - 1

    def append(self, links: Iterable[tuple[int, int]]) -> None:
        """Add the links of one more example, as (source position, target position)."""
        for link in links:
            self._flat.extend(link)
        self._starts.append(len(self._flat))

    def goal(self, rows: Sequence[int], target: int, source: int) -> Tensor:
        """The attention that each target id should learn: (rows, target, source) float32.

        It is spread evenly over the source ids linked to the target id; without a link the row is zero.
        """
        goal = torch.zeros(len(rows), target, source)
        for at, row in enumerate(rows):
            start, end = self._starts[row : row + 2]
            goal[at, self._flat[start + 1 : end : 2], self._flat[start:end:2]] = 1.0
        return goal / goal.sum(-1, keepdim=True).clamp(min=1.0)


@dataclass(frozen=True)
class Guide:
    """The links that one reading of a model's attention should learn."""

    links: IdLinks
    """Of the training examples, in their order."""
    reading: Reading


def guided_reading(shape: AttentionShape) -> Reading:
    """The attention that learns links: the first head of the last layer but one (Garg et al., section 4.2).

    It learns to align the consumed target id, which is known, rather than the one to be produced. If a layer
    has only one head, translation depends on it, so it aligns the id to be produced.
    """
    layer = max(1, shape.layers - 1)
    return Reading(layer, 1, consumed=True) if shape.heads > 1 else Reading(layer)
