"""A guide from the run's own data: links by two runs, one for each direction, or by a lexicon."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from seqattn.alignment.lexicon import links_of_texts
from seqattn.alignment.links import Links, format_pharaoh, intersection, turned
from seqattn.alignment.words import text_words
from seqattn.data.corpus import merge, read_corpus
from seqattn.errors import InputError
from seqattn.runs.beside import Beside, check_beside, forward_path, reverse_path, train_beside
from seqattn.runs.run import load_run
from seqattn.writing import write_aside


def links_path(out: Path) -> Path:
    """The file of the guide that two runs make for a run."""
    return out.with_name(f"{out.name}.pharaoh")


def lexicon_links_path(out: Path) -> Path:
    """The file of the guide that a lexicon makes for a run."""
    return out.with_name(f"{out.name}.lexicon.pharaoh")


def _directions(out: Path) -> tuple[tuple[Path, bool], tuple[Path, bool]]:
    """OUT.forward and OUT.reverse, and whether each is from target to source."""
    return (forward_path(out), False), (reverse_path(out), True)


def guide_by_runs(out: Path, corpora: Sequence[str], how: Beside) -> Path:
    """OUT.pharaoh: links of the training pairs by OUT.forward and OUT.reverse, made unless it is there.

    Both runs are trained first (`train_beside`). In each direction attention and a lexicon are learned from
    each other; then both are symmetrized. InputError when one of the runs exists and was trained on other
    texts (`check_beside`).
    """
    check_beside(_directions(out), corpora, "the guide")
    path = links_path(out)
    if path.exists():
        how.say(f"The guide already exists in {path}.")
        return path
    train_beside(_directions(out), how)
    with how.reporting() as report:
        forward, reverse = (load_run(run, how.device) for run, _ in _directions(out))
        pairs = merge([read_corpus(argument) for argument in corpora]).pairs
        _write(path, forward.align(pairs, reverse=reverse, lexicon=(), report=report))
    how.say(f"The links of both directions are in {path}.")
    return path


def guide_by_lexicon(out: Path, corpora: Sequence[str], how: Beside) -> Path:
    """OUT.lexicon.pharaoh: links of the training pairs by a lexicon of theirs, made anew.

    They are those that lexicons of both directions agree on (`links_of_texts`). InputError when most texts
    are one word, as in languages that do not separate words by spaces.
    """
    corpus = merge([read_corpus(argument) for argument in corpora])
    several = sum(all(len(text_words(text)) > 1 for text in pair) for pair in corpus.complete)
    if 2 * several < len(corpus.complete):
        raise InputError(
            "has too few texts of several words, separated by spaces, to learn a lexicon from",
            path=", ".join(corpora),
            remedy="name a file of links instead",
        )
    path = lexicon_links_path(out)
    with how.reporting() as report:
        there = links_of_texts(corpus.pairs, partial(report, "learning a lexicon"))
        swapped = (pair.swapped() for pair in corpus.pairs)
        back = links_of_texts(swapped, partial(report, "learning a lexicon of the other direction"))
        _write(path, (intersection(one, turned(other)) for one, other in zip(there, back, strict=True)))
    how.say(f"The links that lexicons of both directions agree on are in {path}.")
    return path


GUIDES = {"self": guide_by_runs, "lexicon": guide_by_lexicon}
"""How a guide is made that is not given as a file."""


def _write(path: Path, links: Iterable[Links]) -> None:
    write_aside(path, "".join(f"{format_pharaoh(each)}\n" for each in links).encode())
