"""How long operations report their progress."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[str, float], None]
"""Called with the name of the current step and the share of it that is done, 0 … 1."""


def silent(what: str, share: float) -> None:
    """A report that does nothing."""
