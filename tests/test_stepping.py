"""Decoding one step at a time: values of attention, and the steps."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from seqattn.alignment.reading import read_attention
from seqattn.data.batching import Example
from seqattn.decoding.search import SearchOptions, beam_search, score_targets
from seqattn.decoding.stepping import Step, proposals, steps
from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.models.decoders.lstm import LSTMDecoder
from seqattn.models.decoders.transformer import TransformerDecoder
from seqattn.symbols import BOS, EOS, PAD, UNK

from helpers import VARIANT_NAMES, VARIANTS, random_rows, random_source, random_target, tiny_model

ATTENTIVE = [variant for variant in VARIANTS if variant[1].get("score") != "none"]
ATTENTIVE_NAMES = [name for name in VARIANT_NAMES if "none" not in name]
GREEDY = SearchOptions(beam=1, max_ratio=2.0, max_extra=3)
SOURCES = random_rows((5, 3, 7), 13)


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, double=True, **options)


def contexts_used(model: Seq2Seq, seen: list[Tensor]) -> None:
    """Record the context vectors that the model computes, (B, heads, T, D) for each layer and call."""

    def of_heads(module: nn.Module, read: tuple[Tensor, ...]) -> None:
        seen.append(read[0].unflatten(-1, (model.decoder.options.heads, -1)).transpose(1, 2))

    def of_luong(module: nn.Module, read: tuple[Tensor, ...]) -> None:
        seen.append(read[0][:, None, :, : model.decoder.options.hidden])

    if isinstance(model.decoder, TransformerDecoder):
        for layer in model.decoder.layers:
            layer.cross_attention.output.register_forward_pre_hook(of_heads)
    else:
        assert isinstance(model.decoder, LSTMDecoder)
        model.decoder.combine.register_forward_pre_hook(of_luong)


def test_the_context_vectors_a_model_computes_are_its_attention_times_its_values(model):
    seen: list[Tensor] = []
    contexts_used(model, seen)
    memory, state = model.encode(random_source((5, 3, 7)))
    decoded = model.decode(random_target(3, 4), memory, state, attention=True)
    values = model.values(memory)
    assert (values is None) == (decoded.attention is None)
    if values is None or decoded.attention is None:
        return
    # With input feeding an LSTM computes one step at a time.
    layers = decoded.attention.shape[1]
    used = torch.stack([torch.cat(seen[layer::layers], dim=2) for layer in range(layers)], dim=1)
    torch.testing.assert_close(decoded.attention @ values, used, rtol=1e-9, atol=1e-10)


@pytest.fixture(params=ATTENTIVE, ids=ATTENTIVE_NAMES)
def attentive(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, double=True, spread=3.0, **options)


def ids_of(found: list[Step]) -> list[int]:
    return [step.taken.id for step in found]


def test_the_steps_take_the_ids_of_greedy_search(attentive):
    for source in SOURCES:
        ((best,),) = beam_search(attentive, torch.tensor([source]), GREEDY)
        found = list(steps(attentive, source, GREEDY))
        assert ids_of(found) == best.ids
        assert [step.read for step in found] == [BOS, *best.ids[:-1]]
        if not found[-1].forced:
            total = sum(math.log(step.taken.probability) for step in found)
            assert total == pytest.approx(best.log_probability, rel=1e-4)


def test_along_a_target_the_steps_read_and_take_it_with_the_probabilities_of_its_score(attentive):
    for source, target in zip(SOURCES, random_rows((4, 6, 2), 13, seed=3), strict=True):
        found = list(steps(attentive, source, GREEDY, target))
        assert ids_of(found) == target and [step.read for step in found] == [BOS, *target[:-1]]
        assert not any(step.forced for step in found)
        score = score_targets(attentive, torch.tensor([source]), torch.tensor([[BOS, *target]]))
        total = sum(math.log(step.taken.probability) for step in found)
        assert total == pytest.approx(score.item(), rel=1e-4)


def test_the_attention_of_the_steps_is_that_of_alignment(attentive):
    source, target = SOURCES[0], random_rows((6,), 13, seed=3)[0]
    (whole,) = read_attention(attentive, [Example(source, target)])
    found = torch.stack([step.attention for step in steps(attentive, source, GREEDY, target)], dim=-2)
    torch.testing.assert_close(found, whole)


def test_the_scores_of_the_steps_are_those_that_the_model_computes(attentive):
    source, target = SOURCES[0], random_rows((6,), 13, seed=3)[0]
    whole = attentive.decode(
        torch.tensor([[BOS, *target[:-1]]]), *attentive.encode(torch.tensor([source])), attention=True
    )
    found = torch.stack([step.scores for step in steps(attentive, source, GREEDY, target)], dim=-2)
    torch.testing.assert_close(found, whole.scores[0].float())


def test_the_context_of_a_step_is_the_one_its_model_computes(attentive):
    seen: list[Tensor] = []
    contexts_used(attentive, seen)
    for step in steps(attentive, SOURCES[0], GREEDY):
        layers = step.attention.shape[0]
        used = torch.stack([context[0, :, 0] for context in seen[-layers:]]).float()
        torch.testing.assert_close(step.context, used)


def test_candidates_are_the_likeliest_that_search_may_propose_best_first(attentive, monkeypatch):
    never, logits = [PAD, BOS, UNK], attentive.logits
    raised = torch.zeros(13, dtype=torch.float64).index_fill(0, torch.tensor(never), 20.0)
    monkeypatch.setattr(attentive, "logits", lambda hidden: logits(hidden) + raised)
    for step in steps(attentive, SOURCES[0], GREEDY, SOURCES[1], count=10):
        assert sorted(one.id for one in step.candidates) == sorted(set(range(13)) - set(never))
        assert [one.rank for one in step.candidates] == list(range(1, 11))
        chances = [one.probability for one in step.candidates]
        # In the softmax over all ids, most probability belongs to ids that are never proposed.
        assert chances == sorted(chances, reverse=True) and 0 < sum(chances) < 0.01
        assert step.taken in step.candidates


def test_at_the_length_limit_the_end_is_forced(attentive):
    source = SOURCES[0]
    options = SearchOptions(beam=1, max_ratio=0.0, max_extra=2)
    free = ids_of(list(steps(attentive, source, GREEDY)))
    found = list(steps(attentive, source, options))
    assert ids_of(found) == (free if len(free) <= 2 else [free[0], EOS])
    assert found[-1].forced == (len(free) > 2)
    assert found[-1].taken.rank > 1 or len(free) <= 2


def test_steps_are_computed_on_demand(attentive):
    seen: list[Tensor] = []
    contexts_used(attentive, seen)
    playing = steps(attentive, SOURCES[0], GREEDY, SOURCES[2])
    assert not seen
    next(playing)
    first = len(seen)
    next(playing)
    assert len(seen) == 2 * first > 0


def test_without_attention_or_with_too_long_a_source_there_are_no_steps():
    with pytest.raises(InputError, match="no attention"):
        next(steps(tiny_model("lstm", score="none"), [4, EOS], GREEDY))
    short = tiny_model("transformer", positions="learned", max_positions=4)
    for source, target in (([4] * 4 + [EOS], None), ([4, EOS], [4] * 4 + [EOS])):
        side = "source" if target is None else "target"
        with pytest.raises(InputError, match=f"a {side} of 5 positions, more than the 4"):
            next(steps(short, source, GREEDY, target))
    assert len(list(steps(short, [4, 5, 6, EOS], SearchOptions(beam=1), [4, 5, 6, EOS]))) == 4


@pytest.mark.parametrize(("architecture", "options"), ATTENTIVE, ids=ATTENTIVE_NAMES)
def test_proposals_are_the_candidates_of_the_steps_along_a_target(architecture, options):
    model = tiny_model(architecture, double=True, **options)
    source, target = SOURCES[0], [*SOURCES[1][:-1], EOS]
    taken = list(steps(model, source, GREEDY, target, count=4))
    found = proposals(model, source, target, count=4)
    assert len(found) == len(taken) == len(target)
    for one, step in zip(found, taken, strict=True):
        for shown, wanted in zip((*one.candidates, one.taken), (*step.candidates, step.taken), strict=True):
            assert (shown.id, shown.rank) == (wanted.id, wanted.rank)
            assert shown.probability == pytest.approx(wanted.probability, abs=1e-9)
