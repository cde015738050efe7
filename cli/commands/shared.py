"""Options and set-up that several commands have in common. Nothing here loads torch before a command runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.runs.run import Run

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A number within a range; nan and inf, which compare with nothing, are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def check_device(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The name of a device as it is, or a usage error."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:[0-9]{1,3})?", value):
        raise click.BadParameter(f"{value!r} is not one of auto, cpu, mps, cuda, cuda:N.")
    return value


RUN = click.Path(path_type=Path)
SEED = click.IntRange(0, 2**63 - 1)
BEAM = click.option(
    "--beam", default=5, show_default=True, type=click.IntRange(1, 100), help="1 is greedy search."
)
PRECISION = click.option(
    "--precision",
    type=click.Choice(["fp32", "int8"]),
    default="fp32",
    show_default=True,
    help="Of the linear layers; int8 is about twice as fast on a CPU.",
)
LENGTH_PENALTY = click.option(
    "--length-penalty",
    default=1.0,
    show_default=True,
    type=Number(0, 10),
    metavar="A",
    help="Exponent of the length penalty; 0: none.",
)


def machine_options(command: F) -> F:
    """--device and --threads."""
    device = click.option(
        "--device",
        callback=check_device,
        metavar="auto|cpu|mps|cuda[:N]",
        default="auto",
        show_default=True,
        help="Where to compute; auto: a GPU if there is one.",
    )
    threads = click.option(
        "--threads", type=click.IntRange(1, 1024), help="CPU threads.  [default: one a core]"
    )
    return device(threads(command))


def experiment_options(command: F) -> F:
    """What shapes a training: settings, budget, seed, precision."""
    options = [
        click.option(
            "--preset",
            type=click.Choice(["auto", "tiny", "small", "base"]),
            default="auto",
            show_default=True,
            help="Size of the model; auto: by the number of pairs.",
        ),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE.toml",
            help="Settings from a file: key = value, or under [lstm] and [transformer].",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting, over preset and file: layers, rates … An unknown key lists all.",
        ),
        click.option(
            "--vocab-size", type=click.IntRange(1, 1_000_000), help="Pieces.  [default: from the corpus]"
        ),
        click.option("--max-updates", type=click.IntRange(1), help="Stop after so many updates."),
        click.option(
            "--max-tokens", type=click.IntRange(1), help="Stop after so many source and target tokens."
        ),
        click.option("--max-minutes", type=Number(0, min_open=True), help="Stop after so many minutes."),
        click.option("--seed", type=SEED, help="Of weights, dropout and batches.  [default: 1]"),
        click.option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            help="Of matrix products in training; auto: bf16 where the hardware has it.  [default: auto]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def gather_settings(config: Path | None, assignments: Sequence[str], **flags: Any) -> dict[str, Any]:
    """Settings of a file, over them those of --set, over them those of flags that were given."""
    from seqattn.options import parse_settings, read_settings

    settings = read_settings(config) if config else {}
    settings |= parse_settings(assignments)
    return settings | {name: value for name, value in flags.items() if value is not None}


def set_up(device: str, threads: int | None) -> torch.device:
    """Choose the device and the number of threads, and tune the allocator."""
    import torch

    from seqattn.hardware import choose_device, keep_freed_memory

    keep_freed_memory()
    if threads:
        torch.set_num_threads(threads)
    return choose_device(device)


def open_run(path: Path, device: str, threads: int | None, precision: str = "fp32") -> Run:
    """A finished run, ready to decode."""
    from seqattn.models.int8 import quantize
    from seqattn.runs.run import load_run

    run = load_run(path, set_up(device, threads))
    if precision == "int8":
        quantize(run.model)
    return run


def diagnostics() -> Console:
    """The console of progress and warnings: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False)


def results() -> Console:
    """The console of results: standard output."""
    from rich.console import Console

    console = Console(highlight=False)
    if console.color_system == "standard":
        # The faint colours of maps, as the nearest of sixteen, may be the terminal's own ground.
        console.no_color = True
    if not console.is_terminal:
        # A file has no width: wide enough for tables, and for heat maps not to be split.
        console.width = max(console.width, 120)
    return console


def refuse_overwriting(output: Path | str | None, *inputs: str) -> None:
    """A usage error when what is to be written is one of the files (or pairs of files) that are read."""
    if output is None or not Path(output).exists():
        return
    for name in (part for argument in inputs for part in (argument, *argument.split(","))):
        if Path(name).exists() and Path(name).samefile(output):
            raise click.UsageError(f"{output} would be written over what is read from it.")


def write_json(value: Any, path: str) -> None:
    """Write a JSON value to a file, or to standard output for `-`."""
    import json

    from seqattn.files import write_aside

    text = json.dumps(value, indent=2, ensure_ascii=False) + "\n"
    if path == "-":
        click.echo(text, nl=False)
    else:
        write_aside(Path(path), text.encode())
