"""Sources that are images: corpora that name them, examples with their pixels."""

from __future__ import annotations

import mmap
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn, overload

import numpy as np

from seqattn.data.batching import Collator, Example
from seqattn.data.corpus import Corpus, Named, Pair, read_corpus
from seqattn.data.image_files import MOST_BYTES, Archive, checked, decoded, hash_of, shaped
from seqattn.data.pixels import Image, Pixels, Shape
from seqattn.data.sources import TEXTS, Census, Sources
from seqattn.errors import InputError, counted
from seqattn.files import read_binary, temporary_file
from seqattn.text.learning import TokenizerOptions, train_side
from seqattn.text.tokenizer import Side, Tokenizer, Units

ARCHIVE = ".npz"
_IN_ARCHIVE = re.compile(r"(.*\.npz)\[(\d{1,9})\]", re.IGNORECASE | re.DOTALL)


class ImageName(Named):
    """The name of an image: its file, or its place in an archive, as in `train.npz[17]`."""

    pixels: Pixels | None = None
    """If they are at hand."""

    @staticmethod
    def of(name: str, identity: bytes, where: tuple[str, int | None], pixels: Any = None) -> ImageName:
        """A name with what it names."""
        made = ImageName(name)
        made.identity, made.where, made.pixels = identity, where, pixels
        return made


@dataclass(frozen=True)
class Images(Sources):
    """Images of one shape. As the source side of a tokenizer it decodes them."""

    shape: Shape
    noun = "image"
    unit = "cell"

    def __str__(self) -> str:
        shape = self.shape
        colour = "colour" if shape.colour else "grey"
        return (
            f"{colour} images {shape.height} pixels high in cells of {shape.cell_height} × {shape.cell_width}"
        )

    @property
    def collator(self) -> Collator:
        return self.shape.collator

    def read_corpus(self, argument: str) -> Corpus:
        """Images and texts: a corpus whose sources are names of files, beside it, or an .npz archive."""
        single = Path(argument)
        if single.suffix.lower() == ARCHIVE:
            return Corpus(argument, tuple(_archived(single)))
        folder = (single if single.exists() else Path(argument.split(",", maxsplit=1)[0])).parent
        pairs = read_corpus(argument).pairs
        return Corpus(
            argument,
            tuple(
                Pair(_named(pair.source, folder, (argument, number)), pair.target)
                for number, pair in enumerate(pairs, start=1)
            ),
        )

    def given(self, pairs: Iterable[tuple[Any, str]]) -> tuple[Pair, ...]:
        found = []
        for number, pair in enumerate(pairs, start=1):
            if isinstance(pair, str) or len(pair) != 2 or not isinstance(pair[1], str):
                raise ValueError(f"{pair!r:.60} is no pair of an image and a text")
            found.append(Pair(self._given(pair[0], number), pair[1]))
        return tuple(found)

    def _given(self, source: Any, number: int) -> str:
        if isinstance(source, Path | str):
            return (
                source if isinstance(source, ImageName) else _named(str(source), Path(), (str(source), None))
            )
        name = f"image {number}"
        pixels = checked(source.pixels.transpose(1, 2, 0) if isinstance(source, Image) else source)
        return ImageName.of(name, hash_of(pixels), (name, None), pixels)

    def named(self, arguments: Sequence[str]) -> Iterator[str] | None:
        """The files, and every image of archives; None for the names on standard input."""
        return _images_in(arguments) if arguments and list(arguments) != ["-"] else None

    def listed(self, lines: Iterable[str], where: str) -> Iterator[str]:
        for number, name in enumerate(lines, start=1):
            yield ImageName.of(name, b"", (where, number))

    def is_one(self, given: Any) -> bool:
        if isinstance(given, np.ndarray):
            return given.ndim == 2 or (given.ndim == 3 and given.shape[2] in (1, 3, 4))
        return isinstance(given, str | Path | Image)

    def learn(self, pairs: Sequence[Pair], options: TokenizerOptions) -> Tokenizer:
        return Tokenizer(self, train_side([[pair.target for pair in pairs]], options))

    def tokenizer(self, vocabularies: Sequence[Side]) -> Tokenizer:
        return Tokenizer(self, vocabularies[-1])

    def store(self, examples: Iterable[Example]) -> Sequence[Example]:
        return ImageExamples(examples, self.shape)

    def readable(self, pair: Pair, example: Example) -> Any:
        return example.source

    def census(self, language: str, step: int) -> Census:
        return NoCensus()

    def require_words(self, purpose: str) -> NoReturn:
        raise InputError(f"images have no words to {purpose}", remedy=f"leave out --{purpose}")

    def turned(self) -> NoReturn:
        raise InputError("images can only be sources", remedy="leave out --swap and --monolingual")

    # The source side of a tokenizer.

    @property
    def model(self) -> bytes:
        """The shape: runs that read images in the same way have the same."""
        return repr(self.shape).encode()

    @property
    def size(self) -> int:
        """Images have no vocabulary."""
        return 0

    def encode(self, source: Any) -> Image | None:
        """An image from the name of its file, its pixels, or as it is; None for a blank name.

        InputError, which says where it is named, when it cannot be read.
        """
        if isinstance(source, Image):
            return source
        if not isinstance(source, str | Path):
            return shaped(checked(source), self.shape)
        name = str(source)
        if not name.strip():
            return None
        try:
            pixels = source.pixels if isinstance(source, ImageName) else None
            return shaped(_read(name) if pixels is None else checked(pixels), self.shape, name)
        except InputError as error:
            where = source.where if isinstance(source, ImageName) else (name, None)
            raise _placed(error, name, where) from error

    def encode_all(self, sources: Iterable[Any]) -> Iterator[Image]:
        """Each image, read when it is asked for; InputError when one has a blank name."""
        for number, source in enumerate(sources, start=1):
            image = self.encode(source)
            if image is None:
                raise InputError(f"pair {number} names no image")
            yield image

    def sample_all(self, rows: Iterable[Any], alpha: float, seed: int) -> list[Any]:
        """The images: they have no pieces."""
        return list(rows)

    def is_empty(self, read: Image | None) -> bool:
        """Whether no image was named."""
        return read is None

    def cut(self, read: Image, limit: int) -> list[Image]:
        """The image: it cannot be cut."""
        return [read]

    def units(self, read: Image, unit: str) -> Units:
        """The cells."""
        names = self.shape.names(read)
        return Units(names, list(range(len(names))))

    def name(self, source: Any) -> str:
        """The name of an image; empty for pixels without one."""
        if isinstance(source, str | Path):
            return str(source)
        return source.name if isinstance(source, Image) else ""


