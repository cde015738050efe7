"""`seqattn train --guide self`: the links to learn come from two runs, one of each direction."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqattn.corpus import Pair
from seqattn.errors import InputError

if TYPE_CHECKING:
    import torch
    from rich.console import Console
    from torch import Tensor

    from seqattn.checkpoint import Run
    from seqattn.experiment import Experiment
    from seqattn.links import Links
    from seqattn.preparation import Report

ALIGNED_AT_ONCE = 10_000
"""Pairs."""


def own_guide(
    console: Console,
    out: Path,
    corpora: Sequence[str],
    device: torch.device,
    start: Callable[[Path, bool], Experiment],
) -> Path:
    """The links of the training pairs by OUT.forward and OUT.reverse, written to OUT.pharaoh.

    Each direction's attention and a lexicon are learned from each other; both directions become one set.

    What is there already is used, and what was interrupted goes on. `start` begins a run in a folder, from
    target to source if told to.
    """
    from .live import announce, watch

    links = out.with_name(f"{out.name}.pharaoh")
    if links.exists():
        console.print(f"The guide is in {links} already.", markup=False, soft_wrap=True)
        return links
    directions = [(out.with_name(f"{out.name}.{name}"), name == "reverse") for name in ("forward", "reverse")]
    for path, swap in directions:
        experiment = _resumed(path, device) if path.exists() else start(path, swap)
        if experiment is not None:
            console.print(f"\n{path.name}:", markup=False)
            announce(console, experiment)
            watch(console, experiment)
    _write_links(console, links, corpora, device, *(path for path, _ in directions))
    return links


def _resumed(path: Path, device: torch.device) -> Experiment | None:
    """The run at `path`, to go on with; None when it is finished."""
    from seqattn.checkpoint import RunFolder
    from seqattn.experiment import Experiment

    events = RunFolder(path).read_metrics()
    if events and events[-1]["event"] == "finished":
        return None
    return Experiment.resume(path, {}, device)


def _write_links(
    console: Console, links: Path, corpora: Sequence[str], device: torch.device, forward: Path, reverse: Path
) -> None:
    from seqattn.checkpoint import load_run, write_aside
    from seqattn.corpus import merge, read_corpus
    from seqattn.links import format_pharaoh, grow_diag_final_and, turned

    runs = [load_run(path, device) for path in (forward, reverse)]
    corpus = merge([read_corpus(argument) for argument in corpora])
    for run in runs:
        if run.config.data["train_fingerprint"] != corpus.fingerprint:
            raise InputError(
                "was trained on other texts, it cannot guide",
                path=run.path,
                remedy="choose another name for --out",
            )
    one = _links(console, runs[0], corpus.pairs)
    two = _links(console, runs[1], [pair.swapped() for pair in corpus.pairs])
    combined = (grow_diag_final_and(link, turned(back)) for link, back in zip(one, two, strict=True))
    write_aside(links, "".join(f"{format_pharaoh(each)}\n" for each in combined).encode())
    console.print(f"The links of both directions are in {links}.", markup=False, soft_wrap=True)


def _links(console: Console, run: Run, pairs: Sequence[Pair]) -> list[Links]:
    """The links of each pair, by attention and lexicon; none where it is too long to be trained on."""
    from seqattn.alignment import scores_of
    from seqattn.lexicon import links_by_lexicon
    from seqattn.preparation import encode

    from .live import preparing
    from .readings import own_reading

    reading, longest = own_reading(run), run.config.training.max_length
    nothing = next(encode(run.tokenizer, [Pair("", "")]))

    def scored(report: Report) -> Iterator[tuple[Sequence[str], Sequence[str], Tensor]]:
        for begin in range(0, len(pairs), ALIGNED_AT_ONCE):
            report(f"aligning by {run.path.name}", begin / len(pairs))
            some = encode(run.tokenizer, pairs[begin : begin + ALIGNED_AT_ONCE])
            short = [example if max(map(len, example)) <= longest else nothing for example in some]
            for words, scores in scores_of(run.model, run.tokenizer, short, reading):
                yield words.source[:-1], words.target, scores

    with preparing(console) as report:
        return links_by_lexicon(scored(report))
