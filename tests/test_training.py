"""The training loop: exact resumption, the loss, limits, and which weights are kept."""

import math
import time
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from seqattn.data.batching import Batch, Example, collate
from seqattn.decoding.search import SearchOptions, beam_search
from seqattn.errors import InputError
from seqattn.models import build
from seqattn.models.base import Vocabulary
from seqattn.models.weights import load_weights, weights
from seqattn.training import loop as training
from seqattn.training.events import Finished, Updated, Validated, Validation
from seqattn.training.loop import Trainer
from seqattn.training.losses import target_loss
from seqattn.training.schedule import Progress, TrainingOptions, learning_rate

from helpers import tiny_model, tiny_options
from runs import copy_examples, random_run

SIZES = Vocabulary(12, 12, shared=True)
DROPPING = [
    pytest.param("lstm", {"dropout": 0.2, "decoder_layers": 2}, id="lstm"),
    pytest.param("lstm", {"dropout": 0.2, "input_feeding": True}, id="lstm-fed"),
    pytest.param("transformer", {"dropout": 0.2, "attention_dropout": 0.1}, id="transformer"),
]
BOTH = pytest.mark.parametrize("architecture", ["lstm", "transformer"])
EXAMPLES = copy_examples(60)
EXACT = TrainingOptions(
    learning_rate=1e-2,
    warmup=4,
    batch_tokens=64,
    validate_every=5,
    max_updates=17,
    average=3,
    precision="fp32",
)
"""An epoch of `EXAMPLES` has about seven batches: 17 updates cross two epoch ends."""


def fresh(architecture, seed=1, **options):
    torch.manual_seed(seed)
    return build(architecture, tiny_options(architecture, **options), SIZES)


def judged(model):
    """A validation that depends only on the weights."""
    examples = EXAMPLES[:10]
    with torch.no_grad():
        loss = float(target_loss(model, collate(examples))) / sum(len(e.target) for e in examples)
    return Validation(loss, 100 * math.exp(-loss), 50.0, 0.0, ())


def scripted(*scores, losses=None):
    """A validation that returns these scores in turn, and the weights it was called with."""
    shown = []

    def validate(model):
        at = len(shown)
        shown.append({name: tensor.clone() for name, tensor in weights(model).items()})
        assert not model.training
        return Validation(losses[at] if losses else 1.0, float(scores[at]), 0.0, 0.0, ())

    return validate, shown


def timeless(events):
    """Events without their times."""
    kept = []
    for event in events:
        plain = replace(event, progress=replace(event.progress, seconds=0.0))
        kept.append(replace(plain, seconds=0.0) if isinstance(plain, Updated) else plain)
    return kept


def same(left, right):
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


def trained(options, validate=judged, architecture="lstm", examples=EXAMPLES):
    trainer = Trainer(fresh(architecture), examples, options, validate)
    return trainer, list(trainer.run())


POINTS = {
    "in mid-epoch": lambda event: isinstance(event, Updated) and event.progress.update == 3,
    "at an epoch's end": lambda event: isinstance(event, Updated) and event.progress.epoch == 1,
    "after a validation": lambda event: isinstance(event, Validated) and event.progress.update == 10,
    "before a validation": lambda event: isinstance(event, Updated) and event.progress.update == 10,
    "after the last update": lambda event: isinstance(event, Updated) and event.progress.update == 17,
    "after the last validation": lambda event: isinstance(event, Validated) and event.progress.update == 17,
}


def reversed_in_odd_epochs(epoch):
    """Examples of an epoch, as subword sampling gives other ones in each."""
    return [Example(e.source, e.target[-2::-1] + e.target[-1:]) if epoch % 2 else e for e in EXAMPLES]


HOW = [
    {"accumulate": 1},
    {"accumulate": 2},
    {"ema": 0.9, "r_drop": 1.0, "word_dropout": 0.2},
    {"optimizer": "muon"},
]


@pytest.mark.parametrize("changes", HOW, ids=str)
@pytest.mark.parametrize(("architecture", "options"), DROPPING)
def test_a_run_interrupted_anywhere_resumes_to_the_same_weights_and_events(
    architecture, options, changes, tmp_path
):
    how = replace(EXACT, **changes)
    sample = reversed_in_odd_epochs if how.ema else None
    whole = Trainer(fresh(architecture, **options), EXAMPLES, how, judged, sample=sample)
    expected = timeless(whole.run())
    folder, _ = random_run(tmp_path / "run", "lstm")
    different = []
    for point, here in POINTS.items():
        first = Trainer(fresh(architecture, **options), EXAMPLES, how, judged, sample=sample)
        seen = 0
        for event in first.run():
            seen += 1
            if here(event):
                break
        folder.write_last(*first.state())
        best = first.best or weights(first.model)

        torch.manual_seed(99)
        second = Trainer(fresh(architecture, seed=98, **options), EXAMPLES, how, judged, sample=sample)
        torch.rand(seen)
        second.restore(*folder.read_last(), {name: tensor.clone() for name, tensor in best.items()})
        rest = timeless(second.run())
        if rest != expected[seen:]:
            different.append(f"{point}: events")
        if not same(weights(second.model), weights(whole.model)):
            different.append(f"{point}: weights")
        if not same(second.best, whole.best):
            different.append(f"{point}: best weights")
    assert not different


