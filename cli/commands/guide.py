"""`seqattn train --guide self`: the links to learn come from two runs, one of each direction."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from seqattn.errors import InputError

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.runs.experiment import Experiment


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
    from ..views.live import announce, watch

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
    from seqattn.runs.experiment import Experiment
    from seqattn.runs.folder import RunFolder
    from seqattn.runs.records import FinishedLine

    events = RunFolder(path).read_metrics()
    if events and isinstance(events[-1], FinishedLine):
        return None
    return Experiment.resume(path, {}, device)


def _write_links(
    console: Console, links: Path, corpora: Sequence[str], device: torch.device, forward: Path, reverse: Path
) -> None:
    from seqattn.alignment.links import format_pharaoh, grow_diag_final_and, turned
    from seqattn.data.corpus import merge, read_corpus
    from seqattn.files import write_aside
    from seqattn.runs.run import load_run

    from ..views.live import preparing

    runs = [load_run(path, device) for path in (forward, reverse)]
    corpus = merge([read_corpus(argument) for argument in corpora])
    for run in runs:
        if run.config.data.train_fingerprint != corpus.fingerprint:
            raise InputError(
                "was trained on other texts, it cannot guide",
                path=run.path,
                remedy="choose another name for --out",
            )
    swapped = [pair.swapped() for pair in corpus.pairs]
    with preparing(console) as report:
        one = runs[0].align_by_lexicon(corpus.pairs, report=report)
        two = runs[1].align_by_lexicon(swapped, report=report)
    combined = (grow_diag_final_and(link, turned(back)) for link, back in zip(one, two, strict=True))
    write_aside(links, "".join(f"{format_pharaoh(each)}\n" for each in combined).encode())
    console.print(f"The links of both directions are in {links}.", markup=False, soft_wrap=True)
