"""seqattn train --resume: an interrupted or finished training continues exactly."""

import dataclasses
import json
import shlex
import shutil
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from seqattn_cli.main import cli

from seqattn.runs import experiment
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.training.events import Validation
from seqattn.training.loop import Trainer

from commands import (
    BOTH,
    contents,
    error_of,
    interrupt_after,
    seqattn,
    setting,
    sizes,
    updates_of,
    weights_of,
)


def timeless(events):
    """Lines of metrics without times and memory."""
    times = {"all_seconds": 0.0, "seconds": 0.0, "memory": 0}
    known = [{name: time for name, time in times.items() if hasattr(event, name)} for event in events]
    return [dataclasses.replace(event, **own) for event, own in zip(events, known, strict=True)]


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="shows mapped files on Linux alone")
def test_a_resumed_training_holds_no_file_that_it_replaces(work, tmp_path):
    """Windows refuses to replace a file that is mapped into memory."""
    out = tmp_path / "run"
    how = "--max-updates", 20, *sizes("lstm"), *setting("ema=0.9", "optimizer=muon")
    seqattn("train", "--train", work.train, "--arch", "lstm", *how, "--out", out)
    resumed = Experiment.resume(out, {"max_updates": 24}, torch.device("cpu"))
    with resumed:
        assert str(out) not in Path("/proc/self/maps").read_text(encoding="utf-8")
        assert len(list(resumed.run())) > 4


@pytest.mark.parametrize("update", [3, 12, 16, 20])
@BOTH
def test_an_interrupted_training_resumes_to_the_same_files_as_one_never_interrupted(
    work, tmp_path, monkeypatch, architecture, update
):
    how = ["--max-updates", 20, *sizes(architecture), *setting("dropout=0.2")]
    start = ["train", "--train", work.train, "--arch", architecture, *how]
    seqattn(*start, "--out", tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, update)
        result = seqattn(*start, "--out", tmp_path / "cut", status=130)
    assert "Interrupted" in result.stderr and "--resume" in result.stderr
    assert updates_of(tmp_path / "cut") == list(range(1, update + 1))
    torch.manual_seed(4321)
    result = seqattn("train", "--resume", "--out", tmp_path / "cut")
    assert f"after {update} updates" in " ".join(result.stderr.split())

    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    assert timeless(cut.metrics.read()) == timeless(whole.metrics.read())
    (expected, _), (found, _) = whole.read_last(), cut.read_last()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    cards = [(tmp_path / name / "README.md").read_text().replace(name, "run") for name in ("cut", "whole")]
    assert cards[0] == cards[1]


def test_a_run_that_was_never_validated_can_translate_with_its_newest_weights(work, tmp_path, monkeypatch):
    run = tmp_path / "run"
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), *setting("validate_every=9")]
    for command, update in ((start, 3), (["train", "--resume"], 5)):
        with monkeypatch.context() as patched:
            interrupt_after(patched, update)
            seqattn(*command, "--out", run, status=130)
        saved, trained = RunFolder(run).read_model()
        newest = RunFolder(run).read_last()[0]
        assert trained.update == update
        assert all(torch.equal(tensor, newest[f"weights.{name}"]) for name, tensor in saved.items())


def kill_after(monkeypatch, update):
    """End a training after so many updates as a lack of memory does."""
    own = Trainer._update

    def killed(trainer, group):
        if trainer.progress.update == update:
            raise MemoryError
        return own(trainer, group)

    monkeypatch.setattr(Trainer, "_update", killed)


def test_a_killed_training_resumes_from_its_last_validation(work, tmp_path, monkeypatch):
    start = ["train", "--train", work.train, "--arch", "lstm", "--max-updates", 20, *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "whole")
    with monkeypatch.context() as patched:
        kill_after(patched, 12)
        assert "memory" in seqattn(*start, "--out", tmp_path / "cut", status=1).stderr
    assert updates_of(tmp_path / "cut")[-1] == 12
    result = seqattn("train", "--resume", "--out", tmp_path / "cut")
    assert "after 8 updates" in " ".join(result.stderr.split())
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    assert timeless(cut.metrics.read()) == timeless(whole.metrics.read())
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_a_training_that_is_killed_long_after_a_validation_resumes_from_what_was_saved_since(
    work, tmp_path, monkeypatch
):
    start = ["train", "--train", work.train, "--arch", "lstm", "--max-updates", 20, *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "whole")
    with monkeypatch.context() as patched:
        kill_after(patched, 11)
        patched.setattr(experiment, "SAVE_EVERY", 0.0)
        seqattn(*start, "--out", tmp_path / "cut", status=1)
    result = seqattn("train", "--resume", "--out", tmp_path / "cut")
    assert "after 11 updates" in " ".join(result.stderr.split())
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


