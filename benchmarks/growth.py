"""How cost grows: training with pairs, translating with lines, decoding with the length of the source.

    python benchmarks/growth.py --data FOLDER [--pairs 29000 --pairs 1000000] [--lines 100000] [--json FILE]

FOLDER contains Multi30k: train.en.gz, train.de.gz. Larger corpora are sampled from it: half of their pairs
are one caption, half two joined. Every training and translation is a separate process, so that its peak
memory is measured separately.
"""

from __future__ import annotations

import json
import random
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import torch
from rich.console import Console
from rich.table import Table

from seqattn.data.corpus import Pair, read_corpus
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.hardware import tune_memory
from seqattn.runs.run import load_run
from seqattn.symbols import EOS

from systems.ours import Endless

WARM_UP = 20
"""Updates that are not measured."""
MEASURE = """
import sys
from seqattn_cli.main import main
try:
    main()
finally:
    import torch
    from seqattn.hardware import peak_memory
    print("PEAK", peak_memory(torch.device("cpu")), file=sys.stderr)
"""


def grown(pairs: tuple[Pair, ...], size: int) -> list[Pair]:
    """Sample `size` pairs: half of them single given pairs, half two joined."""
    draw = random.Random(1)
    made = []
    for row in range(size):
        first, second = draw.choice(pairs), draw.choice(pairs)
        joined = Pair(f"{first.source} {second.source}", f"{first.target} {second.target}")
        made.append(joined if row % 2 else first)
    return made


def command(*arguments: object) -> tuple[float, float]:
    """Run a command of seqattn → seconds, peak megabytes."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise click.ClickException(done.stderr[-2000:])
    return time.perf_counter() - start, float(done.stderr.rpartition("PEAK ")[2]) / 2**20


def train(pairs: list[Pair], folder: Path, run: Path, updates: int) -> dict[str, float]:
    """Tokens per second, time and memory of a short training on the pairs."""
    for side in ("source", "target"):
        text = "".join(getattr(pair, side) + "\n" for pair in pairs)
        (folder / side).write_text(text, encoding="utf-8")
        (folder / f"valid.{side}").write_text("".join(text.splitlines(True)[-500:]), encoding="utf-8")
    corpus, valid = (f"{folder / f'{name}source'},{folder / f'{name}target'}" for name in ("", "valid."))
    shape = ["--arch", "transformer", "--preset", "tiny", "--vocab-size", 8000, "--max-updates", updates]
    seconds, peak = command("train", "--train", corpus, "--valid", valid, "--out", run, *shape)
    lines = (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()
    events = [json.loads(line) for line in lines]
    measured = [event for event in events if event["event"] == "updated"][WARM_UP:]
    spent = events[-1]["all_seconds"]
    rate = sum(event["tokens"] for event in measured) / sum(event["seconds"] for event in measured)
    return {"tokens/s": rate, "other than training, s": seconds - spent, "peak MB": peak}


def translate(pairs: list[Pair], folder: Path, run: Path) -> dict[str, float]:
    """Lines per second, time and memory of translating the sources greedily."""
    lines = folder / "lines"
    lines.write_text("".join(pair.source + "\n" for pair in pairs), encoding="utf-8")
    to = folder / "translations"
    seconds, peak = command("translate", run, lines, "--beam", 1, "--precision", "int8", "--output", to)
    assert len(to.read_text(encoding="utf-8").splitlines()) == len(pairs)
    return {"lines/s": len(pairs) / seconds, "peak MB": peak}


def by_length(run: Path, lengths: list[int], sentences: int = 64) -> dict[int, dict[str, float]]:
    """Milliseconds to translate a sentence of each length into as many ids, with a beam of 5."""
    loaded = load_run(run)
    model = Endless(loaded.model)
    draw = random.Random(1)
    found = {}
    for length in lengths:
        ids = range(200, min(4000, len(loaded.tokenizer.source)))
        sources = [[*draw.choices(ids, k=length - 1), EOS] for _ in range(sentences)]
        options = TranslationOptions(SearchOptions(beam=5, max_ratio=0, max_extra=length))
        times = []
        for _ in range(4):
            start = time.perf_counter()
            hypotheses = search_all(model, sources, options, torch.Generator())
            times.append(1000 * (time.perf_counter() - start) / sentences)
        assert all(len(ranked[0].ids) == length for ranked in hypotheses)
        time_of_one = statistics.median(times[1:])
        found[length] = {"ms a sentence": time_of_one, "ms an id": time_of_one / length}
    return found


def table(title: str, first: str, figures: dict[Any, dict[str, float]]) -> Table:
    """A row for each size."""
    drawn = Table(title=title, title_justify="left")
    columns = list(next(iter(figures.values())))
    for column in (first, *columns):
        drawn.add_column(column, justify="right")
    for size, row in figures.items():
        drawn.add_row(f"{size:,}", *(f"{row[column]:,.2f}" for column in columns))
    return drawn


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), required=True, help="Multi30k.")
@click.option("--pairs", multiple=True, type=int, default=(29_000, 200_000, 1_000_000), show_default=True)
@click.option("--lines", multiple=True, type=int, default=(2_000, 20_000, 100_000), show_default=True)
@click.option("--updates", default=120, show_default=True)
@click.option("--json", "json_path", type=click.Path(path_type=Path), help="Write the figures to this file.")
def main(
    data: Path, pairs: tuple[int, ...], lines: tuple[int, ...], updates: int, json_path: Path | None
) -> None:
    """Measure, print a table for each kind of growth."""
    tune_memory()
    console = Console(width=100)
    captions = read_corpus(f"{data / 'train.en.gz'},{data / 'train.de.gz'}").pairs
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        run = folder / f"run-{pairs[0]}"
        results["pairs"] = {
            size: train(grown(captions, size), folder, folder / f"run-{size}", updates) for size in pairs
        }
        console.print(table("Training on more pairs", "pairs", results["pairs"]))
        results["lines"] = {size: translate(grown(captions, size), folder, run) for size in lines}
        console.print(table("Translating more lines", "lines", results["lines"]))
        results["length"] = by_length(run, [10, 20, 50, 100, 200])
        console.print(table("Decoding longer sources", "source ids", results["length"]))
    if json_path:
        json_path.write_text(json.dumps(results, indent=2), encoding="utf-8")


if __name__ == "__main__":
    main()
