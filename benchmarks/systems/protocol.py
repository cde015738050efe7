"""How the benchmark speaks with a system: a JSON request a line on stdin, a JSON answer a line on stdout.

A system runs in a process of its own, perhaps in another virtual environment, so this module needs nothing
but the standard library. Requests: {"do": "train", "batches": [[row, …], …]}, {"do": "decode", "beam": k, …}.
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
    """What the benchmark laid out for every system: `data.json` in a folder, and the weights it trained."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        data = json.loads((folder / "data.json").read_text(encoding="utf-8"))
        self.vocabulary: int = data["vocabulary"]
        self.train: list[tuple[list[int], list[int]]] = data["train"]
        self.test: list[list[int]] = data["test"]
        """Source ids, EOS last."""
        self.threads: int = data["threads"]

    def weights(self, model: str) -> Path:
        """Where the trained weights of a model are, as safetensors under this project's names."""
        return self.folder / f"{model}.safetensors"


class System(Protocol):
    """A program under test."""

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        """Make an update for each batch of rows → `seconds`."""

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        """Translate the test set, to exactly `length` ids if not 0 → `seconds`, `tokens`, `hypotheses`."""


def peak_megabytes() -> float:
    """The most memory this process, or one that it ran, has held."""
    scale = 1 if sys.platform == "darwin" else 1024
    ran = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(resource.getrusage(who).ru_maxrss for who in ran) * scale / 2**20


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