def test_a_run_that_ran_out_of_patience_says_what_trains_it_on(work, tmp_path):
    out = tmp_path / "run"
    limits = *setting("patience=1", "validate_every=2", "learning_rate=0"), "--max-updates", 40
    seqattn("train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--out", out, *limits)
    assert updates_of(out)[-1] < 40
    told = seqattn("train", "--resume", "--out", out, "--max-updates", 50).stderr
    assert "raise patience" in told
    seqattn("train", "--resume", "--out", out, *setting("patience=3"))
    assert updates_of(out)[-1] > 4


@BOTH
def test_a_finished_run_continues_under_a_new_limit(work, tmp_path, architecture):
    start = ["train", "--train", work.train, "--arch", architecture, *sizes(architecture)]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 8)
    seqattn("train", "--resume", "--out", tmp_path / "run", "--max-updates", 12)
    assert updates_of(tmp_path / "run") == list(range(1, 13))
    assert RunFolder(tmp_path / "run").read_config().training.max_updates == 12


def card_and_weights(run):
    trained = RunFolder(run).read_model()[1]
    card = (run / "README.md").read_text(encoding="utf-8")
    figures = f"BLEU {trained.bleu:.2f}, chrF {trained.chrf:.2f}"
    return card, f"{figures}, exact match {trained.exact:.1f} %", trained


@BOTH
def test_the_model_card_has_the_scores_of_the_weights_in_its_folder(work, tmp_path, architecture):
    card, figures, trained = card_and_weights(work.run(architecture))
    assert figures in card
    assert f"after {trained.update} updates" in card
    assert ("average" in card.splitlines()[5]) is trained.averaged


def test_the_model_card_still_has_them_when_resuming_a_finished_run_changes_nothing(
    work, tmp_path, monkeypatch
):
    scores = iter([1.0, 2.0, 7.0, 7.0])  # Two validations, their average, and the average again.

    def validation_of(*_):
        return lambda model: Validation(1.0, next(scores), 3.0, 4.0, ())

    monkeypatch.setattr(experiment, "validation_of", validation_of)
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--max-updates", 16]
    seqattn(*start, "--out", tmp_path / "run")
    card, figures, trained = card_and_weights(tmp_path / "run")
    assert trained.averaged is True and figures in card and "BLEU 7.00" in card
    seqattn("train", "--resume", "--out", tmp_path / "run")
    card, figures, trained = card_and_weights(tmp_path / "run")
    assert trained.averaged is True
    assert figures in card


def test_the_command_that_resumes_is_printed_on_one_line_to_be_copied(work, tmp_path, monkeypatch):
    run = tmp_path / "a folder of a name long enough to fill a line of eighty columns twice over"
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm")]
        result = seqattn(*start, "--out", run, status=130)
    (line,) = (line for line in result.stderr.splitlines() if "continue with" in line)
    command = shlex.split(line.partition("continue with: ")[2])
    assert command == ["seqattn", "train", "--resume", "--out", str(run)]


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--set", "width=32"], "width"),
        (["--set", "learning_rate=0.5"], "learning_rate"),
        (["--seed", "5"], "seed"),
        (["--vocab-size", "300"], "vocab_size"),
        (["--preset", "small"], "preset"),
        (["--precision", "bf16"], "precision"),
    ],
)
def test_settings_cannot_change_when_a_run_is_resumed(work, more, expected):
    before = contents(work.run("lstm"))
    result = seqattn("train", "--resume", "--out", work.run("lstm"), *more, status=1)
    assert f"Error: {expected} cannot change" in error_of(result)
    assert contents(work.run("lstm")) == before


def test_a_run_is_not_resumed_on_another_corpus(work):
    before = contents(work.run("lstm"))
    result = seqattn("train", "--resume", "--out", work.run("lstm"), "--train", work.test, status=1)
    assert "train corpus differs from that of this run" in error_of(result)
    assert contents(work.run("lstm")) == before


