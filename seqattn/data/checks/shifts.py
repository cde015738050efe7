"""Where one side of a corpus is shifted by some lines against the other.

Each line's source is compared with its own target and with those of its neighbours. Which of these fits best
is what a hidden Markov model observes, whose states are the possible shifts: a shift, once begun, goes on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from seqattn.data.checks.lexicon import Fit, Ids, Scores, Sides
from seqattn.data.checks.lines import Lines
from seqattn.data.corpus import Pair
from seqattn.progress import Report

REACH, FAR = 3, 50
"""Shifts that are looked for everywhere, and where no such shift fits."""
FEWEST = 100
"""The alignment of fewer lines cannot be judged."""
WHOLE, BLOCK = 30_000, 100
"""Of more lines than this, evenly spaced blocks are compared; where the shift changes, all between them."""
FOLD = 50
"""Lines are judged by a lexicon of other lines: those of every other group of so many."""
TRIED = 4_000
"""Lines on which it is found out whether nearly all are shifted."""
SWITCH = 1e-6
"""The probability of a change of the shift between two lines."""
SHORTEST, SHORTEST_UNRELATED, SHORTEST_UNCLEAR = 10, 50, 250
"""Shorter spans with a shift, or without any that fits, are not reported."""
CLEAR, VERY_CLEAR = 0.5, 0.85
"""How often the right line must fit best to tell a shift from chance, and a short span without any shift."""
OWN_FITS = 2 / 7
"""Where sides are shifted, the own target fits best by chance, in a seventh of the rows: where it does in
twice as many, as with sources that hold the one before them, they are not."""
MAJORITY = 0.2
"""The least share of rows that a far shift must fit best, and three times as many as any other."""
KNOWN_ROWS = 0.1
"""The least share of rows with a known shift from which the others can be judged."""
OWN, UNRELATED = REACH, 2 * REACH + 1
"""States: no shift; no shift that fits."""


@dataclass(frozen=True)
class Span:
    """Consecutive rows whose targets are elsewhere."""

    first: int
    last: int
    shift: int | None
    """The target of row N is in row N + shift: it comes late, or early if negative. None: not found."""

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class Alignment:
    """How the lines of both sides lie to each other."""

    lines: int
    """How many lines were compared with their neighbours and found to fit one target better than others."""
    fitting: float
    """The share of them whose own target fits better than those of the three lines before and after."""
    spans: tuple[Span, ...]
    unrelated: bool
    """Whether the own target fits no better than the neighbours'."""


class Sample(NamedTuple):
    """Some rows of a corpus with the pairs in them."""

    rows: Ids
    corpora: Ids
    """The number of the corpus that each row is in."""
    judged: NDArray[np.bool_]
    """Whether a row is to be judged; the others are there as neighbours."""
    sides: Sides


def find_shifts(lines: Lines, report: Report) -> tuple[Alignment | None, list[Pair]]:
    """The alignment of lines that were read before, None if too few tell; and the pairs it was found with."""
    wanted = _blocks(len(lines))
    sample, pairs = _read(lines, wanted, report)
    if sample.sides.full[sample.judged].sum() < FEWEST:
        return None, pairs
    judgement = _judge(sample, report)
    if more := _between(sample, judgement.states):
        sample, _ = _read(lines, [*wanted, *more], report)
        judgement = _judge(sample, report)
    return _concluded(sample, judgement), pairs


