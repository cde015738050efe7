"""Training speed of several processes beside one, in turns, on the CPU.

    python benchmarks/scaling.py train.en.gz,train.de.gz --updates 60 --rounds 3
    python benchmarks/scaling.py train.en.gz,train.de.gz --arch lstm --preset mini --processes 4

Tokens a second of the updates alone, the first ten left out: one process with one thread, one process with as
many threads as there are processes, and the processes with one thread each, whose updates have as many
batches as there are processes. The median of the rounds, and the ratio to one thread.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from seqattn.runs.folder import RunFolder
from seqattn.runs.metrics import UpdatedLine

WARM = 10
"""Updates that do not count."""


def speed(options: Sequence[str], environment: Mapping[str, str], processes: int = 1) -> float:
    """Tokens a second of a training with these options of `train`, read from the log of its run."""
    joined = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", *(joined if processes > 1 else []), "seqattn", "train", *options]
        command += ["--set", "average=0", "--device", "cpu", "--out", str(run)]
        surroundings = {**os.environ, **environment}
        subprocess.run(command, check=True, env=surroundings, stderr=subprocess.DEVNULL)
        updates = [event for event in RunFolder(run).metrics.read() if isinstance(event, UpdatedLine)][WARM:]
    return sum(one.tokens for one in updates) / sum(one.seconds for one in updates)


def training(corpus: str, arch: str, preset: str, updates: int, threads: int) -> list[str]:
    """The options of a training of some updates without validation between."""
    return [
        *("--train", corpus, "--arch", arch, "--preset", preset, "--threads", str(threads)),
        *("--max-updates", str(updates), "--set", f"validate_every={updates + 1}"),
    ]


def main() -> None:
    """Measure in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", help="as for --train")
    parser.add_argument("--arch", default="transformer")
    parser.add_argument("--preset", default="mini")
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    several = options.processes
    ways = {
        "one process, one thread": (1, 1),
        f"one process, {several} threads": (1, several),
        f"{several} processes, one thread each": (several, 1),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(options.rounds):
        for name, (processes, threads) in ways.items():
            asked = training(options.corpus, options.arch, options.preset, options.updates, threads)
            found[name].append(speed(asked, {"OMP_NUM_THREADS": str(threads)}, processes))
    print(f"{options.arch}, preset {options.preset}, {options.updates} updates, {options.rounds} rounds\n")
    print("| training | tokens/s | ratio |\n|---|---:|---:|")
    alone = statistics.median(found["one process, one thread"])
    for name, each in found.items():
        middle = statistics.median(each)
        print(f"| {name} | {middle:,.0f} | {middle / alone:.2f} |")


if __name__ == "__main__":
    main()
