"""A folder that one process writes at a time, which others can name."""

from __future__ import annotations

import contextlib
import os
import socket
import time
import weakref
from pathlib import Path

from seqattn.errors import InputError

LOCK = ".lock"
"""The file of a folder that its holder has open, with its process id and host."""
PATIENCE = 0.5
"""Seconds in which a holder that was killed may still be ending."""


def take(handle: int) -> bool | None:
    """Whether this process alone has the lock of an open file now; None where files have no locks.

    The system releases it when the file is closed or the process ends, however that is. Windows has no such
    locks, nor have some network file systems.
    """
    try:
        import fcntl
    except ImportError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


class Lock:
    """Keeps other processes from writing a folder, until `release` or the end of this process.

    A file that a killed process left is no obstacle. Where files have no locks (`take`), none is kept away.
    """

    def __init__(self, folder: Path, remedy: str) -> None:
        """InputError, which names the holder's process and host, when there is one."""
        self._path = folder / LOCK
        patient_until = time.monotonic() + PATIENCE
        while True:
            handle = self._opened()
            taken = take(handle)
            # Its last holder may have removed it in between.
            if taken and not self._is_open_as(handle):
                os.close(handle)
                continue
            if taken is not False:
                break
            holder = _holder(handle)
            os.close(handle)
            if time.monotonic() > patient_until:
                raise InputError(f"is in use by {holder}", path=folder, remedy=remedy)
            time.sleep(0.05)
        with contextlib.suppress(OSError):
            os.ftruncate(handle, 0)
            os.write(handle, f"{os.getpid()} {socket.gethostname()}\n".encode())
        self.release = weakref.finalize(self, _remove, self._path, handle)
        """Let others write the folder."""

    def _opened(self) -> int:
        # A link, in a folder that came from elsewhere, would lead to a file that is not the lock.
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
        try:
            return os.open(self._path, flags, 0o666)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", path=self._path) from error

    def _is_open_as(self, handle: int) -> bool:
        try:
            return os.path.samestat(self._path.stat(), os.fstat(handle))
        except OSError:
            return False


def _remove(path: Path, handle: int) -> None:
    if os.name != "posix":
        # Windows removes no open file.
        os.close(handle)
    with contextlib.suppress(OSError):
        path.unlink()
    if os.name == "posix":
        os.close(handle)


def _holder(handle: int) -> str:
    """The process that a lock names, in words."""
    process, _, host = os.pread(handle, 1000, 0).decode("utf-8", "replace").strip().partition(" ")
    if not process.isdecimal():
        return "another process"
    return f"process {process:.20} on {host:.200}"
