"""The commands end to end on tiny models: what is written, what is said where, and all kinds of bad input."""

import gzip
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import sacrebleu
import torch
from click.testing import CliRunner
from safetensors.torch import load_file
from seqattn_cli.main import cli

from seqattn import experiment
from seqattn.checkpoint import RunFolder
from seqattn.training import Trainer, Validation

# isort: split
from runs import reversal_pairs, write_tsv

PAIRS = reversal_pairs(140)
TRAIN, TEST = PAIRS[:120], PAIRS[120:]
SIZES = {
    "lstm": ["width=16", "hidden=32"],
    "transformer": ["width=16", "heads=2", "feed_forward=32", "encoder_layers=1", "decoder_layers=1"],
}
BUDGET = ["batch_tokens=128", "validate_every=8", "warmup=4", "learning_rate=0.01", "precision=fp32"]
BOTH = pytest.mark.parametrize("architecture", list(SIZES))


def seqattn(*arguments, status=0, **options):
    """Run a command in this process; its exit status must be as expected and no traceback may appear."""
    result = CliRunner().invoke(cli, [str(argument) for argument in arguments], **options)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert "Traceback" not in result.output
    assert result.exit_code == status, result.output
    return result


def setting(*assignments):
    return [word for assignment in assignments for word in ("--set", assignment)]


def sizes(architecture):
    return setting(*SIZES[architecture], *BUDGET)


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def weights_of(run):
    """The weights as bytes and what is said of them; the order within the file is not settled."""
    tensors, said = RunFolder(run).read_model()
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}, said


def updates_of(run):
    return [event["update"] for event in RunFolder(run).read_metrics() if event["event"] == "updated"]


def told(result):
    """What an error said: one line on stderr, nothing on stdout."""
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), result.stderr
    return lines[0]


class Work:
    """A folder with corpora, and a finished run of each architecture."""

    def __init__(self, path):
        self.path = path
        self.train = write_tsv(path / "train.tsv", TRAIN)
        self.test = write_tsv(path / "test.tsv", TEST)
        self.source = path / "test.source"
        self.source.write_text("".join(f"{pair.source}\n" for pair in TEST))
        self.said = {}
        for architecture in SIZES:
            self.said[architecture] = seqattn(
                *("train", "--train", self.train, "--arch", architecture, "--out", self.run(architecture)),
                *("--max-updates", 40, *sizes(architecture)),
            )

    def run(self, architecture):
        return self.path / architecture


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return Work(tmp_path_factory.mktemp("work"))


# train


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


# bad corpora, for every command that reads one


BAD = {
    "empty": ("bad.tsv", b"", "empty"),
    "missing": ("bad.tsv", None, "No such file"),
    "no tabs": ("bad.tsv", b"a\tb\nc d\n", "line 2: no tab"),
    "two tabs": ("bad.tsv", b"a\tb\nc\td\te\n", "line 2: 2 tabs"),
    "Latin-1": (
        "bad.tsv",
        "a\tb\nc\té\n".encode("latin-1"),
        "line 2: byte 3 of the line, 0xe9, is not UTF-8",
    ),
    "not JSON": ("bad.jsonl", b'{"source": "a", "target": "b"}\n{"source"}\n', "line 2: not JSON"),
    "half JSON": (
        "bad.jsonl",
        b'{"source": "a", "target": "b"}\n{"source": "a"}\n',
        'line 2: the field "target"',
    ),
    "not gzip": ("bad.tsv.gz", b"a\tb\n", "gzip"),
    "another format": ("bad.xml", b"<a/>", "is not a corpus"),
}
"""A file's name, what it holds, and what is said of it."""


