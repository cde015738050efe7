"""Word links by a lexicon that is learned from the whole corpus.

In IBM model 1 (Brown et al. 1993) every source word of a pair is equally likely to be the origin of a target
word; here attention says which ones are likely, or, where there is none, how far a word is from the diagonal.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
from torch import Tensor

from seqattn.alignment.links import Links
from seqattn.alignment.reading import as_links, best_linked, scores_of
from seqattn.alignment.words import text_words
from seqattn.data.batching import Lengths, Limits
from seqattn.data.corpus import Pair
from seqattn.data.encoding import encode
from seqattn.models.base import Reading, Seq2Seq
from seqattn.text.tokenizer import Tokenizer

ROUNDS = 4
FLOOR = 0.05
"""Added to every score: a word that attention misses may still be a translation."""
CONCENTRATION, TRANSLATIONS = 0.1, 200
"""A symmetric Dirichlet prior with this concentration over this many translations of a word."""
TENSION = 1.0
"""How strongly links near the diagonal are preferred where there is no attention: λ of Dyer et al. 2013."""
LONGEST = 1_000
"""The most words on a side of a pair that is linked without a model."""
AT_ONCE, SCORED_AT_ONCE = 1_000_000, 10_000
"""Cells (target word, source word), and pairs whose ids, that are in memory at once."""

Numbered = tuple[Tensor, Tensor, Tensor | None]
"""The numbers of S source and T target words of a pair, and their scores (T, S), None: by the diagonal."""


class Scores:
    """The words of many pairs as numbers, and how strongly attention links them, two bytes a score.

    Words that differ only in case or attached punctuation count as one.
    """

    def __init__(self) -> None:
        self.pairs: list[Numbered] = []
        self._numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})

    def append(self, source: Sequence[str], target: Sequence[str], scores: Tensor | None) -> None:
        """Add a pair of S source and T target words with scores (T, S); without, the diagonal is likely."""
        s, t = (
            torch.tensor([_number(known, word) for word in words]).int()
            for words, known in zip((source, target), self._numbers, strict=True)
        )
        self.pairs.append((s, t, None if scores is None else scores.half()))

    @property
    def vocabulary(self) -> int:
        """More than the number of any source word."""
        return len(self._numbers[0])


def _number(known: dict[str, int], word: str) -> int:
    """That of the plain word; each form that was seen has it too, so that it is made plain only once."""
    if word not in known:
        known[word] = known.setdefault(_plain(word), len(known))
    return known[word]


def _plain(word: str) -> str:
    """A word without case and the punctuation around it, but for one of punctuation alone."""
    marks = {character for character in word if unicodedata.category(character).startswith("P")}
    return (word.strip("".join(marks)) or word).casefold()


def _near_diagonal(targets: int, sources: int) -> Tensor:
    """exp(-λ |(s + ½) / S - (t + ½) / T|), (T, S)."""
    t, s = ((torch.arange(size) + 0.5) / max(1, size) for size in (targets, sources))
    return torch.exp(-TENSION * (t[:, None] - s).abs())


class _Cells:
    """All (target word, source word) cells of some pairs, one after the other."""

    def __init__(self, pairs: Sequence[Numbered]) -> None:
        self.source = torch.cat([s.repeat(len(t)) for s, t, _ in pairs]).long()
        target = torch.cat([t.repeat_interleave(len(s)) for s, t, _ in pairs]).long()
        self.words = self.source << 32 | target
        each = (_near_diagonal(len(t), len(s)) if scores is None else scores for s, t, scores in pairs)
        self.scores = torch.cat([scores.flatten() for scores in each]).float()
        widths = torch.cat([torch.full((len(t),), len(s)) for s, t, _ in pairs])
        self.row = torch.arange(len(widths)).repeat_interleave(widths)
        self.rows = len(widths)
        self.shapes = [(len(t), len(s)) for s, t, _ in pairs]


class Lexicon:
    """p(target word | source word) of all words with a common pair, learned from scores by EM."""

    def __init__(self, scores: Scores, report: Callable[[float], None] = lambda share: None) -> None:
        """`report` receives the share that is done, 0 … 1."""
        self._scores = scores
        report(0.0)
        self._known = self._every()
        # exp E[log p] under the prior of p (variational Bayes): rare words get less than their share.
        self._weight = torch.ones(len(self._known))
        for number in range(1, ROUNDS + 1):
            report(number / (ROUNDS + 2))
            self._learn()
        report((ROUNDS + 1) / (ROUNDS + 2))

    def links(self) -> Iterator[Links]:
        """Each pair's links: every target word with its likeliest source word."""
        for cells in self._cells():
            sizes = [rows * columns for rows, columns in cells.shapes]
            each = zip(self._posterior(cells, self._at(cells)).split(sizes), cells.shapes, strict=True)
            yield from (as_links(best_linked(posterior.view(shape))) for posterior, shape in each)

    def _every(self) -> Tensor:
        """All source and target words with a common pair, one number for each combination, ascending."""
        known = torch.empty(0, dtype=torch.int64)
        fresh: list[Tensor] = []
        for cells in self._cells():
            fresh.append(cells.words.unique())
            # Sorted again only when their number may have doubled: this would dominate on a large corpus.
            if sum(map(len, fresh)) > len(known):
                known, fresh = torch.cat([known, *fresh]).unique(), []
        every: Tensor = torch.cat([known, *fresh]).unique()
        return every

    def _cells(self) -> Iterator[_Cells]:
        some: list[Numbered] = []
        size = 0
        for pair in self._scores.pairs:
            cells = len(pair[0]) * len(pair[1])
            if some and size + cells > AT_ONCE:
                yield _Cells(some)
                some, size = [], 0
            some.append(pair)
            size += cells
        if some:
            yield _Cells(some)

    def _at(self, cells: _Cells) -> Tensor:
        """The place of each cell's words among those known."""
        return torch.searchsorted(self._known, cells.words)

    def _posterior(self, cells: _Cells, at: Tensor) -> Tensor:
        """P(source word | target word, pair) of each cell: score times lexicon, normalised over the row."""
        joint = (cells.scores + FLOOR) * self._weight[at]
        return joint / torch.zeros(cells.rows).index_add_(0, cells.row, joint)[cells.row]

    def _learn(self) -> None:
        """One round of EM: the expected number of links between words, and p from it."""
        # In float32 many small shares of a frequent word would no longer add up.
        together, alone = (
            torch.zeros(size, dtype=torch.float64) for size in (len(self._known), self._scores.vocabulary)
        )
        for cells in self._cells():
            at = self._at(cells)
            posterior = self._posterior(cells, at).double()
            together.index_add_(0, at, posterior)
            alone.index_add_(0, cells.source, posterior)
        prior = CONCENTRATION * TRANSLATIONS
        log = torch.digamma(together + CONCENTRATION) - torch.digamma(alone + prior)[self._known >> 32]
        self._weight = log.exp().float()