def _blocks(total: int) -> list[range]:
    """The rows to judge at first."""
    if total <= WHOLE:
        return [range(total)]
    starts = np.linspace(0, total - BLOCK, WHOLE // BLOCK).astype(int).tolist()
    return [range(start, start + BLOCK) for start in starts]


def _between(sample: Sample, states: Ids) -> list[range]:
    """The rows between those that were judged, where the state changes; and some around rows without one."""
    rows = sample.rows[sample.judged]
    at = np.flatnonzero((np.diff(states) != 0) & (np.diff(rows) > 1))
    gaps = [range(rows[one] + 1, rows[one + 1]) for one in at]
    spans = [span for span in _spans(sample, states) if span.shift is None]
    middles = [] if rows[-1] - rows[0] < len(rows) else [(span.first + span.last) // 2 for span in spans]
    around = [range(max(0, middle - 2 * FAR), middle + 2 * FAR) for middle in middles]
    chosen: list[range] = []
    for one in [*gaps, *around]:
        if sum(map(len, chosen)) + len(one) <= WHOLE:
            chosen.append(one)
    return chosen


def _read(lines: Lines, wanted: Sequence[range], report: Report) -> tuple[Sample, list[Pair]]:
    """The wanted rows, with their neighbours."""
    report("reading lines to compare", 0.0)
    total = len(lines)
    judged, present = np.zeros(total, dtype=np.bool_), np.zeros(total, dtype=np.bool_)
    for some in wanted:
        judged[some.start : some.stop] = True
        present[max(0, some.start - REACH) : some.stop + REACH] = True
    rows = np.flatnonzero(present)
    pairs = [pair for _, pair in lines.at(rows.tolist())]
    return Sample(rows, lines.corpora_of(rows), judged[rows], Sides(pairs)), pairs


class Judgement(NamedTuple):
    """Which target fits each judged row best, and what follows."""

    best: Ids
    """Its place among the neighbours, `OWN` for the own target."""
    certain: NDArray[np.bool_]
    """Whether it is the only best one."""
    states: Ids
    """The states of the hidden Markov model."""

    @property
    def hits(self) -> float:
        """The share of rows whose best target is where the state says; 0 if too few have such a state."""
        known = self.certain & (self.states != UNRELATED)
        if known.sum() <= KNOWN_ROWS * self.certain.sum():
            return 0.0
        return float((self.best[known] == self.states[known]).mean())


def _judge(sample: Sample, report: Report) -> Judgement:
    """Judge the rows by a lexicon of lines with the same number; if it fails, of lines that are shifted."""
    found = _judged_by(sample, 0, len(sample.rows), report)
    if found.hits < CLEAR:
        shifts = sorted(range(-REACH, REACH + 1), key=abs)
        tried = {base: _judged_by(sample, base, TRIED, report).hits for base in shifts}
        base = max(shifts, key=tried.__getitem__)
        if base and tried[base] >= CLEAR:
            return _judged_by(sample, base, len(sample.rows), report)
    return found


def _judged_by(sample: Sample, base: int, most: int, report: Report) -> Judgement:
    """Judge the rows among the first `most` by a lexicon of source lines with the target `base` lines on."""
    scores = _scores(sample, base, most, report)
    top = scores.max(1)
    certain = np.isfinite(top) & ((scores >= top[:, None] - 1e-9).sum(1) == 1)
    certain &= ~_recurring(sample, most)
    best = scores.argmax(1)
    begins = np.diff(sample.corpora[:most][sample.judged[:most]], prepend=-1) != 0
    states = np.full(len(best), OWN)
    rate = max(0.3, np.bincount(best[certain], minlength=1).max() / max(1, certain.sum()))
    for _ in range(2):
        states = _likeliest_states(best, certain, begins, min(0.95, rate))
        rate = max(0.3, Judgement(best, certain, states).hits)
    return Judgement(best, certain, states)


def _scores(sample: Sample, base: int, most: int, report: Report) -> Scores:
    """(judged rows, 2 REACH + 1) How well the own target and the neighbours' fit; -inf where none is."""
    at = np.arange(min(most, len(sample.rows)))
    judged = at[sample.judged[at]]
    scores = np.full((len(at), UNRELATED), -np.inf)
    groups = at // FOLD % 2
    for group in (0, 1):
        learned = _with_target(sample, at[groups != group], base)
        if len(learned) < FOLD // 2:
            continue
        fit = Fit(sample.sides, learned, learned + base)
        for number, shift in enumerate(range(-REACH, REACH + 1)):
            report("comparing lines with their neighbours", (group + number / UNRELATED) / 2)
            compared = _with_target(sample, judged[groups[judged] == group], shift)
            scores[compared, number] = fit(compared, compared + shift)
    return scores[judged]


def _recurring(sample: Sample, most: int) -> NDArray[np.bool_]:
    """Whether a judged row has the source of a neighbour, whose target then suits it as well."""
    sources = sample.sides.hashes[:most]
    recurring = np.zeros(len(sources), dtype=np.bool_)
    for shift in range(1, REACH + 1):
        same = np.flatnonzero(sources[shift:] == sources[:-shift])
        recurring[same] = recurring[same + shift] = True
    return recurring[sample.judged[:most]]


def _with_target(sample: Sample, at: Ids, shift: int) -> Ids:
    """Those of some positions in a sample whose source and whose target `shift` rows on have text."""
    at = at[(at + shift >= 0) & (at + shift < len(sample.rows))]
    full = sample.sides.full
    near = (sample.rows[at + shift] == sample.rows[at] + shift) & (
        sample.corpora[at + shift] == sample.corpora[at]
    )
    usable: Ids = at[full[at] & full[at + shift] & near]
    return usable


def _likeliest_states(best: Ids, certain: NDArray[np.bool_], begins: NDArray[np.bool_], rate: float) -> Ids:
    """The likeliest states, by Viterbi's algorithm; `rate`: how often the right target fits best.

    Where a corpus begins, sides are probably not shifted.
    """
    seen = np.full((len(best), UNRELATED + 1), np.log((1 - rate) / (2 * REACH)))
    seen[np.arange(len(best)), best] = np.log(rate)
    seen[:, UNRELATED] = -np.log(UNRELATED)
    seen[~certain] = 0
    prior = np.full(UNRELATED + 1, np.log(SWITCH))
    prior[OWN] = 0
    score = np.zeros(UNRELATED + 1)
    came_from = np.zeros(seen.shape, dtype=np.int64)
    stay = np.arange(UNRELATED + 1)
    for row, likely in enumerate(seen):
        top = int(score.argmax())
        switched = score[top] + (prior if begins[row] else np.log(SWITCH))
        kept = np.full(len(score), -np.inf) if begins[row] else score
        came_from[row] = np.where(kept >= switched, stay, top)
        score = np.maximum(kept, switched) + likely
    states = np.zeros(len(best), dtype=np.int64)
    state = int(score.argmax())
    for row in range(len(best) - 1, -1, -1):
        states[row] = state
        state = int(came_from[row, state])
    return states


def _spans(sample: Sample, states: Ids) -> Iterator[Span]:
    """The spans of rows that are shifted or unrelated, each within one corpus."""
    rows = sample.rows[sample.judged]
    changes = (np.diff(states) != 0) | (np.diff(sample.corpora[sample.judged]) != 0)
    cuts = [0, *(np.flatnonzero(changes) + 1).tolist(), len(states)]
    for start, stop in pairwise(cuts):
        shift = None if states[start] == UNRELATED else int(states[start]) - OWN
        if shift != 0 and stop - start >= (SHORTEST_UNRELATED if shift is None else SHORTEST):
            yield Span(int(rows[start]), int(rows[stop - 1]), shift)


def _concluded(sample: Sample, judgement: Judgement) -> Alignment | None:
    best, certain, states = judgement
    if certain.sum() < FEWEST:
        return None
    own = float((best[certain] == OWN).mean())
    spans = list(_spans(sample, states)) if judgement.hits >= CLEAR else []
    spans = [span for span in spans if span.shift is None or _own_fits(sample, judgement, span) < OWN_FITS]
    if judgement.hits < VERY_CLEAR:
        spans = [span for span in spans if span.shift is not None or len(span) >= SHORTEST_UNCLEAR]
    if any(span.shift is None for span in spans):
        at = np.flatnonzero(sample.judged)[states != UNRELATED]
        shifts = states[states != UNRELATED] - OWN
        inside = (at + shifts >= 0) & (at + shifts < len(sample.rows))
        at, to = at[inside], (at + shifts)[inside]
        full = sample.sides.full[at] & sample.sides.full[to]
        fit = Fit(sample.sides, at[full], to[full])
        spans = [_found_far(sample, fit, span) if span.shift is None else span for span in spans]
    chance = 1 / UNRELATED
    surely = chance + 3 * np.sqrt(chance * (1 - chance) / certain.sum())
    return Alignment(int(certain.sum()), own, tuple(spans), not spans and bool(own < surely))


def _own_fits(sample: Sample, judgement: Judgement, span: Span) -> float:
    """The share of the rows of a span whose own target fits best."""
    rows = sample.rows[sample.judged]
    inside = judgement.certain & (span.first <= rows) & (rows <= span.last)
    return float((judgement.best[inside] == OWN).sum() / max(1, inside.sum()))


def _found_far(sample: Sample, fit: Fit, span: Span) -> Span:
    """The span with the larger shift that fits most of the rows in its middle, if there is one."""
    middle = (span.first + span.last) // 2
    at = np.flatnonzero(np.abs(sample.rows - middle) <= min(FAR, len(span) // 2))
    shifts = list(range(-FAR, FAR + 1))
    scores = np.full((len(at), len(shifts)), -np.inf)
    for number, shift in enumerate(shifts):
        compared = _with_target(sample, at, shift)
        scores[np.searchsorted(at, compared), number] = fit(compared, compared + shift)
    often = np.bincount(scores.argmax(1)[np.isfinite(scores.max(1))], minlength=len(shifts))
    second, first = np.sort(often)[-2:]
    if first < max(MAJORITY * len(at), 3 * second):
        return span
    # As they stand they have been found not to fit.
    return Span(span.first, span.last, shifts[int(often.argmax())] or None)