def bad_corpus(folder, kind):
    """The argument, and what the message must hold."""
    if kind == "directory":
        (folder / "bad.tsv").mkdir()
        return folder / "bad.tsv", [str(folder / "bad.tsv"), "is a directory"]
    if kind == "unequal":
        (folder / "a").write_text("x\ny\nz\n")
        (folder / "b").write_text("x\ny\n")
        return f"{folder / 'a'},{folder / 'b'}", [f"{folder / 'b'}: ends after 2 lines", "has 3"]
    name, data, said = BAD[kind]
    if data is not None:
        (folder / name).write_bytes(data)
    return folder / name, [str(folder / name), said]


@pytest.mark.parametrize("kind", [*BAD, "directory", "unequal"])
def test_a_bad_corpus_is_one_sentence_and_status_one_and_nothing_is_written(work, tmp_path, kind):
    corpus, expected = bad_corpus(tmp_path, kind)
    out = tmp_path / "out"
    before = contents(tmp_path)
    for command in (
        ["train", "--train", corpus, "--arch", "lstm", "--out", out],
        ["train", "--train", work.train, "--valid", corpus, "--arch", "lstm", "--out", out],
        ["evaluate", work.run("lstm"), "--test", corpus, "--json", out],
        ["align", work.run("lstm"), "--pairs", corpus],
        ["compare", work.run("lstm"), "--test", corpus, "--json", out],
        ["compare", "--train", corpus, "--test", work.test, "--out", out],
    ):
        said = told(seqattn(*command, status=1))
        for words in expected:
            assert words in said
        assert contents(tmp_path) == before and not out.exists()


def test_a_corpus_too_small_to_hold_anything_out_is_told(tmp_path):
    corpus = write_tsv(tmp_path / "few.tsv", PAIRS[:10])
    result = seqattn("train", "--train", corpus, "--arch", "lstm", "--out", tmp_path / "run", status=1)
    assert "10 distinct pairs are too few" in told(result)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_a_folder_that_is_not_a_run_is_one_sentence_and_status_one(work, tmp_path, kind):
    path = tmp_path / "given"
    if kind == "file":
        path.write_text("text")
    elif kind == "folder":
        path.mkdir()
    before = contents(tmp_path)
    for command in (
        ["translate", path, work.source],
        ["evaluate", path, "--test", work.test],
        ["align", path, "red dog"],
        ["compare", work.run("lstm"), path, "--test", work.test],
        ["info", path],
        ["train", "--train", work.train, "--init-from", path, "--out", tmp_path / "out"],
    ):
        result = CliRunner().invoke(cli, list(map(str, command)))
        assert result.exit_code == 1 and "Traceback" not in result.output
        assert result.stdout == ""
        errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
        assert len(errors) == 1 and str(path) in errors[0]
        assert contents(tmp_path) == before


# translate


@BOTH
def test_translate_gives_a_line_for_each_line_from_a_file_stdin_or_into_a_file(work, tmp_path, architecture):
    run = work.run(architecture)
    text = work.source.read_text()
    from_file = seqattn("translate", run, work.source)
    assert len(from_file.stdout.splitlines()) == len(TEST) and from_file.stderr == ""
    assert seqattn("translate", run, input=text).stdout == from_file.stdout
    assert seqattn("translate", run, "-", input=text).stdout == from_file.stdout
    silent = seqattn("translate", run, work.source, "--output", tmp_path / "out")
    assert silent.output == ""
    assert (tmp_path / "out").read_text() == from_file.stdout
    assert list(tmp_path.iterdir()) == [tmp_path / "out"]


def test_translate_answers_empty_lines_with_empty_lines_and_odd_ones_with_one(work):
    lines = ["red dog", "", "  ", "\u2028", "\x00\x1b[31m", "한국어", "</s>", "cat"]
    found = seqattn("translate", work.run("lstm"), input="\n".join(lines)).stdout
    assert found.endswith("\n")
    answers = found[:-1].split("\n")
    assert len(answers) == len(lines)
    assert answers[1:4] == ["", "", ""]
    assert seqattn("translate", work.run("lstm"), input="").stdout == ""


