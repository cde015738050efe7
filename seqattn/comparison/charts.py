"""The charts of a page: curves of training as SVG.

They need no script. Positions are percentages, so that a chart fits its place while its text keeps its size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from seqattn.comparison.marks import DASHES, MARKS, hue
from seqattn.comparison.results import FIELDS, Point, Reading, System
from seqattn.pictures.document import shown

MOST_MARKS = 20
"""On one line."""
TICKS = 5
AXES: dict[str, Callable[[Point], float]] = {
    "updates": lambda point: point.update,
    "minutes": lambda point: point.seconds / 60,
}


@dataclass(frozen=True)
class Chart:
    """One figure of validation against one measure of training."""

    metric: str
    axis: str
    means: tuple[tuple[Reading, ...], ...]
    """Of each system, where all of its models were validated; may be empty."""
    threads: tuple[tuple[tuple[tuple[float, float], ...], ...], ...]
    """The curve of each model of a system that has several."""
    across: tuple[float, float]
    up: tuple[float, float]

    def place(self, x: float, y: float) -> tuple[float, float]:
        """In percent from the top left."""
        (left, right), (bottom, top) = self.across, self.up
        return round(100 * (x - left) / (right - left), 2), round(100 * (top - y) / (top - bottom), 2)

    def to_json(self) -> dict[str, Any]:
        """What reading values off needs."""
        digits = 4 if self.metric == "loss" else 2
        lines = [
            [[round(one.x, 3), *(round(value, digits) for value in one[1:])] for one in line]
            for line in self.means
        ]
        return {
            "metric": self.metric,
            "axis": self.axis,
            "across": self.across,
            "up": self.up,
            "lines": lines,
        }


def charts(systems: Sequence[System], metric: str) -> list[Chart]:
    """A chart for every metric that was recorded, the given one first, and axis; empty without curves."""
    points = [point for system in systems for member in system.members for point in member.curve]
    fields = {metric: FIELDS[metric], **FIELDS, "loss": "loss"}
    recorded = {name: field for name, field in fields.items() if any(getattr(p, field) for p in points)}
    axes = [axis for axis, of in AXES.items() if any(map(of, points))]
    return [_chart(systems, name, field, axis) for name, field in recorded.items() for axis in axes]


def _chart(systems: Sequence[System], metric: str, field: str, axis: str) -> Chart:
    def spot(point: Point) -> tuple[float, float]:
        return AXES[axis](point), float(getattr(point, field))

    threads = [
        tuple(tuple(map(spot, one.curve)) for one in system.members if one.curve) for system in systems
    ]
    spots = [place for several in threads for thread in several for place in thread]
    low, high = min(y for _, y in spots), max(y for _, y in spots)
    # Rounded twice: the first may call for a larger distance of ticks.
    up = _rounded(*_rounded(low, high))
    return Chart(
        metric,
        axis,
        tuple(tuple(system.readings(spot)) for system in systems),
        tuple(several if len(several) > 1 else () for several in threads),
        (0.0, max(x for x, _ in spots)),
        up,
    )


def tick_step(extent: float) -> float:
    """A round distance of about `TICKS` ticks: 1, 2 or 5 times a power of ten."""
    if extent <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(extent / TICKS))
    return float(min((power * k for k in (1, 2, 5, 10)), key=lambda step: abs(extent / step - TICKS)))


def _rounded(low: float, high: float) -> tuple[float, float]:
    """The ticks around a range."""
    step = tick_step(high - low)
    bottom, top = math.floor(low / step), math.ceil(high / step)
    return step * bottom, step * max(top, bottom + 1)


def ticks(low: float, high: float) -> list[float]:
    """Round numbers from `low` to `high`."""
    step = tick_step(high - low)
    return [step * k for k in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def drawing(chart: Chart, names: Sequence[str]) -> str:
    """A chart in HTML."""
    across = [(chart.place(x, chart.up[0])[0], f"{x:,.10g}") for x in ticks(*chart.across)]
    up = [(chart.place(0, y)[1], f"{y:,.10g}") for y in ticks(*chart.up)]
    grid = "".join(f'<line class="grid" x2="100%" y1="{y}%" y2="{y}%"/>' for y, _ in up)
    labels = "".join(f'<text x="{x}%" y="100%" dy="1.4em">{label}</text>' for x, label in across)
    heights = "".join(f'<text x="100%" y="{y}%" dy=".35em">{label}</text>' for y, label in up)
    lines = "".join(_curve(chart, at) for at in range(len(names)))
    return (
        f'<div class="plot" role="img" aria-label="{shown(_described(chart, names))}">'
        f'<svg class="heights" aria-hidden="true">{heights}</svg>'
        f'<svg class="area" aria-hidden="true">{grid}{labels}{lines}</svg>'
        f'<span class="axis" aria-hidden="true">{chart.axis}</span></div>'
    )


def _curve(chart: Chart, at: int) -> str:
    """The marks of one system: its models' thin lines, its band, its mean."""
    readings = chart.means[at]
    paths = [f'<path class="thread" d="{_path(chart, thread)}"/>' for thread in chart.threads[at]]
    if chart.axis == "updates" and chart.threads[at] and readings:
        edge = [(one.x, one.high) for one in readings] + [(one.x, one.low) for one in readings[::-1]]
        paths.append(f'<path class="band" d="{_path(chart, edge)}z"/>')
    spots = [(one.x, one.mean) for one in readings]
    if spots:
        dash = DASHES[at % len(DASHES)]
        paths.append(f'<path class="mean" stroke-dasharray="{dash}" d="{_path(chart, spots)}"/>')
    shown_spots = spots[:: math.ceil(len(spots) / MOST_MARKS) or 1]
    uses = "".join(
        f'<use href="#mark{at % len(MARKS)}" x="{x}%" y="{y}%"/>'
        for x, y in (chart.place(*spot) for spot in shown_spots)
    )
    return (
        f'<g class="{hue(at)}" data-system="{at}">'
        f'<svg viewBox="0 0 100 100" preserveAspectRatio="none">{"".join(paths)}</svg>{uses}</g>'
    )


def _path(chart: Chart, spots: Sequence[tuple[float, float]]) -> str:
    return "M" + " ".join(f"{x:g} {y:g}" for x, y in (chart.place(*spot) for spot in spots))


def _described(chart: Chart, names: Sequence[str]) -> str:
    """A chart in words."""
    said = [f"{chart.metric} of validation against {chart.axis}."]
    best = min if chart.metric == "loss" else max
    for name, line in zip(names, chart.means, strict=True):
        if line:
            top = best(line, key=lambda one: one.mean)
            said.append(
                f"{name}: {line[0].mean:.2f} at {line[0].x:,.5g}, best {top.mean:.2f} at {top.x:,.5g}, "
                f"at last {line[-1].mean:.2f} at {line[-1].x:,.5g}."
            )
    return " ".join(said)
