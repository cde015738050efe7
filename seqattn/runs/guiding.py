"""A guide from the run's own data: links from two runs, one for each direction."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from seqattn.alignment.links import format_pharaoh
from seqattn.data.corpus import merge, read_corpus
from seqattn.runs.beside import Beside, check_beside, forward_path, reverse_path, train_beside
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


def make_own_guide(out: Path, corpora: Sequence[str], how: Beside) -> Path:
    """OUT.pharaoh: links of the training pairs by OUT.forward and OUT.reverse, made unless it is there.

    Both runs are trained first (`train_beside`). In each direction attention and a lexicon are learned from
    each other; then both are symmetrized.
    """
    path = links_path(out)
    if path.exists():
        how.say(f"The guide already exists in {path}.")
        return path
    train_beside(_directions(out), how)
    with how.reporting() as report:
        forward, reverse = (load_run(run, how.device) for run, _ in _directions(out))
        pairs = merge([read_corpus(argument) for argument in corpora]).pairs
        links = forward.align(pairs, reverse=reverse, lexicon=(), report=report)
        write_aside(path, "".join(f"{format_pharaoh(each)}\n" for each in links).encode())
    how.say(f"The links of both directions are in {path}.")
    return path
