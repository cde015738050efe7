"""seqattn train."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError, counted
from seqattn.models import ARCHITECTURES, DECODERS, ENCODERS, architecture_of

from ..views.messages import say
from .shared import (
    RUN,
    diagnostics,
    experiment_options,
    follow,
    gather_settings,
    machine_options,
    preset_option,
    read_languages,
    set_up,
    share_cores,
)

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.ranks import Ranks
    from seqattn.runs.beside import Beside
    from seqattn.runs.experiment import Experiment, Reader
    from seqattn.runs.setup import Request


@click.command()
@click.option("--train", "train_on", multiple=True, metavar="CORPUS", help="Training data; may be repeated.")
@click.option("--valid", metavar="CORPUS", help="Validation data.  [default: held out of --train]")
@click.option(
    "--arch",
    type=click.Choice(list(ARCHITECTURES)),
    help="The architecture; hybrid: a Transformer encoder, an LSTM decoder.",
)
@click.option("--encoder", type=click.Choice(list(ENCODERS)), help="Instead of --arch, with --decoder.")
@click.option("--decoder", type=click.Choice(list(DECODERS)), help="Instead of --arch, with --encoder.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="RUN", help="The folder to write."
)
@click.option("--swap", is_flag=True, help="Train from target to source.")
@click.option(
    "--languages",
    callback=read_languages,
    metavar="SOURCE,TARGET",
    help="Codes of the languages of the corpora's sides, such as en,de.  [default: by their files' names]",
)
@click.option(
    "--guide", type=click.Path(), metavar="FILE|lexicon|self", help="Word links that attention learns."
)
@click.option(
    "--monolingual",
    multiple=True,
    metavar="FILE",
    help="Texts of the target language, which are translated back and trained on; may be repeated.",
)
@click.option("--reverse", type=RUN, metavar="RUN", help="Translates them back.  [default: trained first]")
@click.option(
    "--teacher",
    "teachers",
    multiple=True,
    type=RUN,
    metavar="RUN",
    help="Its translations of the training sources are trained on too; several translate together.",
)
@preset_option("Size of the model; auto: by the number and kind of pairs, and by --max-minutes.")
@experiment_options
@click.option("--resume", is_flag=True, help="Continue the interrupted run in --out exactly.")
@click.option("--init-from", type=click.Path(path_type=Path), metavar="RUN", help="Start from its weights.")
@machine_options
def train(
    train_on: tuple[str, ...],
    valid: str | None,
    arch: str | None,
    encoder: str | None,
    decoder: str | None,
    out: Path,
    swap: bool,
    languages: tuple[str, str] | None,
    guide: str | None,
    monolingual: tuple[str, ...],
    reverse: Path | None,
    teachers: tuple[Path, ...],
    resume: bool,
    init_from: Path | None,
    device: str,
    threads: int | None,
    **chosen: Any,
) -> None:
    """Train a model on text pairs.

    Options that are not given are chosen from the corpus and reported. Validation selects the best weights;
    training ends at a limit, or when validation no longer improves. Ctrl-C saves the state for --resume.

    \b
      seqattn train --train pairs.tsv --arch lstm --out runs/lstm --max-minutes 10
      seqattn train --train train.en,train.de --valid dev.en,dev.de --arch transformer --out runs/t
      seqattn train --train pairs.tsv --encoder lstm --decoder transformer --out runs/mixed
      seqattn train --out runs/t --resume --max-minutes 30
      seqattn train --train pairs.tsv --arch transformer --out runs/g --guide lexicon
      seqattn train --train pairs.tsv --arch transformer --out runs/m --monolingual news.de
      seqattn train --train pairs.tsv --arch lstm --out runs/s --teacher runs/t

    The file of --guide has a line of links I-J for each training pair, in Pharaoh format: word I of the
    source and J of the target, counted from 0. With lexicon, the links come from the pairs alone, and
    are written to RUN.lexicon.pharaoh. With self, they come from two runs that are trained first, RUN.forward
    and, from target to source, RUN.reverse, and are written to RUN.pharaoh.

    What --monolingual and --teacher add to the training pairs is written to RUN.synthetic.jsonl; the run that
    translates back is RUN.reverse unless --reverse names one.
    """
    if (encoder is None) != (decoder is None) or (arch and encoder):
        raise click.UsageError("Give either --arch, or both --encoder and --decoder.")
    if encoder and decoder:
        arch = architecture_of(encoder, decoder)
    if resume and (arch or init_from or swap or languages or monolingual or reverse or teachers):
        raise click.UsageError(
            "--resume continues the run as it was started: leave out --arch, --init-from, --swap, "
            "--languages, --monolingual, --reverse and --teacher."
        )
    if reverse and not monolingual:
        raise click.UsageError("--reverse translates the texts of --monolingual, which is missing.")
    if resume and (valid or guide) and not train_on:
        raise click.UsageError(
            "--valid and --guide need --train; if all are left out, the original files are read."
        )
    if not resume and not train_on:
        raise click.UsageError("Missing option '--train'.")
    if not resume and not arch and not init_from:
        raise click.UsageError(f"Missing option '--arch': {' or '.join(ARCHITECTURES)}.")

    console = diagnostics()
    share_cores(console, threads)
    device_chosen = set_up(device, threads)
    from seqattn.ranks import own_device, started_together, together
    from seqattn.runs.experiment import Experiment
    from seqattn.runs.guiding import GUIDES
    from seqattn.runs.preparation import read_again
    from seqattn.runs.setup import Request, architecture_from, make_needed
    from seqattn.runs.synthesis import Synthesis

    from ..views.live import announce, watch

    if started_together() and (guide in GUIDES or monolingual or teachers):
        raise click.UsageError(
            "--guide lexicon, --guide self, --monolingual and --teacher make links or pairs first, which one "
            "process does: leave out torchrun."
        )
    if resume and guide in GUIDES:
        raise click.UsageError("--resume needs the file of links that was made, if it has moved, as --guide.")
    on = own_device(device_chosen)
    # Of a run that is resumed.
    read = partial(read_again, train=train_on, valid=valid, guide=guide) if resume else read_again
    with together(on) as ranks:
        if not ranks.first:
            follow(partial(Experiment.follow, out, on, ranks, read))
            return
        if resume:
            experiment = _resume(console, out, read, on, ranks, chosen)
        else:
            preset = chosen.pop("preset")
            settings = gather_settings(chosen.pop("config"), chosen.pop("assignments"), **chosen)
            command = ["seqattn", *sys.argv[1:]]
            request = Request(
                train_on, valid, preset, settings, swap, guide, None, languages, command, init_from
            )
            arch = architecture_from(request, arch)
            # Without either one is missing, which was an error.
            assert arch is not None
            start = partial(_start, console, arch, on, ranks)
            synthesis = Synthesis(monolingual, reverse, teachers)
            how = _beside(console, request, start, on)
            experiment = start(make_needed(out, request, arch, synthesis, how), out)
        experiment.lead()
        announce(console, experiment)
        watch(console, experiment)


def _beside(
    console: Console,
    request: Request,
    start: Callable[[Request, Path], Experiment],
    device: torch.device,
) -> Beside:
    """How what the run needs is made beside it, and shown."""
    from seqattn.runs.beside import Beside

    from ..views.live import preparing

    def begin(path: Path, swap: bool) -> Experiment:
        return start(request.beside(swap), path)

    train = partial(_train_beside, console)
    return Beside(device, begin, train, partial(preparing, console), partial(say, console))


def _start(
    console: Console,
    architecture: str | None,
    device: torch.device,
    ranks: Ranks,
    request: Request,
    out: Path,
) -> Experiment:
    from seqattn.runs.setup import set_up

    from ..views.live import describe_data, preparing

    with preparing(console) as report:
        experiment, size = set_up(request, architecture, out, device, report, ranks)
    describe_data(console, experiment.prepared, experiment.config.tokenizer.vocab_size)
    named = f"{experiment.config.architecture}, {size}"
    say(console, f"{named}; settings can be changed with --set.")
    return experiment


def _train_beside(console: Console, experiment: Experiment) -> None:
    from ..views.live import announce, watch

    console.print()
    say(console, f"{experiment.folder.path.name}:")
    announce(console, experiment)
    # The whole command continues it.
    watch(console, experiment, again=["seqattn", *sys.argv[1:]])


def _resume(
    console: Console,
    out: Path,
    read: Reader,
    device: torch.device,
    ranks: Ranks,
    chosen: dict[str, Any],
) -> Experiment:
    from seqattn.options import apply
    from seqattn.runs.experiment import LIMITS, Experiment
    from seqattn.runs.folder import RunFolder
    from seqattn.runs.setup import refuse_unbegun

    from ..views.live import preparing

    refuse_unbegun(out)
    preset = chosen.pop("preset")
    settings = gather_settings(chosen.pop("config"), chosen.pop("assignments"), **chosen)
    if fixed := [name for name in settings if name not in LIMITS] + ["preset"] * (preset != "auto"):
        raise InputError(
            f"{', '.join(fixed)} cannot change when a run is resumed, only {', '.join(LIMITS)}",
            remedy="start a new run with --init-from",
        )
    config = RunFolder(out).read_config()
    (changed,) = apply(settings, config.training)
    limits = {name: getattr(changed, name) for name in settings}
    with preparing(console) as report:
        experiment = Experiment.resume(out, limits, device, read, report, ranks)
    progress = experiment.trainer.progress
    say(console, f"Resuming {out} after {counted(progress.update, 'update')}.")
    if progress.spent(experiment.config.training) == 1:
        console.print("Its budget is used up: raise --max-updates, --max-tokens or --max-minutes.")
    elif experiment.trainer.out_of_patience:
        more = 2 * experiment.config.training.patience
        say(console, f"Nothing improved any more: raise patience, as by --set patience={more}, to train on.")
    return experiment
