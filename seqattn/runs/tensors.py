"""Files of tensors with a record: safetensors with a checksum, which shows what was damaged or exchanged."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file
from safetensors.torch import save as to_safetensors
from torch import Tensor

from seqattn.errors import InputError
from seqattn.files import named_in_utf8
from seqattn.writing import write_aside

CHECKSUM, RUN = "checksum", "run"
"""What is recorded of the tensors, and the identity of their run."""


class Saved(NamedTuple):
    """A file of tensors that was opened; they are mapped into memory and read when they are used."""

    path: Path
    tensors: dict[str, Tensor]
    record: dict[str, Any]
    checksum: str
    """Of the tensors when they were written; empty: not recorded."""
    run: str
    """The identity of the run that wrote them; empty: not recorded."""

    def verify(self, run: str) -> None:
        """InputError when these are not the tensors that were written, or those of another run.

        This reads all of them once: about a second for each gigabyte. A file or run that recorded nothing
        passes.
        """
        if run != self.run:
            raise InputError(
                "belongs to another run than the config beside it",
                path=self.path,
                remedy="put back the file that training wrote",
            )
        if self.checksum and checksum(self.tensors) != self.checksum:
            raise InputError(
                "is damaged: its checksum differs from the recorded one",
                path=self.path,
                remedy="copy the file again from where it came",
            )


def checksum(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of names, types, shapes and values, by name: files have tensors in arbitrary order."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        tensor = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def write_tensors(
    path: Path, tensors: Mapping[str, Tensor], key: str, record: Mapping[str, Any], run: str
) -> None:
    """Write tensors with a record under a key, which also has their checksum and the identity of the run."""
    held = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    sealed = {**record, CHECKSUM: checksum(held), **({RUN: run} if run else {})}
    # A single metadata key, because safetensors writes several in arbitrary order.
    write_aside(path, to_safetensors(held, {key: json.dumps(sealed)}))


def open_tensors(path: Path, key: str) -> Saved:
    """Open a file of tensors with a record under a key; InputError when it is damaged or no such file."""
    try:
        with named_in_utf8(path) as name:
            with safe_open(name, framework="pt") as file:
                metadata = file.metadata() or {}
            tensors = load_file(name)
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, AttributeError, RuntimeError) as error:
        raise InputError(f"is damaged: {error!s:.200}", path=path) from error
    try:
        record = json.loads(metadata[key]) if key in metadata else {}
    except (ValueError, RecursionError) as error:
        raise InputError(f"is damaged: its record {key!r} is not JSON", path=path) from error
    if not isinstance(record, dict):
        raise InputError(f"is damaged: its record {key!r} is no JSON object", path=path)
    known, run = (record.pop(name, "") for name in (CHECKSUM, RUN))
    if not isinstance(known, str) or not isinstance(run, str):
        raise InputError(f"is damaged: its record {key!r} has no valid checksum", path=path)
    return Saved(path, tensors, record, known, run)
