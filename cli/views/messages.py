"""Messages on standard error that hold names from a user's files."""

from __future__ import annotations

from rich.console import Console

from seqattn.pictures.legible import caption


def say(console: Console, line: str) -> None:
    """Print a line as it is, with control characters made visible."""
    console.print(caption(line), markup=False, soft_wrap=True)
