"""How the benchmark talks to a system: a JSON request per line on stdin, a JSON answer per line on stdout.

A system runs in its own process, possibly in another virtual environment, so this module needs only the
standard library. Requests: {"do": "train", "batches": [[row, …], …]}, {"do": "decode", "beam": k, …}.
"""

from __future__ import annotations

import json
import os
import resource
import sys
from pathlib import Path
from typing import Any, Protocol

PAD, BOS, EOS, UNK = range(4)


class Work:
    """The input of every system: `data.json` in a folder, and the weights trained there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        self.vocabulary: int = data["vocabulary"]
        self.train: list[tuple[list[int], list[int]]] = data["train"]
        self.test: list[list[int]] = data["test"]
        """Source ids, EOS last."""
        self.threads: int = data["threads"]

    def weights(self, model: str) -> Path:
        """The file of a model's trained weights, as safetensors with this project's parameter names."""
        return self.folder / f"{model}.safetensors"


class System(Protocol):
    """A program under test."""

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        """Make an update for each batch of rows → `seconds`."""

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        """Translate the test set, to exactly `length` ids if not 0 → `seconds`, `tokens`, `hypotheses`."""


def peak_megabytes() -> float:
    """The peak memory of this process, or of one that it ran."""
    scale = 1 if sys.platform == "darwin" else 1024
    own, ran = (resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    status = Path("/proc/self/status")
    if status.exists():
        # getrusage counts the program that started this one too: Linux takes over its peak.
        lines = status.read_text(encoding="utf-8").splitlines()
        own = next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return max(own, ran) * scale / 2**20


def serve(system: System) -> None:
    """Answer requests until stdin ends; whatever a library prints goes to stderr."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    print(json.dumps({"ready": True}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        do = request.pop("do")
        answer = getattr(system, do)(**request)
        print(json.dumps({**answer, "megabytes": peak_megabytes()}), file=answers, flush=True)
