"""Reading files line by line, and writing them atomically."""

from __future__ import annotations

import gzip
import json
import lzma
import mmap
import os
import re
import secrets
import shutil
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any, BinaryIO, cast

from seqattn.errors import InputError, counted
from seqattn.locks import take

LONGEST = 2**24
"""The most bytes of a line."""


def read_lines(path: Path) -> Iterator[str]:
    """The lines of a UTF-8 text file, gunzipped when its name ends in .gz, without line endings or a BOM.

    Only LF and CRLF end a line: other Unicode separators are text. Raises InputError when the
    file cannot be read, and names the line where decoding fails.
    """
    return decode_lines(raw_lines(path), path)


def raw_lines(path: Path) -> Iterator[bytes]:
    """The lines of a file as bytes, gunzipped when its name ends in .gz; InputError if it cannot be read."""
    with _opened(path) as file:
        yield from lines_within(file, path)


def first_bytes(path: Path, most: int) -> bytes:
    """At most so many bytes from the beginning of a file, errors and gunzipped as by `raw_lines`."""
    with _opened(path) as file:
        return file.read(most)


def lines_within(file: BinaryIO, name: Path | str) -> Iterator[bytes]:
    """The lines of an open binary file; InputError for one of more than `LONGEST` bytes.

    A device may have no line endings, and a small gzip file a line that takes all memory.
    """
    number = 1
    while line := file.readline(LONGEST + 1):
        if len(line) > LONGEST:
            raise InputError(f"has more than {LONGEST:,} bytes", path=name, line=number)
        yield line
        number += 1


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """A file to read, gunzipped when its name ends in .gz, errors of reading as InputError."""
    if path.is_dir():
        raise InputError("is a directory, a file is needed", path=path)
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InputError(f"the gzip data is damaged: {error}", path=path) from error
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot be read: {why or error}", path=path) from error


def decode_lines(
    lines: Iterable[bytes], name: Path | str, first: int = 1, replaced: Callable[[int], None] | None = None
) -> Iterator[str]:
    """As `read_lines`, for lines as bytes, numbered from `first`.

    With `replaced` bytes that are not UTF-8 are no error: they become U+FFFD, and it is called with the
    number of each line that has any.
    """
    for number, raw in enumerate(lines, start=first):
        try:
            yield decode_line(raw, name, number)
        except InputError:
            if replaced is None:
                raise
            replaced(number)
            yield decode_line(raw.decode("utf-8", "replace").encode(), name, number)


def decode_line(raw: bytes, name: Path | str, number: int) -> str:
    """One line of UTF-8 text, without its ending or a BOM in line 1; InputError names file and line."""
    try:
        line = raw.removesuffix(b"\n").removesuffix(b"\r")
        return line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError as error:
        raise InputError(
            f"byte {error.start + 1} of the line, 0x{error.object[error.start]:02x}, is not UTF-8",
            path=name,
            line=number,
            remedy="convert the text, for example with iconv -t UTF-8 -f and its encoding",
        ) from error


def read_lines_for(path: Path, count: int, noun: str) -> list[str]:
    """The lines of a text file that must have one for each of so many things; InputError if it has not."""
    lines = list(read_lines(path))
    if len(lines) != count:
        raise InputError(
            f"has {counted(len(lines), 'line')} for {counted(count, noun)}",
            path=path,
            remedy="give a line for each",
        )
    return lines


def parse_json(line: str, path: Path, number: int, remedy: str) -> Any:
    """The JSON value on a line of a file; InputError that names the line when it is none."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "too deep or too large"
        raise InputError(f"not JSON: {why}", path=path, line=number, remedy=remedy) from error


def refuse_device(path: Path) -> None:
    """InputError for a device or a pipe, which may have no end, and cannot be read twice."""
    if path.exists() and not path.is_file() and not path.is_dir():
        raise InputError("is a device or a pipe, a file is needed", path=path)


def within(folder: Path, name: Path | str) -> Path:
    """The path of a file in a folder, to read or to write; InputError when it leads out of it, or is no file.

    A folder from elsewhere may hold anything in place of a file: a link to a file of the user, which would be
    overwritten, a pipe or an endless device.
    """
    path = folder / name
    try:
        inside = path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise InputError("is a link that leads nowhere", path=path) from error
    if not inside:
        raise InputError(
            f"is a symbolic link out of the folder {folder}",
            path=path,
            remedy="put a copy in its place",
        )
    refuse_device(path)
    return path


def read_binary(path: Path, most: int | None = None) -> bytes:
    """The contents of a file; InputError when it cannot be read, or has more than `most` bytes."""
    try:
        refuse_device(path)
        with path.open("rb") as file:
            if most is not None and os.fstat(file.fileno()).st_size > most:
                raise InputError(f"has more than {most:,} bytes", path=path)
            return file.read()
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot be read: {why or error}", path=path) from error


def resolved(path: Path) -> Path:
    """The path without symbolic links; InputError for a link that leads to itself."""
    try:
        return path.resolve()
    except (OSError, RuntimeError) as error:
        raise InputError("is a link that leads to itself", path=path) from error


@contextmanager
def named_in_utf8(path: Path) -> Iterator[Path]:
    """The path, or a link to it where its name is not UTF-8, as libraries in Rust need it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with TemporaryDirectory() as folder:
            link = Path(folder) / "link"
            link.symlink_to(path.absolute())
            yield link
    else:
        yield path


def modified(path: Path) -> tuple[int, int]:
    """When a file was last written, in nanoseconds, and its size in bytes; InputError when there is none."""
    try:
        state = path.stat()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", path=path) from error
    return state.st_mtime_ns, state.st_size


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


def map_member(path: Path, name: str) -> memoryview:
    """A member of a zip file, unpacked into a temporary file that is mapped into memory.

    InputError when the file cannot be read, KeyError when it has no such member.
    """
    try:
        refuse_device(path)
        with zipfile.ZipFile(path) as archive, archive.open(name) as member, TemporaryFile() as file:
            shutil.copyfileobj(member, file)
            file.flush()
            if not file.tell():
                return memoryview(b"")
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError) as error:
        raise InputError(f"is a damaged zip file: {error}", path=path) from error
    except (OSError, ValueError, RuntimeError) as error:
        # An encrypted member is a RuntimeError, a name that no file can have a ValueError.
        why = error.strerror if isinstance(error, OSError) else None
        raise InputError(f"cannot be read: {why or error}", path=path) from error
