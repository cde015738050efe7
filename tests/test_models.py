"""Invariants of every architecture under every option."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqattn.data.batching import UNLIMITED, Limits
from seqattn.errors import InputError
from seqattn.models import ARCHITECTURES, build, default_options
from seqattn.models.attention import attention_weights
from seqattn.models.base import Decoded, Memory, Seq2Seq, State, Vocabulary, select
from seqattn.models.decoders.lstm import LSTMDecoderOptions
from seqattn.models.encoders.lstm import LSTMEncoderOptions
from seqattn.models.encoders.transformer import TransformerEncoderOptions
from seqattn.symbols import PAD

from helpers import LENGTHS, VARIANT_NAMES, VARIANTS, close, random_source, random_target, tiny_model


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, double=True, **options)


def in_parts(model: Seq2Seq, target: Tensor, memory: Memory, state: State, parts: list[int]) -> Decoded:
    """Decode `target` in calls of the given numbers of tokens."""
    calls = []
    for part in target.split(parts, dim=1):
        calls.append(model.decode(part, memory, state, attention=True))
        state = calls[-1].state

    def joined(name: str) -> Tensor | None:
        seen = [getattr(call, name) for call in calls if getattr(call, name) is not None]
        # Positions before a call do not attend to those after it.
        whole = [nn.functional.pad(part, (0, seen[-1].shape[-1] - part.shape[-1])) for part in seen]
        return torch.cat(whole, -2) if whole else None

    hidden = torch.cat([call.hidden for call in calls], 1)
    return Decoded(hidden, state, *map(joined, ("attention", "scores", "self_attention")))


@pytest.mark.parametrize("parts", [[1, 1, 1, 1, 1], [2, 3], [1, 4], [3, 1, 1]], ids=str)
def test_decoding_all_tokens_at_once_equals_decoding_them_in_parts(model, parts):
    target = random_target(3, 5)
    memory, state = model.encode(random_source(LENGTHS))
    whole = model.decode(target, memory, state, attention=True)
    apart = in_parts(model, target, memory, state, parts)
    close(apart.hidden, whole.hidden)
    close(apart.attention, whole.attention)
    close(apart.scores, whole.scores)
    close(apart.self_attention, whole.self_attention)
    assert apart.state.keys() == whole.state.keys()
    for name, tensor in whole.state.items():
        close(apart.state[name], tensor)


def test_requesting_attention_changes_nothing_else(model):
    memory, state = model.encode(random_source(LENGTHS))
    asked = model.decode(random_target(), memory, state, attention=True)
    unasked = model.decode(random_target(), memory, state)
    assert unasked.attention is unasked.scores is unasked.self_attention is None
    assert torch.equal(asked.hidden, unasked.hidden)


def test_a_wider_padded_source_changes_nothing(model):
    source, target = random_source(LENGTHS), random_target()
    wider = nn.functional.pad(source, (0, 4), value=PAD)
    narrow = model.decode(target, *model.encode(source), attention=True)
    wide = model.decode(target, *model.encode(wider), attention=True)
    close(wide.hidden, narrow.hidden)
    if narrow.attention is not None:
        close(wide.attention[..., : source.shape[1]], narrow.attention)
        assert (wide.attention[..., source.shape[1] :] == 0).all()


def test_a_row_of_a_batch_equals_the_row_alone(model):
    source, target = random_source(LENGTHS), random_target()
    together = model.decode(target, *model.encode(source), attention=True)
    for row, length in enumerate(LENGTHS):
        alone = model.decode(
            target[row : row + 1], *model.encode(source[row : row + 1, :length]), attention=True
        )
        close(together.hidden[row], alone.hidden[0])
        if alone.attention is not None:
            close(together.attention[row, ..., :length], alone.attention[0])


@pytest.mark.parametrize("parts", [[4], [1, 1, 2]], ids=str)
def test_hypotheses_of_one_memory_row_decode_as_if_each_had_its_own(model, parts):
    k = 3
    memory, state = model.encode(random_source((5, 3)))
    rows = torch.arange(2).repeat_interleave(k)
    target = random_target(2 * k, 4)
    shared = in_parts(model, target, memory, select(state, rows), parts)
    copied = in_parts(model, target, select(memory, rows), select(state, rows), parts)
    close(shared.hidden, copied.hidden)
    close(shared.attention, copied.attention)
    assert len({tuple(row.flatten().tolist()) for row in shared.hidden}) == 2 * k


def test_selected_rows_of_memory_and_state_decode_as_before(model):
    memory, state = model.encode(random_source(LENGTHS))
    target = random_target(3, 5)
    begun = model.decode(target[:, :2], memory, state)
    whole = model.decode(target[:, 2:], memory, begun.state)
    order = torch.tensor([2, 0, 2])
    chosen = model.decode(target[order, 2:], select(memory, order), select(begun.state, order))
    close(chosen.hidden, whole.hidden[order])


def test_future_tokens_change_nothing_before_them(model):
    source, target = random_source(LENGTHS), random_target(3, 6)
    memory, state = model.encode(source)
    before = model.decode(target, memory, state, attention=True)
    other = target.clone()
    other[:, 3] = (other[:, 3] - 4 + 1) % 9 + 4
    after = model.decode(other, memory, state, attention=True)
    close(after.hidden[:, :3], before.hidden[:, :3])
    changed = (after.hidden[:, 3:] - before.hidden[:, 3:]).abs().amax(-1)
    assert (changed > 1e-6).all(), "what follows a changed token must see the change"
    if before.attention is not None:
        close(after.attention[..., :3, :], before.attention[..., :3, :])


def test_decoding_depends_on_every_source_token(model):
    source, target = random_source((5, 5, 5)), random_target()
    base = model.decode(target, *model.encode(source)).hidden
    for position in range(5):
        other = source.clone()
        other[:, position] = (other[:, position] - 4 + 1) % 9 + 4
        changed = (model.decode(target, *model.encode(other)).hidden - base).abs().amax((1, 2))
        assert (changed > 1e-8).all()


def test_attention_rows_sum_to_one_and_are_zero_on_padding(model):
    source = random_source(LENGTHS)
    attention = model.decode(random_target(3, 5), *model.encode(source), attention=True).attention
    if model.attention_shape is None:
        assert attention is None
        return
    assert attention.shape == (3, *model.attention_shape, 5, max(LENGTHS))
    for row, length in enumerate(LENGTHS):
        assert (attention[row, ..., length:] == 0).all()
    options = model.decoder.options
    if getattr(options, "attention", "global") == "local-p":
        # The Gaussian of eq. 10 reduces weights that sum to one, and the paper does not renormalise them.
        assert (attention >= 0).all() and (attention.sum(-1) <= 1).all() and (attention.sum(-1) > 0).all()
        return
    close(attention.sum(-1), torch.ones(attention.shape[:-1], dtype=attention.dtype))
    for row, length in enumerate(LENGTHS):
        reach = min(length, getattr(options, "locations", length)) if "location" in str(options) else length
        everywhere = getattr(options, "attention", "global") == "global"
        assert (attention[row, ..., :reach] > 0).all() or not everywhere


def test_attention_is_the_softmax_of_its_unmasked_scores(model):
    source = random_source(LENGTHS)
    decoded = model.decode(random_target(3, 5), *model.encode(source), attention=True)
    options = model.decoder.options
    if model.attention_shape is None or getattr(options, "attention", "global") != "global":
        assert (decoded.scores is None) == (model.attention_shape is None)
        return
    mask = source != PAD
    if getattr(options, "score", "") == "location":
        mask = mask & (torch.arange(source.shape[1]) < options.locations)
    close(attention_weights(decoded.scores, mask[:, None, None, None, :]), decoded.attention)


def test_self_attention_has_its_declared_shape_and_rows_that_sum_to_one(model):
    source, target = random_source(LENGTHS), random_target(3, 5)
    for place, queries in (("encoder", max(LENGTHS)), ("decoder", 5)):
        shape = model.shape_of(place)
        if shape is None:
            with pytest.raises(InputError, match=f"the {place} of this model has no self-attention"):
                model.attend(source, target, place)
            continue
        found = model.attend(source, target, place)
        assert found.shape == (3, *shape, queries, queries)
        close(found.sum(-1), torch.ones(found.shape[:-1], dtype=found.dtype))
        for row, length in enumerate(LENGTHS):
            may = torch.arange(queries) < length if place == "encoder" else torch.ones(5, 5).bool().tril()
            assert ((found[row] > 0) == may.expand(found[row].shape)).all()


def test_padding_does_not_change_self_attention(model):
    source, target = random_source(LENGTHS), random_target()
    wider = nn.functional.pad(source, (0, 4), value=PAD)
    for place in ("encoder", "decoder"):
        if model.shape_of(place) is not None:
            narrow, wide = (model.attend(ids, target, place) for ids in (source, wider))
            size = narrow.shape[-1]
            close(wide[..., :size, :size], narrow)


def stored(model: Seq2Seq) -> dict[str, Any]:
    """The attributes of a model and its modules, tensors copied."""
    held: dict[str, Any] = {}
    for path, module in model.named_modules():
        for name, value in vars(module).items():
            if name in ("_parameters", "_buffers"):
                held |= {
                    f"{path}.{name}.{key}": None if tensor is None else tensor.detach().clone()
                    for key, tensor in value.items()
                }
            else:
                held[f"{path}.{name}"] = list(value) if isinstance(value, dict | list) else repr(value)
    return held


def test_using_a_model_stores_nothing_on_it(model):
    before = stored(model)
    decoded = model.decode(random_target(), *model.encode(random_source()), attention=True)
    model.logits(decoded.hidden)
    after = stored(model)
    assert before.keys() == after.keys()
    for name, value in before.items():
        same = torch.equal(value, after[name]) if isinstance(value, Tensor) else value == after[name]
        assert same, name


def test_a_decoding_call_does_not_change_its_memory_and_state(model):
    memory, state = model.encode(random_source())
    state = model.decode(random_target(3, 2), memory, state).state
    given = {**memory, **{f"state.{name}": tensor for name, tensor in state.items()}}
    copies = {name: tensor.clone() for name, tensor in given.items()}
    keys = list(memory), list(state)
    model.decode(random_target(), memory, state, attention=True)
    assert (list(memory), list(state)) == keys
    for name, tensor in given.items():
        assert torch.equal(tensor, copies[name]), name


def test_two_interleaved_decodings_do_not_affect_each_other(model):
    sources = [random_source(LENGTHS, seed=1), random_source((2, 9, 4), seed=5)]
    targets = [random_target(3, 4, seed=2), random_target(3, 4, seed=6)]
    alone = [
        model.decode(target, *model.encode(source)).hidden
        for source, target in zip(sources, targets, strict=True)
    ]
    encoded = [model.encode(source) for source in sources]
    states = [state for _, state in encoded]
    steps: list[list[Tensor]] = [[], []]
    for t in range(4):
        for turn in range(2):
            decoded = model.decode(targets[turn][:, t : t + 1], encoded[turn][0], states[turn])
            states[turn] = decoded.state
            steps[turn].append(decoded.hidden)
    for turn in range(2):
        close(torch.cat(steps[turn], 1), alone[turn])


def test_gradients_reach_every_parameter(model):
    memory, state = model.encode(random_source())
    logits = model.logits(model.decode(random_target(), memory, state).hidden)
    assert logits.shape == (3, 5, 13)
    logits.log_softmax(-1)[..., 5].sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        reached = parameter.grad
        if name.endswith("key_value.bias"):
            # The bias of the keys adds the same to every score of a softmax, which changes nothing.
            reached = parameter.grad.chunk(2)[1]
        assert reached.abs().max() > 1e-12, name


@pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
def test_both_vocabularies_have_their_own_size_when_separate(architecture, options):
    model = tiny_model(architecture, vocabulary=Vocabulary(9, 21, shared=False), **options)
    decoded = model.decode(random_target(size=21), *model.encode(random_source(size=9)))
    assert model.logits(decoded.hidden).shape == (3, 5, 21)
    shapes = [tuple(p.shape) for p in model.parameters()]
    encoder, decoder = model.encoder.options.width, model.decoder.options.width
    assert shapes.count((9, encoder)) == 1
    assert shapes.count((21, decoder)) == (1 if options.get("tied", True) else 2)


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize(
    ("tied", "shared", "matrices"), [(True, True, 1), (False, True, 3), (False, False, 3), (True, False, 2)]
)
def test_tied_matrices_are_one_parameter(architecture, tied, shared, matrices):
    model = tiny_model(architecture, vocabulary=Vocabulary(17, 17, shared=shared), tied=tied)
    if model.encoder.options.width != model.decoder.options.width:
        matrices = 2 if tied else 3
    assert sum(len(parameter) == 17 for parameter in model.parameters()) == matrices


@pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
def test_dropout_is_random_in_training_and_absent_in_evaluation(architecture, options):
    model = tiny_model(architecture, **{**options, "dropout": 0.5})

    def run() -> Tensor:
        return model.decode(random_target(), *model.encode(random_source())).hidden

    assert torch.equal(run(), run())
    model.train()
    with torch.random.fork_rng(devices=[]):
        assert not torch.equal(run(), run())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_same_seed_gives_the_same_initial_weights(architecture):
    models = []
    for seed in (3, 3, 4):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            models.append(build(architecture, default_options(architecture), Vocabulary(20, 20, shared=True)))
    first, again, other = (list(model.parameters()) for model in models)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert not torch.equal(first[0], other[0])


def test_only_learned_positions_limit_the_length():
    assert tiny_model("transformer").longest == tiny_model("lstm").longest == UNLIMITED
    learned = tiny_model("transformer", positions="learned", max_positions=6)
    assert learned.longest == Limits(6, 6)
    assert tiny_model("hybrid", positions="learned", max_positions=6).longest == Limits(6, None)
    longest = random_source((6,))
    memory, state = learned.encode(longest)
    assert learned.decode(random_target(1, 6), memory, state).hidden.shape[1] == 6


def test_impossible_shapes_are_refused():
    with pytest.raises(ValueError, match="hidden 7 must be even"):
        LSTMEncoderOptions(hidden=7)
    LSTMEncoderOptions(hidden=7, bidirectional=False)
    for local in ("none", "location"):
        with pytest.raises(ValueError, match="attention local-m needs"):
            LSTMDecoderOptions(attention="local-m", score=local)
    for width in (10, 12):
        with pytest.raises(ValueError, match=f"width {width} must be an even multiple of heads 4"):
            TransformerEncoderOptions(width=width)
