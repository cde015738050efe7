"""Numbers gone wrong: updates left out, training stopped with its last good state, search that ends."""

import json
import math
import shutil
from random import Random

import pytest
import torch
from safetensors.torch import load_file
from test_training import EXACT, EXAMPLES, fresh, judged, same, timeless, trained

from seqattn.data.batching import collate
from seqattn.decoding.search import SamplingOptions, SearchOptions, beam_search, sample, score_targets
from seqattn.decoding.stepping import proposals
from seqattn.errors import InputError
from seqattn.models.weights import weights
from seqattn.ranks import Ranks
from seqattn.runs.folder import RunFolder
from seqattn.symbols import EOS
from seqattn.training.divergence import EXPLODED, MOST_SKIPPED
from seqattn.training.events import Skipped, Updated, Validated
from seqattn.training.loop import Trainer
from seqattn.training.schedule import Progress, TrainingOptions
from seqattn.training.symptoms import Symptoms

from commands import BOTH, TEST, contents, error_of, seqattn, setting, sizes, updates_of
from helpers import random_source, tiny_model
from runs import write_tsv


def spoil(monkeypatch, wrong, factor=math.nan):
    """Multiply the loss of those updates, and so its gradient."""
    own = Trainer._loss

    def loss(trainer, rows, batch):
        return own(trainer, rows, batch) * (factor if trainer.progress.update + 1 in wrong else 1.0)

    monkeypatch.setattr(Trainer, "_loss", loss)


@BOTH
def test_an_update_whose_loss_is_not_a_number_is_left_out_and_training_goes_on(monkeypatch, architecture):
    spoil(monkeypatch, {3, 6})
    trainer = Trainer(fresh(architecture), EXAMPLES, EXACT, judged)
    kinds, states = [], [{}]
    for event in trainer.run():
        if not isinstance(event, Validated):
            kinds.append(type(event))
            state = trainer.state()[0].items()
            states.append({name: one.clone() for name, one in state if name.startswith(("weights", "opt"))})
    assert [kind is Skipped for kind in kinds[:-1]] == [number in (3, 6) for number in range(1, 18)]
    # Neither weights nor moments of the optimizer have changed.
    assert same(states[2], states[3]) and same(states[5], states[6]) and not same(states[3], states[4])
    assert all(tensor.isfinite().all() for tensor in trainer.best.values())


@pytest.mark.parametrize("factor", [math.nan, math.inf, 10.0 * EXPLODED])
def test_training_stops_when_no_further_update_is_right(monkeypatch, factor):
    spoil(monkeypatch, range(8, 100), factor)
    trainer = Trainer(fresh("lstm"), EXAMPLES, EXACT, judged)
    seen = []
    with pytest.raises(InputError, match=r"at update 17: the loss .*learning_rate"):
        for event in trainer.run():
            seen.append(event)
    assert sum(isinstance(event, Skipped) for event in seen) == MOST_SKIPPED - 1


def test_skipped_updates_are_counted_across_an_interruption(monkeypatch):
    spoil(monkeypatch, range(3, 100))
    first = Trainer(fresh("lstm"), EXAMPLES, EXACT, judged)
    for event in first.run():
        if event.progress.update == 7 and isinstance(event, Skipped):
            break
    second = Trainer(fresh("lstm", seed=2), EXAMPLES, EXACT, judged)
    tensors, values = first.state()
    second.restore(tensors, json.loads(json.dumps(values)), first.best)
    with pytest.raises(InputError, match="stopped at update 12:"):
        list(second.run())


class Two(Ranks):
    """As if another process had computed what this one has, but with a loss that is not a number."""

    size = 2

    def add(self, tensors):
        *gradients, (loss, _) = tensors
        for tensor in (*gradients, loss):
            tensor.mul_(math.nan)


def test_every_process_leaves_out_an_update_that_is_wrong_in_one_of_them():
    trainer = Trainer(fresh("lstm"), EXAMPLES, EXACT, judged, ranks=Two())
    before = {name: tensor.clone() for name, tensor in weights(trainer.model).items()}
    event = next(trainer.run())
    assert isinstance(event, Skipped) and same(before, weights(trainer.model))


@pytest.mark.parametrize("loss", [math.nan, math.inf, 1e9])
def test_a_validation_that_is_wrong_stops_training_before_anything_of_it_is_kept(loss):
    shown = []

    def validate(model):
        shown.append(judged(model))
        return shown[-1] if len(shown) == 1 else type(shown[-1])(loss, 99.0, 0.0, 0.0, ())

    trainer = Trainer(fresh("lstm"), EXAMPLES, EXACT, validate)
    seen = []
    with pytest.raises(InputError, match=r"update 10: in validation the loss"):
        seen += (event for event in trainer.run() if isinstance(event, Validated))
    assert len(shown) == 2 and trainer._standing.validated == 5


def test_a_state_saved_between_validations_is_named(work, tmp_path, monkeypatch):
    monkeypatch.setattr("seqattn.runs.experiment.SAVE_EVERY", 0)
    spoil(monkeypatch, range(4, 100))
    asked = "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--max-updates", 50
    result = seqattn("train", *asked, *setting("validate_every=50"), "--out", tmp_path / "run", status=1)
    assert "stopped at update 13: the loss is nan; what was saved at update 3 is kept" in result.stderr
    assert (tmp_path / "run" / "last").exists()


@BOTH
def test_a_learning_rate_far_too_high_is_a_sentence_and_nothing_bad_is_saved(work, tmp_path, architecture):
    out = tmp_path / "run"
    asked = *sizes(architecture), *setting("learning_rate=1e9", "validate_every=1")
    result = seqattn(
        *("train", "--train", work.train, "--arch", architecture, "--out", out, "--max-updates", 50, *asked),
        status=1,
    )
    assert "lower learning_rate" in result.stderr and "stopped at update 1" in result.stderr
    assert not (out / "model.safetensors").exists() and not (out / "last").exists()


