"""From a text to what every target must begin with, in the pieces of a vocabulary."""

from __future__ import annotations

import math
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
    ordered, longest = sorted(ids), max(map(len, ids))
    end = len(wanted)
    after = torch.full((end + 1, len(side)), -1, dtype=torch.int32)
    after[end] = end
    remaining = [math.inf] * end + [0]
    for place in reversed(range(end)):
        for start in (0, 1) if place == 0 else (place,):
            for spelling in _fitting(ids, ordered, longest, wanted[start:]):
                to = min(start + len(spelling), end)
                # What leads to a place from which none goes on may not follow.
                if remaining[to] < math.inf:
                    after[place, ids[spelling]] = to
                    remaining[place] = min(remaining[place], 1 + remaining[to])
    if remaining[0] == math.inf:
        raise InputError(f"no translation can begin with {text!r}: the vocabulary lacks its characters")
    return Beginning(after, torch.tensor(remaining))


def _fitting(
    ids: Mapping[bytes, object], ordered: Sequence[bytes], longest: int, rest: bytes
) -> Iterator[bytes]:
    """The spellings that the rest of a text begins with, and those that begin with the rest."""
    lengths = range(1, min(len(rest), longest + 1))
    yield from (rest[:length] for length in lengths if rest[:length] in ids)
    yield from takewhile(lambda one: one.startswith(rest), ordered[bisect_left(ordered, rest) :])
