"""What a check of a corpus has found, as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from textwrap import wrap
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seqattn.data.checks.report import ROLES
from seqattn.data.corpus import short_names
from seqattn.errors import counted

from .heatmap import caption, fit

if TYPE_CHECKING:
    from seqattn.data.checks.cleaning import Clean
    from seqattn.data.checks.lengths import Lengths
    from seqattn.data.checks.report import CorpusReport, Example, Finding

HEADINGS = {
    "error": ("Spoils a training", "bold red"),
    "warning": ("Worth a look", "bold yellow"),
    "remark": ("Remarks", "bold"),
}
LINES, CORPORA, DETAILS = 5, 3, 8
"""Line numbers, corpora, and sentences that are shown for each finding."""
INDENT = "  "


def report_view(report: CorpusReport, width: int) -> RenderableType:
    """The sizes, then all findings, the most serious first, then a conclusion."""
    corpora = {corpus for finding in report.findings for corpus in finding.lines}
    corpora |= {corpus for size in report.sizes for corpus in size.corpora}
    names = short_names(corpora) if len(corpora) > 1 else {}
    parts: list[RenderableType] = [sizes_table(report, names)] if report.sizes else []
    parts += [Text(), Text(alignment_line(report))]
    for severity, (heading, style) in HEADINGS.items():
        some = [finding for finding in report.findings if finding.severity == severity]
        if some:
            lines = (line for one in some for line in finding_lines(one, width, names))
            parts += [Text(), Text(heading, style=style), *lines]
    parts += [Text(), Text(conclusion(report), style="bold")]
    return Group(*parts)


def sizes_table(report: CorpusReport, names: Mapping[str, str]) -> Table:
    """The numbers of pairs and the lengths of both sides; `names` as in `finding_lines`."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "", "pairs", "", "mean", "median", "99 %", "longest", "in line"):
        table.add_column(heading, justify="right" if heading else "left", no_wrap=heading != "in line")
    for size in report.sizes:
        for side in ("source", "target"):
            for unit in ("words", "characters"):
                lengths: Lengths = getattr(size, f"{side}_{unit}")
                first = side == "source" and unit == "words"
                place = lengths.where
                at = where(place.corpus, [place.line], names if len(size.corpora) > 1 else {})
                table.add_row(
                    ROLES[size.role] if first else "",
                    side if unit == "words" else "",
                    f"{size.pairs:,}" if first else "",
                    unit,
                    f"{lengths.mean:,.1f}",
                    f"{lengths.median:,.0f}",
                    f"{lengths.percentile_99:,.0f}",
                    f"{lengths.longest:,}",
                    Text(at, no_wrap=True, overflow="ellipsis"),
                )
    return table


def alignment_line(report: CorpusReport) -> str:
    """How well lines with the same number fit each other."""
    if report.alignment is None:
        return "Alignment: there are too few different pairs to judge it."
    return (
        f"Alignment: in {100 * report.alignment.fitting:.1f} % of {report.alignment.lines:,} lines the own "
        "target fits better than those of the lines around it."
    )


def finding_lines(finding: Finding, width: int, names: Mapping[str, str]) -> Iterator[Text]:
    """A finding: its line numbers, what is known of it, examples, and what to do.

    `names`: those of all corpora if there are several, else none.
    """
    yield from indented(f"{finding.sentence}{share(finding)}", 1, width)
    if finding.lines:
        several = "lines" if finding.count > 1 else "line"
        places = "; ".join(
            where(corpus, rows[:LINES].tolist(), names, more=len(rows) > LINES)
            for corpus, rows in islice(finding.lines.items(), CORPORA)
        )
        more = ", …" if len(finding.lines) > CORPORA else ""
        yield from indented(f"{several} {places}{more}", 2, width, "dim")
    for detail in finding.details[:DETAILS]:
        yield from indented(caption(detail), 2, width)
    if len(finding.details) > DETAILS:
        yield Text(f"{2 * INDENT}and {len(finding.details) - DETAILS} more")
    remark = finding.severity == "remark"
    for one in finding.examples[: 1 if remark else None]:
        yield from example_lines(one, width, names if len(finding.lines) > 1 else {})
    if not remark:
        yield from indented(f"→ {finding.remedy}", 2, width, "italic")


def indented(text: str, level: int, width: int, style: str = "") -> Iterator[Text]:
    """A text in lines of at most `width`, between words, all of them indented."""
    begin = level * INDENT
    for line in wrap(text, width, initial_indent=begin, subsequent_indent=begin, break_on_hyphens=False):
        yield Text(line, style)


def share(finding: Finding) -> str:
    """The share that has a fault, unless only one could have it."""
    if finding.of == 1:
        return ""
    percent = 100 * finding.share
    figure = "<0.01" if percent < 0.005 else f"{percent:.2f}" if percent < 9.995 else f"{percent:.0f}"
    return f" ({figure} % of {finding.of:,})"


def where(corpus: str, numbers: list[int], names: Mapping[str, str], more: bool = False) -> str:
    """Line numbers, with the name of their corpus if there are names."""
    listed = ", ".join(f"{number:,}" for number in numbers) + (", …" if more else "")
    return f"{listed} of {caption(names[corpus])}" if names else listed


def example_lines(example: Example, width: int, names: Mapping[str, str]) -> Iterator[Text]:
    """A pair, its texts shortened to fit, and what is wrong with it; its corpus if there are names."""
    label = f"{2 * INDENT}{example.place.line:,}  "
    if names:
        place = where(example.place.corpus, [example.place.line], names)
        yield from indented(place, 2, width, "dim")
        label = 3 * INDENT
    room = max(20, width - len(label))
    # A line that holds no pair has only a reason.
    texts = (
        [] if example.note and not (example.source or example.target) else [example.source, example.target]
    )
    shown = [(text, "") for text in texts] + ([(example.note, "dim")] if example.note else [])
    for number, (text, style) in enumerate(shown):
        begin = (label if number == 0 else " " * len(label), "dim")
        yield Text.assemble(begin, (fit(caption(text), room), style))


def conclusion(report: CorpusReport) -> str:
    """How many findings are serious."""
    errors, warnings = len(report.of("error")), len(report.of("warning"))
    parts = []
    if errors:
        parts.append(f"{counted(errors, 'finding')} would spoil a training")
    if warnings:
        parts.append(f"{counted(warnings, 'finding')} {'is' if warnings == 1 else 'are'} worth a look")
    return f"{', '.join(parts)}." if parts else "Nothing serious was found."


def cleaning_lines(clean: Clean) -> Iterator[str]:
    """What was written and what was left out."""
    yield f"Written to {clean.path}: {counted(clean.pairs, 'pair')}."
    if clean.removed:
        yield f"Left out: {', '.join(f'{number:,} {why}' for why, number in clean.removed_in_words)}."
    if clean.changed:
        pairs = counted(clean.changed, "pair")
        yield f"Changed: {pairs}, without control characters, lone surrogates, line breaks and tabs."
