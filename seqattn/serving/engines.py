"""Where the models of a server compute: each engine has the runs, and computes one batch at a time."""

from __future__ import annotations

import traceback
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import torch

from seqattn.errors import InputError
from seqattn.processes import start
from seqattn.runs.run import Run, load
from seqattn.serving.batcher import Engine, Work
from seqattn.serving.errors import RequestError
from seqattn.serving.served import Languages, Served, serve_runs

MOST_WORKERS = 4
"""By default: each needs the memory of the models and of torch."""


def local(runs: Sequence[Run]) -> Engine:
    """An engine with runs of this process."""

    def compute(work: Work, items: Sequence[Any]) -> Sequence[Any]:
        return _results(work, runs, items)

    return compute


def _results(work: Work, runs: Sequence[Run], items: Sequence[Any]) -> list[Any]:
    """What a work gives; a panic of a library in Rust, which is no Exception, is raised as a RuntimeError."""
    try:
        return list(work(runs, items))
    except (Exception, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from error


@dataclass(frozen=True)
class Opening:
    """Which runs an engine opens, and how."""

    paths: tuple[Path, ...]
    languages: tuple[Languages, ...] = ()
    device: str = "auto"
    precision: str = "fp32"

    def __call__(self) -> list[Run]:
        """The runs, ready to decode; InputError when one cannot be used."""
        return [load(path, device=self.device, precision=self.precision) for path in self.paths]


class ProcessEngine:
    """Runs in a process of their own, so that Python computes with them while it speaks HTTP.

    A process that ends (the system may kill it for lack of memory) is replaced: what it was computing is
    refused.
    """

    def __init__(self, opening: Opening, threads: int = 1) -> None:
        """Begins to open the runs."""
        self._arguments = opening, threads
        self._begin()

    def _begin(self) -> None:
        self._started = start(_compute, *self._arguments)
        self._served: list[Served] | None = None

    def opened(self) -> list[Served]:
        """The runs, once they are open; InputError when one cannot be used."""
        if self._served is None:
            self._served = self._receive()
        return self._served

    def __call__(self, work: Work, items: Sequence[Any]) -> Sequence[Any]:
        if not self._started.process.is_alive():
            # It ended while there was nothing to compute.
            self._restart()
        self._reopened()
        # What ends from here on is noticed when its answer is awaited.
        with suppress(OSError):
            self._started.connection.send((work, items))
        try:
            results: Sequence[Any] = self._receive()
        except _EndedError as error:
            self._restart()
            raise RequestError(503, "This request could not be computed", retry_after=1) from error
        return results

    def _reopened(self) -> None:
        """Wait until the runs are open in a process that replaces another."""
        try:
            self.opened()
        except InputError as error:
            self._restart()
            raise RuntimeError("the runs cannot be opened again") from error

    def _restart(self) -> None:
        self._started.end()
        self._begin()

    def _receive(self) -> Any:
        """The next message of the process; an exception is raised."""
        try:
            found = self._started.connection.recv()
        except (EOFError, OSError):
            raise _EndedError(f"the process of the models {self._started.cause()}") from None
        if isinstance(found, Exception):
            raise found
        return found

    def close(self) -> None:
        self._started.end()


class _EndedError(InputError):
    """A process has ended."""


def default_workers(device: torch.device) -> int:
    """How many engines to have: one for each thread of a CPU, at most `MOST_WORKERS`; on a GPU one."""
    return min(torch.get_num_threads(), MOST_WORKERS) if device.type == "cpu" else 1


@contextmanager
def processes(opening: Opening, count: int) -> Iterator[list[ProcessEngine]]:
    """Engines in as many processes, whose runs are open; InputError when one cannot be used.

    They divide the threads of torch among them.
    """
    threads = max(1, torch.get_num_threads() // count)
    with ExitStack() as ending:
        engines = [ending.enter_context(closing(ProcessEngine(opening, threads))) for _ in range(count)]
        for engine in engines:
            engine.opened()
        yield engines


def _compute(connection: Connection, opening: Opening, threads: int) -> None:
    """Open runs, then compute what is asked for until nothing more can be."""
    try:
        torch.set_num_threads(threads)
        runs = opening()
        connection.send(serve_runs(runs, opening.languages))
    except (InputError, MemoryError) as error:
        connection.send(error)
        return
    while True:
        work, items = connection.recv()
        try:
            answer: Any = _results(work, runs, items)
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = error
        connection.send(answer)
