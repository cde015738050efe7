"""Small plots for the terminal: curves of several series over one axis, and sparklines."""

from __future__ import annotations

import itertools
import math
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import RenderableType
from rich.text import Text

from .heatmap import MIN_WIDTH, block, caption, fit

Point = tuple[float, float]
Dot = tuple[int, int]
Cell = tuple[int, int]

MARKERS = "●○▲△■□◆◇" + string.ascii_lowercase
OVERLAP = "*"
COLOURS = ("#3a84ca", "#c9690c", "#2b9667", "#ab58be", "#de3b3d", "#2b9095")
BARS = "▁▂▃▄▅▆▇█"
BRAILLE = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
MARKER_GAP = 6
LARGEST = 1e150


def sparkline(values: Sequence[float]) -> str:
    """One bar character per value, scaled from the minimum to the maximum; a space where it is not finite.

    A constant series is drawn at mid-height; no values give the empty string.
    """
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    # Halved, so that the span of the largest floats stays finite.
    span = high / 2 - low / 2
    bars = ""
    for value in values:
        if not math.isfinite(value):
            bars += " "
        else:
            share = (value / 2 - low / 2) / span if span else 0.4
            bars += BARS[min(7, int(share * 8))]
    return bars


def curves(
    series: Mapping[str, Sequence[Point]],
    *,
    width: int,
    height: int = 10,
    x_label: str = "",
    y_label: str = "",
) -> RenderableType:
    """Plot every series, a name with its (x, y) points in any order, over common axes.

    Points are joined by braille lines with a marker for each series, so that series can be distinguished
    without colour; * marks a cell where the markers of several series coincide. Points that are not
    finite or exceed 1e150 are left out. The plot area has `height` lines (at least 3); no line is wider than
    `width` cells, which is raised to 20 if it is less.
    """
    width, height = max(width, MIN_WIDTH), max(height, 3)
    names = [caption(name) for name in series]
    drawn = [_usable(points) for points in series.values()]
    if not any(drawn):
        return block([Text(fit("no points to plot", width))])
    xs, ys = zip(*itertools.chain.from_iterable(drawn), strict=True)
    bottom, top = _widened(min(ys), max(ys))
    ticks = _ticks(bottom, top, 2 * height // 3)
    labels = _tick_labels(ticks)
    margin = max(map(len, labels))
    columns = width - margin - 2
    frame = _Frame(*_widened(min(xs), max(xs)), min(bottom, ticks[0]), max(top, ticks[-1]), columns, height)
    canvas = _Canvas()
    for number, points in enumerate(drawn):
        canvas.draw([frame.dot(point) for point in points], number, columns)
    tick_rows = {frame.dot((frame.left, y))[1] // 4: label for y, label in zip(ticks, labels, strict=True)}
    lines = [Text(fit(caption(y_label), width))] if y_label else []
    for row in range(height):
        edge = "┤" if row in tick_rows else "│"
        lines.append(
            Text.assemble(tick_rows.get(row, "").rjust(margin), " ", edge, canvas.line(row, columns))
        )
    lines.append(Text(" " * (margin + 1) + "└" + "─" * columns))
    lines.append(Text(" " * (margin + 2) + _x_axis(min(xs), max(xs), x_label, columns)))
    lines += _legend(names, drawn, canvas.overlapping, width)
    return block(lines)


@dataclass(frozen=True)
class _Frame:
    left: float
    right: float
    bottom: float
    top: float
    columns: int
    rows: int

    def dot(self, point: Point) -> Dot:
        """The braille dot of a point: 2 to a column from the left, 4 to a row from the top."""
        across = (point[0] - self.left) / (self.right - self.left)
        down = (self.top - point[1]) / (self.top - self.bottom)
        return (
            min(2 * self.columns - 1, max(0, round(across * (2 * self.columns - 1)))),
            min(4 * self.rows - 1, max(0, round(down * (4 * self.rows - 1)))),
        )


class _Canvas:
    def __init__(self) -> None:
        self.dots: dict[Cell, int] = {}
        self.owners: dict[Cell, int] = {}
        self.markers: dict[Cell, int | None] = {}

    @property
    def overlapping(self) -> bool:
        return None in self.markers.values()

    def draw(self, path: list[Dot], number: int, columns: int) -> None:
        for start, stop in itertools.pairwise(path):
            for x, y in _between(start, stop):
                cell = (x // 2, y // 4)
                self.dots[cell] = self.dots.get(cell, 0) | BRAILLE[y % 4][x % 2]
                self.owners[cell] = number
        for cell in _marked(path, number, columns):
            self.markers[cell] = None if cell in self.markers else number

    def line(self, row: int, columns: int) -> Text:
        line = Text()
        for cell in ((column, row) for column in range(columns)):
            owner = self.markers.get(cell, self.owners.get(cell))
            if cell in self.markers:
                char = OVERLAP if owner is None else MARKERS[owner % len(MARKERS)]
            else:
                char = chr(0x2800 + self.dots[cell]) if cell in self.dots else " "
            line.append(char, style=None if owner is None else COLOURS[owner % len(COLOURS)])
        return line


def _between(start: Dot, stop: Dot) -> Iterator[Dot]:
    steps = max(abs(stop[0] - start[0]), abs(stop[1] - start[1]), 1)
    for step in range(steps + 1):
        share = step / steps
        yield round(start[0] + share * (stop[0] - start[0])), round(start[1] + share * (stop[1] - start[1]))


def _marked(path: list[Dot], number: int, columns: int) -> set[Cell]:
    """The cells with a marker: all points if there is room, else some, staggered between series."""
    if not path:
        return set()
    cells = [(x // 2, y // 4) for x, y in path]
    crowded = len(cells) * MARKER_GAP > columns
    following = cells[0][0] + (2 * number % MARKER_GAP if crowded else 0)
    marked = {cells[-1]}
    for cell in cells:
        if not crowded or cell[0] >= following:
            marked.add(cell)
            following = cell[0] + MARKER_GAP
    return marked


def _usable(points: Sequence[Point]) -> list[Point]:
    return sorted((x, y) for x, y in points if abs(x) <= LARGEST and abs(y) <= LARGEST)


def _widened(low: float, high: float) -> tuple[float, float]:
    """The range itself, or a wider one around it if it is too narrow to be drawn.

    What is never negative has no negative part.
    """
    size = max(abs(low), abs(high))
    if high - low > max(1e-9 * size, 1e-90):
        return low, high
    pad = size / 10 if size > 1e-90 else 1.0
    return (max(0.0, low - pad) if low >= 0 else low - pad), high + pad


def _ticks(low: float, high: float, most: int) -> list[float]:
    """Round values in at most `most` even steps: between the bounds, or around them if only one fits."""
    unit = 10.0 ** math.floor(math.log10((high - low) / most))
    step = next(unit * factor for factor in (1, 2, 5, 10, 20) if high - low <= most * unit * factor)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if first >= last:
        first, last = math.floor(low / step), math.ceil(high / step)
    return [tick * step for tick in range(first, last + 1)]


def _tick_labels(ticks: list[float]) -> list[str]:
    step, size = ticks[1] - ticks[0], max(map(abs, ticks))
    if step >= 1e-5 and size < 1e7:
        decimals = max(0, -math.floor(math.log10(step) + 1e-9))
        return [f"{tick:.{decimals}f}" for tick in ticks]
    digits = min(8, max(1, math.ceil(math.log10(size / step)) + 1))
    return [f"{tick:.{digits}g}" for tick in ticks]


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) and abs(value) < 1e9 else f"{value:.4g}"


def _x_axis(low: float, high: float, label: str, columns: int) -> str:
    label = caption(label) if label else ""
    if low == high:
        text = fit(f"{label} {_number(low)}".strip(), columns)
        return " " * ((columns - cell_len(text)) // 2) + text
    first, last = _number(low), _number(high)
    free = columns - len(first) - len(last)
    label = label if cell_len(label) + 2 <= free else ""
    before = (free - cell_len(label)) // 2
    return fit(first + " " * before + label + " " * (free - before - cell_len(label)) + last, columns)


def _legend(names: list[str], drawn: list[list[Point]], overlapping: bool, width: int) -> list[Text]:
    entries = []
    for number, (name, points) in enumerate(zip(names, drawn, strict=True)):
        marker, colour = MARKERS[number % len(MARKERS)], COLOURS[number % len(COLOURS)]
        value = f" (last {_number(points[-1][1])})" if points else " (none)"
        if width - 2 - len(value) < min(cell_len(name), 8):
            value = ""
        entries.append(Text.assemble((marker, colour), " ", fit(name, width - 2 - len(value)), value))
    if overlapping:
        entries.append(Text(f"{OVERLAP} several"))
    lines = entries[:1]
    for entry in entries[1:]:
        if lines[-1].cell_len + 2 + entry.cell_len > width:
            lines.append(entry)
        else:
            lines[-1] = Text.assemble(lines[-1], "  ", entry)
    return lines
