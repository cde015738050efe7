"""From a text to what every target must begin with, in the pieces of a vocabulary."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile

import torch

from seqattn.decoding.prefixes import Beginning
from seqattn.errors import InputError
from seqattn.text.normalising import normalise
from seqattn.text.tokenizer import Side


def beginning_of(side: Side, text: str) -> Beginning | None:
    """The automaton of all piece sequences that begin with a text, which may end within a piece.

    A space at its end is a part of it: its last word is then a whole one. None for a text without
    characters, since all targets begin with it. InputError when the text cannot be written with the pieces.
    """
    # Something after it, for normalising removes a space at the end.
    text = normalise(f"{text}.")[:-1]
    if not text:
        return None
    # A target may begin with a space, which is left out of its text.
    wanted = b" " + text.encode()
    ids: dict[bytes, list[int]] = {}
    for id, spelling in enumerate(side.spellings):
        if spelling:
            ids.setdefault(spelling, []).append(id)
    ordered = sorted(ids)
    end = len(wanted)
    after = torch.full((end + 1, len(side)), -1, dtype=torch.int32)
    reached = {0}
    for place in range(end):
        for start in ((0, 1) if place == 0 else (place,)) if place in reached else ():
            for spelling in _fitting(ids, ordered, wanted[start:]):
                to = min(start + len(spelling), end)
                after[place, ids[spelling]] = to
                reached.add(to)
    if end not in reached:
        raise InputError(f"no translation can begin with {text!r}: the vocabulary lacks its characters")
    after[end] = end
    return Beginning(after)


def _fitting(ids: Mapping[bytes, object], ordered: Sequence[bytes], rest: bytes) -> Iterator[bytes]:
    """The spellings that the rest of a text begins with, and those that begin with the rest."""
    yield from (rest[:length] for length in range(1, len(rest)) if rest[:length] in ids)
    yield from takewhile(lambda one: one.startswith(rest), ordered[bisect_left(ordered, rest) :])
