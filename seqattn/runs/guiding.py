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
from seqattn.runs.records import FinishedLine
from seqattn.runs.run import load_run


def links_path(out: Path) -> Path:
    """The file of the guide that is made for a run."""
    return out.with_name(f"{out.name}.pharaoh")


def train_directions(
    out: Path,
    device: torch.device,
    start: Callable[[Path, bool], Experiment],
    train: Callable[[Experiment], object],
) -> None:
    """Train OUT.forward and OUT.reverse; a finished run is kept, an interrupted one is resumed.

    `start` creates a run in a folder, from target to source if the second argument is true; `train` trains it
    to the end.
    """
    for name, swap in (("forward", False), ("reverse", True)):
        path = out.with_name(f"{out.name}.{name}")
        if not path.exists():
            train(start(path, swap))
        elif not _finished(path):
            train(Experiment.resume(path, {}, device))


def write_own_guide(out: Path, corpora: Sequence[str], device: torch.device, report: Report = silent) -> Path:
    """Write the links of the training pairs by OUT.forward and OUT.reverse to OUT.pharaoh.

    In each direction attention and a lexicon are learned from each other; then both are symmetrized.
    InputError when the runs were trained on other texts.
    """
    forward, reverse = (
        load_run(out.with_name(f"{out.name}.{name}"), device) for name in ("forward", "reverse")
    )
    corpus = merge([read_corpus(argument) for argument in corpora])
    for run in (forward, reverse):
        if run.config.data.train_fingerprint != corpus.fingerprint:
            raise InputError(
                "was trained on other texts, so it cannot be used for the guide",
                path=run.path,
                remedy="choose another name for --out",
            )
    links = forward.align(corpus.pairs, reverse=reverse, lexicon=(), report=report)
    write_aside(links_path(out), "".join(f"{format_pharaoh(each)}\n" for each in links).encode())
    return links_path(out)


def _finished(path: Path) -> bool:
    lines = RunFolder(path).read_metrics()
    return bool(lines) and isinstance(lines[-1], FinishedLine)
