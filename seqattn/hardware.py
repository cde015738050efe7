"""Adapting to the machine: device, threads, precision, and the memory allocator."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from threading import Barrier
from typing import Any, TypeVar

import torch

from seqattn.errors import InputError
from seqattn.files import read_lines, set_in_system

Item = TypeVar("Item")
Done = TypeVar("Done")
COMPILED, MOST_COMPILED = "ONEDNN_PRIMITIVE_CACHE_CAPACITY", 64
M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_MAX = -1, -2, -4


def choose_device(name: str) -> torch.device:
    """The device of that name; auto: CUDA, else MPS, else the CPU. InputError when it is not available.

    `cuda:1` is the second GPU.
    """
    here = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        name = next(device for device, present in here.items() if present)
    kind, colon, number = name.partition(":")
    if kind not in here or (colon and (kind != "cuda" or not number.isdecimal())):
        raise InputError(f"there is no device {name!r}", remedy="use auto, cpu, mps, cuda or cuda:N")
    if not here[kind] or (colon and int(number) >= torch.cuda.device_count()):
        raise InputError(f"the device {name} is not available on this machine", remedy="use --device auto")
    return torch.device(name)


def multiplies_bf16(device: torch.device) -> bool:
    """Whether matrix products on the device are faster in bfloat16 than in float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device.type == "cpu":
        # torch.cpu has no public query for this yet.
        asked = (getattr(torch.cpu, f"_is_{name}_supported", None) for name in ("avx512_bf16", "amx_tile"))
        return any(answer() for answer in asked if answer is not None)
    return False


def product_dtype(device: torch.device, precision: str) -> torch.dtype:
    """The dtype of matrix products with a precision: fp32, bf16, or auto for the faster one."""
    bf16 = precision == "bf16" or (precision == "auto" and multiplies_bf16(device))
    return torch.bfloat16 if bf16 else torch.float32


def autocast(device: torch.device, precision: str) -> AbstractContextManager[Any]:
    """The context in which a model computes with a precision."""
    bf16 = product_dtype(device, precision) == torch.bfloat16
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16)


def side_by_side(work: Callable[[Item], Done], items: Iterable[Item]) -> Iterator[Done]:
    """The results of `work` on every item, in order: as many at once as torch has threads, each on one.

    Threads that share one small product wait for each other at its end; batches computed in parallel do not
    (docs/decisions.md). Other threads of the process keep their own number of torch threads.
    """
    waiting = list(items)
    threads = torch.get_num_threads()
    workers = min(threads, len(waiting))
    if workers < 2:
        yield from map(work, waiting)
        return
    begun = Barrier(workers + 1)

    def begin() -> None:
        # Read first: a thread takes over the process's number at the first read.
        torch.get_num_threads()
        torch.set_num_threads(1)
        begun.wait()

    pool = ThreadPoolExecutor(workers, initializer=begin)
    try:
        try:
            results = pool.map(work, waiting)
            begun.wait()
        except BaseException:
            # Only now: a worker that still leaves the barrier would take an abort for its own failure.
            begun.abort()
            raise
        # torch keeps a number for each thread, but new threads start with the one that any thread set last.
        torch.set_num_threads(threads)
        yield from results
    finally:
        pool.shutdown(cancel_futures=True)


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute on one thread in this context, for small products on a machine that others use too.

    Threads that share a product wait for each other, the longer the busier the machine (docs/decisions.md).
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def tune_memory() -> None:
    """Keep freed memory for the next step, and few compiled products; to be called before the first product.

    Training frees and allocates the same hundreds of megabytes at each update; mapping them again costs as
    much as the arithmetic, so glibc is told not to return them to the system (docs/decisions.md).

    oneDNN, which multiplies matrices on a CPU, makes a program for each shape and keeps a thousand, which
    grow to gigabytes while batches have ever new shapes.
    """
    os.environ.setdefault(COMPILED, str(MOST_COMPILED))
    mallopt = _glibc("mallopt")
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
        mallopt(M_TOP_PAD, 64 * 2**20)


def give_back_freed_memory() -> None:
    """Tell glibc to return free memory to the system once, between two parts of a program."""
    trim = _glibc("malloc_trim")
    if trim is not None:
        trim(0)


def empty_caches() -> None:
    """Give back the memory of GPUs that no tensor uses any more."""
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def peak_memory(device: torch.device) -> int | None:
    """The most memory so far of this process, or on a GPU of its tensors, bytes; None if it is unknown.

    So far: since `reset_peak_memory`, if that was called on a GPU or on Linux.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if device.type != "cpu" or sys.platform == "win32":
        return None
    if sys.platform.startswith("linux"):
        # getrusage would count the parent too: Linux takes over its peak when a program is started.
        status = read_lines(Path("/proc/self/status"))
        return next((1024 * int(line.split()[1]) for line in status if line.startswith("VmHWM:")), None)
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def reset_peak_memory(device: torch.device) -> None:
    """Give back what is no longer used, and measure `peak_memory` anew, on a GPU and on Linux."""
    gc.collect()
    give_back_freed_memory()
    if device.type == "cuda":
        # Before, there are no figures to reset.
        torch.cuda.init()
        torch.cuda.reset_peak_memory_stats(device)
    elif sys.platform.startswith("linux"):
        set_in_system(Path("/proc/self/clear_refs"), "5")


def physical_memory() -> int | None:
    """The memory of this machine, bytes; None if it is unknown."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _glibc(function: str) -> Callable[..., int] | None:
    """A function of glibc; None on a system without it."""
    if not sys.platform.startswith("linux"):
        return None
    found: Callable[..., int] | None = getattr(ctypes.CDLL(None), function, None)
    return found