def test_translate_accepts_a_byte_order_mark_and_carriage_returns(work):
    plain = seqattn("translate", work.run("lstm"), input=b"red dog\nblue cat\n").stdout
    assert seqattn("translate", work.run("lstm"), input=b"\xef\xbb\xbfred dog\r\nblue cat").stdout == plain


def test_translate_writes_its_best_candidates_as_jsonl_with_falling_scores(work):
    result = seqattn("translate", work.run("lstm"), work.source, "--nbest", 3, "--format", "jsonl")
    best = seqattn("translate", work.run("lstm"), work.source).stdout.splitlines()
    records = [json.loads(line) for line in result.stdout.splitlines()]
    assert [record["source"] for record in records] == [pair.source for pair in TEST]
    assert [record["translations"][0]["text"] for record in records] == best
    for record in records:
        scores = [candidate["score"] for candidate in record["translations"]]
        assert len(scores) == 3 and scores == sorted(scores, reverse=True)
        assert all(candidate["log_probability"] <= 0 for candidate in record["translations"])


def test_sampling_follows_its_seed(work):
    def drawn(*more):
        return seqattn("translate", work.run("lstm"), work.source, "--sample", *more).stdout

    assert drawn("--seed", 3) == drawn("--seed", 3)
    assert drawn("--seed", 3) != drawn("--seed", 4)
    greedy = seqattn("translate", work.run("lstm"), work.source, "--beam", 1).stdout
    assert drawn("--top-k", 1) == greedy != drawn("--seed", 3)


@BOTH
def test_translate_shows_where_each_translation_looked(work, architecture):
    run = work.run(architecture)
    plain = seqattn("translate", run, input="red dog\n\nblue cat\n").stdout.splitlines()
    shown = seqattn("translate", run, "--attention", input="red dog\n\nblue cat\n").stdout.splitlines()
    assert set(plain) <= set(shown) and len(shown) > len(plain) + 2
    result = seqattn("translate", run, "--attention", "--format", "jsonl", input="red dog\n\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert not second.get("attention") and second["translations"][0]["text"] == ""
    (seen,) = first["attention"]
    assert seen["source"] == ["red", "dog", "</s>"]
    assert " ".join(seen["target"]) == first["translations"][0]["text"]
    assert [len(row) for row in seen["weights"]] == [3] * len(seen["target"])
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in seen["weights"])


def test_text_that_is_not_utf8_is_told_with_its_line(work, tmp_path):
    data = b"red dog\nblue\nca\xf1on\n"
    stopped = seqattn("translate", work.run("lstm"), input=data, status=1)
    assert "standard input, line 3" in stopped.stderr and "0xf1" in stopped.stderr
    assert stopped.stdout == seqattn("translate", work.run("lstm"), input=b"red dog\nblue\n").stdout
    (tmp_path / "text").write_bytes(data)
    arguments = ("translate", work.run("lstm"), tmp_path / "text", "--output", tmp_path / "out")
    assert "text, line 3" in told(seqattn(*arguments, status=1))
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


@pytest.mark.parametrize("kind", ["missing", "directory"])
def test_an_input_that_cannot_be_read_is_told_and_an_old_output_stays(work, tmp_path, kind):
    (tmp_path / "out").write_text("old")
    if kind == "directory":
        (tmp_path / "in").mkdir()
    arguments = ("translate", work.run("lstm"), tmp_path / "in", "--output", tmp_path / "out")
    assert str(tmp_path / "in") in told(seqattn(*arguments, status=1))
    assert (tmp_path / "out").read_text() == "old"
    assert not (tmp_path / "out.part").exists()


def test_an_output_that_cannot_be_written_is_told(work, tmp_path):
    arguments = ("translate", work.run("lstm"), work.source, "--output", tmp_path / "nowhere" / "out")
    assert "cannot be written" in told(seqattn(*arguments, status=1))


# evaluate and compare