def test_the_time_in_which_an_epochs_examples_are_drawn_counts_for_the_budget():
    slept = 0.05

    def sample(epoch):
        time.sleep(slept)
        return EXAMPLES

    trainer = Trainer(fresh("lstm"), EXAMPLES, EXACT, judged, sample=sample)
    before = 0.0
    for event in trainer.run():
        spent = event.progress.seconds - before - getattr(event, "seconds", 0.0)
        before = event.progress.seconds
        if isinstance(event, Updated) and event.progress.batch == 1:
            # The first examples are part of the start.
            assert (spent >= slept) == (event.progress.epoch > 0)
    assert trainer.progress.epoch > 1


@BOTH
def test_dropout_makes_the_random_state_matter_to_the_weights(architecture):
    """Otherwise the test above could pass without saving the random state."""
    runs = []
    for seed in (1, 2):
        trainer = Trainer(fresh(architecture, dropout=0.2), EXAMPLES, replace(EXACT, max_updates=2), judged)
        events = trainer.run()
        next(events)
        torch.manual_seed(seed)
        next(events)
        runs.append(weights(trainer.model))
    assert not same(*runs)


def test_the_same_seed_trains_the_same_weights_and_another_seed_others():
    same_seed = [weights(trained(replace(EXACT, seed=7))[0].model) for _ in range(2)]
    assert same(*same_seed)
    assert not same(same_seed[0], weights(trained(replace(EXACT, seed=8))[0].model))


@BOTH
def test_gradients_accumulated_over_two_batches_equal_those_of_one_batch_of_both(architecture):
    examples = copy_examples(12, longest=5)
    caught = []

    def catch(optimizer, *_):
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        caught.append([torch.zeros_like(p) if p.grad is None else p.grad.clone() for p in parameters])

    watching = register_optimizer_step_pre_hook(catch)
    updates = []
    try:
        for batch_tokens, accumulate in ((64, 2), (1000, 1)):
            options = replace(
                EXACT, batch_tokens=batch_tokens, accumulate=accumulate, max_updates=1, clip=0, average=1
            )
            trainer = Trainer(fresh(architecture), examples, options, judged)
            updates.append(next(event for event in trainer.run() if isinstance(event, Updated)))
            assert trainer.progress.batch == accumulate
    finally:
        watching.remove()
    together, at_once = caught
    for left, right in zip(together, at_once, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-4, atol=1e-6)
    assert max(float(gradient.abs().max()) for gradient in together) > 1e-3
    assert updates[0].loss == pytest.approx(updates[1].loss, rel=1e-5)
    assert updates[0].tokens == updates[1].tokens == sum(len(s) + len(t) for s, t in examples)


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
@BOTH
@torch.no_grad()
def test_target_loss_equals_its_formula_sentence_by_sentence(architecture, smoothing):
    model = tiny_model(architecture, spread=3.0)
    examples = copy_examples(5, symbols=9)
    expected = 0.0
    for example in examples:
        source, target = collate([example])
        hidden = model.decode(target[:, :-1], *model.encode(source)).hidden
        log_p = torch.log(torch.softmax(model.logits(hidden)[0].double(), dim=-1))
        for step, word in enumerate(example.target):
            spread = -sum(float(value) for value in log_p[step]) / log_p.shape[1]
            expected += (1 - smoothing) * -float(log_p[step, word]) + smoothing * spread
    assert float(target_loss(model, collate(examples), smoothing)) == pytest.approx(expected, rel=1e-5)


@BOTH
@torch.no_grad()
def test_padding_adds_nothing_to_the_loss(architecture):
    model = tiny_model(architecture)
    source, target = collate(copy_examples(4))
    wider = Batch(*(torch.cat([ids, ids.new_zeros(len(ids), 3)], dim=1) for ids in (source, target)))
    assert float(target_loss(model, wider, 0.1)) == pytest.approx(
        float(target_loss(model, Batch(source, target), 0.1)), rel=1e-5
    )


