"""A guide from the run's own data: links from two runs, one for each direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from seqattn.alignment.links import format_pharaoh
from seqattn.data.corpus import merge, read_corpus
from seqattn.progress import Report, silent
from seqattn.runs.beside import check_beside, forward_path, reverse_path, train_beside
from seqattn.runs.experiment import Experiment
from seqattn.runs.run import load_run
from seqattn.writing import write_aside


def links_path(out: Path) -> Path:
    """The file of the guide that is made for a run."""
    return out.with_name(f"{out.name}.pharaoh")


def _directions(out: Path) -> tuple[tuple[Path, bool], tuple[Path, bool]]:
    """OUT.forward and OUT.reverse, and whether each is from target to source."""
    return (forward_path(out), False), (reverse_path(out), True)


def check_directions(out: Path, corpora: Sequence[str]) -> None:
    """InputError when OUT.forward or OUT.reverse exists and was trained on other texts (`check_beside`)."""
    check_beside(_directions(out), corpora, "the guide")


def train_directions(
    out: Path,
    device: torch.device,
    start: Callable[[Path, bool], Experiment],
    train: Callable[[Experiment], object],
) -> None:
    """Train OUT.forward and OUT.reverse, as `train_beside` does."""
    train_beside(_directions(out), device, start, train)


def write_own_guide(out: Path, corpora: Sequence[str], device: torch.device, report: Report = silent) -> Path:
    """Write the links of the training pairs by OUT.forward and OUT.reverse to OUT.pharaoh.

    In each direction attention and a lexicon are learned from each other; then both are symmetrized.
    """
    forward, reverse = (load_run(path, device) for path in (forward_path(out), reverse_path(out)))
    pairs = merge([read_corpus(argument) for argument in corpora]).pairs
    links = forward.align(pairs, reverse=reverse, lexicon=(), report=report)
    write_aside(links_path(out), "".join(f"{format_pharaoh(each)}\n" for each in links).encode())
    return links_path(out)
