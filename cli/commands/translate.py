"""seqattn translate."""

from __future__ import annotations

import contextlib
import io
import sys
from collections.abc import Iterator
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from seqattn.as_json import as_json
from seqattn.chunks import Shard, in_chunks

from ..views.messages import Faults, Unknown, say
from .outputs import check_outputs, refuse_echo
from .run_arguments import input_after, leading_runs
from .shared import (
    BEAM,
    COVERAGE_PENALTY,
    LENGTH_PENALTY,
    PRECISION,
    RUN,
    SEED,
    Number,
    diagnostics,
    is_given,
    machine_options,
    open_together,
)
from .translate_input import Reader, part_of

if TYPE_CHECKING:
    from seqattn.alignment.reading import Attention
    from seqattn.data.pixels import Shape
    from seqattn.decoding.translation import Translation


class ShardType(click.ParamType[Shard]):
    """K/N, the K-th of N parts."""

    name = "shard"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Shard:
        """A `Shard` from its text."""
        if isinstance(value, Shard):
            return value
        number, _, count = str(value).partition("/")
        if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
            return Shard(int(number), int(count))
        self.fail(f"{value} is not K/N with K from 1 to N, such as 3/16", param, ctx)


@click.command()
@click.argument("run", type=RUN)
@click.argument("more", nargs=-1, metavar="[RUN]... [INPUT]...")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write to this file.")
@BEAM
@click.option(
    "--nbest", default=1, type=click.IntRange(1, 100), help="Translations of each line; needs jsonl."
)
@LENGTH_PENALTY
@COVERAGE_PENALTY
@click.option("--sample", is_flag=True, help="Draw translations instead of searching for the best.")
@click.option("--temperature", default=1.0, show_default=True, type=Number(1e-6, 1e6))
@click.option("--top-k", default=0, type=click.IntRange(0), help="Draw only among the K likeliest pieces.")
@click.option(
    "--top-p",
    default=1.0,
    type=Number(1e-6, 1),
    help="Draw among the likeliest pieces that together reach this probability.",
)
@click.option("--seed", default=1, show_default=True, type=SEED, help="Random seed of sampling.")
@click.option(
    "--chunk",
    type=click.IntRange(1, 1_000_000),
    metavar="N",
    help="Lines translated together.  [default: 1000; of standard input what has arrived]",
)
@click.option(
    "--shard",
    type=ShardType(),
    metavar="K/N",
    help="Translate only the K-th of N parts of INPUT, which concatenate to the whole.",
)
@click.option("--prefix", default="", metavar="TEXT", help="Begin every translation with this text.")
@click.option("--plain", is_flag=True, help="Translate line by line a file that looks like no plain text.")
@click.option(
    "--invalid-utf8",
    "invalid",
    type=click.Choice(["stop", "replace"]),
    default="stop",
    show_default=True,
    help="At a line that is not UTF-8 stop, or read what is wrong in it as \N{REPLACEMENT CHARACTER}.",
)
@click.option("--no-split", is_flag=True, help="Translate lines of several sentences whole.")
@click.option("--format", "form", type=click.Choice(["text", "jsonl"]), default="text", show_default=True)
@click.option("--attention", is_flag=True, help="Show the attention of each translation as a heat map.")
@PRECISION
@machine_options
def translate(
    run: Path,
    more: tuple[str, ...],
    output: Path | None,
    beam: int,
    nbest: int,
    length_penalty: float,
    coverage_penalty: float,
    sample: bool,
    temperature: float,
    top_k: int,
    top_p: float,
    seed: int,
    chunk: int | None,
    shard: Shard | None,
    prefix: str,
    plain: bool,
    invalid: str,
    no_split: bool,
    form: str,
    attention: bool,
    precision: str,
    device: str,
    threads: int | None,
) -> None:
    """Translate the lines of INPUT, or of standard input; or images.

    One line out for each line in, in order. For a run that reads images, INPUT is one image or several, or
    an .npz file of them; standard input has the name of a file on each line. With --format jsonl each line
    contains the source and its translations, best first, with their scores. Several runs translate together,
    by the mean of their probabilities: an argument after RUN is another run if it is a folder that training
    wrote.

    \b
      seqattn translate runs/mine input.txt --output output.txt
      cat input.txt | seqattn translate runs/mine --beam 1
      seqattn translate runs/lstm runs/transformer input.txt
      seqattn translate runs/mine input.txt --nbest 5 --format jsonl
      echo "A sentence." | seqattn translate runs/mine --prefix "Ein"
      echo "A sentence." | seqattn translate runs/mine --attention
    """
    _check_usage(nbest, beam, sample, form)
    others, rest = leading_runs(more)
    inputs = rest or ["-"]
    check_outputs({"output": output}, inputs, [run, *others])
    refuse_echo(output, inputs)
    loaded = open_together([run, *others], device, threads, precision)
    named = loaded.sources.named(rest)
    input = input_after(run, rest) if named is None else None
    from seqattn.decoding.search import SamplingOptions
    from seqattn.decoding.translation import TranslationOptions
    from seqattn.pictures.legible import harmless

    faults, unknown = Faults(), Unknown()
    reader = Reader(plain or not loaded.tokenizer.reads_texts, faults.add if invalid == "replace" else None)
    before = 0
    if named is not None:
        images, before = part_of(named, shard)
        chunks = in_chunks(images, chunk or TranslationOptions.chunk)
    elif input is not None and str(input) != "-":
        lines, before = reader.lines(input, shard)
        unknown.read = before
        chunks = in_chunks(lines, chunk or TranslationOptions.chunk)
    else:
        chunks = reader.arriving(loaded.sources, shard, chunk)
        if not loaded.tokenizer.reads_texts:
            # Which images there are is known only as they arrive.
            chunks = map(partial(_unless_written, output), chunks)
    translator = loaded.translator(
        # Without --nbest only one sample is shown, so only one is drawn.
        loaded.search_options(nbest if sample else beam, length_penalty, coverage_penalty),
        SamplingOptions(temperature, top_k, top_p, seed, before) if sample else None,
        nbest,
        split=not no_split,
        prefix=prefix,
    )
    with _destination(output) as file:
        for some in translator.translate_chunks(chunks):
            attentions = loaded.attention_of_translations(some) if attention else repeat([], len(some))
            for found, seen in zip(some, attentions, strict=True):
                unknown.add(found.unknown)
                if form == "jsonl":
                    _write_json(file, found, seen)
                else:
                    # A terminal would obey escape sequences; into files and pipes texts go as they are.
                    file.write((harmless(found.text) if file.isatty() else found.text) + "\n")
                    if attention:
                        _draw(file, found, seen, loaded.image_shape)
            file.flush()
    for message in filter(None, (faults.message, unknown.message)):
        say(diagnostics(), message)