def test_learning_rate_rises_linearly_to_its_peak_and_falls_with_the_inverse_square_root():
    options = TrainingOptions(learning_rate=0.5, warmup=100)
    assert [learning_rate(u, options) for u in (1, 25, 50, 100)] == pytest.approx([0.005, 0.125, 0.25, 0.5])
    assert [learning_rate(u, options) for u in (400, 900, 10_000)] == pytest.approx([0.25, 0.5 / 3, 0.05])
    rates = [learning_rate(u, options) for u in range(1, 300)]
    assert max(rates) == rates[99] == 0.5
    assert learning_rate(1, TrainingOptions(learning_rate=0.5, warmup=0)) == 0.5


def test_every_update_uses_the_learning_rate_it_reports():
    _, events = trained(replace(EXACT, max_updates=9))
    rates = [event.learning_rate for event in events if isinstance(event, Updated)]
    options = replace(EXACT, max_updates=9)
    assert rates == [learning_rate(u, options, (u - 1) / 9) for u in range(1, 10)]


def test_the_rate_falls_linearly_to_zero_over_the_cooldown_and_not_before():
    options = TrainingOptions(learning_rate=1.0, warmup=1, cooldown=0.25)
    without = [learning_rate(u, options) for u in (10, 50, 90)]
    assert [learning_rate(u, options, spent=0.75) for u in (10, 50, 90)] == without
    assert learning_rate(50, options, spent=0.875) == pytest.approx(without[1] / 2)
    assert learning_rate(50, options, spent=1.0) == 0.0


def test_the_share_spent_is_that_of_the_nearest_limit():
    progress = Progress(update=10, tokens=900, seconds=30)
    assert progress.spent(TrainingOptions()) == 0.0
    assert progress.spent(TrainingOptions(max_updates=100)) == 0.1
    assert progress.spent(TrainingOptions(max_updates=100, max_tokens=1000, max_minutes=1)) == 0.9
    assert progress.spent(TrainingOptions(max_minutes=0.25)) == 1.0


def test_stops_after_max_updates():
    trainer, events = trained(replace(EXACT, max_updates=7))
    assert [event.progress.update for event in events if isinstance(event, Updated)] == list(range(1, 8))
    assert isinstance(events[-1], Finished)
    assert trainer.progress.update == 7
    assert "7 updates" in events[-1].reason


def test_stops_with_the_update_that_reaches_max_tokens():
    _, events = trained(replace(EXACT, max_updates=0, max_tokens=700, patience=0))
    updates = [event for event in events if isinstance(event, Updated)]
    assert updates[-2].progress.tokens < 700 <= updates[-1].progress.tokens
    assert updates[-1].progress.tokens == sum(event.tokens for event in updates)
    assert "tokens" in events[-1].reason


def test_an_epoch_sees_every_token_once():
    _, events = trained(replace(EXACT, max_updates=30))
    first = [event for event in events if isinstance(event, Updated) and event.progress.epoch == 0]
    assert first[-1].progress.tokens == sum(len(e.source) + len(e.target) for e in EXAMPLES)


def test_stops_when_updates_and_validations_together_took_max_minutes(monkeypatch):
    now = iter(range(0, 100_000, 10))
    monkeypatch.setattr(training, "time", SimpleNamespace(perf_counter=lambda: float(next(now))))
    _, events = trained(replace(EXACT, max_updates=0, max_minutes=1.0, validate_every=2, average=1))
    kinds = [type(event) for event in events]
    assert kinds == [Updated, Updated, Validated, Updated, Updated, Validated, Finished]
    assert events[-1].progress.seconds == 60
    assert events[-1].reason == "1 minute passed"


def test_stops_after_patience_validations_in_a_row_without_improvement():
    validate, shown = scripted(1, 3, 2, 2, 9)
    _, events = trained(replace(EXACT, max_updates=0, validate_every=1, patience=2, average=1), validate)
    assert len(shown) == 4
    assert [event.improved for event in events if isinstance(event, Validated)] == [True, True, False, False]
    assert "2 validations" in events[-1].reason


def test_patience_restarts_when_only_the_loss_improves():
    validate, shown = scripted(3, 2, 2, 2, 2, 9, losses=[1.0, 1.0, 0.9, 0.9, 0.9, 0.1])
    trained(replace(EXACT, max_updates=0, validate_every=1, patience=2, average=1), validate)
    assert len(shown) == 5


def test_without_a_limit_on_patience_validations_never_stop_a_run():
    validate, shown = scripted(*[5] + [1] * 30)
    trained(replace(EXACT, max_updates=20, validate_every=1, patience=0, average=1), validate)
    assert len(shown) == 20


