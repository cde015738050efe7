"""Decoding a sentence one step at a time: what each step reads, attends to, proposes and takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.data.batching import Lengths
from seqattn.decoding.prefixes import NEVER_PROPOSED, Prefixes, check_numbers
from seqattn.decoding.search import SearchOptions
from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.models.predictor import Predictor
from seqattn.symbols import BOS, EOS


class Candidate(NamedTuple):
    """A possible next id."""

    id: int
    probability: float
    """By the model's softmax over the whole vocabulary."""
    rank: int
    """1 is the likeliest of the ids that search may propose."""


class Step(NamedTuple):
    """One step of decoding."""

    read: int
    """The id that the decoder reads: BOS, then the id taken last."""
    attention: Tensor
    """(layers, heads, S) weights of the source ids."""
    scores: Tensor
    """(layers, heads, S): the same before their softmax."""
    context: Tensor
    """(layers, heads, D) the context vector of each head: `c = Σ_s a(s) v_s`."""
    candidates: tuple[Candidate, ...]
    """The likeliest, best first."""
    taken: Candidate
    """The next id: the likeliest, that of the given target, or EOS at the length limit."""
    forced: bool
    """Whether EOS was taken at the length limit, although another id is likelier."""


@torch.inference_mode()
def steps(
    model: Seq2Seq,
    source: Any,
    options: SearchOptions,
    target: Sequence[int] | None = None,
    count: int = 5,
) -> Iterator[Step]:
    """Decode a source as greedy search does, or along a target, each step as it is asked for.

    `source` is what the model's collator takes; ids end in EOS. `count` is the number of candidates; only the
    length limits of the options are used. InputError when the model has no attention, or cannot hold
    the sentence.
    """
    lengths = Lengths(model.collator.positions(source), len(target or ()))
    if excess := model.longest.excess(lengths):
        raise InputError(f"a sentence has {excess}")
    model.require_attention()
    batch = model.collator.stack([source], 0).to(model.device)
    prefixes = Prefixes.begin(model, batch, options.max_ratio, options.max_extra)
    values = model.values(prefixes.memory)
    assert values is not None
    taken = BOS
    wanted: Iterable[int | None] = repeat(None) if target is None else target
    for given in wanted:
        read = taken
        prefixes, log_p, found = prefixes.step(_ids([read], model), attention=True)
        assert found.attention is not None and found.scores is not None
        probabilities = log_p[0].exp()
        order = _likeliest_first(log_p[0].index_fill(0, _ids(NEVER_PROPOSED, model), -torch.inf))
        best, ranks = order[:count].tolist(), order.argsort()
        taken = int(_likeliest_first(prefixes.restrict(log_p)[0])[0]) if given is None else given
        shown = [Candidate(id, probabilities[id].item(), int(ranks[id]) + 1) for id in (*best, taken)]
        yield Step(
            read,
            found.attention[0, :, :, 0].float().cpu(),
            found.scores[0, :, :, 0].float().cpu(),
            (found.attention @ values)[0, :, :, 0].float().cpu(),
            tuple(shown[:-1]),
            shown[-1],
            given is None and taken != best[0],
        )
        if taken == EOS:
            return


class Proposal(NamedTuple):
    """What may stand at a place of a target, after the ids before it."""

    candidates: tuple[Candidate, ...]
    """The likeliest, best first."""
    taken: Candidate
    """What the target has there."""


@torch.inference_mode()
def proposals(model: Predictor, source: Any, target: Sequence[int], count: int = 5) -> list[Proposal]:
    """The candidates at every place of a target that ends in EOS, in one call; as `steps` along it.

    `source` is what the model's collator takes. The model needs no attention.
    """
    batch = model.collator.stack([source], 0).to(model.device)
    memory, state = model.encode(batch)
    read = torch.tensor([[BOS, *target[:-1]]], device=model.device)
    log_p = model.predict(read, memory, state).log_p[0].cpu()
    check_numbers(log_p)
    allowed = log_p.index_fill(1, torch.tensor(NEVER_PROPOSED), -torch.inf)
    order = allowed.argsort(dim=1, descending=True, stable=True)
    found = []
    for taken, row, ranked in zip(target, log_p.exp(), order, strict=True):
        ranks = ranked.argsort()
        ids = [*ranked[:count].tolist(), taken]
        shown = [Candidate(id, row[id].item(), int(ranks[id]) + 1) for id in ids]
        found.append(Proposal(tuple(shown[:-1]), shown[-1]))
    return found


def _ids(ids: list[int], model: Seq2Seq) -> Tensor:
    return torch.tensor(ids, device=model.device)


def _likeliest_first(log_p: Tensor) -> Tensor:
    """The ids by descending log-probability (V,); of equal ones the lower id first, as in search."""
    return log_p.argsort(descending=True, stable=True)