def _check_usage(nbest: int, beam: int, sample: bool, form: str) -> None:
    """A usage error for options that do not go together."""
    if nbest > 1 and form == "text":
        raise click.UsageError("--nbest needs --format jsonl: text has one line out for each line in.")
    if sample and is_given("beam"):
        raise click.UsageError("--sample draws translations, --nbest as many: leave out --beam.")
    if nbest > beam and not sample:
        raise click.UsageError(f"--nbest {nbest} needs a --beam of at least {nbest}.")
    if not sample and any(map(is_given, ("temperature", "top_k", "top_p", "seed"))):
        raise click.UsageError("--temperature, --top-k, --top-p and --seed need --sample.")


def _unless_written(output: Path | None, images: list[str]) -> list[str]:
    """The images, if none of them is the file to write."""
    check_outputs({"output": output}, images)
    return images


@contextlib.contextmanager
def _destination(path: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that appears once it is complete."""
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    from seqattn.writing import replacing

    with replacing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield text
        text.detach()


def _write_json(file: TextIO, found: Translation, seen: list[Attention]) -> None:
    record: dict[str, Any] = {
        "source": found.source,
        "translations": [
            {
                "text": candidate.text,
                "score": round(candidate.score, 6),
                "log_probability": round(candidate.log_probability, 6),
            }
            for candidate in found.candidates
        ],
    }
    if seen:
        record["attention"] = [attention.to_json() for attention in seen]
    file.write(as_json(record) + "\n")


def _draw(file: TextIO, found: Translation, seen: list[Attention], shape: Shape | None) -> None:
    """The attention of each part of a source, or over an image of this shape."""
    from rich.console import Console

    from ..views.images import over_image
    from ..views.render import attention_map
    from .shared import results

    for attention, read in zip(seen, found.pieces, strict=True):
        console = (
            results()
            if file is sys.stdout
            else Console(file=file, width=120, highlight=False, markup=False, emoji=False)
        )
        if shape is None:
            console.print(attention_map(attention, width=console.width))
        else:
            console.print(over_image(read, shape, attention, console))
