"""Texts and HTML as passages to translate, and what stands between them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from html.parser import HTMLParser
from itertools import accumulate, pairwise
from typing import NamedTuple

from seqattn.serving.errors import RequestError

NOT_TEXT = frozenset({"script", "style"})
"""Elements whose content is not translated."""
_LINE = re.compile(r"\S(?:[^\r\n]*\S)?")
_MARK = re.compile(r"&(?:#[0-9]+|#[xX][0-9a-fA-F]+|nbsp|\w+);?|[^\s&]+|&")
"""Of HTML: a character written as a reference (`nbsp` needs no end), or others that are no spaces."""


class Passages(NamedTuple):
    """A text cut into passages, each without spaces around it, and the rest."""

    texts: tuple[str, ...]
    between: tuple[str, ...]
    """What stands before each passage, and after the last."""
    markup: bool = False
    """Whether the passages are written in HTML, and so escaped."""

    def join(self, translations: Sequence[str]) -> str:
        """The whole, with a translation in the place of each passage."""
        written = (escape(text, quote=False) for text in translations) if self.markup else translations
        inner = (text + after for text, after in zip(written, self.between[1:], strict=True))
        return self.between[0] + "".join(inner)


def passages_of_text(text: str) -> Passages:
    """The lines of a text; line ends and the spaces around lines are kept."""
    return _cut(text, [match.span() for match in _LINE.finditer(text)])


def passages_of_html(text: str) -> Passages:
    """The texts between tags; tags, comments, scripts and styles are kept as they are.

    RequestError when it cannot be read as HTML.
    """
    parser = _Finder()
    try:
        parser.feed(text)
        parser.close()
    except AssertionError as error:
        # How the parser refuses some declarations.
        raise RequestError(400, "Invalid request: q cannot be read as HTML") from error
    lines = [0, *accumulate(len(line) + 1 for line in text.split("\n"))]
    starts = [lines[line - 1] + column for (line, column), _ in parser.found]
    found = zip(pairwise([*starts, len(text)]), parser.found, strict=True)
    spans: list[tuple[int, int]] = []
    for (start, end), (_, is_text) in found:
        if is_text and spans and spans[-1][1] == start:
            # The parser passes a text on in several parts where it has a stray "<".
            spans[-1] = (spans[-1][0], end)
        elif is_text:
            spans.append((start, end))
    cut = _cut(text, [inner for start, end in spans for inner in _without_spaces(text, start, end)])
    return cut._replace(texts=tuple(map(unescape, cut.texts)), markup=True)


def _without_spaces(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The span of a text of HTML without the spaces around it, `&nbsp;` and the like too; none if all are."""
    marks = [one.span() for one in _MARK.finditer(text, start, end) if not unescape(one[0]).isspace()]
    return [(marks[0][0], marks[-1][1])] if marks else []


def _cut(text: str, spans: Sequence[tuple[int, int]]) -> Passages:
    starts, ends = [start for start, _ in spans], [end for _, end in spans]
    between = zip([0, *ends], [*starts, len(text)], strict=True)
    return Passages(
        tuple(text[start:end] for start, end in spans), tuple(text[end:start] for end, start in between)
    )


class _Finder(HTMLParser):
    """Where texts and everything else begin: line from 1 and column, and whether it is text."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[tuple[tuple[int, int], bool]] = []
        self._within: str | None = None

    def _begin(self, is_text: bool = False) -> None:
        self.found.append((self.getpos(), is_text))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin()
        if tag in NOT_TEXT:
            self._within = self._within or tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._begin()

    def handle_endtag(self, tag: str) -> None:
        self._begin()
        if tag == self._within:
            self._within = None

    def handle_data(self, data: str) -> None:
        self._begin(self._within is None)

    def handle_comment(self, data: str) -> None:
        self._begin()

    def handle_decl(self, decl: str) -> None:
        self._begin()

    def handle_pi(self, data: str) -> None:
        self._begin()

    def unknown_decl(self, data: str) -> None:
        self._begin()
