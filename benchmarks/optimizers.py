"""What Adam, Muon and torch's Muon take of an update of a Transformer, and what its gradients take.

    python benchmarks/optimizers.py --preset mini

CPU time in milliseconds on one thread, medians of rounds in turns. Batches are random, of the preset's size.
On a machine without instructions for bf16, which torch's Muon always multiplies, --precision auto is fp32.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import click
import torch

from seqattn.data.batching import Batch, collate
from seqattn.data.examples import Example
from seqattn.hardware import autocast, tune_memory
from seqattn.models import build
from seqattn.models.base import Seq2Seq, Vocabulary
from seqattn.runs.presets import PRESETS, compose
from seqattn.symbols import EOS
from seqattn.training.losses import target_loss
from seqattn.training.optimizers import Optimizers
from seqattn.training.schedule import TrainingOptions

LENGTH = 24
"""Ids of a sentence, about as many as a caption has."""
CPU = torch.device("cpu")


def random_batch(pieces: int, tokens: int) -> Batch:
    drawn = random.Random(1)
    sides = [[*drawn.choices(range(4, pieces), k=LENGTH - 1), EOS] for _ in range(2 * (tokens // LENGTH))]
    return collate([Example(*pair) for pair in zip(sides[::2], sides[1::2], strict=True)])


def with_torch_muon(model: Seq2Seq, training: TrainingOptions) -> Callable[[], object]:
    """A step as with ours: torch's Muon for the same matrices, Adam for the other parameters."""
    ours = Optimizers(model, replace(training, optimizer="muon"))
    matrices = [ours.parameters[name] for name, keys in ours.like.items() if "momentum_buffer" in keys]
    others = [ours.parameters[name] for name, keys in ours.like.items() if "exp_avg" in keys]
    muon = torch.optim.Muon(matrices, lr=1e-6, adjust_lr_fn="match_rms_adamw")
    adam = torch.optim.AdamW(others, lr=1e-6, fused=True)
    return lambda: (muon.step(), adam.step())


@click.command(help=__doc__)
@click.option("--preset", type=click.Choice(list(PRESETS)), default="mini")
@click.option("--pieces", default=7000, show_default=True, help="Of the vocabulary.")
@click.option("--precision", type=click.Choice(["auto", "fp32", "bf16"]), default="auto")
@click.option("--rounds", default=5, show_default=True)
def main(preset: str, pieces: int, precision: str, rounds: int) -> None:
    tune_memory()
    torch.set_num_threads(1)
    options, _, training = compose("transformer", preset, {"precision": precision})
    model = build("transformer", options, Vocabulary(pieces, pieces, shared=True))
    batch = random_batch(pieces, training.batch_tokens)

    def gradients() -> None:
        model.zero_grad()
        for _ in range(training.accumulate):
            with autocast(CPU, precision):
                loss = target_loss(model, batch, training.label_smoothing)
            loss.backward()

    timed: dict[str, Callable[[], object]] = {"gradients": gradients}
    for name in ("adam", "muon"):
        optimizers = Optimizers(model, replace(training, optimizer=name))
        timed[name] = lambda chosen=optimizers: chosen.step(1e-6)
    if hasattr(torch.optim, "Muon"):
        timed["torch's muon"] = with_torch_muon(model, training)
    found: dict[str, list[float]] = {name: [] for name in timed}
    for turn in range(rounds + 1):
        for name, compute in timed.items():
            start = time.process_time()
            compute()
            if turn:
                found[name].append(1000 * (time.process_time() - start))
    for name, times in found.items():
        click.echo(f"{name:<14}{statistics.median(times):9.1f} ms")


if __name__ == "__main__":
    main()
