"""Which arguments of a command line are runs, where others may follow them."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from seqattn.errors import InputError

NO_RUN = "is not a run"


def is_run(argument: str) -> bool:
    """Whether an argument is a folder that training wrote, rather than a sentence."""
    try:
        return bool(argument) and (Path(argument) / "config.json").is_file()
    except OSError:
        # A sentence may be too long for a file name.
        return False


def leading_runs(arguments: Sequence[str]) -> tuple[list[Path], Sequence[str]]:
    """The runs that the arguments begin with, and the rest."""
    runs = list(map(Path, takewhile(is_run, arguments)))
    return runs, arguments[len(runs) :]


def input_after(run: Path, rest: Sequence[str]) -> Path | None:
    """The input file, if any, in what follows the runs; InputError when a run was probably meant.

    That is an argument before the last, a folder, or the nearly right name of a neighbouring run.
    """
    if not rest:
        return None
    path = Path(rest[0])
    try:
        # A text may be a pipe.
        readable = rest[0] == "-" or (path.exists() and not path.is_dir())
        near = None if readable else _nearest_run(path, run)
        if near is not None or len(rest) > 1 or path.is_dir():
            remedy = (
                f"did you mean {near}?" if near else "runs are folders that training wrote; INPUT is last"
            )
            raise InputError(NO_RUN, path=path, remedy=remedy)
    except (OSError, ValueError):
        # Not the name of a file: reading it is an error that says so.
        pass
    return path


def refuse_misspelt_run(argument: str, run: Path) -> None:
    """InputError for an argument in the place of a sentence that was probably meant to be a run.

    That is a folder, a path in a folder, or nearly the name of a neighbouring run; a sentence has spaces.
    """
    if not argument:
        return
    path, spaced = Path(argument), any(map(str.isspace, argument))
    try:
        beside = len(path.parts) > 1 and path.parent.is_dir()
        named = not spaced and (path.is_dir() or beside)
        # A sentence with spaces is a run only if it leads to where runs are.
        near = _nearest_run(path, run) if beside or not spaced else None
    except (OSError, ValueError):
        return
    if named or near:
        guess = f"did you mean {near}? " if near else "give the folder that training wrote; "
        raise InputError(NO_RUN, path=argument, remedy=f"{guess}a sentence may begin with a space")


def _nearest_run(path: Path, run: Path) -> Path | None:
    """The run with nearly this name, beside it or beside another run; OSError or ValueError for no path."""
    folders = {folder for folder in (run.parent, path.parent) if folder.is_dir()}
    runs = {_end(one): one for folder in folders for one in folder.iterdir() if is_run(str(one))}
    near = difflib.get_close_matches(_end(path), runs, n=1, cutoff=0.7)
    return runs[near[0]] if near else None


def _end(path: Path) -> str:
    """The last two parts of a path, which are compared to find typos."""
    return "/".join(path.parts[-2:])