@BOTH
def test_evaluate_writes_only_json_to_stdout_and_its_figures_are_those_of_sacrebleu(work, architecture):
    run = work.run(architecture)
    result = seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2)
    figures = json.loads(result.stdout)
    hypotheses = seqattn("translate", run, work.source, "--beam", 2).stdout.splitlines()
    references = [pair.target for pair in TEST]
    assert figures["bleu"] == sacrebleu.corpus_bleu(hypotheses, [references], force=True).score
    assert figures["chrf"] == sacrebleu.corpus_chrf(hypotheses, [references]).score > 0
    right = sum(h == r for h, r in zip(hypotheses, references, strict=True))
    assert figures["exact"] == 100 * right / len(TEST)
    assert figures["sentences"] == len(TEST) and figures["beam"] == 2


def test_evaluate_shows_its_figures_and_may_write_them_too(work, tmp_path):
    result = seqattn("evaluate", work.run("lstm"), "--test", work.test, "--json", tmp_path / "figures")
    figures = json.loads((tmp_path / "figures").read_text())
    assert f"{figures['bleu']:.2f}" in result.stdout and f"{figures['chrf']:.2f}" in result.stdout
    assert figures["bleu_signature"] in result.stdout
    assert result.stderr == ""


def test_compare_shows_finished_runs_side_by_side(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--beam", 2)
    figures = [
        json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2).stdout)
        for run in runs
    ]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("test chrF")]
    assert line.split()[2:] == [f"{one['chrf']:.2f}" for one in figures]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("updates")]
    assert line.split()[1:] == ["40", "40"]
    assert "What each target word attended to" in result.stdout


def test_compare_writes_only_json_to_stdout(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--json", "-")
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["systems"]] == ["lstm", "transformer"]
    for one, run in zip(found["systems"], runs, strict=True):
        figures = json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-").stdout)
        assert one["scores"]["bleu"] == figures["bleu"]
        assert one["updates"] == 40
        assert one["alignment_error_rate"] is None


def test_compare_trains_both_architectures_alike_and_keeps_their_runs(work, tmp_path):
    own = [f"{name}.{size}" for name, assignments in SIZES.items() for size in assignments]
    result = seqattn(
        *("compare", "--train", work.train, "--test", work.test, "--out", tmp_path / "both"),
        *("--max-updates", 4, *setting(*own, *BUDGET), "--json", "-"),
    )
    found = json.loads(result.stdout)
    assert [one["architecture"] for one in found["systems"]] == ["lstm", "transformer"]
    lstm, transformer = (RunFolder(tmp_path / "both" / name) for name in SIZES)
    assert lstm.read_config().training == transformer.read_config().training
    assert lstm.read_config().data == transformer.read_config().data
    tokens = [
        [e["tokens"] for e in run.read_metrics() if e["event"] == "updated"] for run in (lstm, transformer)
    ]
    assert tokens[0] == tokens[1] and len(tokens[0]) == 4
    name = "tokenizer.model"
    assert (lstm.path / name).read_bytes() == (transformer.path / name).read_bytes()


def test_compare_refuses_a_folder_that_exists_and_settings_that_would_be_unfair(work, tmp_path):
    (tmp_path / "out").mkdir()
    start = ["compare", "--train", work.train, "--test", work.test, "--out"]
    assert "exists already" in told(seqattn(*start, tmp_path / "out", status=1))
    unfair = setting("lstm.batch_tokens=64")
    assert "one tokenizer" in told(seqattn(*start, tmp_path / "new", *unfair, status=1))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


# align and info


@BOTH
def test_align_links_every_target_word_of_every_pair(work, architecture):
    result = seqattn("align", work.run(architecture), "--pairs", work.test)
    lines = result.stdout.splitlines()
    assert len(lines) == len(TEST) and result.stderr == ""
    for line, pair in zip(lines, TEST, strict=True):
        found = [tuple(map(int, link.split("-"))) for link in line.split()]
        assert sorted(target for _, target in found) == list(range(len(pair.target.split())))
        assert all(0 <= source < len(pair.source.split()) for source, _ in found)


