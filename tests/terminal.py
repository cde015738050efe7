"""What a renderable looks like, as text."""

import io

from rich.console import Console


def rendered(renderable, width=220, colour=False):
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
