"""The command group, which turns errors into a message and an exit status."""

from __future__ import annotations

import errno
import signal
import sys
from contextlib import suppress
from typing import Any

import click

from seqattn import __version__
from seqattn.errors import InputError, no_memory, out_of_memory

from .commands.align import align
from .commands.check import check
from .commands.compare import compare
from .commands.evaluate import evaluate
from .commands.info import info
from .commands.serve import serve
from .commands.train import train
from .commands.translate import translate
from .signals import handled, stop


class Commands(click.Group):
    """Commands in the order they were added; wrong input exits with 1, an interruption with 130."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of use instead of alphabetical order."""
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the chosen command."""
        try:
            answer = super().invoke(ctx)
            sys.stdout.flush()
            return answer
        except click.UsageError as error:
            shown = error.format_message()
            plain = "\n".join(map(_plain, shown.split("\n")))
            if plain == shown:
                raise
            # It quotes an argument, which may be the name of a file.
            raise click.UsageError(plain, error.ctx) from error
        except InputError as error:
            raise click.ClickException(_plain(str(error))) from error
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise
            where = error.filename or "standard output"
            raise click.ClickException(_plain(f"{where}: {error.strerror}")) from error
        except (MemoryError, RuntimeError) as error:
            if not out_of_memory(error):
                raise
            raise click.ClickException(str(no_memory())) from error
        except KeyboardInterrupt as error:
            # Of a terminal that is closed nothing can be asked.
            with suppress(OSError):
                click.echo("Stopped.", err=True)
            raise click.exceptions.Exit(getattr(error, "status", 128 + signal.SIGINT)) from None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="seqattn")
def cli() -> None:
    """Train, run, compare and inspect sequence-to-sequence models on your own text pairs.

    The LSTM encoder-decoder with Luong attention, the Transformer, and combinations of their parts share one
    tokenizer, one training loop, one search and one evaluation. Sources may be images.

    CORPUS is a file of pairs (.tsv: source TAB target; .jsonl: {"source": …, "target": …}) or two
    line-aligned texts written SOURCE,TARGET. Any may end in .gz. Images are named in such files, or in .npz
    archives. RUN is a folder that training wrote.

    \b
    First steps:
      seqattn compare                             both models on the bundled English-Korean sample
      seqattn train --train pairs.tsv --arch transformer --out runs/mine
      echo "A sentence." | seqattn translate runs/mine
      seqattn align runs/mine "A sentence."
    """


for command in (check, train, translate, evaluate, compare, align, serve, info):
    cli.add_command(command)


def _plain(text: str) -> str:
    """`text` with its control characters escaped: file names may contain any."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def main() -> None:
    """The `seqattn` program."""
    if sys.stdout is None:
        sys.exit("Error: standard output is closed")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8")
    with handled(stop):
        cli()


if __name__ == "__main__":
    main()