def test_align_scores_links_against_gold(work, tmp_path):
    gold = tmp_path / "gold"
    gold.write_text(seqattn("align", work.run("lstm"), "--pairs", work.test).stdout)
    links = len(gold.read_text().split())
    arguments = ["align", work.run("lstm"), "--pairs", work.test, "--gold", gold]
    said = seqattn(*arguments).stdout
    assert said.startswith("AER 0.00 %, precision 100.00 %, recall 100.00 %")
    assert f"{links} links in {len(TEST)} sentences" in said
    gold.write_text("\n" * len(TEST))
    assert seqattn(*arguments).stdout.startswith("AER 100.00 %, precision 0.00 %")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines[:-1], f"has {len(TEST) - 1} lines, but there are {len(TEST)} pairs"),
        (lambda lines: [*lines, ""], f"has {len(TEST) + 1} lines"),
        (lambda lines: [lines[0], "0-77", *lines[2:]], "line 2: the link 0-77 is outside"),
        (lambda lines: [lines[0], "0:0", *lines[2:]], "line 2: '0:0' is not a link"),
    ],
)
def test_gold_that_is_not_of_these_pairs_is_told(work, tmp_path, change, expected):
    gold = tmp_path / "gold"
    gold.write_text("".join(f"{line}\n" for line in change(["0-0"] * len(TEST))))
    arguments = ("align", work.run("lstm"), "--pairs", work.test, "--gold", gold)
    said = told(seqattn(*arguments, status=1))
    assert expected in said and str(gold) in said


def test_align_draws_a_sentence_with_its_translation_or_the_target_given(work):
    shown = seqattn("align", work.run("transformer"), "red dog", "dog red").stdout
    assert "red" in shown and "dog" in shown and "</s>" in shown
    translated = seqattn("translate", work.run("transformer"), input="red dog").stdout.split()
    shown = seqattn("align", work.run("transformer"), "red dog").stdout
    assert all(word in shown for word in translated)


def test_align_writes_weights_as_jsonl(work):
    result = seqattn("align", work.run("lstm"), "red dog", "dog red cat", "--format", "jsonl")
    seen = json.loads(result.stdout)
    assert seen["source"] == ["red", "dog", "</s>"] and seen["target"] == ["dog", "red", "cat"]
    assert len(seen["weights"]) == 3
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in seen["weights"])


def test_align_reads_the_layer_and_head_asked_for(work):
    def weights(*more):
        result = seqattn(
            *("align", work.run("transformer"), "red dog", "dog red", "--format", "jsonl", *more)
        )
        return torch.tensor(json.loads(result.stdout)["weights"])

    heads = [weights("--head", head) for head in (1, 2)]
    assert not torch.allclose(*heads)
    torch.testing.assert_close(weights("--layer", 1), (heads[0] + heads[1]) / 2, atol=2e-5, rtol=0)
    arguments = ("align", work.run("transformer"), "red dog", "dog red")
    for more in (["--layer", 2], ["--head", 3]):
        assert "1 decoder layer(s) of 2 head(s)" in told(seqattn(*arguments, *more, status=1))


def test_a_model_without_attention_is_trained_and_translates_but_cannot_be_aligned(work, tmp_path):
    run = tmp_path / "run"
    seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", run, "--max-updates", 2),
        *(*sizes("lstm"), *setting("score=none")),
    )
    assert seqattn("translate", run, input="red dog\n").exit_code == 0
    assert "no attention" in told(seqattn("align", run, "red dog", "dog red", status=1))
    assert "no attention" in told(seqattn("translate", run, "--attention", input="red dog", status=1))
    result = seqattn("compare", run, work.run("lstm"), "--test", work.test)
    assert "test BLEU" in result.stdout


