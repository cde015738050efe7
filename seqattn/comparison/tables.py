"""The figures of a comparison as text: rows for any table, and tables in Markdown and LaTeX for papers."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from seqattn.comparison.conclusion import costs_in_words, notes, verdicts
from seqattn.comparison.figures import (
    MISSING,
    PARAMETERS,
    TIME,
    Scored,
    agreements,
    costs_of,
    mean_in_words,
    scores_of,
)
from seqattn.comparison.findings import Findings
from seqattn.comparison.results import Breakdown, System
from seqattn.comparison.verdict import p_value
from seqattn.pictures.document import capitalised
from seqattn.pictures.legible import caption, in_markdown


@dataclass(frozen=True)
class Row:
    """A figure of every system."""

    label: str
    cells: tuple[str, ...]
    best: frozenset[int] = frozenset()
    """The systems with the best score, if they differ."""
    score: bool = False
    """Whether it is of translations, not of costs."""


def rows_of(found: Findings) -> list[Row]:
    """What each system is, what it costs and how well it translates; figures of several seeds are means."""
    systems = found.systems
    rows = [Row("architecture", tuple(map(_architecture, systems)))]
    if any(len(one.members) > 1 for one in systems):
        rows.append(Row("models", tuple(str(one.models or MISSING) for one in systems)))
    for figure in costs_of(systems):
        rows.append(Row(figure.label, tuple(figure.text(one.mean(figure.of)) for one in systems)))
    return [*rows, *map(_score_row, scores_of(found)), *_agreement_rows(found)]


def _architecture(system: System) -> str:
    names = {one.run.config.architecture for one in system.members if one.run}
    return ", ".join(sorted(names)) or "another tool"


def _score_row(one: Scored) -> Row:
    label = one.label if one.lower_is_better else f"test {one.label}"
    return Row(label, tuple(map(mean_in_words, one.spreads)), one.best, score=True)


def _agreement_rows(found: Findings) -> Iterator[Row]:
    shares = agreements(found)
    count = len(found.systems)
    for at, system in enumerate(found.systems):
        if any(at in pair for pair in shares):
            own = [shares.get((min(at, other), max(at, other))) for other in range(count)]
            cells = tuple(MISSING if share is None else f"{share:.1f}" for share in own)
            yield Row(f"links shared with {caption(system.name)}, %", cells, score=True)


PAIRS = ("first", "second", "metric", "difference", "95 % interval", "p", "p, corrected")
"""The columns of a table of the differences of every two systems, second less first."""


def differences_of(found: Findings) -> list[list[str]]:
    """A row for every two systems and metric."""
    return [
        [
            *(one.first, one.second, each.metric, f"{each.gain:.2f}", f"{each.low:.2f} to {each.high:.2f}"),
            *map(_p, (each.p, corrected)),
        ]
        for one in found.contrasts
        for each, corrected in zip(one.differences, one.corrected, strict=True)
    ]


def _p(value: float) -> str:
    """A p-value as `p_value` says it, below a heading."""
    return p_value(value).removeprefix("p ").removeprefix("= ")


def legend(found: Findings) -> str:
    """What the figures of the table of systems are."""
    several = any(len(system.members) > 1 for system in found.systems)
    spread = "Means ± standard deviations over the models of a system. " if several else ""
    return f"{spread}Bold: the highest score, or lowest error rate."


def _title(one: Breakdown) -> str:
    """The title of a breakdown with the unit of its figures."""
    unit = f", {one.unit}" if one.unit and one.unit not in one.title else ""
    lower = " Lower is better." if not one.higher_is_better else ""
    return f"{capitalised(one.title)}{unit}. {one.remark}{lower}"


def markdown(found: Findings) -> str:
    """Verdict, conditions and every table in Markdown."""
    names = [in_markdown(system.name) for system in found.systems]
    rows = [[row.label, *row.cells] for row in rows_of(found)]
    parts = [
        "\n".join(f"- {_block(line)}" for line in (*verdicts(found), *costs_in_words(found), *notes(found))),
        "\n".join(f"- **{in_markdown(line)}**" for line in found.cautions),
        "\n".join(f"- {_block(line)}" for line in found.terms),
        _markdown_table(["", *names], rows),
        _markdown_table(PAIRS, differences_of(found)) if found.contrasts else "",
    ]
    for one in found.breakdowns:
        header = [in_markdown(one.grouped_by), in_markdown(one.counted), *names]
        parts += [_block(_title(one)), _markdown_table(header, list(_groups(one)))]
    return "\n\n".join(filter(None, parts)) + "\n"


def _groups(one: Breakdown) -> Iterator[list[str]]:
    for group in one.groups:
        values = [MISSING if value is None else f"{value:.2f}" for value in group.values]
        yield [group.name, f"{group.count:,}", *values]


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table; the header is Markdown, the cells of the rows are any text."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *(map(in_markdown, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _block(text: str) -> str:
    """What Markdown shows as the text, at the beginning of a line."""
    # But for numbers, these would make a heading, a list or a line.
    return re.sub(r"^(\d*)([-+#.)])(?!\d)", r"\1\\\2", in_markdown(text))


def latex(found: Findings) -> str:
    """A table of the systems, a line each, and one for each breakdown, for the package booktabs."""
    chosen = [row for row in rows_of(found) if row.score or row.label in (PARAMETERS.label, TIME.label)]
    names = [_in_latex(system.name) for system in found.systems]
    lines = [
        [name, *(_bold(_in_latex(row.cells[at]), at in row.best) for row in chosen)]
        for at, name in enumerate(names)
    ]
    header = ["", *(_in_latex(row.label.removeprefix("test ")) for row in chosen)]
    parts = [_latex_table(header, lines, " ".join([legend(found), *found.cautions, *found.terms]))]
    if found.contrasts:
        lines = [[_in_latex(cell) for cell in row] for row in differences_of(found)]
        parts.append(_latex_table([_in_latex(head) for head in PAIRS], lines, " ".join(notes(found))))
    for one in found.breakdowns:
        header = [_in_latex(one.grouped_by), _in_latex(one.counted), *names]
        lines = [[_in_latex(cell) for cell in group] for group in _groups(one)]
        parts.append(_latex_table(header, lines, _title(one)))
    return "\n".join(parts)


def _bold(text: str, best: bool) -> str:
    return rf"\textbf{{{text}}}" if best else text


def _latex_table(header: Sequence[str], rows: Sequence[Sequence[str]], title: str) -> str:
    lines = [
        r"\begin{table}",
        r"\centering",
        rf"\begin{{tabular}}{{l{'r' * (len(header) - 1)}}}",
        r"\toprule",
        rf"{' & '.join(header)} \\",
        r"\midrule",
        *(rf"{' & '.join(row)} \\" for row in rows),
        r"\bottomrule",
        r"\end{tabular}",
        rf"\caption{{{_in_latex(title)}}}",
        r"\end{table}",
    ]
    return "\n".join(lines) + "\n"


TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "`": r"\textasciigrave{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    "±": r"$\pm$",
    "–": r"\textendash{}",
    "α": r"$\alpha$",
    # Bare, they would be arguments of a \\ or \midrule before them.
    "[": "{[}",
    "*": "{*}",
    **{mark: f"\\{mark}" for mark in "&%$#_{}"},
}
"""What LaTeX shows as a character."""


def _in_latex(text: str) -> str:
    """What LaTeX shows as the text."""
    text = "".join(TEX.get(mark, mark) for mark in caption(text.strip()))
    # Two of these in a row would become one other character.
    return re.sub(r"([-',])(?=\1)", r"\1{}", text)
