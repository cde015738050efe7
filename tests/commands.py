"""Commands run in this process on tiny corpora and models, for the tests of every command."""

import json
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner
from seqattn_cli.main import cli

from seqattn.runs.folder import RunFolder
from seqattn.training.loop import Trainer

from runs import reversal_pairs, write_tsv

PAIRS = reversal_pairs(140)
TRAIN, TEST = PAIRS[:120], PAIRS[120:]
SIZES = {
    "lstm": ["width=16", "hidden=32"],
    "transformer": ["width=16", "heads=2", "feed_forward=32", "encoder_layers=1", "decoder_layers=1"],
}
BUDGET = [
    *("batch_tokens=128", "validate_every=8", "warmup=4", "learning_rate=0.01", "precision=fp32"),
    "best_by=bleu",
]
SIZED = [f"{name}.{size}" for name, assignments in SIZES.items() for size in assignments]
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


def comparing(work, out, *options, updates=8):
    """A command that trains both architectures."""
    sized = setting(*SIZED, *BUDGET, "average=0")
    return [
        *("compare", "--train", work.train, "--test", work.test, "--out", out, "--threads", 1),
        *("--max-updates", updates, *sized, *options),
    ]


def compared_runs(out):
    return {(name, seed): out / name / f"seed-{seed}" for name in SIZES for seed in (1, 2)}


def contents(folder):
    return {path: path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def weights_of(run):
    """The weights as bytes and their record; the order within the file is arbitrary."""
    tensors, trained = RunFolder(run).read_model()
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}, trained


def updates_of(run):
    return [line.update for line in RunFolder(run).metrics.read() if line.event == "updated"]


def interrupt_after(monkeypatch, update, *numbers):
    """Simulate Ctrl-C, or other signals, during that update."""
    own = Trainer._update

    def interrupted(trainer, group):
        event = own(trainer, group)
        if event.progress.update == update:
            for number in numbers or [signal.SIGINT]:
                signal.raise_signal(number)
        return event

    monkeypatch.setattr(Trainer, "_update", interrupted)


def error_of(result):
    """The error message: one line on stderr, nothing on stdout."""
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("Error: "), result.stderr
    return lines[0]


class Work:
    """A folder with corpora, and a finished run of each architecture."""

    def __init__(self, path, updates=40, *settings):
        self.path = path
        self.train = write_tsv(path / "train.tsv", TRAIN)
        self.test = write_tsv(path / "test.tsv", TEST)
        self.source = path / "test.source"
        self.source.write_text("".join(f"{pair.source}\n" for pair in TEST))
        self.results = {}
        for architecture in SIZES:
            self.results[architecture] = seqattn(
                *("train", "--train", self.train, "--arch", architecture, "--out", self.run(architecture)),
                *("--max-updates", updates, *sizes(architecture), *setting(*settings)),
            )

    def run(self, architecture):
        return self.path / architecture

    def back(self, architecture):
        """A run of the other direction; the task is equally valid in reverse."""
        path = self.path / f"{architecture}-back"
        if not path.exists():
            shutil.copytree(self.run(architecture), path)
            config = json.loads((path / "config.json").read_text())
            config["data"]["swapped"] = True
            (path / "config.json").write_text(json.dumps(config))
        return path
