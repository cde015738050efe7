"""Further references for the sentences of a test set, from files; errors name the file and the line."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from seqattn.data.corpus import pair_format
from seqattn.errors import InputError
from seqattn.files import parse_json, read_lines_for

LIST = 'write a list of texts on each line, ["…", "…"] or {"references": ["…", "…"]}'


def read_references(paths: Sequence[Path], sentences: int) -> list[tuple[str, ...]]:
    """The references that files hold for each sentence of a test set, those of the first file first.

    A `.jsonl` file has a list of texts, or an object with one such list, on the line of each sentence; any
    other is text with one reference a line. Either may be gzipped. InputError when a file cannot be read, is
    malformed or has more or fewer lines than there are sentences.
    """
    files = [_read_file(path, sentences) for path in paths]
    return [tuple(chain.from_iterable(file[row] for file in files)) for row in range(sentences)]


def _read_file(path: Path, sentences: int) -> list[Sequence[str]]:
    form = pair_format(path)
    if form not in (None, "json") or path.name.lower().removesuffix(".gz").endswith(".json"):
        raise InputError(
            "is not a file of references",
            path=path,
            remedy="give a text with a reference a line, or a .jsonl file with a list of texts a line",
        )
    lines = read_lines_for(path, sentences, "test sentence")
    if form is None:
        return [[line] for line in lines]
    return [_listed(line, path, number) for number, line in enumerate(lines, start=1)]


def _listed(line: str, path: Path, number: int) -> list[str]:
    value = parse_json(line, path, number, LIST)
    if isinstance(value, dict):
        lists = [one for one in value.values() if isinstance(one, list)]
        if len(lists) > 1:
            raise InputError(
                f"{len(lists)} lists where there must be one",
                path=path,
                line=number,
                remedy=LIST,
            )
        value = lists[0] if lists else None
    if not isinstance(value, list):
        raise InputError("no list of references", path=path, line=number, remedy=LIST)
    if not value:
        raise InputError("the list of references is empty", path=path, line=number, remedy=LIST)
    if not all(isinstance(one, str) for one in value):
        raise InputError("a reference is not text", path=path, line=number, remedy=LIST)
    return value
