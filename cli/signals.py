"""The end of a command by a signal, or because nobody reads what it shows any more."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from rich.console import Console

ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
"""Ctrl-C, the request to end, and the end of the terminal, where the system has it."""
ONE_SIGNAL = 0.5
"""Seconds in which further signals are the same: torchrun passes on what its processes got already."""


class Stopped(KeyboardInterrupt):
    """A signal that ends the command at once."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.status = 128 + number
        """The exit status."""


def stop(number: int, _: FrameType | None) -> NoReturn:
    """Handle a signal: what is being written aside is removed, then the command ends."""
    raise Stopped(number)


@contextmanager
def handled(how: signal.Handlers | object) -> Iterator[None]:
    """Handle the signals that end a command in this way, but for those that are ignored, as by nohup."""
    heeded = [one for one in ENDING if signal.getsignal(one) not in (signal.SIG_IGN, None)]
    before = {one: signal.signal(one, how) for one in heeded}  # type: ignore[arg-type]
    try:
        yield
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


class Interruption:
    """Whether a training is to stop, and why; true when it is."""

    def __init__(self) -> None:
        self._number = 0
        self._began = 0.0
        self._unseen = False

    def __bool__(self) -> bool:
        return bool(self._number) or self._unseen

    @property
    def status(self) -> int:
        """The exit status of the command."""
        return 128 + self._number if self._number else 1

    @contextmanager
    def showing(self) -> Iterator[None]:
        """What cannot be shown in this context, because the terminal or a pipe is closed, interrupts."""
        try:
            yield
        except (OSError, SystemExit):
            # rich exits when a pipe is closed.
            self._unseen = True

    def note(self, number: int) -> bool:
        """Note a signal: whether it is the first; another raises Stopped."""
        if self._number and time.monotonic() - self._began > ONE_SIGNAL:
            raise Stopped(number)
        if self._number:
            return False
        self._number, self._began = number, time.monotonic()
        return True


@contextmanager
def interruptible(console: Console) -> Iterator[Interruption]:
    """In this context the first signal is only noted; the second ends the command at once."""
    interruption = Interruption()

    def note(number: int, _: FrameType | None) -> None:
        if interruption.note(number):
            again = "Ctrl-C again" if number == signal.SIGINT else "another signal"
            with interruption.showing():
                console.print(f"Stopping after this step to save; {again} stops at once.")

    with handled(note):
        yield interruption
