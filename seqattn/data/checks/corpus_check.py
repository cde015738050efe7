"""Checking a corpus before a training: what is wrong with it, where, and how serious that is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from seqattn.data.checks.cleaning import removable
from seqattn.data.checks.found import EXAMPLES, Explain, Found, findings, of_pair
from seqattn.data.checks.headers import names_columns
from seqattn.data.checks.languages import Languages, alike_words, misplaced
from seqattn.data.checks.lengths import Outliers, lengths_of, unusual_lengths
from seqattn.data.checks.lines import NOTHING, Lines
from seqattn.data.checks.repeats import ambiguous, repeated, shared_pairs, shared_sources
from seqattn.data.checks.report import ROLES, CorpusReport, Size
from seqattn.data.checks.scripts import SCRIPTS, script_names, scripts_in
from seqattn.data.checks.shifts import UNRELATED, Alignment, Span, find_shifts
from seqattn.data.checks.survey import PAIR_CHECKS, Survey, survey
from seqattn.data.checks.texts import explain_length
from seqattn.data.corpus import Pair
from seqattn.errors import counted
from seqattn.progress import Report, silent

OF_TRAINING = ("repeated", "ambiguous")
"""The kinds that are no faults of validation and test data, whose sources may have several references."""
CONSECUTIVE = 0.5
"""Where so many rows of a span have the source as the target that fits, they are consecutive turns."""
MAIN_SCRIPT = 0.9
"""If that many texts of a side have letters of one script, others are in a wrong one."""


def check(
    corpora: str | Sequence[str],
    valid: str | None = None,
    test: str | None = None,
    report: Report = silent,
) -> CorpusReport:
    """Check a training corpus, what it shares with a validation and a test corpus, and what spoils these.

    Corpora are named as on the command line. Lines that hold no pair are findings too. The files are read
    several times; about 70 bytes for each line are kept in memory, and the texts of at most 60,000 lines.
    `report` receives the progress. InputError when a file is missing or cannot be read at all.
    """
    named = {"train": [corpora] if isinstance(corpora, str) else list(corpora)}
    named |= {role: [corpus] for role, corpus in (("valid", valid), ("test", test)) if corpus is not None}
    lines = {role: Lines(each) for role, each in named.items()}
    surveys = {
        role: survey(each, PAIR_CHECKS, report, f"reading the {ROLES[role]} data")
        for role, each in lines.items()
    }
    of, train = lines["train"], surveys["train"]
    found = [one for role in lines for one in _of_lines(lines[role], surveys[role])]
    found += _of_several(lines, surveys)
    alignment, pairs = find_shifts(of, report) if len(train.rows) else (None, [])
    languages, alike = Languages(pairs), alike_words(pairs)
    lengths = unusual_lengths(train)
    found += [
        *_of_alignment(of, train, alignment),
        *_of_pairs(of, train, lengths),
        *_of_languages(of, train, languages, alike, report),
    ]
    for role in list(lines)[1:]:
        own, surveyed = lines[role], surveys[role]
        others = [
            *_of_pairs(own, surveyed, unusual_lengths(surveyed)),
            *_of_languages(own, surveyed, languages, alike, report),
        ]
        if len(surveyed.rows):
            others += _of_alignment(own, surveyed, find_shifts(own, report)[0])
        found += [one for one in others if one.kind not in OF_TRAINING and one.counts and one.serious]
    report("reading examples", 0.0)
    leave_out = {one.kind: one.rows for one in found if one.lines is of}
    leave_out["lengths"] = lengths.extreme
    for role in lines.keys() - {"train"}:
        leave_out[f"{role}-in-train"] = shared_pairs(train, surveys[role])
    found = [one for one in found if one.counts]
    return CorpusReport(
        tuple(_size(role, lines[role], surveys[role]) for role in lines if len(surveys[role].rows)),
        alignment,
        findings(found),
        of,
        removable(train, leave_out),
    )


def in_percent(share: float) -> str:
    """A share, 0 … 1, in words."""
    return f"{100 * share:.1f} %"


def _size(role: str, lines: Lines, survey: Survey) -> Size:
    sides = (numbers[:, side] for side in (0, 1) for numbers in (survey.words, survey.characters))
    lengths = (lengths_of(numbers, survey.rows, lines) for numbers in sides)
    return Size(role, lines.corpora, len(survey.complete), len(survey.rows), *lengths)


def _of_lines(lines: Lines, survey: Survey) -> Iterator[Found]:
    """Lines that are no pairs."""
    total = len(survey.complete)
    reasons = survey.reasons
    yield Found("unequal", lines, survey.unequal, len(lines.corpora), lambda row, _: reasons.get(row, ""))
    yield Found("unreadable", lines, survey.unreadable, total, lambda row, _: reasons.get(row, ""))
    if not len(survey.rows):
        yield Found("nothing", lines, NOTHING, 1, details=(" + ".join(lines.corpora),), count=1)
    no_pairs = np.concatenate([survey.unreadable, survey.unequal])
    empty = np.setdiff1d(np.flatnonzero(~survey.complete), no_pairs, assume_unique=True)
    yield Found("empty", lines, empty, total)
    firsts = dict(lines.at(lines.firsts))
    header = np.array([row for row, pair in firsts.items() if names_columns(pair)], dtype=np.int64)
    yield Found("header", lines, header, len(firsts))


def _of_several(lines: Mapping[str, Lines], surveys: Mapping[str, Survey]) -> Iterator[Found]:
    """What two corpora share."""
    for role, other in (("valid", "train"), ("test", "train"), ("test", "valid")):
        if role in lines and other in lines and len(surveys[role].rows):
            own, of = surveys[role], len(surveys[role].rows)
            yield Found(f"{role}-in-{other}", lines[role], shared_pairs(own, surveys[other]), of)
            if other == "train":
                rows = shared_sources(own, surveys[other])
                yield Found(f"{role}-sources-in-train", lines[role], rows, of)


def _of_pairs(lines: Lines, survey: Survey, unusual: Outliers) -> Iterator[Found]:
    """What single pairs show, also in comparison with the others."""
    total = len(survey.rows)
    again, earliest = repeated(survey)
    where = dict(zip(again.tolist(), earliest.tolist(), strict=True))
    yield Found("repeated", lines, again, total, lambda row, _: f"as in {lines.named(where[row])}")
    yield Found("ambiguous", lines, ambiguous(survey), total)
    worst = unusual.worst[:EXAMPLES].tolist()
    yield Found("lengths", lines, unusual.rows, total, of_pair(explain_length), shown=worst)
    for side, name in enumerate(("source", "target")):
        yield from _of_scripts(lines, survey, side, f"{name}-script")
    for one in PAIR_CHECKS:
        yield Found(one.kind, lines, survey.faults[one.kind], survey.possible[one.kind], of_pair(one.explain))


def _of_scripts(lines: Lines, survey: Survey, side: int, kind: str) -> Iterator[Found]:
    """Texts without letters of the script that almost all others of their side have."""
    rows = np.flatnonzero(survey.scripts[:, side])
    shares = [
        float(np.mean(survey.scripts[rows, side] >> bit & 1)) for bit in range(len(SCRIPTS)) if len(rows)
    ]
    if shares and max(shares) >= MAIN_SCRIPT:
        main = 1 << int(np.argmax(shares))
        wrong = rows[survey.scripts[rows, side] & main == 0]
        detail = (
            f"{in_percent(max(shares))} of the {kind.partition('-')[0]}s have {script_names(main)} letters"
        )
        yield Found(
            kind,
            lines,
            wrong,
            len(rows),
            lambda row, pairs: script_names(scripts_in(pairs[row][side])),
            (detail,),
        )


def _of_languages(
    lines: Lines, survey: Survey, languages: Languages, alike: bool, report: Report
) -> Iterator[Found]:
    """Sides that are copies of each other, or read like each other.

    `languages` of the training pairs, and whether they keep most words of their sources.
    """
    total = len(survey.rows)
    expected = ""
    if 2 * len(survey.copied) > total:
        expected = "most pairs are such, so it seems to be meant"
    elif alike:
        expected = "the other targets too keep most words of their sources, so copies are to be expected"
    if len(survey.copied):
        yield Found(
            *("copied", lines, survey.copied, total),
            details=(expected,) if expected else (),
            severity="remark" if expected else None,
        )
    if languages.distinct:
        found = misplaced(lines, languages, len(lines), report)
        yield Found("swapped", lines, found.swapped, total)
        yield Found("one-sided", lines, np.setdiff1d(found.one_sided, survey.copied), total)


def _of_alignment(lines: Lines, survey: Survey, alignment: Alignment | None) -> Iterator[Found]:
    """Lines whose sides are shifted or do not belong together."""
    if alignment is None:
        return
    if alignment.unrelated:
        detail = (
            f"the own target fits best in {in_percent(alignment.fitting)} of the lines, by chance it would "
            f"in {in_percent(1 / UNRELATED)}"
        )
        yield Found("unrelated", lines, survey.rows, len(survey.rows), details=(detail,), shown=())
    by_kind: dict[str, list[Span]] = {"misaligned": [], "unfitting": [], "consecutive": []}
    for span in alignment.spans:
        by_kind[_kind_of_span(span, survey)].append(span)
    for kind, spans in by_kind.items():
        # Where targets come early, the first ones of a span are the missing ones.
        shifts = {
            min(span.last, span.first + max(0, -span.shift)): span.shift
            for span in spans
            if span.shift is not None
        }
        covered = [np.arange(span.first, span.last + 1) for span in spans]
        rows = np.intersect1d(np.concatenate([NOTHING, *covered]), survey.rows)
        yield Found(
            *(kind, lines, rows, len(survey.rows)),
            _explain_shifts(lines, shifts),
            tuple(_span_in_words(span, lines, kind) for span in spans),
            shown=list(shifts)[:EXAMPLES] if shifts else None,
            related=[row + shift for row, shift in shifts.items() if row + shift >= 0][:EXAMPLES],
        )


def _explain_shifts(lines: Lines, shifts: Mapping[int, int]) -> Explain:
    """Which target fits the source of a row, for rows with a known shift."""

    def explain(row: int, pairs: Mapping[int, Pair]) -> str:
        to = row + shifts.get(row, 0)
        return (
            f"fits the target of {lines.named(to)}: {pairs[to].target}" if to != row and to in pairs else ""
        )

    return explain


def _kind_of_span(span: Span, survey: Survey) -> str:
    """The name of its kind in `KINDS`."""
    if span.shift is None:
        return "unfitting"
    rows = np.arange(max(span.first, -span.shift), min(span.last, len(survey.texts) - 1 - span.shift) + 1)
    rows = rows[survey.complete[rows] & survey.complete[rows + span.shift]]
    same = survey.texts[rows, 0] == survey.texts[rows + span.shift, 1]
    return "consecutive" if len(rows) and same.mean() >= CONSECUTIVE else "misaligned"


def _span_in_words(span: Span, lines: Lines, kind: str) -> str:
    """Where the sides are shifted, and how."""
    where = f"from {lines.named(span.first)} to {lines.place(span.last).line:,}"
    if kind == "consecutive":
        return where
    if span.shift is None:
        return f"{where}: the sides do not fit each other, and at no shift up to 50 lines better"
    by = counted(abs(span.shift), "line")
    late, lacks, other = ("late", "source", "target") if span.shift > 0 else ("early", "target", "source")
    are = "are" if abs(span.shift) > 1 else "is"
    return f"{where}: targets come {by} {late}; {by} {are} missing in the {lacks}, or added in the {other}"
