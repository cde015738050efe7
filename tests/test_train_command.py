"""seqattn train: what it writes and says, wrong settings, resuming, starting from another run."""

import gzip
import json
import shutil
import signal
from pathlib import Path

import pytest
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from seqattn_cli.main import cli

from seqattn import experiment
from seqattn.checkpoint import RunFolder
from seqattn.training import Trainer, Validation

from commands import BOTH, SIZES, TRAIN, contents, seqattn, setting, sizes, told, updates_of, weights_of


@BOTH
def test_train_writes_a_run_and_says_what_it_chose(work, architecture):
    run, result = work.run(architecture), work.said[architecture]
    names = {str(path.relative_to(run)) for path in contents(run)}
    assert names == {
        *("config.json", "tokenizer.model", "model.safetensors", "metrics.jsonl", "README.md"),
        str(Path("last") / "state.safetensors"),
    }
    assert result.stdout == ""
    said = " ".join(result.stderr.split())
    assert "114 pairs to train on, 6 to validate on held out of them" in said
    assert "joint vocabulary of" in said and "preset tiny" in said
    assert "until 40 updates" in said and "BLEU" in said and "best so far" in said
    config = json.loads((run / "config.json").read_text())
    assert config["architecture"] == architecture and config["model"]["width"] == 16
    assert config["data"]["train_pairs"] == 114 and config["data"]["valid_pairs"] == 6
    assert updates_of(run) == list(range(1, 41))
    assert architecture in (run / "README.md").read_text()


def test_an_existing_folder_is_refused_and_nothing_in_it_changes(work):
    before = contents(work.path)
    result = seqattn(*("train", "--train", work.train, "--arch", "lstm", "--out", work.run("lstm")), status=1)
    assert str(work.run("lstm")) in told(result) and "--resume" in told(result)
    assert contents(work.path) == before


def test_a_validation_corpus_that_overlaps_the_training_corpus_is_warned_of(work, tmp_path):
    result = seqattn(
        *("train", "--train", work.train, "--valid", work.train, "--arch", "lstm", "--out", tmp_path / "run"),
        *("--max-updates", 1, *sizes("lstm")),
    )
    assert "120 validation pairs are in the training data too" in " ".join(result.stderr.split())


def test_pairs_left_out_are_counted(work, tmp_path):
    text = work.train.read_text()
    corpus = tmp_path / "train.tsv"
    corpus.write_text(text + "\t\nred\t\n" + "red " * 30 + "\tred\n")
    result = seqattn(
        *("train", "--train", corpus, "--valid", work.test, "--arch", "lstm", "--out", tmp_path / "run"),
        *("--max-updates", 1, *sizes("lstm"), *setting("max_length=20")),
    )
    said = " ".join(result.stderr.split())
    assert "Left out of training: 2 with an empty side, 1 too long (max_length)" in said


def test_settings_come_from_the_file_and_over_it_from_the_command_line(work, tmp_path):
    (tmp_path / "settings.toml").write_text(
        "batch_tokens = 128\nwarmup = 7\nmax_updates = 9\n"
        "[lstm]\nwidth = 16\nhidden = 32\nscore = 'general'\n[transformer]\nheads = 2\n"
    )
    seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run"),
        *("--config", tmp_path / "settings.toml", *setting("warmup=3", "max_updates=5"), "--max-updates", 2),
    )
    config = RunFolder(tmp_path / "run").read_config()
    assert config.model.score == "general" and config.model.width == 16
    assert config.training.warmup == 3 and config.training.batch_tokens == 128
    assert updates_of(tmp_path / "run") == [1, 2]


