"""Sharing the machine with other programs: chosen before torch, and with it OpenMP, is loaded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, MutableMapping
from pathlib import Path

from seqattn.errors import InputError
from seqattn.files import read_lines

OWN_SETTINGS = ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT", "KMP_BLOCKTIME")
"""Variables by which a user decides how threads wait."""
QUIET = {"GOMP_SPINCOUNT": "10000"}
"""How long threads spin: as fast as the default, and several times as fast if other programs start later."""
CROWDED = {"GOMP_SPINCOUNT": "2000", "OMP_WAIT_POLICY": "PASSIVE"}
"""The same on a busy machine. libgomp reads the first, other OpenMP libraries the second."""
MEASURED = 0.2
"""Seconds in which the load is measured."""
PROC_STAT = Path("/proc/stat")


def limit_spinning(
    threads: int | None,
    environment: MutableMapping[str, str] = os.environ,
    load: Callable[[], float | None] | None = None,
) -> float | None:
    """Limit how long the threads of a product spin while they wait for each other, more so on a busy machine.

    OpenMP lets them spin for milliseconds, which is fast while each has a core of its own, but makes
    all wait for the one whose core is taken (docs/decisions.md). A user's own setting is left as it is.
    `threads` is how many will be used, None for what OpenMP uses by itself.

    Returns the number of busy cores if other programs need the cores that the threads will use.
    """
    cores = os.cpu_count() or 1
    wanted = min(threads or _asked(environment.get("OMP_NUM_THREADS", "")) or cores, cores)
    # One thread waits for none.
    if wanted < 2 or any(name in environment for name in OWN_SETTINGS):
        return None
    busy = (load or busy_cores)()
    crowded = busy is not None and busy + wanted > cores + 0.5
    environment.update(CROWDED if crowded else QUIET)
    return busy if crowded else None


def _asked(text: str) -> int:
    """The number of threads that OMP_NUM_THREADS asks for, 0 if none."""
    return int(text) if text.isascii() and text.isdecimal() else 0


def busy_cores() -> float | None:
    """How many cores are busy, measured for a moment; None where the system does not tell (no /proc)."""
    before = _ticks()
    if before is None:
        return None
    time.sleep(MEASURED)
    after = _ticks()
    assert after is not None
    total, idle = (now - then for now, then in zip(after, before, strict=True))
    return (os.cpu_count() or 1) * (1 - idle / total) if total > 0 else None


def _ticks() -> tuple[int, int] | None:
    """The time that all cores have spent so far, and of it idle or waiting for a disk."""
    try:
        first = next(iter(read_lines(PROC_STAT)))
    except InputError:
        return None
    # user nice system idle iowait irq softirq steal; guests are part of the first two (man 5 proc_stat).
    times = [int(value) for value in first.split()[1:9]]
    return sum(times), times[3] + times[4]
