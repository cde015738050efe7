"""A comparison in the terminal: the verdict, a table, curves, bars, sentences and attention."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seqattn.pictures.legible import caption

from .curves import COLOURS, MARKERS, curves
from .heatmap import side_by_side
from .render import attention_map

if TYPE_CHECKING:
    from seqattn.comparison.findings import Findings
    from seqattn.comparison.results import Breakdown, System

WIDEST = 120
"""Cells of a line; more are hard to read."""
BAR = 24
EACH_WAY = 2
"""Sentences shown for each of two systems that it translates better than the other."""


def comparison(found: Findings, width: int) -> RenderableType:
    """Everything that a terminal of this width shows of a comparison."""
    width = min(width, WIDEST)
    parts: list[RenderableType] = []
    for heading, shown in _sections(found, width):
        if heading:
            parts.append(Text(heading, style="bold"))
        parts += [shown, Text()]
    return Group(Text(), *parts[:-1])


def _sections(found: Findings, width: int) -> Iterator[tuple[str, RenderableType]]:
    yield "", verdict(found)
    yield "", systems_table(found)
    if any(one.curve for system in found.systems for one in system.members):
        yield f"Validation {found.metric} in the course of training", training_curves(found, width)
    lengths = [one for one in found.breakdowns if one.title == f"{found.metric} by source length"]
    for one in lengths:
        yield f"{one.title} in {one.grouped_by}", bars(one, found.systems)
    rows = differing_rows(found)
    outputs = {one for system in found.systems for one in system.hypotheses}
    if rows:
        yield "Where they differ most", differences(found, rows)
    elif len(found.systems) > 1 and len(outputs) == 1:
        yield "", Text("All systems translate every test sentence in the same way.")
    maps, without = attention_maps(found, width)
    if maps:
        yield "What each target word attended to", side_by_side(maps, width=width)
    if without:
        yield "", Text(caption(f"No attention to show: {', '.join(without)}"))


def verdict(found: Findings) -> RenderableType:
    """The verdict in sentences, how sure it is, and what was not alike."""
    from seqattn.comparison.conclusion import costs_in_words, notes, spread_lines, verdicts

    styled = [("bold" if number == 0 else "", line) for number, line in enumerate(verdicts(found))]
    styled += [("", line) for line in (*spread_lines(found), *costs_in_words(found))]
    styled += [("dim", line) for line in notes(found)]
    styled += [("yellow", f"Caution: {line}") for line in found.cautions]
    styled += [("dim", " ".join(found.terms))] if found.terms else []
    # The lines hold names that users chose.
    return Group(*(Text(caption(line), style=style) for style, line in styled))


def systems_table(found: Findings) -> Table:
    """One column for each system: what it is, what it costs, how well it translates."""
    from seqattn.comparison.tables import rows_of

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for system in found.systems:
        table.add_column(Text(caption(system.name)), justify="right")
    for row in rows_of(found):
        cells = [Text(cell, style="bold" if at in row.best else "") for at, cell in enumerate(row.cells)]
        table.add_row(Text(row.label, style="dim"), *cells)
    return table


def training_curves(found: Findings, width: int) -> RenderableType:
    """Validation scores against updates and against minutes, side by side if there is room."""
    from seqattn.comparison.charts import AXES
    from seqattn.comparison.results import FIELDS

    field = FIELDS[found.metric]
    together = width >= 100
    room = (width - 4) // 2 if together else width

    def chart(axis: str) -> RenderableType:
        drawn = {
            system.name: [
                (one.x, one.mean)
                for one in system.readings(lambda point: (AXES[axis](point), getattr(point, field)))
            ]
            for system in found.systems
        }
        # A system without a curve keeps its marker, which the bars have too.
        return curves(drawn, width=room, height=8, x_label=axis, y_label=found.metric)

    charts = list(map(chart, AXES))
    if not together:
        return Group(*charts)
    grid = Table.grid(padding=(0, 4, 0, 0))
    grid.add_row(*charts)
    return grid


def bars(one: Breakdown, systems: Sequence[System]) -> RenderableType:
    """A figure on parts of the test set as bars, the systems below each other."""
    known = [value for group in one.groups for value in group.values if value is not None]
    top = max(known, default=0.0) or 1.0
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(justify="right")
    table.add_column(justify="right")
    for group in one.groups:
        for number, (system, value) in enumerate(zip(systems, group.values, strict=True)):
            label = Text(group.name if number == 0 else "")
            count = Text(f"{group.count:,} {one.counted}" if number == 0 else "", style="dim")
            colour = COLOURS[number % len(COLOURS)]
            name = Text.assemble((MARKERS[number % len(MARKERS)], colour), f" {caption(system.name)}")
            figure = Text("–" if value is None else f"{value:6.2f}")
            table.add_row(label, count, name, figure, Text(_bar(value or 0.0, top), style=colour))
    return table


def _bar(value: float, top: float) -> str:
    eighths = round(8 * BAR * max(0.0, value) / top)
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def differing_rows(found: Findings) -> list[int]:
    """Test sentences to show: those on which the two best systems differ most, in both directions."""
    if not found.differing:
        return []
    best = sorted(found.systems, key=lambda one: -one.spread(found.metric).mean)[:2]
    names = {one.name for one in best}
    pair = next(one for one in found.differing if {one.first, one.second} == names)
    rows = [one.row for one in (*pair.first_better[:EACH_WAY], *pair.second_better[:EACH_WAY])]
    return list(dict.fromkeys(rows))


def differences(found: Findings, rows: Sequence[int]) -> RenderableType:
    """Sentences with each system's translation and the reference.

    What the reference lacks is underlined; a tick marks exact matches.
    """
    from seqattn.comparison.differing import marked
    from seqattn.comparison.words import sides
    from seqattn.text.normalising import normalise

    tokenize = sides(found.pairs).tokenize
    table = Table.grid(padding=(0, 2))
    for row in rows:
        source, reference = found.pairs[row]
        table.add_row(Text("source", style="dim"), Text(caption(source)))
        table.add_row(Text("reference", style="dim"), Text(caption(reference)))
        for system in found.systems:
            text = system.members[0].hypotheses[row]
            exact = normalise(text) == normalise(reference)
            shown = Text(style="green" if exact else "")
            for part, shared in marked(caption(text), caption(reference), tokenize):
                shown.append(part, style="" if shared else "underline yellow")
            if exact:
                shown.append(" ✓")
            table.add_row(Text(caption(system.name), style="dim"), shown)
        table.add_row("", "")
    return table


def attention_maps(found: Findings, width: int) -> tuple[list[RenderableType], list[str]]:
    """The attention of each system's first model on one sentence, and the systems that have none for it."""
    from seqattn.comparison.differing import representative
    from seqattn.comparison.findings import attention_of

    row = representative(found.systems, found.pairs)
    # Two maps are set side by side if each has room for a sentence.
    room = width if width < 100 else (width - 3) // 2
    maps, without = [], []
    for one in found.systems:
        seen = attention_of(one, found.pairs, [row])
        if not seen:
            without.append(one.name)
        else:
            maps.append(attention_map(seen[row], width=room, title=one.name))
    return maps, without
