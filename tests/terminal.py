"""Renderables as text."""

import io

from rich.console import Console
from rich.style import Style


def rendered(renderable, width=220, colour=False):
    # A style caches the codes of the first terminal that it was rendered for, and rich caches styles.
    Style.parse.cache_clear()
    Style._add.cache_clear()
    console = Console(
        width=width,
        file=io.StringIO(),
        force_terminal=colour,
        color_system="truecolor" if colour else None,
        legacy_windows=False,
        _environ={},
    )
    console.print(renderable)
    return console.file.getvalue()
