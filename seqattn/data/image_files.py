"""Images from files, archives and arrays, decoded and brought to the shape that is read."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np

from seqattn.data.pixels import Image, Pixels, Shape
from seqattn.errors import InputError
from seqattn.files import map_member

MOST_PIXELS = 50_000_000
"""Of an image, as it is and as it is read: a small file may claim to hold a huge one."""
MOST_BYTES = 1_000_000_000
"""Of the file of an image, which is read whole."""
MOST_CELLS = 16_384
"""Of an image as it is read: attention takes memory for each pair of cells."""
FORMATS = ("PNG", "JPEG", "WEBP")
ORIENTATION = 0x0112
"""The tag of EXIF data that says how an image is turned."""
LUMA = (299, 587, 114)
"""Thousandths of red, green and blue in grey (ITU-R BT.601)."""


def decoded(data: bytes) -> Pixels:
    """The pixels of an image file, upright as its EXIF data says: (H, W) grey or (H, W, 3), 0 … 255.

    What is transparent is white. InputError when it is no image of a known format, damaged or too large.
    """
    picture = _pillow()
    with warnings.catch_warnings():
        # Sizes are checked here, and damage that matters is an error.
        warnings.simplefilter("ignore")
        try:
            with picture.open_bytes(data) as opened:
                _check_size(*opened.size)
                opened.load()
                return _pixels(picture.upright(opened))
        except picture.bomb as error:
            raise InputError(f"has more than {MOST_PIXELS:,} pixels") from error
        except picture.unknown as error:
            raise InputError("is not a PNG, JPEG or WebP image") from error
        except (OSError, SyntaxError, ValueError, EOFError) as error:
            raise InputError(f"is damaged: {error}") from error


class _Pillow:
    """What is used of Pillow."""

    def __init__(self) -> None:
        from PIL import Image as pil
        from PIL import UnidentifiedImageError

        self._decode, turn = pil.open, pil.Transpose
        self._turns = {
            2: turn.FLIP_LEFT_RIGHT,
            3: turn.ROTATE_180,
            4: turn.FLIP_TOP_BOTTOM,
            5: turn.TRANSPOSE,
            6: turn.ROTATE_270,
            7: turn.TRANSVERSE,
            8: turn.ROTATE_90,
        }
        self.bomb, self.unknown = pil.DecompressionBombError, UnidentifiedImageError
        self.smooth = pil.Resampling.BILINEAR
        self.from_array = pil.fromarray

    def open_bytes(self, data: bytes) -> Any:
        """An image whose pixels are not decoded yet."""
        return self._decode(BytesIO(data), formats=FORMATS)

    def upright(self, picture: Any) -> Any:
        """A decoded image as its EXIF data says that it is turned; unchanged if that cannot be read."""
        try:
            turn = self._turns.get(picture.getexif().get(ORIENTATION))
        except Exception:
            # A camera may have written anything; the pixels are good nevertheless.
            return picture
        return picture if turn is None else picture.transpose(turn)


def _pillow() -> _Pillow:
    try:
        return _Pillow()
    except ImportError as error:
        raise InputError(
            "images are read by Pillow, which is not installed", remedy='pip install "seqattn[images]"'
        ) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise InputError(f"has {width:,} × {height:,} pixels, more than {MOST_PIXELS:,}")


def _pixels(picture: Any) -> Pixels:
    """The pixels of a decoded image in grey or in colours."""
    if picture.mode in ("I", "F", "I;16", "I;16B", "I;16L"):
        # 16 bits of grey.
        grey = np.array(picture, dtype=np.float32)
        grey /= 257
        rounded: Pixels = grey.round(out=grey).clip(0, 255, out=grey).astype(np.uint8)
        return rounded
    if picture.has_transparency_data:
        return _on_white(np.asarray(picture.convert("RGBA")))
    return np.asarray(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))


def _on_white(pixels: Pixels) -> Pixels:
    """(H, W, 4) with opacity last → (H, W, 3)."""
    opacity = pixels[..., 3].astype(np.uint16)
    blended = np.empty((*opacity.shape, 3), np.uint8)
    for colour in range(3):
        # Divided by 255 and rounded, in whole numbers of 16 bits: an image may be large.
        blended[..., colour] = (pixels[..., colour] * opacity + 255 * (255 - opacity) + 127) // 255
    return blended


def checked(array: Any) -> Pixels:
    """An array of pixels (H, W), (H, W, 1), (H, W, 3) or (H, W, 4); InputError when it is none."""
    array = np.asarray(array)
    if array.dtype != np.uint8:
        raise InputError(f"holds {array.dtype}, but pixels are uint8, from 0 to 255")
    if array.ndim not in (2, 3) or 0 in array.shape or (array.ndim == 3 and array.shape[2] not in (1, 3, 4)):
        raise InputError(f"has the shape {array.shape}, not height × width, or height × width × colours")
    _check_size(array.shape[1], array.shape[0])
    if array.ndim == 3 and array.shape[2] == 4:
        return _on_white(array)
    found: Pixels = array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array
    return found


def shaped(pixels: Pixels, shape: Shape, name: str = "") -> Image:
    """Pixels (H, W) or (H, W, 3) as they are read: scaled in proportion, filled up to whole cells.

    The last column is repeated to the right. InputError when the result would be too large.
    """
    height, width = pixels.shape[:2]
    scaled_width = max(1, round(width * shape.height / height))
    _check_size(scaled_width, shape.height)
    if (cells := shape.rows * -(-scaled_width // shape.cell_width)) > MOST_CELLS:
        raise InputError(
            f"has {cells:,} cells when it is scaled to a height of {shape.height}, more than {MOST_CELLS:,}",
            remedy="cut it into parts",
        )
    if pixels.ndim == 3 and not shape.colour:
        thousandths = np.full(pixels.shape[:2], 500, np.uint32)
        for at, luma in enumerate(LUMA):
            thousandths += pixels[..., at] * np.uint32(luma)
        pixels = (thousandths // 1000).astype(np.uint8)
    if height != shape.height:
        pillow = _pillow()
        resized = pillow.from_array(pixels).resize((scaled_width, shape.height), pillow.smooth)
        pixels = np.asarray(resized)
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], shape.channels, axis=2)
    missing = -scaled_width % shape.cell_width
    filled = np.pad(pixels, ((0, 0), (0, missing), (0, 0)), mode="edge")
    return Image(np.ascontiguousarray(filled.transpose(2, 0, 1)), name, (width, height))


def hash_of(array: Pixels) -> bytes:
    """SHA-256 of the shape and the pixels of an array."""
    return sha256(repr(array.shape).encode() + np.ascontiguousarray(array).tobytes()).digest()


class Archive:
    """An .npz file: `images` (N, H, W) or (N, H, W, C), `texts` (N,), and `widths` (N,) if they differ.

    The images are unpacked into a temporary file, which is mapped.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.images = self._array("images")
        if self.images.dtype != np.uint8 or self.images.ndim not in (3, 4):
            raise InputError(
                f"its images are {self.images.dtype} {self.images.shape}, not uint8 (N, height, width) or "
                "(N, height, width, colours)",
                path=path,
            )
        self.widths = self._optional("widths")
        if self.widths is not None:
            self._check_widths(self.widths)

    @property
    def texts(self) -> list[str]:
        """The texts of all images."""
        texts = self._optional("texts")
        if texts is None:
            raise InputError("has no texts", path=self.path, remedy="write images and texts by numpy.savez")
        if texts.dtype.kind != "U":
            raise InputError(
                f"its texts are {texts.dtype}, not text",
                path=self.path,
                remedy="write numpy.array of str, as in numpy.array(['a text', 'another'])",
            )
        return [str(text) for text in texts]

    def _check_widths(self, widths: Any) -> None:
        if widths.dtype.kind not in "iu":
            raise InputError(f"its widths are {widths.dtype}, not whole numbers", path=self.path)
        widest = self.images.shape[2]
        wrong = np.flatnonzero((widths < 1) | (widths > widest))
        if len(wrong):
            raise InputError(
                f"the width {widths[wrong[0]]} of image {wrong[0]} is not between 1 and {widest}",
                path=self.path,
            )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, row: int) -> Pixels:
        image: Pixels = self.images[row]
        return image if self.widths is None else image[:, : self.widths[row]]

    def names(self) -> Iterator[str]:
        """The name of each image."""
        return (f"{self.path}[{row}]" for row in range(len(self)))

    def _optional(self, name: str) -> Any:
        """An array with a row for each image, or None."""
        try:
            found = self._array(name)
        except KeyError:
            return None
        if found.shape != (len(self),):
            raise InputError(f"has {len(self):,} images, but {name} {found.shape}", path=self.path)
        return found

    def _array(self, name: str) -> Any:
        try:
            data = map_member(self.path, f"{name}.npy")
        except KeyError:
            if name == "images":
                raise InputError("has no images", path=self.path) from None
            raise
        try:
            return _mapped(data)
        except (ArithmeticError, LookupError, MemoryError, RecursionError, SyntaxError) as error:
            raise InputError(f"the array {name} is damaged: {error!r}", path=self.path) from error
        except (ValueError, TypeError) as error:
            raise InputError(f"the array {name} cannot be read: {error}", path=self.path) from error


def _mapped(data: memoryview) -> Any:
    """The array of an .npy file, whose values stay where they are."""
    if bytes(data[:6]) != b"\x93NUMPY":
        raise ValueError("no .npy data")
    wide = data[6] > 1
    size = int.from_bytes(data[8 : 12 if wide else 10], "little")
    start = (12 if wide else 10) + size
    header = ast.literal_eval(bytes(data[start - size : start]).decode("latin1"))
    kind = np.dtype(header["descr"])
    if kind.hasobject:
        raise ValueError("Python objects are not read")
    if header["fortran_order"] and len(header["shape"]) > 1:
        raise ValueError("it is in Fortran's order, write numpy.ascontiguousarray of it")
    shape = tuple(map(int, header["shape"]))
    if any(size < 0 for size in shape):
        raise ValueError(f"its shape is {shape}")
    count = int(np.prod(shape, dtype=object)) if shape else 1
    return np.frombuffer(data, kind, count, start).reshape(shape)