@pytest.mark.parametrize(
    ("architecture", "assignment"),
    [
        *((name, f"{key}=0") for name in SIZES for key in ("width", "decoder_layers")),
        *((name, "dropout=1.5") for name in SIZES),
        ("lstm", "hidden=0"),
        ("lstm", "encoder_layers=0"),
        ("lstm", "accumulate=0"),
        ("lstm", "label_smoothing=2"),
        ("transformer", "heads=0"),
        ("transformer", "attention_dropout=1.5"),
    ],
)
def test_a_setting_out_of_range_is_told_before_anything_is_written(work, tmp_path, architecture, assignment):
    out = tmp_path / "run"
    arguments = ("train", "--train", work.train, "--arch", architecture, "--out", out)
    more = (*sizes(architecture), "--max-updates", 1, *setting(assignment))
    said = seqattn(*arguments, *more, status=1).stderr.splitlines()[-1]
    assert said.startswith("Error: ") and assignment.partition("=")[0] in said
    assert not out.exists()


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["widht=3"], "did you mean 'width'"),
        (["width=wide"], "width must be a whole number"),
        (["width=-2"], "width must be"),
        (["score=cosine"], "one of dot, general, additive, none"),
        (["tied=perhaps"], "true or false"),
        (["hidden=7"], "must be even"),
        (["width"], "not of the form key=value"),
        (["widht=3", "score=cosine"], "score must be"),
    ],
)
def test_a_wrong_setting_is_told_before_anything_is_written(work, tmp_path, assignments, expected):
    out = tmp_path / "run"
    arguments = ("train", "--train", work.train, "--arch", "lstm", "--out", out, *setting(*assignments))
    assert expected in told(seqattn(*arguments, status=1))
    assert not out.exists()


def test_all_wrong_settings_are_told_at_once(work, tmp_path):
    wrong = setting("widht=3", "score=cosine")
    result = seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "x", *wrong), status=1
    )
    assert "widht" in told(result) and "cosine" in told(result)


@pytest.mark.parametrize(
    "arguments",
    [
        ["train", "--out", "x"],
        ["train", "--train", "x.tsv", "--out", "x"],
        ["train", "--train", "x.tsv", "--arch", "gru", "--out", "x"],
        ["train", "--resume", "--arch", "lstm", "--out", "x"],
        ["train", "--train", "x.tsv", "--arch", "lstm"],
        ["translate"],
        ["translate", "x", "--nbest", "2"],
        ["translate", "x", "--nbest", "9", "--format", "jsonl"],
        ["translate", "x", "--top-k", "2"],
        ["evaluate", "x"],
        ["compare", "x", "y"],
        ["compare", "x", "--train", "y.tsv", "--test", "z.tsv"],
        ["compare", "--test", "z.tsv"],
        ["align", "x"],
        ["align", "x", "a", "--pairs", "y.tsv"],
        ["align", "x", "a", "--gold", "g"],
        ["align", "x", "--pairs", "y.tsv", "--unit", "pieces", "--format", "pharaoh"],
        ["fly"],
        ["info", "x", "--wings"],
    ],
    ids=" ".join,
)
def test_wrong_usage_exits_with_two_and_writes_nothing(arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = seqattn(*arguments, status=2)
    assert result.stdout == "" and "Usage:" in result.stderr
    assert list(tmp_path.iterdir()) == []


def interrupt_after(monkeypatch, update):
    """As if Ctrl-C were pressed during that update."""
    own = Trainer._update

    def interrupted(trainer, group):
        event = own(trainer, group)
        if event.progress.update == update:
            signal.raise_signal(signal.SIGINT)
        return event

    monkeypatch.setattr(Trainer, "_update", interrupted)


def timeless(events):
    return [{k: v for k, v in event.items() if "seconds" not in k} for event in events]


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
    assert timeless(cut.read_metrics()) == timeless(whole.read_metrics())
    (expected, _), (found, _) = whole.read_last(), cut.read_last()
    assert expected.keys() == found.keys()
    assert [name for name in expected if not torch.equal(expected[name], found[name])] == []
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    cards = [(tmp_path / name / "README.md").read_text().replace(name, "run") for name in ("cut", "whole")]
    assert cards[0] == cards[1]


def test_a_killed_training_resumes_from_its_last_validation(work, tmp_path, monkeypatch):
    start = ["train", "--train", work.train, "--arch", "lstm", "--max-updates", 20, *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "whole")
    own = Trainer._update

    def killed(trainer, group):
        if trainer.progress.update == 12:
            raise MemoryError
        return own(trainer, group)

    with monkeypatch.context() as patched:
        patched.setattr(Trainer, "_update", killed)
        assert "memory" in seqattn(*start, "--out", tmp_path / "cut", status=1).stderr
    assert updates_of(tmp_path / "cut")[-1] == 12
    result = seqattn("train", "--resume", "--out", tmp_path / "cut")
    assert "after 8 updates" in " ".join(result.stderr.split())
    whole, cut = RunFolder(tmp_path / "whole"), RunFolder(tmp_path / "cut")
    assert timeless(cut.read_metrics()) == timeless(whole.read_metrics())
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")


@BOTH
def test_a_finished_run_goes_on_under_a_new_limit(work, tmp_path, architecture):
    start = ["train", "--train", work.train, "--arch", architecture, *sizes(architecture)]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 8)
    seqattn("train", "--resume", "--out", tmp_path / "run", "--max-updates", 12)
    assert updates_of(tmp_path / "run") == list(range(1, 13))
    assert RunFolder(tmp_path / "run").read_config().training.max_updates == 12


