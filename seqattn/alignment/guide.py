"""Word links as links between ids, which guide attention."""

from __future__ import annotations

from seqattn.alignment.links import Link, Links
from seqattn.alignment.words import content_positions, words_of
from seqattn.data.batching import Example
from seqattn.text.tokenizer import Tokenizer


def between_ids(tokenizer: Tokenizer, example: Example, links: Links) -> list[Link]:
    """Word links as links between all ids of both words (those of `content_positions`)."""
    words = words_of(tokenizer, example)
    sources: dict[int, list[int]] = {}
    targets: dict[int, list[int]] = {}
    for at in content_positions(tokenizer.texts, example.source[:-1], words.of_source):
        sources.setdefault(words.of_source[at], []).append(at)
    for at in content_positions(tokenizer.target, example.target[:-1], words.of_target):
        targets.setdefault(words.of_target[at], []).append(at)
    return [(s, t) for source, target in sorted(links) for s in sources[source] for t in targets[target]]
