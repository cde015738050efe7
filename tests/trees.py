"""A model whose probabilities and attention are looked up in trees worked out by hand."""

from __future__ import annotations

import torch
from torch import Tensor

from seqattn.models.base import AttentionShape, Decoded, Decoder, Encoded, Encoder, Memory, Seq2Seq, State
from seqattn.symbols import BOS, EOS, PAD

A, B, C = 4, 5, 6
Tree = dict[tuple[int, ...], dict[int, float]]
"""The probabilities of the next id, by the ids before it."""
Attended = dict[tuple[int, ...], list[float]]
"""The attention to each source position, by the ids before the step."""


class FirstId(Encoder):
    """Returns the first id of each source as its only feature."""

    width = 1

    def forward(self, source: Tensor) -> Encoded:
        first = source[:, :1] - A
        return Encoded(first.unsqueeze(-1).expand(*source.shape, 1), source != PAD, first)

    def initialise(self) -> None:
        pass


class TreeDecoder(Decoder):
    """Looks next-token probabilities up by prefix. After a prefix that is not in the tree comes EOS."""

    source_width = 1
    attention_shape: AttentionShape | None = None

    def __init__(self, *trees: Tree, attended: Attended | None = None) -> None:
        super().__init__()
        self.trees = trees
        self.attended = attended or {}
        self.attention_shape = AttentionShape(1, 1) if attended else None

    def begin(self, encoded: Encoded) -> tuple[Memory, State]:
        return {"tree": encoded.summary, "mask": encoded.mask}, {"prefix": encoded.states[:, :0, 0]}

    def decode(self, target: Tensor, memory: Memory, state: State, *, attention: bool = False) -> Decoded:
        assert len(target) == len(state["prefix"])
        assert len(target) % len(memory["tree"]) == 0
        prefix = torch.cat([state["prefix"], target], 1)
        trees = memory["tree"].flatten().repeat_interleave(len(target) // len(memory["tree"])).tolist()
        hidden = torch.zeros(*target.shape, 7)
        for row, ids in enumerate(prefix.tolist()):
            assert ids[0] == BOS
            for t in range(target.shape[1]):
                seen = tuple(ids[1 : len(ids) - target.shape[1] + t + 1])
                for word, probability in self.trees[trees[row]].get(seen, {EOS: 1.0}).items():
                    hidden[row, t, word] = probability
        weights = self.weights(prefix, target.shape[1], memory["mask"].shape[1]) if attention else None
        return Decoded(hidden.log(), {"prefix": prefix}, weights)

    def weights(self, prefix: Tensor, length: int, source: int) -> Tensor:
        """The attention of the last steps, looked up by the ids before each, else none: (B, 1, 1, T, S)."""
        found = torch.zeros(len(prefix), 1, 1, length, source)
        for row, ids in enumerate(prefix.tolist()):
            for t in range(length):
                own = self.attended.get(tuple(ids[1 : len(ids) - length + t + 1]), [])
                found[row, 0, 0, t, : len(own)] = torch.tensor(own)
        return found

    def logits(self, hidden: Tensor) -> Tensor:
        return hidden

    def values(self, memory: Memory) -> Tensor | None:
        return None

    def initialise(self) -> None:
        pass


class TreeModel(Seq2Seq):
    """A model whose next-token probabilities are looked up by the prefix, in the tree of each source.

    A source [A + n, EOS] reads tree n. The prefix lives in the state alone: a search that selects wrong rows
    of it gets the wrong probabilities. With `attended` it attends as said by the ids before each step.
    """

    def __init__(self, *trees: Tree, attended: Attended | None = None) -> None:
        super().__init__(FirstId(), TreeDecoder(*trees, attended=attended))


def reading(*trees: int) -> Tensor:
    """A source for each of the given trees."""
    return torch.tensor([[A + tree, EOS] for tree in trees])
