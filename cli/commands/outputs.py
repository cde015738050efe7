"""What commands write to files: never over what they read."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from seqattn.errors import InputError

if TYPE_CHECKING:
    from seqattn.data.corpus import Pair

STANDARD = "-"
"""Names standard input or output."""
NO_FILE = (OSError, ValueError, AttributeError)
"""The errors of asking for the file of a standard stream that has none."""


def check_outputs(
    wanted: Mapping[str, str | Path | None], inputs: Iterable[str | Path | None], kept: Sequence[Path] = ()
) -> None:
    """Refuse what cannot be written or would overwrite something else, before anything is done.

    `wanted` are the values of options by their names; `inputs` are files, corpora, images of archives
    (FILE[N]) or standard input; `kept` are files and folders of runs and comparisons, which may be missing.
    """
    from seqattn.files import resolved

    given = {name: str(path) for name, path in wanted.items() if path is not None}
    places = {path: resolved(Path(path)) for path in given.values() if path != STANDARD}
    if len(set(places.values())) + (STANDARD in given.values()) < len(given):
        raise click.UsageError(f"--{', --'.join(given)} must be different files.")
    read = _files_of(map(str, filter(None, inputs))) if any(map(Path.exists, places.values())) else []
    for path, place in places.items():
        if _is_among(place, read):
            raise click.UsageError(f"{path} is also an input, which would be overwritten.")
        for one in kept:
            if place.is_relative_to(resolved(one)) or _is_among(place, _in_folder(one)):
                raise click.UsageError(f"{path} is part of {one}, write it elsewhere.")
        if place.is_dir() or any(resolved(one).is_relative_to(place) for one in kept):
            raise InputError("is a directory, a file is needed", path=path)
        above = Path(path).absolute().parent
        if not above.is_dir() and above not in [one.absolute().parent for one in kept]:
            raise InputError("cannot be written: there is no such folder", path=path)


def refuse_echo(output: Path | None, inputs: Iterable[str]) -> None:
    """A usage error when standard output, if it is used, is appended to a file that is read.

    That might never end.
    """
    if output is not None and str(output) != STANDARD:
        return
    with contextlib.suppress(*NO_FILE):
        written = os.fstat(sys.stdout.fileno())
        if any(os.path.samestat(written, one) for one in _files_of(inputs)):
            raise click.UsageError("standard output is also the input: write to another file.")


def images_of(pairs: Iterable[Pair]) -> Iterator[str]:
    """The images that the pairs of a corpus name; none if their sources are texts."""
    from seqattn.data.corpus import Named

    return (pair.source for pair in pairs if isinstance(pair.source, Named))


def _files_of(arguments: Iterable[str]) -> list[os.stat_result]:
    """The files that arguments name: those that exist."""
    found = []
    for argument in arguments:
        if argument == STANDARD:
            with contextlib.suppress(*NO_FILE):
                found.append(os.fstat(sys.stdin.fileno()))
            continue
        for part in (argument, *argument.split(",")):
            for name in dict.fromkeys((part, part.rpartition("[")[0] or part)):
                with contextlib.suppress(OSError, ValueError):
                    found.append(Path(name).stat())
    # Devices and pipes lose nothing.
    return [one for one in found if stat.S_ISREG(one.st_mode)]


def _is_among(path: Path, files: Iterable[os.stat_result]) -> bool:
    """Whether a file is one of these, under whatever name."""
    try:
        own = path.stat()
    except OSError:
        return False
    return any(os.path.samestat(own, one) for one in files)


def _in_folder(folder: Path) -> Iterator[os.stat_result]:
    """The files of a run, or of the runs in a folder, and those that links there lead to."""
    # Only folders of runs are searched: any other that was given is an error yet to come.
    runs = (
        [folder]
        if (folder / "config.json").exists()
        else [one.parent for one in folder.glob("*/config.json")]
    )
    for path in (path for run in runs for path in run.rglob("*")):
        with contextlib.suppress(OSError):
            yield path.stat()


def write_json(value: Any, path: str) -> None:
    """Write a JSON value to a file, or to standard output for `-`."""
    from seqattn.as_json import as_json

    write_text(as_json(value, indent=2) + "\n", path)


def write_text(text: str, path: str) -> None:
    """Write a text to a file, or to standard output for `-`."""
    from seqattn.writing import write_aside

    if path == STANDARD:
        click.echo(text, nl=False)
    else:
        write_aside(Path(path), text.encode())
