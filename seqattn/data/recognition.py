"""Files that plainly are no text with a sentence on each line, told from their first bytes and their name."""

from __future__ import annotations

import json
import re
from pathlib import Path

from seqattn.data.checks.headers import names_columns
from seqattn.errors import InputError

HEAD = 2**16
"""Bytes from the beginning of a file that are looked at."""
MAGIC = {
    b"PK\x03\x04": "a zip archive, or a document that is one (.docx, .xlsx, .odt, .epub)",
    b"\x1f\x8b": "gzip data without a name in .gz",
    b"\xfd7zXZ\x00": "xz data",
    b"\x28\xb5\x2f\xfd": "zstd data",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a rar archive",
    b"%PDF-": "a PDF document",
    b"{\\rtf": "an RTF document",
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": "a document of an office program (.doc, .xls)",
    b"\xde\x12\x04\x95": "a compiled message catalogue (.mo)",
    b"\x95\x04\x12\xde": "a compiled message catalogue (.mo)",
    b"SQLite format 3\x00": "a database",
    b"PAR1\x15": "a Parquet table",
    b"ARROW1\x00": "an Arrow table",
    b"\x93NUMPY": "a NumPy array",
    b"\x89PNG\r\n": "a PNG image",
    b"\xff\xd8\xff": "a JPEG image",
    b"GIF89a": "a GIF image",
    b"\x7fELF": "a program",
    **{b"BZh%d1AY&SY" % level: "bzip2 data" for level in range(1, 10)},
}
"""The first bytes of binary formats."""
ENCODINGS = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
"""The first bytes of other encodings of Unicode; those of UTF-32 begin as those of UTF-16 do."""
XML = {"xliff": "an XLIFF file", "tmx": "a TMX file", "html": "an HTML page", "ts": "a Qt translation file"}
"""What the outermost element of an XML file says that it is."""
SEPARATORS = ",;\t|"
ALONE = "give its texts alone, one on each line"
"""What to do about a file of another format."""
BESIDE = frozenset(["id", "key", "name", "context", "comment", "comments", "note", "notes"])
"""Names of columns beside those of texts."""

_MARKUP = re.compile(r"\s*<(\?xml|!DOCTYPE)\b", re.IGNORECASE)
_PAGE = re.compile(r"\s*<!DOCTYPE\s+html\b", re.IGNORECASE)
_ELEMENT = re.compile(r"<([A-Za-z][\w.:-]*)")
_WHOLE = re.compile(r"\s*<(xliff|tmx|html|TS|resources|svg)\b")
_PO = re.compile(r"^msgid(_plural)? \"", re.MULTILINE)
_TRANSLATED = re.compile(r"^msgstr(\[0\])? \"", re.MULTILINE)
_INDENTED = re.compile(r"\s*[{\[]\s*\r?\n\s*[\"{\[]")
_SUBTITLES = re.compile(r"\s*(WEBVTT\b|\d+\r?\n\d\d:\d\d:\d\d,\d\d\d --> )")


def refuse_formats(head: bytes, path: Path | str, remedy: str = ALONE) -> None:
    """InputError when a file that begins with these bytes is plainly of a format that is no plain text."""
    for magic, encoding in ENCODINGS.items():
        if head.startswith(magic):
            convert = f"convert it by iconv -f {encoding} -t UTF-8"
            raise InputError(f"is a text in {encoding}, not in UTF-8", path=path, remedy=convert)
    if kind := recognise(head, Path(path).name):
        raise InputError(
            f"is {kind}, which would be translated line by line with all that is no text",
            path=path,
            remedy=remedy,
        )


def recognise(head: bytes, name: str) -> str:
    """What a file is, by its first bytes and its name; empty if it may be plain text."""
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return kind
    text = head.decode("utf-8-sig", "replace")
    return _markup(text) or _catalogue(text) or _records(text) or _table(text, name)


def _markup(text: str) -> str:
    """XML and HTML: a declaration, or an outermost element that no sentence begins with."""
    if not (_MARKUP.match(text) or _WHOLE.match(text)):
        return ""
    element = _ELEMENT.search(text)
    outermost = "html" if _PAGE.match(text) else element[1].lower() if element else ""
    return XML.get(outermost, "an XML file")


def _catalogue(text: str) -> str:
    """Message catalogues of gettext, and subtitles."""
    if _PO.search(text) and _TRANSLATED.search(text):
        return "a PO file"
    return "a file of subtitles" if _SUBTITLES.match(text) else ""


def _records(text: str) -> str:
    """JSON: an object on the first line, or one that is indented."""
    first = text.lstrip().partition("\n")[0]
    if _INDENTED.match(text):
        return "a JSON file"
    try:
        return "a JSON file" if first.startswith("{") and isinstance(json.loads(first), dict) else ""
    except (ValueError, RecursionError):
        return ""


def _table(text: str, name: str) -> str:
    """Tables: the name says so, or the first line names the columns."""
    first = text.partition("\n")[0].rstrip("\r")
    named = Path(name.lower().removesuffix(".gz")).suffix in (".csv", ".tsv")
    for separator in SEPARATORS:
        fields = first.split(separator)
        if len(fields) < 2:
            continue
        texts = [field for field in fields if field.lower().strip("\"'") not in BESIDE]
        spaced = any(field.startswith(" ") for field in fields)
        if named or (texts and not spaced and names_columns(texts)):
            return "a table"
    return ""
