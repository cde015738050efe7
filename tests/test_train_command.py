"""seqattn train: its files and output, wrong settings, starting from another run."""

import gzip
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from seqattn.runs.folder import RunFolder
from seqattn.runs.presets import PRESETS
from seqattn.training.schedule import TrainingOptions

from commands import BOTH, SIZES, TRAIN, contents, error_of, seqattn, setting, sizes, updates_of, weights_of


@BOTH
def test_train_writes_a_run_and_reports_its_choices(work, architecture):
    run, result = work.run(architecture), work.results[architecture]
    names = {str(path.relative_to(run)) for path in contents(run)}
    assert names == {
        *("config.json", "tokenizer.model", "model.safetensors", "metrics.jsonl", "README.md"),
        str(Path("last") / "state.safetensors"),
    }
    assert result.stdout == ""
    output = " ".join(result.stderr.split())
    assert "108 pairs to train on, 12 held out to validate on" in output
    assert "joint vocabulary of" in output and "preset tiny" in output
    assert "BLEU" in output and "best so far" in output
    config = json.loads((run / "config.json").read_text())
    optimizer = {"lstm": "adam", "transformer": "muon"}[architecture]
    assert config["training"]["optimizer"] == optimizer
    assert f"trained with {optimizer.capitalize()} until 40 updates" in output
    assert config["architecture"] == architecture and config["model"]["encoder"]["width"] == 16
    assert config["data"]["train_pairs"] == 108 and config["data"]["valid_pairs"] == 12
    assert updates_of(run) == list(range(1, 41))
    assert architecture in (run / "README.md").read_text()


def test_an_existing_folder_is_refused_and_unchanged(work):
    before = contents(work.path)
    result = seqattn(*("train", "--train", work.train, "--arch", "lstm", "--out", work.run("lstm")), status=1)
    assert str(work.run("lstm")) in error_of(result) and "--resume" in error_of(result)
    assert contents(work.path) == before


def test_a_validation_corpus_that_overlaps_the_training_corpus_gives_a_warning(work, tmp_path):
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
    output = " ".join(result.stderr.split())
    assert "Left out of training: 2 with an empty side, 1 longer than" in output


def test_settings_on_the_command_line_override_those_of_the_file(work, tmp_path):
    (tmp_path / "settings.toml").write_text(
        "batch_tokens = 128\nwarmup = 7\nmax_updates = 9\n"
        "[lstm]\nwidth = 16\nhidden = 32\nscore = 'general'\n[transformer]\nheads = 2\n"
    )
    seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run"),
        *(
            "--config",
            tmp_path / "settings.toml",
            *setting("warmup=3", "max_updates=5", "hidden=24"),
            "--max-updates",
            2,
        ),
    )
    config = RunFolder(tmp_path / "run").read_config()
    assert config.model.decoder.score == "general" and config.model.decoder.width == 16
    assert config.model.encoder.hidden == config.model.decoder.hidden == 24
    assert config.training.warmup == 3 and config.training.batch_tokens == 128
    assert updates_of(tmp_path / "run") == [1, 2]


@pytest.mark.parametrize(
    ("architecture", "assignment"),
    [
        *((name, f"{key}=0") for name in SIZES for key in ("width", "decoder.layers")),
        *((name, "dropout=1.5") for name in SIZES),
        ("lstm", "hidden=0"),
        ("lstm", "encoder.layers=0"),
        ("lstm", "accumulate=0"),
        ("lstm", "label_smoothing=2"),
        ("transformer", "heads=0"),
        ("transformer", "attention_dropout=1.5"),
    ],
)
def test_a_setting_out_of_range_is_refused_before_anything_is_written(
    work, tmp_path, architecture, assignment
):
    out = tmp_path / "run"
    arguments = ("train", "--train", work.train, "--arch", architecture, "--out", out)
    more = (*sizes(architecture), "--max-updates", 1, *setting(assignment))
    output = seqattn(*arguments, *more, status=1).stderr.splitlines()[-1]
    assert output.startswith("Error: ") and assignment.partition("=")[0] in output
    assert not out.exists()


