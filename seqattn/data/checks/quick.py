"""The cheap part of a check: what a training should warn of, from pairs that are in memory."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqattn.data.checks.headers import names_columns
from seqattn.data.checks.kinds import KINDS
from seqattn.data.checks.languages import alike_words
from seqattn.data.checks.scripts import scripts_in
from seqattn.data.checks.survey import PAIR_CHECKS
from seqattn.data.checks.texts import plain
from seqattn.data.corpus import Pair

LOOKED_AT = 1_000
"""Pairs, evenly spaced, whose texts are looked at."""
TEXT_CHECKS = ("mojibake", "surrogates", "lost", "controls", "disguised")
"""The faults that are looked for in them."""
IMAGES = (".png", ".jpg", ".jpeg", ".webp")


def warnings_of(pairs: Sequence[Pair], firsts: Sequence[Pair]) -> tuple[str, ...]:
    """What a check would call more than a remark, in sentences, as far as it can be seen at once.

    `pairs` are those with text on both sides, `firsts` the first line of each corpus. Repeated pairs are
    counted among all, other faults among a sample. Shifts are not looked for.
    """
    sample = pairs[:: max(1, len(pairs) // LOOKED_AT)]
    repeated = len(pairs) - len(set(pairs))
    sentences = [_sentence("header", sum(map(names_columns, firsts)), len(firsts), whole=True)]
    sentences.append(_sentence("repeated", repeated, len(pairs), whole=True))
    if not alike_words(sample):
        sentences.append(_sampled("copied", _copied, sample, pairs))
    for check in PAIR_CHECKS:
        if check.kind in TEXT_CHECKS:
            sentences.append(_sampled(check.kind, check.found, sample, pairs))
    if sample and all(pair.source.strip().lower().endswith(IMAGES) for pair in sample):
        sentences.append(
            "the sources are names of images, but are read as texts: --encoder grid reads images"
        )
    return tuple(filter(None, sentences))


def _copied(pair: Pair) -> bool:
    """Whether source and target are equal; without letters they may well be."""
    source = plain(pair.source)
    return source == plain(pair.target) and bool(scripts_in(source))


def _sampled(
    kind: str, found: Callable[[Pair], bool | None], sample: Sequence[Pair], pairs: Sequence[Pair]
) -> str:
    return _sentence(kind, sum(map(bool, map(found, sample))), len(sample), whole=len(sample) == len(pairs))


def _sentence(kind: str, count: int, of: int, *, whole: bool) -> str:
    """That `count` of `of` have a fault; nothing if it is only good to know."""
    if not count or KINDS[kind].severity(count, of) == "remark":
        return ""
    sentence = KINDS[kind].sentence(count)
    return sentence if whole else f"of {of:,} pairs looked at, {sentence}"
