"""Processes that compute for this one: started afresh, deaf to signals, and ended with the one they serve."""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from tempfile import gettempdir
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext, SpawnContext

IGNORED = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Ctrl-C, the request to end, the end of the terminal."""
LONGEST_FOLDER = 70
"""Bytes of the path of a folder in which a socket can be: its own has at most 107, of which 32 follow."""


class Started(NamedTuple):
    """A process, and what it is talked to by."""

    process: BaseProcess
    connection: Connection
    """Raises EOFError or OSError when the process has ended."""

    def cause(self) -> str:
        """How the process ended, `was ended by SIGKILL`; waits until it has."""
        self.process.join()
        status = self.process.exitcode or 0
        if status < 0:
            with contextlib.suppress(ValueError):
                return f"was ended by {signal.Signals(-status).name}"
        return f"ended with exit status {status}"

    def end(self) -> None:
        """End the process at once, whatever it is doing."""
        atexit.unregister(self.process.kill)
        self.process.kill()
        self.process.join()
        self.connection.close()


def start(
    work: Callable[..., None], *arguments: object, name: str | None = None, needs: Sequence[str] = ()
) -> Started:
    """Start a process that calls `work(connection, *arguments)`, all of which can be pickled.

    Threads and GPUs do not survive a fork, so it is not forked from this process: on Linux it is from a
    server that has loaded the module of `work` and what else it `needs`, and elsewhere it is spawned. It has
    the environment variables that this process had when the first was started. Signals that may be sent to a
    group of processes do not reach it: it is told by this process, and ends at once when this one has.
    """
    context = _context()
    context.set_forkserver_preload([work.__module__, *needs])
    ours, theirs = context.Pipe()
    process = context.Process(target=_run, args=(work, theirs, *arguments), name=name, daemon=True)
    with _without_signals():
        process.start()
    # Python would ask it to end, which it ignores, and wait.
    atexit.register(process.kill)
    theirs.close()
    return Started(process, ours)


def _context() -> ForkServerContext | SpawnContext:
    """How processes begin: forked from a server, where its socket can be in the folder of temporary files."""
    # Python raises it where there is no such folder.
    with contextlib.suppress(FileNotFoundError):
        if sys.platform == "linux" and len(os.fsencode(gettempdir())) <= LONGEST_FOLDER:
            return multiprocessing.get_context("forkserver")
    return multiprocessing.get_context("spawn")


def _run(work: Callable[..., None], connection: Connection, *arguments: object) -> None:
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    if hasattr(signal, "pthread_sigmask"):
        signal.pthread_sigmask(signal.SIG_UNBLOCK, IGNORED)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Nobody listens any more when the connection breaks.
    with connection, contextlib.suppress(BrokenPipeError, ConnectionError, EOFError):
        work(connection, *arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


@contextlib.contextmanager
def _without_signals() -> Iterator[None]:
    """A process started in this context gets no signal of `IGNORED` before it ignores them.

    Those of this process wait meanwhile. Where signals cannot be held up, the new process ignores Ctrl-C.
    """
    if hasattr(signal, "pthread_sigmask"):
        # Its own process would let them through again.
        resource_tracker.ensure_running()
        before = signal.pthread_sigmask(signal.SIG_BLOCK, IGNORED)
        try:
            yield
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
    elif threading.current_thread() is threading.main_thread():
        previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, previous)
    else:
        yield
