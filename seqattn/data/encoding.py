"""Pairs of texts as examples of ids."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from seqattn.data.batching import Example, Limits
from seqattn.data.corpus import Pair
from seqattn.progress import Report, silent
from seqattn.text.tokenizer import Tokenizer

ENCODED_AT_ONCE = 10_000
"""Pairs."""


def encode(tokenizer: Tokenizer, pairs: Sequence[Pair], report: Report = silent) -> Iterator[Example]:
    """Pairs as ids."""
    for start in range(0, len(pairs), ENCODED_AT_ONCE):
        report("encoding", start / len(pairs))
        some = pairs[start : start + ENCODED_AT_ONCE]
        sources = tokenizer.source.encode_all(pair.source for pair in some)
        targets = tokenizer.target.encode_all(pair.target for pair in some)
        yield from map(Example, sources, targets)


def sample_pieces(
    tokenizer: Tokenizer, examples: Sequence[Example], share: float, alpha: float, longest: Limits, seed: str
) -> Iterator[Example]:
    """The examples, a share of whose texts are cut into other pieces at random (`Side.sample_all`).

    The same seed gives the same again. A side that would have more than its limit of ids stays as it is.
    """
    chance = random.Random(seed)
    for start in range(0, len(examples), ENCODED_AT_ONCE):
        some = examples[start : start + ENCODED_AT_ONCE]
        sides = []
        for side, own in zip((tokenizer.source, tokenizer.target), zip(*some, strict=True), strict=True):
            drawn = [row for row in range(len(own)) if chance.random() < share]
            found = side.sample_all([own[row] for row in drawn], alpha, chance.getrandbits(31))
            replaced = dict(zip(drawn, found, strict=True))
            sides.append([replaced.get(row, ids) for row, ids in enumerate(own)])
        for one, *other in zip(some, *sides, strict=True):
            drawn_sides = zip(other, one, longest, strict=True)
            yield Example(*(old if most and len(new) > most else new for new, old, most in drawn_sides))
