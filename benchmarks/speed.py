"""Speed of training and decoding compared with tutorial code and other tools, as ratios within one run.

    python benchmarks/speed.py --data FOLDER [--peers FOLDER] [--before FOLDER] [--json FILE]

The models: T, a Transformer of 3+3 layers, width 256, 4 heads, feed-forward 1,024; L, an LSTM of 512 with a
bidirectional encoder of 2×256 and general attention, without and with input feeding. Joint vocabulary of
8,000, batches of about 4,096 ids a side. Every system runs in its own process and they take turns, so that
disturbances of the machine affect all; each figure is the median of its turns. Tokens are source and
target ids without padding for training, target ids for decoding.

The data FOLDER contains Multi30k: train.en.gz, train.de.gz, test_2016_flickr.en.gz. The peers FOLDER contains
virtual environments named ctranslate2 (with safetensors), opennmt and joeynmt (with importlib_metadata, which
2.3.0 imports but does not require). The --before FOLDER is a checkout of an earlier version with a virtual
environment in `.venv`: that version is measured too.
"""

from __future__ import annotations

import contextlib
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

HERE = Path(__file__).parent
WARM_UP = 12
"""Updates before the measurement starts."""
OTHER_WEIGHTS = ("tutorial", "opennmt", "joeynmt")
"""Systems that decode with their own weights."""
BEFORE = "before:"
"""The prefix of the names of systems of an earlier version."""
FORCED = 16
"""Target ids of every sentence when systems decode with different weights."""


