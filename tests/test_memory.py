"""Batches that do not fit into memory: divided, they train the same model; too large pairs are left out."""

from dataclasses import replace

import pytest
import torch
from test_training import EXACT, EXAMPLES, fresh, judged, same, timeless

from seqattn.data.batching import Example, as_memory_allows
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.errors import InputError
from seqattn.models.weights import weights
from seqattn.symbols import EOS
from seqattn.training.events import Skipped, Updated
from seqattn.training.loop import Trainer
from seqattn.training.memory import TooLarge, kept_within

from commands import BOTH, error_of, seqattn, setting, sizes
from helpers import random_rows, tiny_model
from runs import copy_examples

MANY = copy_examples(600, longest=8)
LARGE = replace(EXACT, batch_tokens=4000, max_updates=3, validate_every=100)
"""Batches keep 1 to 10 MiB."""


def updates(options, architecture, examples=MANY, **more):
    trainer = Trainer(fresh(architecture, **more), examples, options, judged)
    return trainer, [event for event in trainer.run() if isinstance(event, Updated | Skipped)]


def alike(left, right):
    for name, weight in weights(left.model).items():
        # The gradient of a bias of keys is 0 but for rounding, which Adam makes as large as any other.
        if not name.endswith("key_value.bias"):
            torch.testing.assert_close(weights(right.model)[name], weight, rtol=1e-3, atol=1e-3)


@BOTH
def test_batches_divided_for_a_budget_train_the_same_model(architecture):
    whole, expected = updates(LARGE, architecture)
    parts, found = updates(replace(LARGE, batch_memory=1), architecture)
    assert all(event.divided for event in found) and not any(event.divided for event in expected)
    assert [event.loss for event in found] == pytest.approx([event.loss for event in expected], rel=1e-4)
    assert [event.tokens for event in found] == [event.tokens for event in expected]
    alike(whole, parts)


@BOTH
def test_a_training_with_a_budget_resumes_exactly(architecture):
    options = replace(LARGE, batch_memory=1)
    whole, expected = updates(options, architecture, dropout=0.2)
    first = Trainer(fresh(architecture, dropout=0.2), MANY, options, judged)
    next(first.run())
    state = first.state()
    second = Trainer(fresh(architecture, seed=9, dropout=0.2), MANY, options, judged)
    torch.manual_seed(99)
    second.restore(*state, weights(first.model))
    rest = [event for event in second.run() if isinstance(event, Updated)]
    assert timeless(rest) == timeless(expected[1:]) and same(weights(second.model), weights(whole.model))


@BOTH
def test_memory_that_runs_out_in_a_backward_pass_leaves_no_gradient_behind(monkeypatch, architecture):
    options = replace(EXACT, accumulate=2, max_updates=4)
    whole, expected = updates(options, architecture, EXAMPLES)
    own = Trainer._backward

    def backward(trainer, rows, targets):
        found = own(trainer, rows, targets)
        if len(rows) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return found

    monkeypatch.setattr(Trainer, "_backward", backward)
    parts, found = updates(options, architecture, EXAMPLES)
    assert [event.loss for event in found] == pytest.approx([event.loss for event in expected], rel=1e-4)
    assert any(event.divided for event in found) and not any(event.left_out for event in found)
    alike(whole, parts)


def without_memory_for(monkeypatch, longest):
    own = Trainer._backward

    def backward(trainer, rows, targets):
        if max(len(trainer._examples[row].target) for row in rows) > longest:
            raise TooLarge
        return own(trainer, rows, targets)

    monkeypatch.setattr(Trainer, "_backward", backward)


def test_a_pair_that_does_not_fit_alone_is_left_out_of_its_update(monkeypatch):
    options = replace(EXACT, batch_tokens=1000, max_updates=1, average=1)
    short = [each for each in EXAMPLES if len(each.target) <= 5]
    assert 0 < len(short) < len(EXAMPLES)
    expected, (other,) = updates(options, "lstm", short)
    without_memory_for(monkeypatch, 5)
    trainer, (event,) = updates(options, "lstm", EXAMPLES)
    assert event.left_out == len(EXAMPLES) - len(short)
    # The mean is over the ids that were used.
    assert event.loss == pytest.approx(other.loss, rel=1e-5)
    alike(expected, trainer)


def test_an_update_without_any_pair_that_fits_is_left_out_and_ten_end_training(monkeypatch):
    without_memory_for(monkeypatch, 50)
    huge = [4] * 60 + [EOS]
    trainer = Trainer(fresh("lstm"), [*EXAMPLES, Example(huge, huge)], EXACT, judged)
    events = [event for event in trainer.run() if isinstance(event, Updated | Skipped)]
    (skipped,) = {event.fault for event in events if isinstance(event, Skipped)}
    assert "none of its pairs fits into memory" in skipped
    without_memory_for(monkeypatch, 0)
    with pytest.raises(InputError, match=r"update 10: none of its pairs.*max_length"):
        list(Trainer(fresh("lstm"), EXAMPLES, EXACT, judged).run())


def test_an_error_that_is_no_lack_of_memory_is_not_taken_for_one(monkeypatch):
    def fail(*_):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(Trainer, "_loss", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        next(Trainer(fresh("lstm"), EXAMPLES, EXACT, judged).run())


def test_what_is_kept_counts_once_and_parameters_do_not():
    weight = torch.ones(100, 100, requires_grad=True)
    x = torch.ones(100, 100)

    def compute():
        return (weight * x).exp().sum() + (weight @ x).sum()

    with kept_within(2 * x.nbytes, [weight]):
        compute().backward()
    with pytest.raises(TooLarge), kept_within(2 * x.nbytes - 1, [weight]):
        compute()
    with kept_within(0, [weight]):
        compute()


def test_search_that_runs_out_of_memory_finds_the_same_in_smaller_batches(monkeypatch):
    model = tiny_model("transformer", spread=3.0)
    rows = random_rows([3, 5, 7, 4, 6, 5, 3], 13)
    options = TranslationOptions(SearchOptions(beam=3))
    expected = search_all(model, rows, options)
    own, sizes_tried = model.encode, []

    def encode(source):
        sizes_tried.append(len(source))
        if len(source) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return own(source)

    monkeypatch.setattr(model, "encode", encode)
    found = search_all(model, rows, options)
    assert [[one.ids for one in each] for each in found] == [[one.ids for one in each] for each in expected]
    assert max(sizes_tried) == 7 and min(sizes_tried) <= 2


def test_one_row_that_does_not_fit_is_an_error():
    def fail(rows):
        raise MemoryError

    with pytest.raises(MemoryError):
        as_memory_allows(fail)([1, 2, 3])


def test_the_budget_can_be_set_in_a_command_and_when_resuming(work, tmp_path):
    out = tmp_path / "run"
    how = *sizes("lstm"), *setting("batch_tokens=20000", "batch_memory=1")
    result = seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", out, "--max-updates", 2, *how)
    )
    assert result.stderr.count("was computed in parts") == 1
    again = "train", "--resume", "--out", out, "--max-updates", 4, *setting("batch_memory=0")
    assert "in parts" not in seqattn(*again).stderr
    assert "batch_memory must be" in error_of(seqattn(*again[:-1], "batch_memory=-1", status=1))


def test_a_batch_is_halved_until_it_fits_and_keeps_its_order():
    tried = []

    def compute(rows):
        tried.append(rows)
        if len(rows) > 1:
            raise MemoryError
        return [10 * row for row in rows]

    assert as_memory_allows(compute)([1, 2, 3]) == [10, 20, 30]
    assert tried == [[1, 2, 3], [1], [2, 3], [2], [3]]
