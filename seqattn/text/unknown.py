"""Characters that a model never saw: read as ones of the same meaning, or left out of what it reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from seqattn.text.normalising import normalise
from seqattn.text.scripts import UNSPACED

APOSTROPHES = "'’‘‚‛ʼ′´`"
ALIKE = (APOSTROPHES, '"“”„‟«»″', "-‐‑‒–—―−")
"""Characters of the same meaning: each may stand for the others."""
FORMS = ("<noBreak>", "<compat>", "<wide>", "<narrow>")
"""Unicode's decompositions that keep the meaning; others lose that of ™ or ½."""
CLOSING = tuple(".,!?;:…)]}")
"""Punctuation that has no space before it."""
GLUED = frozenset("%@#$€£¥{}<>\\")
"""Signs that are a part of the word they stand at, as in %s, {name} or @home; not those of emphasis."""

_JOINER = re.compile("[\u200c\u200d\ufe00-\ufe0f\U000e0020-\U000e007f]")
"""Invisible characters that belong to the one before them, as in emoji and flags."""
_WORD = re.compile(rf"[^\s{APOSTROPHES}{UNSPACED}]+")


class LeftOut(NamedTuple):
    """A stretch of a text that was left out of it."""

    text: str
    at: int
    """The number of characters left in before it, without spaces."""
    space: str
    """The space before it, of whatever kind, or none; at the beginning of the text an ordinary one."""
    closed: bool
    """Whether punctuation such as a full stop follows it."""
    opens: bool = False
    """It is a sign, such as a bracket, right before the word that it belongs to."""


class Known(NamedTuple):
    """A text without the words and symbols that have characters the model never saw."""

    text: str
    """Empty if what remains has no letter and no digit: then the whole text is left out."""
    left_out: tuple[LeftOut, ...]


@dataclass(frozen=True)
class Alphabet:
    """The characters a model has seen in its sources."""

    characters: frozenset[str]

    def __contains__(self, text: str) -> bool:
        """Whether all characters of a text are known; the space always is."""
        return self.characters.issuperset(text.replace(" ", ""))

    def unknown(self, text: str) -> str:
        """The distinct characters of a text that cannot be read, in the order of their occurrence."""
        unknown = (one for one in text if self._familiar(one) not in self and not _JOINER.match(one))
        return "".join(dict.fromkeys(unknown))

    def known(self, text: str) -> Known:
        """What a model can read of a text."""
        text = normalise(text)
        if text in self:
            return Known(text, ())
        text = normalise("".join(self._visible(text)))
        read = [self._familiar(character) for character in text]
        kept, left_out, end = _Kept(), [], 0
        for start, following in self._stretches(text, read):
            kept.add(read[end:start])
            end = following
            if end < len(read) and read[end].startswith(CLOSING):
                kept.strip()
                # Punctuation that closes nothing else goes with it.
                end += not kept.has_text
            before = text[start - 1] if start else " "
            space = before if before.isspace() else ""
            closed = _next(read, following).startswith(CLOSING)
            sign = before.isspace() and not any(map(_in_word, text[start:end]))
            opens = sign and not (read[end : end + 1] or [" "])[0].startswith((" ", *CLOSING))
            left_out.append(LeftOut(text[start:end], kept.characters, space, closed, opens))
        kept.add(read[end:])
        if left_out and not kept.has_text:
            return Known("", (LeftOut(text, 0, " ", False),))
        return Known(normalise("".join(kept.pieces)), tuple(left_out))

    @cached_property
    def _small(self) -> bool:
        """Whether the model has seen no capital letter."""
        return not any(map(str.isupper, self.characters))

    def _visible(self, text: str) -> Iterator[str]:
        """The text without unknown characters that are invisible, unless they join those before them."""
        before = ""
        for character in text:
            joiner = _JOINER.match(character)
            if character in self or (joiner is None and unicodedata.category(character) not in ("Cc", "Cf")):
                before = character
                yield character
            elif joiner is not None and before not in self:
                yield character

    def _familiar(self, character: str) -> str:
        """A known character or text of the same meaning, if there is one, else the same character."""
        if character in self:
            return character
        return next((other for other in self._alike(character) if other in self), character)

    def _alike(self, character: str) -> Iterator[str]:
        """What has the same meaning as an unknown character, known or not."""
        if self._small:
            yield character.lower()
        for group in ALIKE:
            if character in group:
                yield from group
        form, *codes = unicodedata.decomposition(character).split() or [""]
        if form in FORMS:
            yield "".join(chr(int(code, 16)) for code in codes)

    def _stretches(self, text: str, read: Sequence[str]) -> Iterator[tuple[int, int]]:
        """Where a text has unknown characters, by what is read for each: (start, end), of whole words."""
        found = [(at, at + 1) for at, other in enumerate(read) if other not in self]
        for token in _WORD.finditer(text):
            inside = [at for at in range(*token.span()) if _in_word(text[at])]
            glued = [at for at in range(*token.span()) if text[at] in GLUED and read[at] not in self]
            if inside and (glued or any(other not in self for other in read[inside[0] : inside[-1] + 1])):
                found.append((min(inside + glued), max(inside + glued) + 1))
        start, end = -1, -1
        for first, last in sorted(found):
            if first <= end or (start >= 0 and text[end:first].isspace()):
                end = max(end, last)
                continue
            if start >= 0:
                yield start, end
            start, end = first, last
        if start >= 0:
            yield start, end


@dataclass
class _Kept:
    """The beginning of a text that is read, in pieces, which are not joined for each that is not."""

    pieces: list[str] = field(default_factory=list)
    characters: int = 0
    """Without spaces."""
    has_text: bool = False
    """Whether there is a letter or a digit."""

    def add(self, pieces: Sequence[str]) -> None:
        """Append pieces."""
        whole = "".join(pieces)
        self.pieces += pieces
        self.characters += len(whole) - whole.count(" ")
        self.has_text = self.has_text or any(map(str.isalnum, whole))

    def strip(self) -> None:
        """Remove the spaces at the end."""
        while self.pieces and self.pieces[-1].endswith(" "):
            last = self.pieces.pop().rstrip(" ")
            self.pieces += [last] if last else []


def _next(pieces: Sequence[str], start: int) -> str:
    """The first of the pieces from a place on that is not of spaces, without those before it."""
    for at in range(start, len(pieces)):
        if stripped := pieces[at].lstrip(" "):
            return stripped
    return ""


def _in_word(character: str) -> bool:
    """Whether a character is a letter, a mark or a digit."""
    return unicodedata.category(character)[0] in "LMN" and _JOINER.match(character) is None