def card_and_weights(run):
    said = RunFolder(run).read_model()[1]
    card = (run / "README.md").read_text(encoding="utf-8")
    figures = f"BLEU {float(said['bleu']):.2f}, chrF {float(said['chrf']):.2f}"
    return card, f"{figures}, exact match {float(said['exact']):.1f} %", said


@BOTH
def test_the_model_card_tells_the_scores_of_the_weights_beside_it(work, tmp_path, architecture):
    card, figures, said = card_and_weights(work.run(architecture))
    assert figures in card
    assert f"after {said['update']} updates" in card
    assert ("average" in card.splitlines()[5]) is said["averaged"]


def test_the_model_card_still_tells_them_when_a_finished_run_is_resumed_to_no_avail(
    work, tmp_path, monkeypatch
):
    scores = iter([1.0, 2.0, 7.0, 7.0])  # Two validations, their average, and the average again.

    def validation_of(*_):
        return lambda model: Validation(1.0, next(scores), 3.0, 4.0, ())

    monkeypatch.setattr(experiment, "validation_of", validation_of)
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm"), "--max-updates", 16]
    seqattn(*start, "--out", tmp_path / "run")
    card, figures, said = card_and_weights(tmp_path / "run")
    assert said["averaged"] is True and figures in card and "BLEU 7.00" in card
    seqattn("train", "--resume", "--out", tmp_path / "run")
    card, figures, said = card_and_weights(tmp_path / "run")
    assert said["averaged"] is True
    assert figures in card


def test_the_command_that_resumes_is_said_on_one_line_to_be_copied(work, tmp_path, monkeypatch):
    run = tmp_path / "a folder of a name long enough to fill a line of eighty columns twice over".replace(
        " ", "-"
    )
    with monkeypatch.context() as patched:
        interrupt_after(patched, 1)
        start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm")]
        result = seqattn(*start, "--out", run, status=130)
    assert f"seqattn train --resume --out {run}" in result.stderr


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
    assert f"Error: {expected} cannot change" in told(result)
    assert contents(work.run("lstm")) == before


def test_a_run_is_not_resumed_on_another_corpus(work):
    before = contents(work.run("lstm"))
    result = seqattn("train", "--resume", "--out", work.run("lstm"), "--train", work.test, status=1)
    assert "train corpus is not the one this run began with" in told(result)
    assert contents(work.run("lstm")) == before


