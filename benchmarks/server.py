"""The load that `seqattn serve` bears, beside `seqattn translate` on the same lines.

    python benchmarks/server.py RUN LINES [--clients 64] [--seconds 60] [--precision int8] [--beam 1]

Each client sends one line at a time over a connection of its own, the next when it has the answer to the
last. The clients share the machine with the server. Requests without an answer are counted as lost.
"""

from __future__ import annotations

import argparse
import http.client
import json
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]


@dataclass
class Seen:
    """What the clients saw."""

    seconds: list[float] = field(default_factory=list)
    """Until each answer."""
    lost: int = 0

    def share(self, part: float) -> float:
        """The time that this share of the answers took at most."""
        return sorted(self.seconds)[min(len(self.seconds) - 1, int(part * len(self.seconds)))]


def ask(host: str, port: int, lines: Sequence[str], numbers: count[int], end: float, seen: Seen) -> None:
    """Send one line after another until the end."""
    connection = http.client.HTTPConnection(host, port, timeout=60)
    while time.perf_counter() < end:
        body = json.dumps({"q": lines[next(numbers) % len(lines)], "source": "en", "target": "de"})
        start = time.perf_counter()
        try:
            connection.request("POST", "/translate", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            answered = "translatedText" in json.loads(response.read()) and response.status == 200
        except (OSError, ValueError, http.client.HTTPException):
            connection.close()
            answered = False
        if answered:
            seen.seconds.append(time.perf_counter() - start)
        else:
            seen.lost += 1


@contextmanager
def serving(
    run: Path, options: Sequence[str] = ()
) -> Iterator[tuple[subprocess.Popen[str], tuple[str, int]]]:
    """The server's process, and its host and port; it is ended by SIGTERM."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", str(run), "--port", "0", "--languages", "en,de", *options],
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr is not None
    try:
        address = next(filter(None, (re.search(r"http://(\S+):(\d+)", line) for line in process.stderr)))
        yield process, (address[1], int(address[2]))
    finally:
        process.terminate()
        print(*process.stderr.read().splitlines()[:20], sep="\n", end="")
        process.wait()


def memory(process: int) -> int | None:
    """The resident memory of a process and those it started, in MiB; None where there is no /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/status"):
        try:
            status = entry.read_text(encoding="utf-8")
        except OSError:
            continue
        values = dict(re.findall(r"^(PPid|VmRSS):\s+(\d+)", status, re.MULTILINE))
        if str(process) in (entry.parent.name, values["PPid"]):
            found.append(int(values.get("VmRSS", 0)))
    return sum(found) // 1024 if found else None


def load(run: Path, lines: Sequence[str], clients: int, seconds: float, options: Sequence[str]) -> Seen:
    """Let the clients ask a server for a time."""
    with serving(run, options) as (process, where):
        seen, numbers = Seen(), count()
        end = time.perf_counter() + seconds
        threads = [
            threading.Thread(target=ask, args=(*where, lines, numbers, end, seen)) for _ in range(clients)
        ]
        for thread in threads:
            thread.start()
        for part in (0.1, 0.5, 0.9):
            time.sleep(max(0, end - (1 - part) * seconds - time.perf_counter()))
            print(f"after {part * seconds:.0f} s: {memory(process.pid)} MiB")
        for thread in threads:
            thread.join()
        return seen


def translate(run: Path, lines: Sequence[str], options: Sequence[str]) -> float:
    """Lines a second of `seqattn translate`, without the time it takes to begin."""

    def seconds(given: Sequence[str]) -> float:
        start = time.perf_counter()
        command = [*PROGRAM, "translate", str(run), *options]
        subprocess.run(
            command,
            input="".join(f"{line}\n" for line in given).encode(),
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - start

    return (len(lines) - 1) / (seconds(lines) - seconds(lines[:1]))


def main() -> None:
    """Print what both commands reach."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("lines", type=Path)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--beam", default="5")
    asked = parser.parse_args()
    options = ["--precision", asked.precision, "--beam", asked.beam]
    lines = asked.lines.read_text(encoding="utf-8").splitlines()
    alone = translate(asked.run, lines, options)
    print(f"translate: {alone:.0f} lines/s")
    seen = load(asked.run, lines, asked.clients, asked.seconds, options)
    rate = len(seen.seconds) / asked.seconds
    print(f"serve, {asked.clients} clients: {rate:.0f} lines/s, {rate / alone:.0%} of translate")
    print(f"median {seen.share(0.5):.3f} s, 99 % within {seen.share(0.99):.3f} s")
    print(f"{len(seen.seconds):,} answers, {seen.lost} lost")


if __name__ == "__main__":
    main()
