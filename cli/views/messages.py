"""Messages on standard error, some of them with names from a user's files."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from rich.console import Console
from rich.text import Text

from seqattn.errors import counted
from seqattn.pictures.legible import caption


def say(console: Console, line: str) -> None:
    """Print a line as it is, with control characters made visible; `[…]` and `:…:` are no markup."""
    console.print(Text(caption(line)), soft_wrap=True)


ROUGH = 200
"""Of fewer sentences it is said what their scores are worth."""


def rough(count: int, noun: str) -> str:
    """What scores on so few sentences are worth; empty for enough of them."""
    if count >= ROUGH:
        return ""
    return (
        f"Scores on {counted(count, noun)} are rough: an exact match of 50 % has a 95 % interval of "
        f"±{98 / math.sqrt(count):.0f} points there."
    )


NAMED = 10
"""The most characters that are named."""


@dataclass
class Faults:
    """The lines of an input that are not UTF-8."""

    lines: int = 0
    first: int = 0
    """The number of the first, from 1."""

    def add(self, number: int) -> None:
        """Count a line."""
        self.first = self.first or number
        self.lines += 1

    @property
    def message(self) -> str:
        """How many there are, in words; empty without any."""
        if not self.lines:
            return ""
        are = "line is" if self.lines == 1 else "lines are"
        return (
            f"Warning: {self.lines:,} {are} not UTF-8; what is wrong was read as \ufffd. The first is line "
            f"{self.first:,}."
        )


@dataclass
class Unknown:
    """The characters of some lines that a model cannot read."""

    lines: int = 0
    """Those that have any."""
    read: int = 0
    """Lines up to the last of them, those before a part of a file counted."""
    first: int = 0
    """The number of the first that has any, from 1."""
    characters: dict[str, None] = field(default_factory=dict)
    """Distinct, in the order of their occurrence."""

    def add(self, characters: str) -> None:
        """Count a line, with the characters of it that cannot be read."""
        self.read += 1
        if characters:
            self.first = self.first or self.read
            self.lines += 1
            self.characters |= dict.fromkeys(characters)

    @property
    def message(self) -> str:
        """How many lines have which characters, in words; empty without any."""
        if not self.characters:
            return ""
        named = ", ".join(map(caption, list(self.characters)[:NAMED]))
        more = len(self.characters) - NAMED
        return (
            f"{counted(self.lines, 'line')} with characters that this model never learned, copied without "
            f"translation: {named}{f' and {more} more' if more > 0 else ''}; the first is line {self.first}."
        )