class Child:
    """A system in its process."""

    def __init__(self, name: str, work: Path, threads: int, python: str = sys.executable) -> None:
        self.name = name
        self.answers: list[dict[str, Any]] = []
        started = time.perf_counter()
        here = HERE
        if name.startswith(BEFORE):
            # The virtual environment lies in the checkout; its weights are not this version's.
            here, work = Path(python).parents[2] / "benchmarks", work / "before"
        self._process = subprocess.Popen(
            [python, str(here / "serve.py"), name.removeprefix(BEFORE), str(work)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            # OpenNMT-py's checkpoints contain its options, which newer versions of torch refuse to read.
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1"},
        )
        self._answer()
        self.start_up = time.perf_counter() - started

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a request and return its answer."""
        assert self._process.stdin
        print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise click.ClickException(f"{self.name} died")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait()


@contextlib.contextmanager
def children(names: dict[str, str], work: Path, threads: int) -> Iterator[dict[str, Child]]:
    """Systems by name, each with the interpreter to run it; closed at the end."""
    running = {name: Child(name, work, threads, python) for name, python in names.items()}
    try:
        yield running
    finally:
        for child in running.values():
            child.close()


def prepare(data: Path, work: Path, threads: int, sentences: int) -> tuple[list[list[int]], list[int]]:
    """Write the data for all systems → the batches of an epoch, and the tokens of each pair."""
    from seqattn.data.batching import Example, epoch_batches, lengths_of
    from seqattn.data.corpus import read_corpus
    from seqattn.files import read_lines
    from seqattn.text.learning import TokenizerOptions, train_tokenizer

    pairs = read_corpus(f"{data / 'train.en.gz'},{data / 'train.de.gz'}").pairs
    test = list(read_lines(data / "test_2016_flickr.en.gz"))[:sentences]
    tokenizer = train_tokenizer(
        [p.source for p in pairs], [p.target for p in pairs], TokenizerOptions(vocab_size=8000)
    )
    examples = [Example(tokenizer.source.encode(p.source), tokenizer.target.encode(p.target)) for p in pairs]
    laid_out = {
        "vocabulary": len(tokenizer.source),
        "threads": threads,
        "train": examples,
        "test": [tokenizer.source.encode(line) for line in test],
    }
    for folder in (work, work / "before"):
        folder.mkdir(exist_ok=True)
        (folder / "data.json").write_text(json.dumps(laid_out), encoding="utf-8")
    batches = epoch_batches(lengths_of(examples), 4096, 1, 0)
    return batches, [len(e.source) + len(e.target) for e in examples]


def measure_training(
    names: dict[str, str], work: Path, threads: int, batches: list[list[int]], tokens: list[int], rounds: int
) -> dict[str, dict[str, float]]:
    """Tokens per second (the median of the rounds) and peak memory of each system."""
    rates: dict[str, list[float]] = {name: [] for name in names}
    memory: dict[str, float] = {}
    share = len(batches) // rounds
    with children(names, work, threads) as running:
        for child in running.values():
            child.ask("train", batches=batches[:WARM_UP])
        for turn in range(rounds):
            part = batches[turn * share : (turn + 1) * share]
            for name, child in running.items():
                answer = child.ask("train", batches=part)
                rates[name].append(sum(tokens[row] for rows in part for row in rows) / answer["seconds"])
                memory[name] = answer["megabytes"]
    return {
        name: {"tokens/s": statistics.median(rates[name]), "peak MB": memory[name], "updates": share * rounds}
        for name in names
    }


def measure_decoding(
    names: dict[str, str], work: Path, threads: int, rounds: int, length: int
) -> dict[str, dict[str, float]]:
    """Target ids and sentences per second, greedy and with a beam of 5."""
    found: dict[str, dict[str, float]] = {name: {} for name in names}
    sentences = len(json.loads((work / "data.json").read_text(encoding="utf-8"))["test"])
    with children(names, work, threads) as running:
        for beam, called in ((1, "greedy"), (5, "beam 5")):
            turns: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
            for _ in range(rounds + 1):
                for name, child in running.items():
                    turns[name].append(child.ask("decode", beam=beam, length=length))
            reference = next((a[-1]["hypotheses"] for a in turns.values() if "hypotheses" in a[-1]), None)
            for name, answers in turns.items():
                seconds = statistics.median(answer["seconds"] for answer in answers[1:])
                found[name][f"{called} tokens/s"] = answers[-1]["tokens"] / seconds
                found[name][f"{called} sentences/s"] = sentences / seconds
                if "hypotheses" in answers[-1] and reference:
                    same = sum(a == b for a, b in zip(answers[-1]["hypotheses"], reference, strict=True))
                    found[name][f"{called} same %"] = 100 * same / sentences
        for name, child in running.items():
            found[name]["start-up s"] = child.start_up
    return found


def table(title: str, figures: dict[str, dict[str, float]], against: str, key: str) -> Table:
    """One row per system, with the ratio of its `key` to that of `against`."""
    columns = list(dict.fromkeys(column for row in figures.values() for column in row))
    drawn = Table(title=title, title_justify="left")
    drawn.add_column("system")
    for column in columns:
        drawn.add_column(column, justify="right")
    drawn.add_column(f"× {against}", justify="right")
    for name, row in figures.items():
        ratio = row[key] / figures[against][key] if against in figures else float("nan")
        drawn.add_row(name, *(f"{row[c]:,.1f}" if c in row else "" for c in columns), f"{ratio:.2f}")
    return drawn


def earlier(before: Path | None, *systems: str) -> dict[str, str]:
    """The same systems of an earlier version, if there is one."""
    if before is None:
        return {}
    return dict.fromkeys((f"{BEFORE}{name}" for name in systems), str(before / ".venv" / "bin" / "python"))


def training_systems(model: str, peers: Path | None, before: Path | None) -> dict[str, str]:
    """The systems that train a model, each with the interpreter to run it."""
    ours = [f"ours:{model}:auto", f"ours:{model}:fp32"]
    return {
        **earlier(before, *ours),
        **dict.fromkeys([f"tutorial:{model}", *ours], sys.executable),
        **peer(peers, "opennmt", f"opennmt:{model}"),
        **peer(peers, "joeynmt", f"joeynmt:{model}"),
    }


def decoding_systems(model: str, peers: Path | None, before: Path | None, threads: int) -> dict[str, str]:
    """The systems that decode with a model, each with the interpreter to run it."""
    ours = [f"ours:{model}:fp32", f"ours:{model}:int8"]
    kinds = [f"ctranslate2:{kind}:{workers}" for kind in ("float32", "int8") for workers in {1, threads}]
    return {
        **earlier(before, *ours),
        **dict.fromkeys([f"tutorial:{model}", *ours], sys.executable),
        **peer(peers, "opennmt", f"opennmt:{model}"),
        **peer(peers, "joeynmt", f"joeynmt:{model}"),
        **(peer(peers, "ctranslate2", *kinds) if model == "T" else {}),
    }


def peer(peers: Path | None, environment: str, *systems: str) -> dict[str, str]:
    """Systems of a virtual environment, if it exists."""
    python = peers / environment / "bin" / "python" if peers else None
    return dict.fromkeys(systems, str(python)) if python and python.exists() else {}


def learn_weights(
    name: str, python: str, work: Path, threads: int, batches: list[list[int]], updates: int
) -> None:
    """Train the weights that a version decodes with, unless they exist."""
    model = name.removeprefix(BEFORE).split(":")[1]
    if (work / ("before" if name.startswith(BEFORE) else "") / f"{model}.safetensors").exists():
        return
    with children({name: python}, work, threads) as running:
        (learner,) = running.values()
        for start in range(0, updates, len(batches)):
            learner.ask("train", batches=batches[: min(len(batches), updates - start)])
        learner.ask("save")


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Multi30k.")
@click.option("--peers", type=click.Path(path_type=Path, exists=True), help="Virtual environments of tools.")
@click.option(
    "--before", type=click.Path(path_type=Path, exists=True), help="A checkout of an earlier version."
)
@click.option("--threads", default=2, show_default=True)
@click.option("--rounds", default=3, show_default=True, help="Rounds of each system.")
@click.option("--updates", default=60, show_default=True, help="Measured updates of each system in total.")
@click.option("--learn", default=300, show_default=True, help="Updates before decoding is measured.")
@click.option("--sentences", default=1000, show_default=True, help="Sentences to decode.")
@click.option("--only", multiple=True, help="Measure only systems with this prefix; may be repeated.")
@click.option("--skip", type=click.Choice(["train", "decode", "natural"]), multiple=True)
@click.option("--work", type=click.Path(path_type=Path), help="Keep trained weights here, to decode again.")
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures to this file.")
def main(
    data: Path,
    peers: Path | None,
    before: Path | None,
    threads: int,
    rounds: int,
    updates: int,
    learn: int,
    sentences: int,
    only: tuple[str, ...],
    skip: tuple[str, ...],
    work: Path | None,
    json_path: Path | None,
) -> None:
    """Measure, print tables of ratios."""
    console = Console(width=140)
    results: dict[str, Any] = {
        "date": date.today().isoformat(),
        "machine": platform.processor() or platform.machine(),
        "threads": threads,
    }

    def shown(title: str, figures: dict[str, dict[str, float]], key: str) -> None:
        if figures:
            results[title] = figures
            console.print(table(title, figures, next(iter(figures)), key))

    def chosen(systems: dict[str, str]) -> dict[str, str]:
        return {name: python for name, python in systems.items() if not only or name.startswith(only)}

    with contextlib.ExitStack() as stack:
        if work is None:
            work = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        work.mkdir(parents=True, exist_ok=True)
        batches, tokens = prepare(data, work, threads, sentences)
        for model in () if "train" in skip else ("T", "L", "L-fed"):
            systems = chosen(training_systems(model, peers, before))
            figures = measure_training(systems, work, threads, batches[:updates], tokens, rounds)
            shown(f"Training {model}", figures, "tokens/s")
        for model in () if "decode" in skip else ("T", "L"):
            systems = chosen(decoding_systems(model, peers, before, threads))
            if not systems:
                continue
            learner = f"ours:{model}:auto"
            for name, python in {**earlier(before, learner), learner: sys.executable}.items():
                learn_weights(name, python, work, threads, batches, learn)
            forced = measure_decoding(systems, work, threads, rounds, FORCED)
            shown(f"Decoding {model}, {FORCED} ids for every sentence", forced, "beam 5 tokens/s")
            if "natural" in skip:
                continue
            # An earlier version has weights of its own.
            others = (*OTHER_WEIGHTS, BEFORE)
            same = {name: python for name, python in systems.items() if not name.startswith(others)}
            natural = measure_decoding(same, work, threads, rounds, 0)
            shown(f"Decoding {model}, the same weights, natural length", natural, "beam 5 sentences/s")
    if json_path:
        json_path.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