def links_by_lexicon(scored: Iterable[tuple[Sequence[str], Sequence[str], Tensor]]) -> Iterator[Links]:
    """The links of pairs, in order, given as source words (S), target words (T) and scores (T, S).

    The lexicon is learned from all pairs, before the first has its links.
    """
    scores = Scores()
    for source, target, each in scored:
        scores.append(source, target, each)
    return Lexicon(scores).links()


def links_of_texts(pairs: Iterable[Pair], report: Callable[[float], None]) -> Iterator[Links]:
    """The links of pairs, in order, by a lexicon that is learned from them all without a model.

    Words, which spaces separate, are linked to one near the diagonal of their pair first, as in fast_align
    (Dyer et al. 2013). A pair with more than `LONGEST` words on a side has no links. `report` receives the
    share that is done, 0 … 1.
    """
    scores = Scores()
    for pair in pairs:
        source, target = map(text_words, pair)
        short = max(len(source), len(target)) <= LONGEST
        scores.append(source if short else [], target if short else [], None)
    return Lexicon(scores, report).links()


def score_words(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    pairs: Sequence[Pair],
    reading: Reading,
    longest: Limits,
    report: Callable[[float], None],
) -> Iterator[tuple[Sequence[str], Sequence[str], Tensor]]:
    """Each pair's source words (S), target words (T) and `link_scores` (T, S) by a reading.

    A pair with more than the `longest` ids on a side counts as one without words. `report` receives the share
    that is done, 0 … 1.
    """
    (nothing,) = encode(tokenizer, [Pair("", "")])
    for begin in range(0, len(pairs), SCORED_AT_ONCE):
        report(begin / len(pairs))
        some = encode(tokenizer, pairs[begin : begin + SCORED_AT_ONCE])
        short = [nothing if longest.excess(Lengths(*map(len, example))) else example for example in some]
        for words, scores in scores_of(model, tokenizer, short, reading):
            yield words.source[:-1], words.target, scores
