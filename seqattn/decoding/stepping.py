"""Decoding a sentence one step at a time: what each step reads, looks at and proposes, and what is taken.

Like search, it sees the contract of `seqattn.models.base` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.decoding.search import NEVER_PROPOSED, SearchOptions, length_limits
from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.symbols import BOS, EOS


class Candidate(NamedTuple):
    """What may come next."""

    id: int
    probability: float
    """By the model's softmax over the whole vocabulary."""
    rank: int
    """1 is the likeliest of what search may propose."""


class Step(NamedTuple):
    """One step of decoding."""

    read: int
    """The id that the decoder reads: BOS, later what was taken last."""
    attention: Tensor
    """(layers, heads, S) weights of the source ids."""
    context: Tensor
    """(layers, heads, D) what each head makes of them: `c = Σ_s a(s) v_s`."""
    candidates: tuple[Candidate, ...]
    """The likeliest, best first."""
    taken: Candidate
    """What comes next: the likeliest, the given target's id, or EOS at the length limit."""
    forced: bool
    """At the length limit, where search takes EOS whatever is likeliest."""


@torch.inference_mode()
def steps(
    model: Seq2Seq,
    source: Sequence[int],
    options: SearchOptions,
    target: Sequence[int] | None = None,
    count: int = 5,
) -> Iterator[Step]:
    """Decode a source as greedy search does, or along a target, each step as it is asked for.

    `source` and `target` end in EOS; `count` is the number of candidates; of the options only the limits of
    the length matter. InputError when the model has no attention, or cannot hold the sentence.
    """
    if model.longest is not None and max(len(source), len(target or ())) > model.longest:
        raise InputError(f"a sentence has more than the {model.longest} pieces this model can hold")
    model.require_attention()
    ids = torch.tensor([list(source)], device=model.device)
    memory, state = model.encode(ids)
    limit = int(length_limits(model, memory, options))
    values = model.values(memory)
    assert values is not None
    taken = BOS
    for at in range(limit if target is None else len(target)):
        read = taken
        decoded = model.decode(ids.new_tensor([[read]]), memory, state, attention=True)
        assert decoded.attention is not None
        state = decoded.state
        probabilities = model.logits(decoded.hidden[0, -1]).float().softmax(-1)
        proposed = probabilities.index_fill(0, ids.new_tensor(NEVER_PROPOSED), -1.0)
        order = proposed.argsort(descending=True, stable=True)
        best, ranks = order[:count].tolist(), order.argsort()
        at_limit = target is None and at + 1 == limit
        taken = target[at] if target is not None else EOS if at_limit else best[0]
        told = [Candidate(id, probabilities[id].item(), int(ranks[id]) + 1) for id in (*best, taken)]
        yield Step(
            read,
            decoded.attention[0, :, :, 0].float().cpu(),
            (decoded.attention @ values)[0, :, :, 0].float().cpu(),
            tuple(told[:-1]),
            told[-1],
            at_limit and taken != best[0],
        )
        if taken == EOS:
            return
