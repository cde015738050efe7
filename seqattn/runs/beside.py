"""Runs that are trained beside another one, because it needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from seqattn.data.corpus import merge
from seqattn.errors import InputError, counted
from seqattn.progress import Report, silent
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder


@dataclass(frozen=True)
class Beside:
    """How what a run needs is made beside it, before it is trained."""

    device: torch.device
    start: Callable[[Path, bool], Experiment]
    """Begins a run in a folder, from target to source if so asked."""
    train: Callable[[Experiment], object]
    """Trains one to its end."""
    reporting: Callable[[], AbstractContextManager[Report]] = lambda: nullcontext(silent)
    """Shows the progress of what takes time besides."""
    say: Callable[[str], object] = lambda sentence: None
    """Shows a sentence about what is made, or was made before."""


def forward_path(out: Path) -> Path:
    """The folder of a run of the direction of the corpora."""
    return out.with_name(f"{out.name}.forward")


def reverse_path(out: Path) -> Path:
    """The folder of a run of the other direction."""
    return out.with_name(f"{out.name}.reverse")


def check_beside(runs: Sequence[tuple[Path, bool]], corpora: Sequence[str], purpose: str) -> None:
    """InputError when a run that exists was trained on other texts, which does not serve the purpose.

    Runs are given by their folder, and whether they are from target to source.
    """
    existing = [(path, swap) for path, swap in runs if RunFolder(path).begun]
    for path, swap in existing:
        config = RunFolder(path).read_config()
        data = config.data
        fingerprint = merge([config.sources.read_corpus(argument) for argument in corpora]).fingerprint
        if data.train_fingerprint != fingerprint or data.swapped != swap:
            other = "on other texts" if data.train_fingerprint != fingerprint else "in the other direction"
            raise InputError(
                f"was trained {other}, so it cannot be used for {purpose}",
                path=path,
                remedy="choose another name for --out",
            )


def train_beside(runs: Sequence[tuple[Path, bool]], how: Beside) -> None:
    """Train runs, each in its folder, from target to source if so marked.

    A finished run is kept, an interrupted one resumed.
    """
    for path, swap in runs:
        folder = RunFolder(path)
        if not folder.begun:
            how.train(how.start(path, swap))
        elif not folder.finished:
            how.train(Experiment.resume(path, {}, how.device))
        else:
            how.say(kept(path))


def kept(path: Path) -> str:
    """A sentence that says which run is used as it is."""
    last = RunFolder(path).metrics.read()[-1]
    return f"{path}, trained for {counted(last.update, 'update')}, is kept."
