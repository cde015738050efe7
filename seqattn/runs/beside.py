"""Runs that are trained beside another one, because it needs them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seqattn.data.corpus import merge
from seqattn.errors import InputError
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder


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


def train_beside(
    runs: Sequence[tuple[Path, bool]],
    device: torch.device,
    start: Callable[[Path, bool], Experiment],
    train: Callable[[Experiment], object],
) -> None:
    """Train runs, each in its folder, from target to source if so marked.

    A finished run is kept, an interrupted one resumed. `start` creates a run; `train` trains it to the end.
    """
    for path, swap in runs:
        if not RunFolder(path).begun:
            train(start(path, swap))
        elif not RunFolder(path).finished:
            train(Experiment.resume(path, {}, device))
