"""Options and set-up shared by several commands. Nothing here loads torch before a command runs."""

from __future__ import annotations

import math
import os
import re
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
from click.core import ParameterSource

from seqattn.sharing import limit_spinning

from ..signals import handled
from ..views.messages import say

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from seqattn.runs.run import Run
    from seqattn.runs.text_model import TextModel

F = TypeVar("F", bound=Callable[..., Any])


class Number(click.FloatRange):
    """A finite number within a range."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number, or a usage error."""
        number = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


def read_languages(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    """The codes of two languages, written en,de, as a tuple, for each value; or a usage error."""
    from seqattn.runs.records import is_code

    if value is None:
        return None
    if not isinstance(value, str):
        return tuple(read_languages(ctx, param, one) for one in value)
    codes = tuple(code.strip() for code in value.split(","))
    if len(codes) != 2 or codes[0] == codes[1] or not all(map(is_code, codes)):
        raise click.BadParameter(f"{value!r} is not two codes of languages, such as en,de.")
    return codes


def check_device(ctx: click.Context, param: click.Parameter, value: str) -> str:
    """The name of a device, unchanged, or a usage error."""
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
    help="Precision of linear layers; int8 is twice as fast on some CPUs and slower on others.",
)
LENGTH_PENALTY = click.option(
    "--length-penalty",
    default=1.0,
    show_default=True,
    type=Number(0, 10),
    metavar="A",
    help="Exponent of the length penalty: larger favours longer translations; 0: none.",
)
COVERAGE_PENALTY = click.option(
    "--coverage-penalty",
    default=0.0,
    show_default=True,
    type=Number(0, 10),
    metavar="B",
    help="Weight of the penalty for source words left without attention; 0: none.",
)


def is_given(parameter: str) -> bool:
    """Whether an option is on the command line, with whatever value."""
    return click.get_current_context().get_parameter_source(parameter) is ParameterSource.COMMANDLINE


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
        "--threads", type=click.IntRange(1, 1024), help="CPU threads.  [default: one per core]"
    )
    return device(threads(command))


def preset_option(help: str) -> Callable[[F], F]:
    """--preset; `help` says what it is a preset of and what `auto` is chosen by."""
    return click.option(
        "--preset",
        type=click.Choice(["auto", "low-resource", "tiny", "regular", "mini", "small", "base"]),
        default="auto",
        show_default=True,
        help=help,
    )


def experiment_options(command: F) -> F:
    """Options of a training, but for its preset: settings, budget, seed, precision."""
    options = [
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            metavar="FILE.toml",
            help="Settings from a file: key = value, or in a table such as [decoder] or [lstm].",
        ),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="A setting that overrides preset and file. An unknown key lists all.",
        ),
        click.option(
            "--vocab-size", type=click.IntRange(1, 1_000_000), help="Pieces.  [default: from the corpus]"
        ),
        click.option("--max-updates", type=click.IntRange(1), help="Stop after this many updates."),
        click.option(
            "--max-tokens", type=click.IntRange(1), help="Stop after this many source and target tokens."
        ),
        click.option("--max-minutes", type=Number(0, min_open=True), help="Stop after this many minutes."),
        click.option("--seed", type=SEED, help="Random seed of weights, dropout and batches.  [default: 1]"),
        click.option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            help="Precision of matrix products; auto: bf16 if supported.  [default: auto]",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def gather_settings(config: Path | None, assignments: Sequence[str], **flags: Any) -> dict[str, Any]:
    """Settings from a file, overridden by those of --set, overridden by flags."""
    from seqattn.options import override, parse_settings, read_settings

    settings = read_settings(config) if config else {}
    settings = override(settings, parse_settings(assignments))
    return override(settings, {name: value for name, value in flags.items() if value is not None})


def share_cores(console: Console, threads: int | None) -> None:
    """Before torch is loaded: limit how long threads spin, and say if the machine is busy."""
    busy = limit_spinning(threads)
    if busy is not None:
        say(
            console,
            f"Other programs keep {busy:.1f} of {os.cpu_count()} cores busy: threads that wait "
            "for each other fall asleep early.",
        )


def set_up(device: str, threads: int | None) -> torch.device:
    """Choose the device and the number of threads, and tune the allocator."""
    import torch

    from seqattn.hardware import choose_device, tune_memory

    tune_memory()
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


def open_together(paths: Sequence[Path], device: str, threads: int | None, precision: str) -> TextModel:
    """A finished run, or several as an ensemble, ready to decode."""
    from seqattn.runs.ensemble import ensemble

    runs = [open_run(path, device, threads, precision) for path in paths]
    return runs[0] if len(runs) == 1 else ensemble(runs)


def follow(train: Callable[[], None]) -> None:
    """What every process does but the first: it computes its share, and neither writes nor speaks."""
    # The first decides when to stop.
    with handled(signal.SIG_IGN):
        train()


def diagnostics() -> Console:
    """The console for progress and warnings: standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, markup=False, emoji=False)


def results() -> Console:
    """The console for results: standard output."""
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    if console.color_system == "standard":
        # The nearest of sixteen colours to a faint colour of a map may be the terminal's background.
        console.no_color = True
    if not console.is_terminal:
        # A file has no width: use one that fits tables and keeps heat maps in one panel.
        console.width = max(console.width, 120)
    return console
