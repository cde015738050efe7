"""Pairs that occur more than once, within a corpus and in two of them."""

from __future__ import annotations

import numpy as np

from seqattn.data.checks.lines import Rows
from seqattn.data.checks.survey import Survey


def repeated(survey: Survey) -> tuple[Rows, Rows]:
    """The rows whose pair occurs earlier, and for each the row where it first does."""
    rows = survey.rows
    _, first, which = np.unique(survey.pairs[rows], return_index=True, return_inverse=True)
    earliest = rows[first[which]]
    again = earliest != rows
    return rows[again], earliest[again]


def ambiguous(survey: Survey) -> Rows:
    """The rows whose source occurs with another target too."""
    rows = survey.rows
    _, which, often = np.unique(survey.texts[rows, 0], return_inverse=True, return_counts=True)
    _, first, pairs_often = np.unique(survey.pairs[rows], return_index=True, return_counts=True)
    same = np.zeros(len(often), dtype=np.int64)
    np.maximum.at(same, which[first], pairs_often)
    return rows[often[which] > same[which]]


def shared_pairs(some: Survey, others: Survey) -> Rows:
    """The rows of `some` whose pair is among `others`."""
    return some.rows[np.isin(some.pairs[some.rows], others.pairs[others.rows])]


def shared_sources(some: Survey, others: Survey) -> Rows:
    """The rows of `some` whose source, but not the pair, is among `others`."""
    rows = some.rows
    known = np.isin(some.texts[rows, 0], others.texts[others.rows, 0])
    return np.setdiff1d(rows[known], shared_pairs(some, others), assume_unique=True)
