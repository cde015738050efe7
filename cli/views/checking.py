"""What a check of a corpus has found, as text for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seqattn.data.corpus import short_name
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
ROLES = {"train": "training", "valid": "validation", "test": "test"}
LINES, CORPORA, DETAILS = 5, 3, 8
"""Line numbers, corpora, and sentences that are shown for each finding."""
INDENT = "  "


def report_view(report: CorpusReport, width: int) -> RenderableType:
    """The sizes, then all findings, the most serious first, then a conclusion."""
    corpora = {corpus for finding in report.findings for corpus in finding.lines}
    corpora |= {corpus for size in report.sizes for corpus in size.corpora}
    parts: list[RenderableType] = [sizes_table(report)] if report.sizes else []
    parts += [Text(), Text(alignment_line(report))]
    for severity, (heading, style) in HEADINGS.items():
        some = [finding for finding in report.findings if finding.severity == severity]
        if some:
            lines = (line for one in some for line in finding_lines(one, width, len(corpora) > 1))
            parts += [Text(), Text(heading, style=style), *lines]
    parts += [Text(), Text(conclusion(report), style="bold")]
    return Group(*parts)


def sizes_table(report: CorpusReport) -> Table:
    """The numbers of pairs and the lengths of both sides."""
    table = Table(box=None, pad_edge=False, header_style="dim")
    for heading in ("", "", "pairs", "", "mean", "median", "99 %", "longest", "in line"):
        table.add_column(heading, justify="right" if heading else "left")
    for size in report.sizes:
        for side in ("source", "target"):
            for unit in ("words", "characters"):
                lengths: Lengths = getattr(size, f"{side}_{unit}")
                first = side == "source" and unit == "words"
                table.add_row(
                    ROLES[size.role] if first else "",
                    side if unit == "words" else "",
                    f"{size.pairs:,}" if first else "",
                    unit,
                    f"{lengths.mean:,.1f}",
                    f"{lengths.median:,.0f}",
                    f"{lengths.percentile_99:,.0f}",
                    f"{lengths.longest:,}",
                    where(lengths.where.corpus, [lengths.where.line], len(size.corpora) > 1),
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


def finding_lines(finding: Finding, width: int, named: bool) -> Iterator[Text]:
    """A finding: its line numbers, what is known of it, examples, and what to do.

    `named`: whether its corpora must be named.
    """
    yield Text(f"{INDENT}{finding.sentence}{share(finding)}")
    if finding.lines:
        several = "lines" if finding.count > 1 else "line"
        places = "; ".join(
            where(corpus, rows[:LINES].tolist(), named, more=len(rows) > LINES)
            for corpus, rows in islice(finding.lines.items(), CORPORA)
        )
        more = ", …" if len(finding.lines) > CORPORA else ""
        yield Text(f"{2 * INDENT}{several} {places}{more}", style="dim")
    yield from (Text(2 * INDENT + caption(detail)) for detail in finding.details[:DETAILS])
    if len(finding.details) > DETAILS:
        yield Text(f"{2 * INDENT}and {len(finding.details) - DETAILS} more")
    remark = finding.severity == "remark"
    for one in finding.examples[: 1 if remark else None]:
        yield from example_lines(one, width)
    if not remark:
        yield Text(f"{2 * INDENT}→ {finding.remedy}", style="italic")


def share(finding: Finding) -> str:
    """The share that has a fault, unless only one could have it."""
    if finding.of == 1:
        return ""
    percent = 100 * finding.share
    figure = "<0.01" if percent < 0.005 else f"{percent:.2f}" if percent < 9.995 else f"{percent:.0f}"
    return f" ({figure} % of {finding.of:,})"


def where(corpus: str, numbers: list[int], named: bool, more: bool = False) -> str:
    """Line numbers, with the name of their corpus if it must be named."""
    listed = ", ".join(f"{number:,}" for number in numbers) + (", …" if more else "")
    return f"{listed} of {caption(short_name(corpus))}" if named else listed


def example_lines(example: Example, width: int) -> Iterator[Text]:
    """A pair, its texts shortened to fit, and what is wrong with it."""
    label = f"{2 * INDENT}{example.place.line:,}  "
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
        yield f"Left out: {', '.join(f'{number:,} that {why}' for why, number in clean.removed_in_words)}."
    if clean.changed:
        yield f"Changed: {counted(clean.changed, 'pair')}, without control characters and line breaks."
