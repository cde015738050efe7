"""Reading files, line by line or whole, what their paths lead to, and files that set up a system."""

from __future__ import annotations

import errno
import gzip
import json
import lzma
import mmap
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir
from typing import Any, BinaryIO, cast

from seqattn.errors import InputError, counted

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
        line = raw.removesuffix(b"\n").removesuffix(b"\r").decode()
        return line.removeprefix("\ufeff") if number == 1 else line
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
    if not resolved(path).is_relative_to(resolved(folder)):
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


def set_in_system(path: Path, value: str) -> None:
    """Write to a file that sets up the system, as in /proc, if there is one that may be written."""
    with suppress(OSError):
        path.write_text(value, encoding="ascii")


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


@contextmanager
def temporary_file() -> Iterator[BinaryIO]:
    """A nameless file to write and to map; InputError when there is no room for it where such files are."""
    try:
        with TemporaryFile() as file:
            yield cast(BinaryIO, file)
    except OSError as error:
        # Other errors are of what is read meanwhile.
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise
        raise InputError(
            f"cannot hold a temporary file: {error.strerror}",
            path=gettempdir(),
            remedy="make room, or set TMPDIR to another folder",
        ) from error


def map_member(path: Path, name: str) -> memoryview:
    """A member of a zip file, unpacked into a temporary file that is mapped into memory.

    InputError when the file cannot be read, KeyError when it has no such member.
    """
    try:
        refuse_device(path)
        with zipfile.ZipFile(path) as archive, archive.open(name) as member, temporary_file() as file:
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


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A short name for each path: its last part, with as many parents as are needed to distinguish them."""
    for depth in range(1, max((len(path.parts) for path in paths), default=0) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]
