"""Kill commands with SIGKILL at random moments, and look whether anything was lost.

    python benchmarks/kills.py WORK [--kills 30] [--seed 1] [PART ...]

Parts, all unless named: `train` and `learn` (a training that is killed while it trains, and while it learns
its vocabulary), `points` (a training that is killed before and after every single write), `translate`
(--output) and `compare`. Each command is killed and started again until it has ended by itself; then its
results must be those of one that was never interrupted: the same weights and translations bit for bit, each
event once in metrics.jsonl, no temporary file. The commands run with one thread in WORK, which must
not exist.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from safetensors import safe_open

from seqattn.runs.folder import RunFolder

PROGRAM = [sys.executable, "-m", "seqattn"]
WORDS = [
    "red",
    "green",
    "blue",
    "one",
    "two",
    "three",
    "cat",
    "dog",
    "bird",
    "house",
    "tree",
    "river",
    "stone",
    "cloud",
]
MODEL = ["width=32", "heads=2", "feed_forward=64", "layers=1", "max_positions=256", "dropout=0.1"]
SETTINGS = ["batch_tokens=256", "warmup=20", "learning_rate=0.005", "precision=fp32", "patience=0"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TIMES = ("all_seconds", "seconds", "memory")


def corpus(path: Path, pairs: int, words: int, seed: int) -> Path:
    """Sentences of random words, and the same words in the opposite order."""
    draw = random.Random(seed)
    made = [[draw.choice(WORDS) + draw.choice(WORDS) for _ in range(words)] for _ in range(pairs)]
    path.write_text("".join(f"{' '.join(one)}\t{' '.join(reversed(one))}\n" for one in made))
    return path


def settings(*assignments: str) -> list[str]:
    return [word for one in (*MODEL, *SETTINGS, *assignments) for word in ("--set", one)]


def start(command: Sequence[object], program: Sequence[str] = PROGRAM) -> subprocess.Popen[bytes]:
    words = [*program, *map(str, command)]
    environment = {**os.environ, **ONE_THREAD}
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)


def finish(process: subprocess.Popen[bytes], limit: float | None = None) -> bool:
    """Whether it ended by itself within so many seconds; an error of it ends this script."""
    try:
        _, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        _, errors = process.communicate()
    if process.returncode not in (0, -signal.SIGKILL):
        sys.exit(f"{process.args}\nended with {process.returncode}:\n{errors.decode()}")
    return process.returncode == 0


def timed(command: Sequence[object]) -> float:
    began = time.monotonic()
    assert finish(start(command))
    return time.monotonic() - began


def tensors(path: Path) -> dict[str, bytes]:
    with safe_open(path, framework="pt") as file:
        return {name: file.get_tensor(name).numpy().tobytes() for name in file.keys()}  # noqa: SIM118


def events(run: Path) -> list[dict[str, object]]:
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name not in TIMES} for line in lines]


def expect_alike(found: Path, whole: Path) -> None:
    """The same weights, state and events, and no file that the other run has not."""
    for name in ("model.safetensors", "last/state.safetensors"):
        assert tensors(found / name) == tensors(whole / name), name
    assert events(found) == events(whole)
    assert files(found) == files(whole)


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def training(run: Path, train: Path, *options: object) -> list[object]:
    """The command that begins a run, or continues it once it has begun."""
    if (run / "config.json").exists():
        return ["train", "--resume", "--out", run]
    return ["train", "--train", train, "--arch", "transformer", "--out", run, "--vocab-size", 300, *options]


def kill_trainings(work: Path, kills: int, draw: random.Random) -> None:
    train, updates = corpus(work / "train.tsv", 400, 4, 1), 10 * kills
    how = ["--max-updates", updates, *settings("validate_every=5")]
    seconds = timed(training(work / "whole", train, *how))
    print(f"train: {updates} updates, {updates // 5} validations, {seconds:.0f} s", flush=True)
    run, count = work / "cut", 0
    while not RunFolder(run).finished:
        ended = finish_after(start(training(run, train, *how)), run, 10 * seconds / updates, draw)
        count += not ended
    # It may have been killed while it ended.
    assert finish(start(training(run, train, *how)))
    expect_alike(run, work / "whole")
    print(f"train: killed {count} times, then the same bit for bit", flush=True)
    assert count >= kills, "raise the number of updates"


def finish_after(process: subprocess.Popen[bytes], run: Path, most: float, draw: random.Random) -> bool:
    """As `finish`, killed before it trains or, more often, within so many seconds after it saved."""
    if draw.random() < 0.2:
        return finish(process, draw.uniform(0, 5))
    before = written(run)
    while written(run) == before and process.poll() is None:
        time.sleep(0.01)
    return finish(process, draw.uniform(0, most))


def written(run: Path) -> int:
    """When the state of a run was saved, in nanoseconds; 0: not yet."""
    try:
        return (run / "last" / "state.safetensors").stat().st_mtime_ns
    except FileNotFoundError:
        return 0


def kill_learning(work: Path, kills: int, draw: random.Random) -> None:
    train = corpus(work / "many.tsv", 60_000, 12, 2)
    how = ["--max-updates", 2, *settings("validate_every=2")]
    seconds = timed(training(work / "learned", train, *how))
    run = work / "learning"
    killed = 0
    while killed < kills // 3:
        if finish(start(training(run, train, *how)), draw.uniform(seconds / 4, seconds * 0.9)):
            break
        killed += 1
    assert killed, "it ended before it was killed"
    assert not (run / "config.json").exists() or "tokenizer.model" in files(run)
    assert finish(start(training(run, train, *how)))
    expect_alike(run, work / "learned")
    print(f"learn: killed {killed} times within {seconds:.0f} s, then the same bit for bit", flush=True)


def kill_at_points(work: Path, draw: random.Random) -> None:
    train = corpus(work / "few.tsv", 60, 4, 3)
    how = ["--max-updates", 6, *settings("validate_every=2", "average=2")]
    whole = work / "points"
    assert forked(training(whole, train, *how)) == 0
    for point in itertools.count(1):
        run = work / f"point-{point}"
        if forked(training(run, train, *how), point) == 0:
            break
        # The process that continues it is killed too.
        forked(training(run, train, *how), draw.randrange(1, 40))
        assert forked(training(run, train, *how)) == 0
        expect_alike(run, whole)
    print(
        f"points: killed before and after each of {point // 2} writes, then the same bit for bit", flush=True
    )


def forked(command: Sequence[object], fatal: int = 0) -> int:
    """The status of a command in a copy of this process that kills itself at so many points, 0: never."""
    import torch
    from seqattn_cli.main import main

    # What the copies need is loaded once.
    from seqattn.runs import metrics, setup
    from seqattn.training import symptoms

    assert setup and symptoms
    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    passed = 0

    def pass_point() -> None:
        nonlocal passed
        passed += 1
        if passed == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def mortal(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*arguments: Any, **options: Any) -> Any:
            pass_point()
            answer = call(*arguments, **options)
            pass_point()
            return answer

        return wrapped

    torch.set_num_threads(1)
    # A file is on disk, then it gets its name; lines are appended.
    os.fsync, os.replace, metrics.append = map(mortal, (os.fsync, os.replace, metrics.append))
    sys.argv = ["seqattn", *map(str, command)]
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    try:
        main()
    except SystemExit as end:
        os._exit(int(end.code or 0))
    os._exit(1)


def kill_translations(work: Path, kills: int, draw: random.Random) -> None:
    source, output = work / "source.txt", work / "output.txt"
    draws = random.Random(4)
    source.write_text("".join(" ".join(draws.choices(WORDS, k=9)) + "\n" for _ in range(6000)))
    if not (work / "whole").exists():
        train = corpus(work / "train.tsv", 400, 4, 1)
        assert finish(start(training(work / "whole", train, "--max-updates", 200, *settings())))
    command = ["translate", work / "whole", source, "--output", output, "--beam", 2]
    seconds = timed(command)
    expected = output.read_bytes()
    old, count = b"what was there before\n", 0
    for number in range(kills):
        output.unlink() if number % 2 else output.write_bytes(old)
        # Mostly at the end, where it is written.
        late = draw.random() < 0.7
        if not finish(start(command), seconds * (draw.uniform(0.9, 1.05) if late else draw.random())):
            count += 1
        there = output.read_bytes() if output.exists() else None
        assert there in (expected, None if number % 2 else old), "a part of the translations"
    assert finish(start(command))
    assert output.read_bytes() == expected
    assert not list(work.glob("output.txt.*")), files(work)
    print(f"translate: killed {count} times within {seconds:.0f} s, whole or none each time", flush=True)


def kill_comparisons(work: Path, draw: random.Random) -> None:
    train, test = corpus(work / "c.tsv", 300, 4, 5), corpus(work / "t.tsv", 40, 4, 6)
    how = ["--preset", "tiny", "--max-updates", 100, "--threads", 1, "--seeds", "1,2", "--vocab-size", 300]
    how += [word for one in (*SETTINGS, "validate_every=10") for word in ("--set", one)]

    def comparing(out: Path) -> list[object]:
        return ["compare", "--train", train, "--test", test, "--out", out, *how]

    whole, out = work / "compared", work / "comparing"
    seconds = timed(comparing(whole))
    count = 0
    while not finish(start(comparing(out)), draw.uniform(0, 5 + seconds / 4)):
        count += 1
    assert files(out) == files(whole)
    for expected in sorted(whole.glob("*/seed-?")):
        run = out / expected.relative_to(whole)
        expect_alike(run, expected)
        assert run.with_suffix(".txt").read_bytes() == expected.with_suffix(".txt").read_bytes()
    print(f"compare: {seconds:.0f} s, killed {count} times, then the same bit for bit", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("parts", nargs="*", default=[])
    asked = parser.parse_intermixed_args()
    asked.work.mkdir(parents=True)
    draw = random.Random(asked.seed)
    parts = {
        "train": lambda: kill_trainings(asked.work, asked.kills, draw),
        "learn": lambda: kill_learning(asked.work, asked.kills, draw),
        "points": lambda: kill_at_points(asked.work, draw),
        "translate": lambda: kill_translations(asked.work, asked.kills, draw),
        "compare": lambda: kill_comparisons(asked.work, draw),
    }
    for name, part in parts.items():
        if name in (asked.parts or parts):
            part()


if __name__ == "__main__":
    main()
