"""Pairs of texts from files; errors name the file and the line."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

from seqattn.errors import InputError, counted
from seqattn.files import decode_line, parse_json, raw_lines

ROLES = {
    "",
    "src",
    "source",
    "trg",
    "tgt",
    "target",
    "ref",
    "reference",
    "in",
    "input",
    "out",
    "output",
    "1",
    "2",
}
"""Parts of names that say which side a text is, not what it is in."""
PAIR_FORMATS = {".tsv": "tab", ".jsonl": "json"}


class Named(str):
    """The name of a source that is no text itself, such as an image: its path, or its place in an archive."""

    identity: bytes
    """What is the same for equal sources, whatever their names: a hash of what is named."""
    where: tuple[str, int | None]
    """The corpus that names it, and the line."""


def identity(source: str) -> bytes:
    """What is the same for equal sources and different for others: a text itself, or the hash of an image."""
    return source.identity if isinstance(source, Named) else source.encode("utf-8", "surrogatepass")


def absolute(source: str) -> str:
    """A source as a file in any folder may name it: a text itself, or the whole path of an image."""
    return str(Path(source).absolute()) if isinstance(source, Named) else source


class Pair(NamedTuple):
    """A source text, or the name of another source, and its target text."""

    source: str
    target: str

    @property
    def complete(self) -> bool:
        """Whether both sides have text."""
        return bool(self.source.strip() and self.target.strip())

    def swapped(self) -> Pair:
        """The other direction."""
        return Pair(self.target, self.source)


@dataclass(frozen=True)
class Corpus:
    """The pairs of one or several CORPUS arguments, in order, including those with an empty side."""

    name: str
    pairs: tuple[Pair, ...]

    @property
    def complete(self) -> tuple[Pair, ...]:
        """The pairs that have text on both sides, which can be trained on."""
        return tuple(pair for pair in self.pairs if pair.complete)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of sources and targets, whatever files and formats they came from."""
        digest = hashlib.sha256()
        for source, target in self.pairs:
            digest.update(identity(source) + f"\t{target}\n".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


Entry = Pair | InputError
"""What a line of a corpus holds: its pair, or the error of a line that holds none."""


def read_corpus(argument: str) -> Corpus:
    """The corpus of a CORPUS argument: one .tsv or .jsonl file, or two texts `SOURCE,TARGET`; .gz too.

    Raises InputError with file and line when it is missing, unreadable, malformed or of unequal length.
    """
    pairs = tuple(map(_pair, read_entries(argument)))
    if not pairs:
        raise InputError("is empty, it holds no pair", path=argument)
    return Corpus(argument, pairs)


def read_entries(argument: str) -> Iterator[Entry]:
    """Every line of a CORPUS argument, in order: its pair, or the error that `read_corpus` would raise.

    Where one of two texts is longer, the last entry is the error that says so. InputError when a file is
    missing or cannot be read at all.
    """
    files = files_of(argument)
    return _aligned_entries(*files) if len(files) == 2 else _pair_entries(*files)


def files_of(argument: str) -> tuple[Path] | tuple[Path, Path]:
    """The file of pairs or the two texts that a CORPUS argument names; InputError when it names neither."""
    single = Path(argument)
    if pair_format(single) and ("," not in argument or single.exists()):
        return (single,)
    sides = argument.split(",")
    if len(sides) != 2 or not all(sides):
        halves = argument.split()
        if len(halves) == 2 and all(Path(half).is_file() for half in halves):
            raise InputError(
                "is not a corpus",
                path=argument,
                remedy=f"join its two texts by a comma: {','.join(halves)}",
            )
        if single.suffix.lower() == ".npz":
            raise InputError(
                "is an archive of images, which texts are not read from",
                path=argument,
                remedy="only the encoders grid and patches read images",
            )
        if single.is_dir():
            raise InputError("is a directory, a corpus is needed", path=single)
        raise InputError(
            "is not a corpus",
            path=argument,
            remedy="give a .tsv or .jsonl file or two line-aligned texts SOURCE,TARGET, any of them .gz",
        )
    source, target = map(Path, sides)
    if pair_format(source) or pair_format(target):
        raise InputError(
            "joins a file of pairs to another file",
            path=argument,
            remedy="give files of pairs one by one",
        )
    return source, target


def merge(corpora: Sequence[Corpus]) -> Corpus:
    """Several corpora, one after the other."""
    return Corpus(
        " + ".join(corpus.name for corpus in corpora),
        tuple(pair for corpus in corpora for pair in corpus.pairs),
    )


def short_name(argument: str, depth: int = 1) -> str:
    """A corpus as named on the command line, with the last `depth` parts of the paths of its files."""
    return ",".join(str(Path(*Path(file).parts[-depth:])) for file in argument.split(","))


def short_names(arguments: Iterable[str]) -> dict[str, str]:
    """The name of each corpus, with as many folders as tell them all apart."""
    whole = {argument: argument for argument in arguments}
    for depth in range(1, max(len(Path(argument).parts) for argument in whole) + 1):
        names = {argument: short_name(argument, depth) for argument in whole}
        if len(set(names.values())) == len(whole):
            return names
    return whole


def side_names(argument: str) -> tuple[str, str] | None:
    """What the names of two texts `SOURCE,TARGET` call their sides: the one part in which they differ.

    `train.en.gz,train.de.gz` are en and de. A file of pairs names neither, and src and tgt are no names.
    """
    sides = argument.split(",")
    if len(sides) != 2:
        return None
    names = (re.sub(r"\.gz$", "", Path(side).name, flags=re.IGNORECASE) for side in sides)
    source, target = (re.split("[._-]+", name) for name in names)
    different = [pair for pair in zip(source, target, strict=False) if pair[0] != pair[1]]
    if len(source) != len(target) or len(different) != 1:
        return None
    return None if any(name.lower() in ROLES for name in different[0]) else different[0]


def pair_format(path: Path) -> str | None:
    """The format of a file that holds both sides, "tab" or "json", from its name; None for plain text."""
    return PAIR_FORMATS.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def _pair(entry: Entry) -> Pair:
    if isinstance(entry, InputError):
        raise entry
    return entry


def _pair_entries(path: Path) -> Iterator[Entry]:
    split = _split_tab if pair_format(path) == "tab" else _split_json
    for number, raw in enumerate(raw_lines(path), start=1):
        try:
            line = decode_line(raw, path, number)
            yield split(line, path, number) if line.strip() else Pair("", "")
        except InputError as error:
            yield error


def _split_tab(line: str, path: Path, number: int) -> Pair:
    columns = line.split("\t")
    if len(columns) == 2:
        return Pair(*columns)
    found = "no tab" if len(columns) == 1 else f"{len(columns) - 1} tabs"
    raise InputError(
        f"{found} where one must separate source from target",
        path=path,
        line=number,
        remedy="write SOURCE TAB TARGET, or use .jsonl for texts that hold tabs",
    )


def _split_json(line: str, path: Path, number: int) -> Pair:
    remedy = 'write {"source": "…", "target": "…"} on each line'
    record = parse_json(line, path, number, remedy)
    if not isinstance(record, dict):
        raise InputError("not a JSON object", path=path, line=number, remedy=remedy)
    for key in ("source", "target"):
        if not isinstance(record.get(key), str):
            raise InputError(
                f'the field "{key}" is missing or not text', path=path, line=number, remedy=remedy
            )
    return Pair(record["source"], record["target"])


def _aligned_entries(source: Path, target: Path) -> Iterator[Entry]:
    sides = zip_longest(raw_lines(source), raw_lines(target))
    for number, (left, right) in enumerate(sides, start=1):
        if left is None or right is None:
            shorter, longer = (source, target) if left is None else (target, source)
            rest = 1 + sum(1 for _ in sides)
            yield InputError(
                f"ends after {number - 1} lines, but {longer} has {number - 1 + rest}",
                path=shorter,
                remedy="line N of one file must translate line N of the other",
            )
            return
        try:
            yield Pair(decode_line(left, source, number), decode_line(right, target, number))
        except InputError as error:
            yield error


def given_pairs(pairs: Iterable[tuple[str, str]]) -> tuple[Pair, ...]:
    """Pairs given from Python; ValueError when one is no pair of texts."""
    found = []
    for pair in pairs:
        if isinstance(pair, str) or len(pair) != 2 or not all(isinstance(side, str) for side in pair):
            raise ValueError(f"{pair!r:.60} is no pair of a source and a target")
        found.append(Pair(*pair))
    return tuple(found)


class Split(NamedTuple):
    """The result of `hold_out`."""

    train: tuple[Pair, ...]
    valid: tuple[Pair, ...]
    duplicates: int
    """Pairs left out of training because their source is in the validation set."""


FEWEST_PAIRS = 20
"""From which a validation set is held out."""


def hold_out(pairs: Sequence[Pair], size: int = 0) -> Split:
    """Hold out a validation set of this size.

    By default it is 5 % of the distinct sources, or a tenth of them up to 100, and at most 1,000.

    The choice depends only on the hash of each source, not on the order or a seed, and adding pairs moves
    few others. Every further pair with a held-out source is removed from the training set.
    """
    first: dict[bytes, Pair] = {}
    for pair in pairs:
        first.setdefault(identity(pair.source), pair)
    size = size or min(1000, max(len(first) // 20, min(100, len(first) // 10)))
    if len(first) < FEWEST_PAIRS:
        raise InputError(
            f"{counted(len(first), 'distinct pair')}: too few to hold out a validation set",
            remedy=f"give at least {FEWEST_PAIRS}, or a validation corpus",
        )
    held = set(sorted(first, key=lambda source: hashlib.sha256(source).digest())[:size])
    train = tuple(pair for pair in pairs if identity(pair.source) not in held)
    valid = tuple(pair for source, pair in first.items() if source in held)
    return Split(train, valid, len(pairs) - len(train) - len(valid))
