"""Training speed by how threads wait for each other, undisturbed and beside busy processes, in turns.

    python benchmarks/waiting.py train.en.gz,train.de.gz --spins 1000,10000,100000
    python benchmarks/waiting.py train.en.gz,train.de.gz --arch lstm --preset tiny --busy 1

Tokens a second of the updates alone, the first ten left out, on all cores; the median of the rounds. A busy
process is an endless loop. What OpenMP does without a setting is measured with KMP_BLOCKTIME, which libgomp
ignores and which says that the user has decided.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator

from scaling import speed, training


@contextlib.contextmanager
def busy(processes: int) -> Iterator[None]:
    """Other programs that use the cores all the time."""
    running = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)]
    try:
        yield
    finally:
        for one in running:
            one.kill()
            one.wait()


def main() -> None:
    """Measure in turns and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("corpus", help="as for --train")
    parser.add_argument("--arch", default="transformer")
    parser.add_argument("--preset", default="tiny")
    parser.add_argument("--spins", default="1000,10000,100000", help="values of GOMP_SPINCOUNT")
    parser.add_argument("--busy", type=int, default=1, help="busy processes")
    parser.add_argument("--updates", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    asked = training(options.corpus, options.arch, options.preset, options.updates, os.cpu_count() or 1)
    ways = {
        "as chosen by seqattn": {},
        "no setting": {"KMP_BLOCKTIME": "200"},
        **{f"GOMP_SPINCOUNT={spins}": {"GOMP_SPINCOUNT": spins} for spins in options.spins.split(",")},
        "OMP_WAIT_POLICY=PASSIVE": {"OMP_WAIT_POLICY": "PASSIVE"},
    }
    found: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ways}
    for _ in range(options.rounds):
        for name, environment in ways.items():
            found[name][0].append(speed(asked, environment))
            with busy(options.busy):
                found[name][1].append(speed(asked, environment))
    print(f"{options.arch}, preset {options.preset}, {options.updates} updates, {options.rounds} rounds\n")
    print(f"| threads that wait | undisturbed | beside {options.busy} |\n|---|---:|---:|")
    for name, each in found.items():
        print(f"| {name} | " + " | ".join(f"{statistics.median(one):,.0f}" for one in each) + " |")


if __name__ == "__main__":
    main()
