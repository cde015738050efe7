"""From a model to hypotheses: beam search (greedy is a beam of one), sampling, and scores of given targets.

Each step is taken by `seqattn.decoding.prefixes`: PAD, BOS and UNK are never proposed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.decoding.coverage import Covering
from seqattn.decoding.prefixes import Beginning, Prefixes, check_numbers
from seqattn.errors import check_ranges
from seqattn.models.base import Reading
from seqattn.models.predictor import Predictor
from seqattn.symbols import BOS, EOS, PAD


@dataclass(frozen=True)
class SearchOptions:
    """How to search for the best target."""

    beam: int = 5
    """Hypotheses kept for each sentence; 1 is greedy search."""
    length_penalty: float = 1.0
    """α of `length_penalty`; 0 ranks by log-probability alone."""
    max_ratio: float = 2.0
    """A target has at most `max_ratio · source + max_extra` ids, EOS counted."""
    max_extra: int = 10
    coverage_penalty: float = 0.0
    """β of `coverage_penalty`; 0: none."""
    reading: Reading = field(default_factory=Reading)
    """The layer and head whose attention measures coverage; every step counts, whichever `consumed` says."""
    source_eos: bool = True
    """Whether sources end in EOS, as texts do, which need not be covered; images do not."""

    def __post_init__(self) -> None:
        check_ranges(
            self,
            beam=(1, None),
            length_penalty=(0, None),
            max_ratio=(0, None),
            max_extra=(0, None),
            coverage_penalty=(0, None),
        )

    def begin(self, model: Predictor, source: Tensor, beginning: Beginning | None = None) -> Prefixes:
        """An empty target for each source, which is to begin as given.

        InputError when coverage is asked of a model without attention, or the beginning is too long for it.
        """
        watched = Covering(model, self.reading) if self.coverage_penalty else model
        return Prefixes.begin(watched, source, self.max_ratio, self.max_extra, beginning)

    def coverage(self, prefixes: Prefixes, rows: Tensor) -> Tensor:
        """What is added to the scores of the given rows of prefixes (…) if they end here: 0 without β."""
        if not self.coverage_penalty:
            return torch.zeros(rows.shape, device=rows.device)
        penalties = Covering.penalties(
            prefixes.memory, prefixes.state, self.coverage_penalty, eos=self.source_eos
        )
        return penalties[rows]


@dataclass(frozen=True)
class SamplingOptions:
    """How to draw targets instead of searching for the best."""

    temperature: float = 1.0
    """Below 1 sharpens the distribution, above 1 flattens it."""
    top_k: int = 0
    """Draw only among the k likeliest (Fan et al. 2018); 0: all."""
    top_p: float = 1.0
    """Draw among the likeliest that together reach this probability (nucleus, Holtzman et al. 2020)."""
    seed: int = 1
    first: int = 0
    """The number of the first line: the random numbers of a line depend on the seed and its number alone, so
    that a part of a file is translated as it would be within the whole."""

    def __post_init__(self) -> None:
        check_ranges(self, temperature=(1e-6, None), top_k=(0, None), top_p=(1e-6, 1), first=(0, None))


class Hypothesis(NamedTuple):
    """One proposed target."""

    ids: list[int]
    """Without BOS, ending in EOS."""
    log_probability: float
    """Σ log p(y_t | y_<t, x), EOS counted."""
    score: float
    """`log_probability` over the length penalty, plus the coverage penalty: hypotheses are ranked by it."""


def length_penalty(length: int, alpha: float) -> float:
    """Wu et al. 2016, eq. 14: `lp(Y) = ((5 + |Y|) / 6)^α`, of the length in ids, EOS counted."""
    return float(((5 + length) / 6) ** alpha)


BLOCK = 64


def top_k(x: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """`x.topk(k)` of (R, V), by blocks of columns: the k largest lie in the k blocks with the largest maxima.

    Two to three times as fast on a CPU when the columns are a vocabulary (docs/decisions.md).
    """
    whole = x.shape[1] // BLOCK * BLOCK
    if whole < 2 * k * BLOCK:
        best, ids = x.topk(k, dim=1)
        return best, ids
    blocks = x[:, :whole].unflatten(1, (-1, BLOCK))
    near = blocks.amax(2).topk(k, dim=1, sorted=False).indices.unsqueeze(-1)
    candidates = torch.cat([blocks.gather(1, near.expand(-1, -1, BLOCK)).flatten(1), x[:, whole:]], dim=1)
    columns = torch.arange(x.shape[1], device=x.device)
    ids = torch.cat([(near * BLOCK + columns[:BLOCK]).flatten(1), columns[whole:].expand(len(x), -1)], dim=1)
    best, at = candidates.topk(k, dim=1)
    return best, ids.gather(1, at)


class _Beams(NamedTuple):
    """Hypotheses of b sentences, k each: unfinished ones grow, finished ones are ranked."""

    tokens: Tensor
    """(b, k, length + 1) ids, BOS first; finished ones are padded after EOS."""
    totals: Tensor
    """(b, k) log-probabilities."""
    by_length: Tensor
    """(b, k) totals over the length penalty."""
    scores: Tensor
    """(b, k) the same plus, once finished, the coverage penalty; descending, -inf marks an empty place."""

    def best(self, size: int) -> _Beams:
        """The `size` best by score."""
        scores, index = self.scores.topk(min(size, self.scores.shape[1]), dim=1)
        tokens, totals, by_length = self.tokens, self.totals.gather(1, index), self.by_length.gather(1, index)
        return _Beams(_take(tokens, index), totals, by_length, scores)

    def rows(self, keep: Tensor) -> _Beams:
        """The sentences at the given rows."""
        return _Beams(*(part[keep] for part in self))

    def join(self, other: _Beams) -> _Beams:
        """The hypotheses of both; those of the other are one id longer."""
        padded = torch.nn.functional.pad(self.tokens, (0, 1), value=PAD)
        return _Beams(
            torch.cat([padded, other.tokens], 1),
            torch.cat([self.totals, other.totals], 1),
            torch.cat([self.by_length, other.by_length], 1),
            torch.cat([self.scores, other.scores], 1),
        )

    def hypotheses(self, row: int) -> list[Hypothesis]:
        """Those of one sentence, best first."""
        tokens, totals, scores = (
            self.tokens[row].tolist(),
            self.totals[row].tolist(),
            self.scores[row].tolist(),
        )
        return [
            Hypothesis([i for i in ids[1:] if i != PAD], total, score)
            for ids, total, score in zip(tokens, totals, scores, strict=True)
            if score > -torch.inf
        ]


def _take(x: Tensor, index: Tensor) -> Tensor:
    """(b, n, …) at index (b, m) of the second dimension → (b, m, …)."""
    return x[torch.arange(len(x), device=x.device).unsqueeze(1), index]


@torch.inference_mode()
def beam_search(
    model: Predictor, source: Tensor, options: SearchOptions, beginning: Beginning | None = None
) -> list[list[Hypothesis]]:
    """The best hypotheses for each source of a batch, at most `options.beam` each, best first.

    A hypothesis ends when EOS is among the k best continuations. A sentence is done when k hypotheses have
    ended and the best unfinished one, scored at its present length, would not enter their ranking (exact for
    α = 0, when growing can only lower a score), or at its length limit, where EOS is forced. Finished
    sentences leave the batch.

    The coverage penalty is added when a hypothesis ends, and ranks the ended ones; what grows and when search
    stops is decided without it, since an unfinished hypothesis has yet to cover the source.

    With a beginning, the search is among the targets that begin with it (prefix-constrained decoding,
    Wuebker et al. 2016); their probabilities remain those of the model.
    """
    k = options.beam
    prefixes = options.begin(model, source, beginning)
    results: list[list[Hypothesis]] = [[] for _ in range(len(source))]
    sentences = torch.arange(len(source), device=source.device)
    start = torch.full((len(source), 1, 1), BOS, device=source.device)
    zeros = torch.zeros(len(source), 1, device=source.device)
    alive = _Beams(start, zeros, zeros, zeros)
    finished = _Beams(start, zeros, zeros, torch.full_like(zeros, -torch.inf))
    while len(sentences):
        width = alive.totals.shape[1]
        prefixes, log_p, _ = prefixes.step(alive.tokens[:, :, -1].flatten())
        prefixes.restrict(log_p)
        penalty = length_penalty(prefixes.length, options.length_penalty)
        # At most k of the 2k best end, so that k can grow; all are among the 2k best of their own hypothesis.
        best, words = top_k(log_p, min(2 * k, log_p.shape[1]))
        candidates = alive.totals.unsqueeze(-1) + best.unflatten(0, (-1, width))
        totals, index = candidates.flatten(1).topk(min(2 * k, candidates[0].numel()), dim=1)
        parents, words = index // best.shape[1], words.view(len(index), -1).gather(1, index)
        rows = torch.arange(len(parents), device=parents.device).unsqueeze(1) * width + parents
        tokens = torch.cat([_take(alive.tokens, parents), words.unsqueeze(-1)], dim=-1)
        by_length = totals / penalty
        ends = words == EOS
        in_reach = torch.arange(ends.shape[1], device=ends.device) < k
        scores = by_length + options.coverage(prefixes, rows)
        scores = scores.masked_fill(~(ends & in_reach), -torch.inf)
        finished = finished.join(_Beams(tokens, totals, by_length, scores)).best(k)

        scores, index = by_length.masked_fill(ends, -torch.inf).topk(min(k, ends.shape[1]), dim=1)
        alive = _Beams(_take(tokens, index), totals.gather(1, index), scores, scores)
        rows = rows.gather(1, index)
        # An alive hypothesis that scores -inf must never be chosen: its total stays -inf.
        alive = alive._replace(totals=alive.totals.masked_fill(scores == -torch.inf, -torch.inf))

        full = (finished.scores > -torch.inf).sum(1) >= k
        done = (full & (scores[:, 0] <= finished.by_length.amin(1))) | (scores[:, 0] == -torch.inf)
        for row in done.nonzero().flatten().tolist():
            results[int(sentences[row])] = finished.hypotheses(row)
        keep = (~done).nonzero().flatten()
        if len(keep) < len(sentences):
            sentences, alive, finished = sentences[keep], alive.rows(keep), finished.rows(keep)
        prefixes = prefixes.take(keep, rows[keep].flatten())
    return results


def _restrict(logits: Tensor, options: SamplingOptions) -> Tensor:
    """Probabilities (R, V) to draw from: after temperature, top k and nucleus."""
    logits = logits / options.temperature
    if 0 < options.top_k < logits.shape[-1]:
        worst = logits.topk(options.top_k, dim=-1).values[:, -1:]
        logits = logits.masked_fill(logits < worst, -torch.inf)
    probabilities = logits.softmax(-1)
    if options.top_p < 1:
        ranked, order = probabilities.sort(dim=-1, descending=True)
        # An id stays when those before it do not reach top_p: the first always does.
        beyond = ranked.cumsum(-1) - ranked >= options.top_p
        probabilities = probabilities.masked_fill(beyond.gather(-1, order.argsort(-1)), 0.0)
    return probabilities


def _draw(probabilities: Tensor, chances: Sequence[Random]) -> Tensor:
    """An id for each row of probabilities (R, V), by a random number of its own → (R, 1)."""
    # Not every device has float64.
    reached = probabilities.cpu().double().cumsum(1)
    shares = torch.tensor([[chance.random()] for chance in chances], dtype=torch.float64)
    # The first id that takes the sum beyond the share: one without probability never does.
    words = torch.searchsorted(reached, shares * reached[:, -1:], right=True)
    return words.to(probabilities.device)


@torch.inference_mode()
def sample(
    model: Predictor,
    source: Tensor,
    search: SearchOptions,
    options: SamplingOptions,
    chances: Sequence[Random],
    beginning: Beginning | None = None,
) -> list[list[Hypothesis]]:
    """Draw `search.beam` targets for each source, independent of each other and in the order drawn.

    `chances` has the random numbers for each source. Scores are the model's, at temperature 1. With a
    beginning, each id is drawn among those that agree with it.
    """
    # Each draw has its own memory, since each may end at another step.
    sentence = torch.arange(len(source), device=source.device).repeat_interleave(search.beam)
    prefixes = search.begin(model, source, beginning).take(sentence, sentence)
    tokens = torch.full((len(sentence), 1), BOS, device=source.device)
    totals = torch.zeros(len(sentence), device=source.device)
    numbers = torch.arange(len(sentence), device=source.device)
    found: dict[int, Hypothesis] = {}
    while len(tokens):
        prefixes, log_p, _ = prefixes.step(tokens[:, -1])
        prefixes.restrict(log_p)
        words = _draw(_restrict(log_p, options), [chances[own] for own in sentence.tolist()])
        tokens, totals = torch.cat([tokens, words], 1), totals + log_p.gather(1, words).squeeze(1)
        ends = words.squeeze(1) == EOS
        ended = ends.nonzero().flatten()
        for row, coverage in zip(ended.tolist(), search.coverage(prefixes, ended).tolist(), strict=True):
            ids, total = tokens[row, 1:].tolist(), float(totals[row])
            score = total / length_penalty(len(ids), search.length_penalty) + coverage
            found[int(numbers[row])] = Hypothesis(ids, total, score)
        keep = (~ends).nonzero().flatten()
        tokens, totals, sentence, numbers = tokens[keep], totals[keep], sentence[keep], numbers[keep]
        prefixes = prefixes.take(keep, keep)
    drawn = [found[number] for number in range(len(found))]
    return [drawn[start : start + search.beam] for start in range(0, len(drawn), search.beam)]


@torch.inference_mode()
def score_targets(model: Predictor, source: Tensor, target: Tensor) -> Tensor:
    """log p(target | source), EOS counted: sources, target (B, T + 1) with BOS first → (B,) float32.

    InputError when the model predicts no numbers.
    """
    memory, state = model.encode(source)
    gold = target[:, 1:]
    predicted = model.predict(target[:, :-1], memory, state).log_p
    check_numbers(predicted)
    log_p = predicted.gather(-1, gold.unsqueeze(-1)).squeeze(-1)
    return log_p.masked_fill(gold == PAD, 0.0).sum(1)
