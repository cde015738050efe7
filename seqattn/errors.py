"""The error raised for unusable input, and checks that raise it."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class InputError(Exception):
    """The user's input cannot be used.

    The message is one sentence that describes the problem; `path` and `line` (1-based) say where it is, and
    `remedy` how to fix it. The command line prints it and exits with status 1.
    """

    def __init__(
        self, message: str, *, path: Path | str | None = None, line: int | None = None, remedy: str = ""
    ) -> None:
        self.path = None if path is None else str(path)
        self.line = line
        self.remedy = remedy
        where = "" if path is None else f"{path}: " if line is None else f"{path}, line {line}: "
        super().__init__(f"{where}{message}{f' ({remedy})' if remedy else ''}")


def counted(count: float, noun: str) -> str:
    """A number of things: `1 pair`, `2,000 pairs`, `1.7 minutes`."""
    number = f"{count:g}" if isinstance(count, float) else f"{count:,}"
    return f"{number} {noun}{'' if count == 1 else 's'}"


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Add this path (a run, a corpus) to any InputError raised within that names no file."""
    try:
        yield
    except InputError as error:
        if error.path is not None:
            raise
        raise InputError(str(error), path=path) from error


NO_MEMORY = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "MPS backend out of memory",
)
"""How torch says so where it has no error type: on a CPU (POSIX, Windows) and with MPS."""


def out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, in Python, on a GPU or on a CPU."""
    torch = sys.modules.get("torch")
    types = (MemoryError,) if torch is None else (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, types) or any(sign in str(error) for sign in NO_MEMORY)


def no_memory(path: Path | str | None = None) -> InputError:
    """The error that says so to a user; `path` is the run that needs it, where there are several."""
    return InputError(
        "there is not enough memory", path=path, remedy="a smaller model or smaller batch_tokens may help"
    )


def check_ranges(options: Any, **ranges: tuple[float, float | None]) -> None:
    """ValueError that names every option outside its range, lowest to highest (None: no upper limit)."""
    problems = [
        f"{name} must be {low:g} or more, not {value}"
        if high is None
        else f"{name} must be between {low:g} and {high:g}, not {value}"
        for name, (low, high) in ranges.items()
        if not low <= (value := getattr(options, name)) <= (math.inf if high is None else high)
    ]
    if problems:
        raise ValueError("; ".join(problems))