class NoCensus(Census):
    """Nothing is recorded of images."""

    def add(self, source: str) -> None:
        """Nothing."""

    @property
    def found(self) -> dict[str, Any]:
        return {}


def sources_of(shape: Shape | None) -> Sources:
    """Images of this shape, or texts."""
    return TEXTS if shape is None else Images(shape)


def _images_in(arguments: Iterable[str]) -> Iterator[str]:
    for argument in arguments:
        if argument.lower().endswith(ARCHIVE):
            yield from (pair.source for pair in _archived(Path(argument), texts=False))
        else:
            yield argument


def _named(name: str, folder: Path, where: tuple[str, int | None]) -> str:
    """The name of a file with the hash of what it holds; InputError when it cannot be read."""
    name = name.strip()
    if not name:
        return ""
    path = folder / name
    try:
        if inside := _IN_ARCHIVE.fullmatch(str(path)):
            pixels = _from_archive(inside)
            return ImageName.of(str(path), hash_of(pixels), where, pixels)
        return ImageName.of(str(path), sha256(_contents(path)).digest(), where)
    except InputError as error:
        raise _placed(error, str(path), where) from error


def _placed(error: InputError, name: str, where: tuple[str, int | None]) -> InputError:
    """The error of an image, at the place that names it."""
    path, line = where
    alone, own = path == name, error.path in (None, name)
    why = str(error).removeprefix(f"{error.path}: ") if alone or own else f"cannot be read: {error}"
    return InputError(why if alone else f"the image {name} {why}", path=path, line=line)


def _archived(path: Path, texts: bool = True) -> Iterator[Pair]:
    archive = Archive(path)
    if not len(archive):
        raise InputError("is empty, it holds no image", path=path)
    targets = archive.texts if texts else [""] * len(archive)
    for row, (name, target) in enumerate(zip(archive.names(), targets, strict=True)):
        pixels = archive[row]
        yield Pair(ImageName.of(name, hash_of(pixels), (name, None), pixels), target)


def _read(name: str) -> Pixels:
    """The pixels of a file, or of an image in an archive."""
    inside = _IN_ARCHIVE.fullmatch(name)
    return checked(_from_archive(inside)) if inside else decoded(_contents(Path(name)))


def _contents(path: Path) -> bytes:
    """The bytes of an image file."""
    if path.suffix.lower() == ARCHIVE and path.is_file():
        raise InputError(
            "is an archive of images, not one", path=path, remedy=f"name one of them, as in {path.name}[0]"
        )
    return read_binary(path, MOST_BYTES)


def _from_archive(inside: re.Match[str]) -> Pixels:
    path, row = Path(inside[1]), int(inside[2])
    archive = _opened(path, path.stat().st_mtime_ns if path.exists() else 0)
    if row >= len(archive):
        last = f", the last is [{len(archive) - 1}]" if len(archive) else ""
        raise InputError(f"has {counted(len(archive), 'image')}{last}", path=inside[1])
    return archive[row]


@lru_cache(maxsize=2)
def _opened(path: Path, changed: int) -> Archive:
    """An archive, of which several images may be asked for."""
    return Archive(path)


class ImageExamples(Sequence[Example]):
    """Examples in a memory-mapped temporary file, a byte for each value of a pixel; targets are in memory.

    The file is deleted with the object, or at the latest when the process ends.
    """

    def __init__(self, examples: Iterable[Example], shape: Shape) -> None:
        self._shape = shape
        self._starts, self._targets = array("q", [0]), array("q", [0])
        self._ids = array("i")
        self._sizes: list[tuple[int, int]] = []
        with temporary_file() as file:
            for image, target in examples:
                file.write(image.pixels.tobytes())
                self._starts.append(self._starts[-1] + image.pixels.nbytes)
                self._ids.extend(target)
                self._targets.append(len(self._ids))
                self._sizes.append(image.size)
            file.flush()
            # An empty file cannot be mapped.
            self._bytes: Any = b""
            if self._starts[-1]:
                self._bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)

    def __len__(self) -> int:
        return len(self._sizes)

    @overload
    def __getitem__(self, index: int) -> Example: ...
    @overload
    def __getitem__(self, index: slice) -> list[Example]: ...
    def __getitem__(self, index: int | slice) -> Example | list[Example]:
        if isinstance(index, slice):
            return [self[row] for row in range(*index.indices(len(self)))]
        row = range(len(self))[index]
        start, end = self._starts[row : row + 2]
        values = np.frombuffer(self._bytes, np.uint8, end - start, start)
        pixels = values.reshape(self._shape.channels, self._shape.height, -1)
        ids = self._ids[self._targets[row] : self._targets[row + 1]]
        return Example(Image(pixels, size=self._sizes[row]), ids.tolist())