def test_a_validation_corpus_is_not_ignored_when_a_run_is_resumed(work, tmp_path):
    shutil.copytree(work.run("lstm"), tmp_path / "run")
    before = contents(tmp_path)
    arguments = ("train", "--resume", "--out", tmp_path / "run", "--valid", work.test, "--max-updates", 41)
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    assert result.exit_code in (1, 2), "it began with a part held out, and went on with it without a word"
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", ["missing", "folder", "untrained"])
def test_what_is_not_an_interrupted_run_is_not_resumed(work, tmp_path, kind):
    path = tmp_path / "run"
    if kind != "missing":
        path.mkdir()
    if kind == "untrained":
        for name in ("config.json", "tokenizer.model"):
            (path / name).write_bytes((work.run("lstm") / name).read_bytes())
    before = contents(tmp_path)
    assert str(path) in told(seqattn("train", "--resume", "--out", path, status=1))
    assert contents(tmp_path) == before


def test_a_run_started_from_another_has_its_vocabulary_and_begins_with_its_weights(work, tmp_path):
    initial = work.run("transformer")
    seqattn(
        *("train", "--train", work.test, "--init-from", initial, "--out", tmp_path / "run"),
        *("--max-updates", 1, *setting("learning_rate=1e-9", "label_smoothing=0", "precision=fp32")),
    )
    assert (tmp_path / "run" / "tokenizer.model").read_bytes() == (initial / "tokenizer.model").read_bytes()
    begun, grown = load_file(initial / "model.safetensors"), load_file(tmp_path / "run" / "model.safetensors")
    for name, tensor in begun.items():
        torch.testing.assert_close(grown[name], tensor, rtol=0, atol=1e-6)
    config = RunFolder(tmp_path / "run").read_config()
    assert config.data["initialised_from"] == str(initial)
    assert config.model == RunFolder(initial).read_config().model


def test_a_run_of_another_architecture_cannot_be_started_from(work, tmp_path):
    result = seqattn(
        *("train", "--train", work.test, "--init-from", work.run("lstm"), "--arch", "transformer"),
        *("--out", tmp_path / "run"),
        status=1,
    )
    assert "holds the architecture lstm, not transformer" in told(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("form", ["jsonl", "gz", "two texts"])
def test_every_form_of_a_corpus_trains_the_same_model(work, tmp_path, form):
    if form == "jsonl":
        corpus = tmp_path / "train.jsonl"
        corpus.write_text("".join(json.dumps(pair._asdict()) + "\n" for pair in TRAIN))
    elif form == "gz":
        corpus = tmp_path / "train.tsv.gz"
        corpus.write_bytes(gzip.compress(work.train.read_bytes()))
    else:
        for side in ("source", "target"):
            (tmp_path / side).write_text("".join(f"{getattr(pair, side)}\n" for pair in TRAIN))
        corpus = f"{tmp_path / 'source'},{tmp_path / 'target'}"
    start = ["train", "--arch", "lstm", *sizes("lstm"), "--max-updates", 2]
    seqattn(*start, "--train", corpus, "--out", tmp_path / "run")
    seqattn(*start, "--train", work.train, "--out", tmp_path / "same")
    assert weights_of(tmp_path / "run") == weights_of(tmp_path / "same")


def test_a_finished_run_resumed_without_a_new_limit_says_so(work, tmp_path):
    start = ["train", "--train", work.train, "--arch", "lstm", *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 4)
    assert "budget is used up" in seqattn("train", "--resume", "--out", tmp_path / "run").stderr


def test_a_corpus_that_moved_is_told_with_the_way_to_name_it(work, tmp_path):
    (tmp_path / "pairs.tsv").write_bytes(work.train.read_bytes())
    start = ["train", "--train", tmp_path / "pairs.tsv", "--arch", "lstm", *sizes("lstm")]
    seqattn(*start, "--out", tmp_path / "run", "--max-updates", 4)
    (tmp_path / "pairs.tsv").rename(tmp_path / "moved.tsv")
    resume = ["train", "--resume", "--out", tmp_path / "run", "--max-updates", 6]
    assert "--train" in told(seqattn(*resume, status=1))
    seqattn(*resume, "--train", tmp_path / "moved.tsv")