def test_a_validation_corpus_is_not_ignored_when_a_run_is_resumed(work, tmp_path):
    shutil.copytree(work.run("lstm"), tmp_path / "run")
    before = contents(tmp_path)
    arguments = ("train", "--resume", "--out", tmp_path / "run", "--valid", work.test, "--max-updates", 41)
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code in (1, 2), "it started with a held-out part and continued with it silently"
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", ["missing", "folder", "shipped", "initialised"])
def test_a_path_that_is_not_an_interrupted_run_is_not_resumed(work, tmp_path, kind):
    path = tmp_path / "run"
    if kind != "missing":
        path.mkdir()
    if kind == "shipped":
        shutil.copytree(work.run("lstm"), path, dirs_exist_ok=True)
        shutil.rmtree(path / "last")
    if kind == "initialised":
        for name in ("config.json", "tokenizer.model"):
            (path / name).write_bytes((work.run("lstm") / name).read_bytes())
        config = json.loads((path / "config.json").read_text())
        config["data"]["initialised_from"] = "runs/other"
        (path / "config.json").write_text(json.dumps(config))
    before = contents(tmp_path)
    assert str(path) in error_of(seqattn("train", "--resume", "--out", path, status=1))
    assert contents(tmp_path) == before


@pytest.mark.parametrize("weights", [False, True], ids=["before its weights", "after its weights"])
def test_a_run_interrupted_before_its_state_was_saved_begins_anew(work, tmp_path, weights):
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--max-updates", 9]
    seqattn(*start, "--out", tmp_path / "whole")
    shutil.copytree(tmp_path / "whole", tmp_path / "cut")
    cut = tmp_path / "cut"
    shutil.rmtree(cut / "last")
    lines = (cut / "metrics.jsonl").read_text().splitlines(keepends=True)
    (cut / "metrics.jsonl").write_text("".join(lines[: 9 if weights else 5]))
    if not weights:
        (cut / "model.safetensors").unlink()
    assert "after 0 updates" in " ".join(seqattn("train", "--resume", "--out", cut).stderr.split())
    assert weights_of(cut) == weights_of(tmp_path / "whole") and updates_of(cut) == list(range(1, 10))


def test_resuming_a_finished_run_without_a_new_limit_is_reported(work, tmp_path):
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 4)
    assert "budget is used up" in seqattn("train", "--resume", "--out", tmp_path / "run").stderr


def test_the_error_for_a_moved_corpus_gives_the_option_to_name_it(work, tmp_path):
    (tmp_path / "pairs.tsv").write_bytes(work.train.read_bytes())
    start = ["train", "--train", tmp_path / "pairs.tsv", "--arch", "lstm", *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 4)
    (tmp_path / "pairs.tsv").rename(tmp_path / "moved.tsv")
    resume = ["train", "--resume", "--out", tmp_path / "run", "--max-updates", 6]
    assert "--train" in error_of(seqattn(*resume, status=1))
    seqattn(*resume, "--train", tmp_path / "moved.tsv")


def test_of_the_corpora_of_a_run_only_those_that_have_moved_must_be_named(work, tmp_path):
    for name in ("train", "test"):
        (tmp_path / f"{name}.tsv").write_bytes(getattr(work, name).read_bytes())
    corpora = "--train", tmp_path / "train.tsv", "--valid", tmp_path / "test.tsv"
    seqattn(
        "train", *corpora, "--arch", "lstm", *sizes("lstm"), "--out", tmp_path / "run", "--max-updates", 4
    )
    (tmp_path / "train.tsv").rename(tmp_path / "moved.tsv")
    resume = "train", "--resume", "--out", tmp_path / "run", "--train", tmp_path / "moved.tsv"
    seqattn(*resume, "--max-updates", 6)
    assert updates_of(tmp_path / "run")[-1] == 6
    (tmp_path / "test.tsv").unlink()
    error = error_of(seqattn(*resume, "--max-updates", 8, status=1))
    assert "test.tsv" in error and "name them by --train and --valid" in error
    error = error_of(seqattn(*resume[:-1], tmp_path / "none.tsv", "--max-updates", 8, status=1))
    assert "none.tsv" in error and "have moved" not in error
