"""A guide from the run's own data: links from two runs, one for each direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seqattn.alignment.links import format_pharaoh
from seqattn.data.corpus import merge, read_corpus
from seqattn.data.encoding import Report, silent
from seqattn.errors import InputError
from seqattn.files import write_aside
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.runs.run import load_run


def links_path(out: Path) -> Path:
    """The file of the guide that is made for a run."""
    return out.with_name(f"{out.name}.pharaoh")


def train_directions(
    out: Path,
    corpora: Sequence[str],
    device: torch.device,
    start: Callable[[Path, bool], Experiment],
    train: Callable[[Experiment], object],
) -> None:
    """Train OUT.forward and OUT.reverse; a finished run is kept, an interrupted one is resumed.

    `start` creates a run in a folder, from target to source if the second argument is true; `train` trains it
    to the end. InputError when a run that exists was trained on other texts.
    """
    directions = ((_forward(out), False), (_reverse(out), True))
    existing = [(path, swap) for path, swap in directions if path.exists()]
    fingerprint = merge([read_corpus(argument) for argument in corpora]).fingerprint if existing else ""
    for path, swap in existing:
        data = RunFolder(path).read_config().data
        if data.train_fingerprint != fingerprint or data.swapped != swap:
            other = "on other texts" if data.train_fingerprint != fingerprint else "in the other direction"
            raise InputError(
                f"was trained {other}, so it cannot be used for the guide",
                path=path,
                remedy="choose another name for --out",
            )
    for path, swap in directions:
        if not path.exists():
            train(start(path, swap))
        elif not RunFolder(path).finished:
            train(Experiment.resume(path, {}, device))


def write_own_guide(out: Path, corpora: Sequence[str], device: torch.device, report: Report = silent) -> Path:
    """Write the links of the training pairs by OUT.forward and OUT.reverse to OUT.pharaoh.

    In each direction attention and a lexicon are learned from each other; then both are symmetrized.
    """
    forward, reverse = (load_run(path, device) for path in (_forward(out), _reverse(out)))
    pairs = merge([read_corpus(argument) for argument in corpora]).pairs
    links = forward.align(pairs, reverse=reverse, lexicon=(), report=report)
    write_aside(links_path(out), "".join(f"{format_pharaoh(each)}\n" for each in links).encode())
    return links_path(out)


def _forward(out: Path) -> Path:
    return out.with_name(f"{out.name}.forward")


def _reverse(out: Path) -> Path:
    return out.with_name(f"{out.name}.reverse")
