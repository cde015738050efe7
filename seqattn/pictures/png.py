"""Pixels as a PNG file."""

from __future__ import annotations

import base64
import struct
import zlib

from seqattn.data.pixels import Pixels


def png(pixels: Pixels) -> bytes:
    """A PNG file of pixels (C, H, W), C 1 for grey or 3 for colours."""
    channels, height, width = pixels.shape
    rows = pixels.transpose(1, 2, 0).tobytes()
    size = width * channels
    # Each row begins with its filter: none.
    filtered = b"".join(b"\0" + rows[start : start + size] for start in range(0, len(rows), size))
    header = struct.pack(">IIBBBBB", width, height, 8, 0 if channels == 1 else 2, 0, 0, 0)
    chunks = _chunk(b"IHDR", header) + _chunk(b"IDAT", zlib.compress(filtered, 9)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def data_uri(pixels: Pixels) -> str:
    """The same as a URI that a page can show."""
    return f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