@BOTH
def test_info_says_what_a_run_is(work, architecture):
    said = seqattn("info", work.run(architecture)).stdout
    facts = {line[:20].strip(): line[20:].strip() for line in said.splitlines()}
    assert facts["architecture"] == architecture
    tensors = load_file(work.run(architecture) / "model.safetensors")
    assert facts["parameters"] == f"{sum(t.numel() for t in tensors.values()):,}"
    assert facts["training data"].startswith("114 pairs")
    assert "width=16" in facts["options"]
    assert f"update {RunFolder(work.run(architecture)).read_model()[1]['update']}" in facts["weights"]
    assert "BLEU" in facts["validation, greedy"]
    updates = [e for e in RunFolder(work.run(architecture)).read_metrics() if e["event"] == "updated"]
    tokens = sum(event["tokens"] for event in updates)
    assert facts["trained for"].startswith(f"{len(updates)} updates, {tokens:,} tokens, 0:")


@pytest.mark.parametrize("value", ["nan", "inf", "-1"])
@pytest.mark.parametrize("option", ["--length-penalty", "--temperature", "--top-p"])
def test_a_number_that_is_none_is_wrong_usage(work, option, value):
    result = seqattn("translate", work.run("lstm"), "--sample", option, value, input="red dog\n", status=2)
    assert option in result.stderr and result.stdout == ""


@pytest.mark.parametrize("option", ["--seed", "--threads", "--vocab-size"])
def test_a_number_beyond_all_reason_is_wrong_usage(work, tmp_path, option):
    arguments = ("train", "--train", work.train, "--arch", "lstm", "--out", tmp_path / "run")
    assert option in seqattn(*arguments, option, 10**25, status=2).stderr
    assert not (tmp_path / "run").exists()


def test_no_file_that_is_read_is_written_over(work, tmp_path):
    text = tmp_path / "text"
    text.write_text("red dog\n")
    assert "read from it" in seqattn("translate", work.run("lstm"), text, "--output", text, status=2).stderr
    assert text.read_text() == "red dog\n"
    before = work.test.read_bytes()
    evaluation = ("evaluate", work.run("lstm"), "--test", work.test, "--json", work.test)
    assert "read from it" in seqattn(*evaluation, status=2).stderr
    assert work.test.read_bytes() == before


def test_names_of_files_cannot_steer_the_terminal(tmp_path):
    said = told(seqattn("info", tmp_path / "no\x1b[31mpe\x07", status=1))
    assert "\x1b" not in said and "\x07" not in said and r"no\x1b[31mpe\x07" in said


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


# real processes

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]


def test_text_is_piped_through_the_program_and_stdout_holds_translations_alone(work):
    done = subprocess.run(
        [*PROGRAM, "translate", str(work.run("lstm"))],
        input="red dog\n\n한국어 😀\n".encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 0, done.stderr.decode()
    expected = seqattn("translate", work.run("lstm"), input="red dog\n\n한국어 😀\n").stdout
    assert done.stdout.decode("utf-8").replace("\r\n", "\n") == expected
    assert done.stderr == b""


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGINT alone there")
def test_control_c_saves_a_run_that_resumes(work, tmp_path):
    run = tmp_path / "run"
    arguments = ["train", "--train", work.train, "--arch", "lstm", "--out", run, *sizes("lstm")]
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments), *setting("patience=0")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    said = ""
    for line in process.stderr:
        said += line
        if "validation: loss" in line:
            break
    process.send_signal(signal.SIGINT)
    out, rest = process.communicate()
    assert process.returncode == 130, said + rest
    assert out == "" and "Traceback" not in rest
    assert "go on with: seqattn train --resume" in " ".join(rest.split())
    done = int(re.search(r"Interrupted after ([\d,]+) updates", rest)[1].replace(",", ""))
    assert updates_of(run)[-1] == done >= 8

    seqattn("translate", run, input="red dog\n")
    seqattn("train", "--resume", "--out", run, "--max-updates", done + 3)
    assert updates_of(run) == list(range(1, done + 4))