@pytest.mark.parametrize(
    ("by", "best"), [("bleu", 1), ("loss", 2)], ids=["by score", "by loss: the lowest is best"]
)
def test_the_weights_kept_are_those_of_the_best_validation(by, best):
    validate, shown = scripted(1, 5, 3, losses=[3.0, 2.0, 1.0])
    trainer, _ = trained(
        replace(EXACT, max_updates=6, validate_every=2, average=1, patience=0, best_by=by), validate
    )
    assert same(trainer.best, shown[best])
    assert not same(shown[1], shown[2])


def test_the_last_update_is_validated_once_even_if_no_validation_was_due():
    for updates, expected in ((10, [5, 10]), (12, [5, 10, 12])):
        _, events = trained(replace(EXACT, max_updates=updates, average=1))
        assert [e.progress.update for e in events if isinstance(e, Validated)] == expected


def test_the_average_is_the_mean_of_the_best_weights_and_kept_when_it_is_better():
    validate, shown = scripted(4, 1, 3, 9)
    trainer, events = trained(
        replace(EXACT, max_updates=6, validate_every=2, average=2, patience=0), validate
    )
    mean = {name: (shown[0][name] + shown[2][name]) / 2 for name in shown[0]}
    last = [event for event in events if isinstance(event, Validated)][-1]
    assert last.averaged and last.improved and last.validation.bleu == 9
    for name, tensor in mean.items():
        torch.testing.assert_close(shown[3][name], tensor)
        assert torch.equal(trainer.best[name], shown[3][name])
    assert same(weights(trainer.model), shown[2])


def test_an_average_that_is_not_better_is_not_kept():
    validate, shown = scripted(1, 4, 3, 4)
    trainer, events = trained(
        replace(EXACT, max_updates=6, validate_every=2, average=2, patience=0), validate
    )
    last = [event for event in events if isinstance(event, Validated)][-1]
    assert last.averaged and not last.improved
    assert same(trainer.best, shown[1])


def test_averaging_needs_more_than_one_validation():
    for average in (0, 1):
        _, events = trained(replace(EXACT, max_updates=6, validate_every=2, average=average))
        assert not any(event.averaged for event in events if isinstance(event, Validated))


@BOTH
def test_training_learns_to_copy_unseen_sources(architecture):
    examples = copy_examples(300, symbols=4, longest=3)
    held = examples[0]
    options = replace(
        EXACT, learning_rate=1e-2, warmup=20, batch_tokens=128, max_updates=400, validate_every=400, average=1
    )
    size = {"width": 32, "hidden": 32} if architecture == "lstm" else {"width": 32, "feed_forward": 64}
    model = fresh(architecture, **size)
    trainer = Trainer(model, [e for e in examples if e != held], options, judged_by_loss(held))
    losses = [event.loss for event in trainer.run() if isinstance(event, Updated)]
    assert sum(losses[-10:]) < 0.5 * sum(losses[:10])
    source, _ = collate([held])
    (found,) = beam_search(model.eval(), source, SearchOptions(beam=1))
    assert found[0].ids == held.target


def judged_by_loss(example):
    def validate(model):
        with torch.no_grad():
            return Validation(float(target_loss(model, collate([example]))), 0.0, 0.0, 0.0, ())

    return validate


@BOTH
def test_divergence_is_an_error_that_names_the_update(architecture):
    with pytest.raises(InputError, match=r"stopped at update \d+.*learning_rate"):
        trained(replace(EXACT, learning_rate=1e38, warmup=0), architecture=architecture)


@BOTH
def test_a_weight_that_is_not_a_number_is_an_error_at_the_first_update(architecture):
    model = fresh(architecture)
    with torch.no_grad():
        next(model.parameters()).fill_(math.nan)
    with pytest.raises(InputError, match="stopped at update 1:"):
        next(Trainer(model, EXAMPLES, EXACT, judged).run())


def test_load_weights_copies_every_tensor():
    source, target = fresh("lstm", seed=1), fresh("lstm", seed=2)
    assert not same(weights(source), weights(target))
    load_weights(target, weights(source))
    assert same(weights(source), weights(target))


def test_load_weights_names_missing_unknown_and_misshapen_parameters():
    model = fresh("lstm")
    tensors = weights(model)
    with pytest.raises(KeyError, match=r"decoder\.bridge_h\.bias"):
        load_weights(model, {name: t for name, t in tensors.items() if name != "decoder.bridge_h.bias"})
    with pytest.raises(KeyError, match="unknown"):
        load_weights(model, tensors | {"unknown": torch.zeros(1)})
    with pytest.raises(ValueError, match=r"bridge_h\.bias has shape \(3,\) where \(8,\)"):
        load_weights(model, tensors | {"decoder.bridge_h.bias": torch.zeros(3)})
