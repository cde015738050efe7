"""seqattn serve."""

from __future__ import annotations

import math
import signal
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError

from ..views.messages import say
from .shared import (
    BEAM,
    LENGTH_PENALTY,
    PRECISION,
    RUN,
    Number,
    diagnostics,
    machine_options,
    read_languages,
    set_up,
)

if TYPE_CHECKING:
    from starlette.applications import Starlette


@click.command()
@click.argument("runs", type=RUN, nargs=-1, required=True, metavar="RUN...")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=5000, show_default=True, type=click.IntRange(0, 65535), help="0: a free one.")
@click.option(
    "--languages",
    callback=read_languages,
    metavar="SOURCE,TARGET",
    multiple=True,
    help="Codes of the languages, such as en,de: once, or for each run.  [default: as recorded]",
)
@BEAM
@LENGTH_PENALTY
@click.option(
    "--max-characters",
    default=10_000,
    show_default=True,
    type=click.IntRange(1, 1_000_000),
    help="The most characters of a request.",
)
@click.option(
    "--max-waiting",
    default=256,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="The most requests that wait.",
)
@click.option(
    "--timeout",
    default=30.0,
    show_default=True,
    type=Number(0.001, 3600),
    metavar="SECONDS",
    help="Longest time until an answer.",
)
@click.option(
    "--api-keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keys, one a line, of which requests must give one.",
)
@click.option(
    "--cors",
    multiple=True,
    metavar="ORIGIN",
    help="A web site whose pages may use the server; may be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 256),
    metavar="N",
    help="Processes that compute, each with the models.  [default: one per thread, at most 4; 1 on a GPU]",
)
@PRECISION
@machine_options
def serve(
    runs: tuple[Path, ...],
    host: str,
    port: int,
    languages: tuple[tuple[str, str], ...],
    beam: int,
    length_penalty: float,
    max_characters: int,
    max_waiting: int,
    timeout: float,
    api_keys: Path | None,
    cors: tuple[str, ...],
    workers: int | None,
    precision: str,
    device: str,
    threads: int | None,
) -> None:
    """Translate over HTTP, by LibreTranslate's interface.

    Its clients can be used unchanged: POST /translate with q, source and target. A request is answered by the
    first RUN that translates between its languages. Ctrl-C or SIGTERM stops the server when what it has
    accepted is answered. docs/serving.md describes the interface.

    \b
      seqattn serve runs/mine
      seqattn serve runs/en-de runs/de-en --precision int8 --port 8080
      seqattn serve runs/mine --languages en,de --api-keys keys.txt
    """
    if len(languages) not in (0, 1, len(runs)):
        raise click.UsageError(f"Give --languages once, or for each of the {len(runs)} runs.")
    _check_installed()
    from seqattn.serving.application import application
    from seqattn.serving.engines import Opening, default_workers, processes
    from seqattn.serving.options import ServerOptions

    keys = () if api_keys is None else _keys(api_keys)
    options = ServerOptions(beam, length_penalty, max_characters, max_waiting, timeout, keys, cors)
    # Before the runs are loaded, so that a port in use is told at once.
    with _listen(host, port) as listening:
        place = set_up(device, threads)
        opening = Opening(runs, languages, str(place), precision)
        with processes(opening, workers or default_workers(place)) as engines:
            served = engines[0].opened()
            console = diagnostics()
            for one in served:
                say(console, f"{one.name}: {one.source} to {one.target}, {one.architecture}.")
            shown, number = f"[{host}]" if ":" in host else host, listening.getsockname()[1]
            say(console, f"Listening on http://{shown}:{number}; Ctrl-C stops.")
            _run(application(served, engines, options), listening, math.ceil(timeout) + 1)


def _check_installed() -> None:
    """InputError that says what to install when a package of the server is missing."""
    try:
        import prometheus_client
        import python_multipart
        import starlette
        import uvicorn
    except ImportError as error:
        raise InputError(
            f"serving needs the package {error.name}, which is not installed",
            remedy='pip install "seqattn[serve]"',
        ) from error
    del prometheus_client, python_multipart, starlette, uvicorn


def _keys(path: Path) -> tuple[str, ...]:
    """The keys in a file, one a line; InputError when it has none."""
    from seqattn.files import read_lines

    keys = tuple(key for line in read_lines(path) if (key := line.strip()))
    if not keys:
        raise InputError("has no keys", path=path, remedy="write one on each line")
    return keys


def _listen(host: str, port: int) -> socket.socket:
    """A socket that listens; InputError when the address cannot be used."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family)
        # asyncio sets this only where it knows the protocol; else an answer waits for the client's 40 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listening
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"cannot listen on {host}, port {port}: {why}", remedy="choose others by --host and --port"
        ) from error


def _run(app: Starlette, listening: socket.socket, patience: int) -> None:
    """Answer requests until a signal; then for some seconds those that have been accepted."""
    import uvicorn

    def end(*_: Any) -> None:
        sys.exit(0)

    # uvicorn handles the signal itself, and raises it again for this handler when it has stopped.
    before = signal.signal(signal.SIGTERM, end)
    try:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=patience,
        )
        uvicorn.Server(config).run(sockets=[listening])
    finally:
        signal.signal(signal.SIGTERM, before)
