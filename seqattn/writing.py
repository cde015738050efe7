"""Writing files, whole or not at all."""

from __future__ import annotations

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from seqattn.errors import InputError
from seqattn.files import resolved
from seqattn.locks import take


def check_creatable(path: Path, remedy: str) -> None:
    """InputError when something of that name exists, or no folder can be created there."""
    if path.exists() or path.is_symlink():
        raise InputError("already exists, nothing was written", path=path, remedy=remedy)
    above = next(folder for folder in path.absolute().parents if folder.exists())
    if not above.is_dir() or not os.access(above, os.W_OK):
        raise InputError(f"cannot be created: {above} is not a writable folder", path=path)


def keep_access(path: Path, of: Path) -> None:
    """Let the same users read and write a file as another, as far as this user may decide that."""
    state = of.stat()
    if hasattr(os, "chown"):
        # Only the superuser may give files away.
        with suppress(OSError):
            os.chown(path, state.st_uid, state.st_gid)
    path.chmod(stat.S_IMODE(state.st_mode))


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """A file to write that replaces `path` once it is complete and on disk, and never after an error.

    Who may read and write a file that is there stays as it is. The target of a symbolic link is replaced,
    not the link; a device or pipe is written to directly.
    InputError when the file cannot be written.
    """
    try:
        if path.is_dir():
            raise InputError("is a directory", path=path)
        if path.exists() and not path.is_file():
            with path.open("wb") as through:
                yield through
            return
        to = resolved(path)
        _remove_abandoned(to)
        aside, file = _create_beside(to)
        try:
            if to.exists():
                keep_access(aside, to)
            yield file
            file.flush()
            os.fsync(file.fileno())
            if os.name != "posix":
                # Windows renames no open file.
                file.close()
            aside.replace(to)
            sync_folder(to.parent)
        finally:
            # What a full disk did not take is still in the buffer.
            with suppress(OSError):
                file.close()
            with suppress(OSError):
                aside.unlink()
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=path) from error


def _create_beside(to: Path) -> tuple[Path, BinaryIO]:
    """A new file in the same folder, which this process has locked until it is closed."""
    while True:
        aside = to.with_name(f"{to.name}.{secrets.token_hex(8)}.part")
        file = aside.open("xb")
        # Another process may have taken it for abandoned before it was locked.
        if take(file.fileno()) is not False and aside.exists():
            return aside, file
        file.close()


def _remove_abandoned(to: Path) -> None:
    """Remove what killed processes left beside a file that they were replacing."""
    pattern = re.compile(rf"{re.escape(to.name)}\.[0-9a-f]{{16}}\.part")
    with suppress(OSError):
        for aside in to.parent.iterdir():
            if pattern.fullmatch(aside.name):
                with suppress(OSError), aside.open("rb") as file:
                    if take(file.fileno()):
                        aside.unlink()


def is_part_of(aside: Path, name: str) -> bool:
    """Whether a file was left by a process that was killed while it wrote the file of this name."""
    return aside.name.startswith(f"{name}.") and aside.suffix == ".part"


def sync_folder(folder: Path) -> None:
    """Have the names of a folder on disk, where the system can and the folder may be read."""
    if os.name != "posix":
        return
    with suppress(PermissionError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def make_folder(folder: Path) -> None:
    """Create a folder, and those above it, unless it exists; InputError when it cannot be."""
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            sync_folder(folder.parent)
    except OSError as error:
        raise InputError(f"cannot be created: {error.strerror}", path=folder) from error


def append(path: Path, data: bytes) -> None:
    """Add to the end of a file, all or nothing; InputError when it cannot be written."""
    try:
        with path.open("ab", buffering=0) as file:
            before = os.fstat(file.fileno()).st_size
            rest = memoryview(data)
            try:
                while rest:
                    rest = rest[file.write(rest) :]
            except BaseException:
                with suppress(OSError):
                    file.truncate(before)
                raise
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=path) from error


def sync(path: Path) -> None:
    """Have on disk what was added to a file, if there is one; InputError when it cannot be written."""
    try:
        with path.open("rb+") as file:
            os.fsync(file.fileno())
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path=path) from error


def write_aside(path: Path, data: bytes) -> None:
    """Write a file atomically; InputError when it cannot be written."""
    with replacing(path) as file:
        file.write(data)