@pytest.mark.parametrize(
    ("assignments", "expected"),
    [
        (["widht=3"], "did you mean 'width'"),
        (["width=wide"], "width must be a whole number"),
        (["width=-2"], "width must be"),
        (["score=cosine"], "one of dot, general, concat, additive, location, none"),
        (["tied=perhaps"], "true or false"),
        (["hidden=7"], "must be even"),
        (["width"], "not of the form key=value"),
        (["widht=3", "score=cosine"], "score must be"),
    ],
)
def test_a_wrong_setting_is_refused_before_anything_is_written(work, tmp_path, assignments, expected):
    out = tmp_path / "run"
    arguments = ("train", "--train", work.train, "--arch", "lstm", "--out", out, *setting(*assignments))
    assert expected in error_of(seqattn(*arguments, status=1))
    assert not out.exists()


def test_all_wrong_settings_are_reported_at_once(work, tmp_path):
    wrong = setting("widht=3", "score=cosine")
    result = seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "x", *wrong), status=1
    )
    assert "widht" in error_of(result) and "cosine" in error_of(result)


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


def test_a_run_started_from_another_has_its_vocabulary_and_initial_weights(work, tmp_path):
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
    assert config.data.initialised_from == str(initial)
    assert str(initial) in (tmp_path / "run" / "README.md").read_text()
    assert f"initial weights {initial}" in " ".join(seqattn("info", tmp_path / "run").stdout.split())
    # How to train depends on the model, how long on the data.
    own, before = vars(config.training), vars(RunFolder(initial).read_config().training)
    differing = {name for name in own if own[name] != before[name]}
    limits, settings = {"max_updates", "validate_every"}, {"learning_rate", "label_smoothing", "precision"}
    assert differing <= limits | settings and own["batch_tokens"] != TrainingOptions.batch_tokens
    assert config.model == RunFolder(initial).read_config().model


def test_a_preset_says_how_a_run_started_from_another_is_trained(work, tmp_path):
    start = "train", "--train", work.test, "--init-from", work.run("lstm"), "--preset", "small"
    result = seqattn(*start, "--out", tmp_path / "run", "--max-updates", 1, *setting("precision=fp32"))
    config = RunFolder(tmp_path / "run").read_config()
    assert config.training.batch_tokens == TrainingOptions.batch_tokens
    assert config.training.learning_rate == PRESETS["small"]["lstm"]["learning_rate"]
    assert "training options of preset small" in " ".join(result.stderr.split())


def test_a_start_from_a_run_may_have_another_dropout_and_has_that_of_a_preset(work, tmp_path):
    initial = work.run("transformer")
    start = "train", "--train", work.test, "--init-from", initial, "--max-updates", 1
    before = RunFolder(initial).read_config().model
    for name, asked, dropout in (
        ("own", (), before.encoder.dropout),
        ("set", setting("dropout=0.4", "encoder.attention_dropout=0.2"), 0.4),
        ("preset", ("--preset", "mini"), PRESETS["mini"]["transformer"]["dropout"]),
        ("both", ("--preset", "mini", *setting("dropout=0.15")), 0.15),
    ):
        seqattn(*start, *asked, "--out", tmp_path / name)
        model = RunFolder(tmp_path / name).read_config().model
        assert model.encoder.dropout == model.decoder.dropout == dropout
        assert model.encoder.attention_dropout == (0.2 if name == "set" else 0.0)
        assert (model.encoder.width, model.encoder.layers) == (before.encoder.width, before.encoder.layers)
    message = error_of(seqattn(*start, *setting("width=8"), "--out", tmp_path / "no", status=1))
    assert f"{initial}: width cannot be set" in message and "start from no run" in message


def test_a_start_from_a_run_with_another_optimizer_asks_for_a_rate_of_its_own(work, tmp_path):
    initial, out = work.run("transformer"), tmp_path / "run"
    start = "train", "--train", work.test, "--init-from", initial, "--max-updates", 1, "--out", out
    message = error_of(seqattn(*start, *setting("optimizer=adam"), status=1))
    assert "trained with Muon" in message and "learning_rate" in message and not out.exists()
    seqattn(*start, *setting("optimizer=adam", "learning_rate=1e-3"))
    config = RunFolder(out).read_config().training
    assert (config.optimizer, config.learning_rate) == ("adam", 1e-3)


def test_a_run_of_another_architecture_cannot_be_the_start(work, tmp_path):
    result = seqattn(
        *("train", "--train", work.test, "--init-from", work.run("lstm"), "--arch", "transformer"),
        *("--out", tmp_path / "run"),
        status=1,
    )
    assert "holds the architecture lstm, not transformer" in error_of(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("form", ["jsonl", "gz", "two texts"])
def test_every_format_of_a_corpus_trains_the_same_model(work, tmp_path, form):
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
