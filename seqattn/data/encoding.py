"""Pairs of texts as examples of ids."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.text.tokenizer import Tokenizer

ENCODED_AT_ONCE = 10_000
"""Pairs."""

Report = Callable[[str, float], None]
"""Called with the name of the current step and the share of it that is done, 0 … 1."""


def silent(what: str, share: float) -> None:
    """A report that does nothing."""


def encode(tokenizer: Tokenizer, pairs: Sequence[Pair], report: Report = silent) -> Iterator[Example]:
    """Pairs as ids."""
    for start in range(0, len(pairs), ENCODED_AT_ONCE):
        report("encoding", start / len(pairs))
        some = pairs[start : start + ENCODED_AT_ONCE]
        sources = tokenizer.source.encode_all(pair.source for pair in some)
        targets = tokenizer.target.encode_all(pair.target for pair in some)
        yield from map(Example, sources, targets)