def test_what_was_saved_before_updates_went_wrong_stays_as_it_was(work, tmp_path, monkeypatch):
    out = tmp_path / "run"
    asked = *sizes("lstm"), *setting("validate_every=20")
    command = "train", "--train", work.train, "--arch", "lstm", "--out", out, *asked
    seqattn(*command, "--max-updates", 8)
    saved = {path.name: data for path, data in contents(out).items() if path.suffix == ".safetensors"}
    spoil(monkeypatch, range(9, 100))
    again = seqattn("train", "--resume", "--out", out, "--max-updates", 60, status=1)
    assert "what was saved at update 8 is kept" in again.stderr
    assert again.stderr.count("was left out, because the loss is nan") == 1
    after = {path.name: data for path, data in contents(out).items() if path.suffix == ".safetensors"}
    assert after == saved
    lines = [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]
    assert [line["update"] for line in lines if line["event"] == "skipped"] == list(range(9, 18))
    monkeypatch.undo()
    seqattn("train", "--resume", "--out", out, "--max-updates", 12)
    assert updates_of(out) == list(range(1, 13))
    assert not any(line.event == "skipped" for line in RunFolder(out).metrics.read())


NOT_NUMBERS = {
    "beam": lambda model, source: beam_search(model, source, SearchOptions(beam=3)),
    "greedy": lambda model, source: beam_search(model, source, SearchOptions(beam=1)),
    "sample": lambda model, source: sample(
        model, source, SearchOptions(), SamplingOptions(), [Random(1)] * len(source)
    ),
    "score": lambda model, source: score_targets(model, *collate(EXAMPLES[:2])),
    "proposals": lambda model, source: proposals(model, [4, 5, EOS], [6, EOS]),
}


@pytest.mark.parametrize("value", [math.nan, math.inf, 3e38])
@pytest.mark.parametrize("way", list(NOT_NUMBERS))
@BOTH
def test_a_model_that_predicts_no_numbers_ends_search_with_an_error(architecture, way, value):
    model = tiny_model(architecture)
    with torch.no_grad():
        model.decoder.output.weight[5] = value
    with pytest.raises(InputError, match="not a number"):
        NOT_NUMBERS[way](model, random_source())


@BOTH
def test_weights_that_are_not_numbers_are_one_sentence_in_every_command(work, tmp_path, architecture):
    run = tmp_path / "run"
    shutil.copytree(work.run(architecture), run)
    folder = RunFolder(run)
    _, trained = folder.read_model()
    folder.write_model(
        {name: tensor * math.nan for name, tensor in load_file(run / "model.safetensors").items()},
        trained,
        folder.read_config().identity,
    )
    for command in (
        ["translate", run],
        ["translate", run, "--sample"],
        ["evaluate", run, "--test", work.test],
        ["align", run, "--pairs", work.test],
        ["align", run, "red dog", "dog red"],
    ):
        assert "not a number" in error_of(seqattn(*command, input="red dog\n", status=1))


def test_a_validation_pair_far_longer_than_training_takes_is_translated_but_not_in_the_loss(work, tmp_path):
    long = " ".join([pair.source for pair in TEST] * 6)
    lines = (*TEST[:8], TEST[0]._replace(source=long, target=long))
    losses = []
    for name, some in (("with", lines), ("without", TEST[:8])):
        out = tmp_path / name
        result = seqattn(
            *("train", "--train", work.train, "--valid", write_tsv(tmp_path / f"{name}.tsv", some)),
            *("--arch", "transformer", "--out", out, "--max-updates", 8, *sizes("transformer")),
        )
        said = "Left out of the loss in validation: 1 longer than 256 pieces"
        assert (said in " ".join(result.stderr.split())) == (name == "with")
        losses += [line.loss for line in RunFolder(out).metrics.read() if line.event == "validated"]
    # The vocabularies are of the same training pairs.
    assert losses[0] == losses[1]


def test_validation_pairs_that_are_all_too_long_are_an_error(work, tmp_path):
    long = write_tsv(tmp_path / "long.tsv", (TEST[0]._replace(source="red " * 300),))
    result = seqattn(
        *("train", "--train", work.train, "--valid", long, "--arch", "lstm", "--out", tmp_path / "run"),
        *sizes("lstm"),
        status=1,
    )
    assert "every validation pair has more than 256 pieces on a side" in result.stderr


def test_warnings_of_updates_that_were_left_out_or_divided_are_said_once():
    symptoms = Symptoms(TrainingOptions())
    progress = Progress(update=7)
    (said,) = symptoms.add(Skipped(progress, "the loss is nan", "lower learning_rate"))
    assert "update 7 was left out, because the loss is nan" in said and "lower learning_rate" in said
    assert symptoms.add(Skipped(progress, "the loss is inf", "lower learning_rate")) == []
    found = symptoms.add(Updated(progress, 1.0, 0.1, 10, 1.0, divided=True, left_out=2))
    assert ["in parts" in found[0], "2 pairs did not fit" in found[1]] == [True, True]
    assert symptoms.add(Updated(progress, 1.0, 0.1, 10, 1.0, divided=True, left_out=2)) == []


def test_a_training_that_goes_well_leaves_nothing_out():
    _, events = trained(EXACT)
    assert not any(isinstance(event, Skipped) for event in events)
    assert not any(event.divided or event.left_out for event in events if isinstance(event, Updated))
    assert timeless(events) == timeless(trained(EXACT)[1])
