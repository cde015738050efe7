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
from pathlib import Path

from seqattn.runs.folder import RunFolder
from seqattn.runs.metrics import UpdatedLine

WARM = 10
"""Updates that do not count."""


def tokens_a_second(options: argparse.Namespace, processes: int, threads: int) -> float:
    """Train for some updates and read the speed from the run's log."""
    joined = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(processes), "-m"]
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        command = [sys.executable, "-m", *(joined if processes > 1 else []), "seqattn", "train"]
        command += ["--train", options.corpus, "--arch", options.arch, "--preset", options.preset]
        command += ["--max-updates", str(options.updates), "--set", f"validate_every={options.updates + 1}"]
        command += ["--set", "average=0", "--threads", str(threads), "--device", "cpu", "--out", str(run)]
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        subprocess.run(command, check=True, env=environment, stderr=subprocess.DEVNULL)
        updates = [event for event in RunFolder(run).metrics.read() if isinstance(event, UpdatedLine)][WARM:]
    return sum(one.tokens for one in updates) / sum(one.seconds for one in updates)


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
            found[name].append(tokens_a_second(options, processes, threads))
    print(f"{options.arch}, preset {options.preset}, {options.updates} updates, {options.rounds} rounds\n")
    print("| training | tokens/s | ratio |\n|---|---:|---:|")
    alone = statistics.median(found["one process, one thread"])
    for name, each in found.items():
        middle = statistics.median(each)
        print(f"| {name} | {middle:,.0f} | {middle / alone:.2f} |")


if __name__ == "__main__":
    main()
