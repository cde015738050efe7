"""Attention as a self-contained web page: tables in HTML, lines and figures added by a script."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from string import Template
from typing import Any, TypeVar

from seqattn.alignment.measures import UNATTENDED
from seqattn.errors import InputError
from seqattn.models.base import Place, Reading
from seqattn.pictures.document import asset, colours, document, shown, word
from seqattn.pictures.legible import right_to_left
from seqattn.pictures.panel import Panel, place_of, step_of
from seqattn.pictures.ramp import STEPS, step

Displayed = TypeVar("Displayed", bound=Panel)

MOST_PAIRS = 1000
WHOLE = 100_000
"""What stands for a weight of one in the data: coarser weights would give other percentages."""
HEADINGS: dict[Place, str] = {
    "cross": "What each target word attends to",
    "encoder": "What each source word attends to in the source",
    "decoder": "What each target word attends to in the target",
}
SIDES: dict[Place, dict[str, str]] = {
    "cross": {"source": "source", "target": "target"},
    "encoder": {"source": "source", "target": "source"},
    "decoder": {"source": "target", "target": "target"},
}
"""Which side's words are attended to (columns, `source`), and which attend (rows, `target`)."""


def page(found: Iterable[Sequence[Panel]]) -> str:
    """An HTML document with the attention of every run for each pair. InputError for too many pairs.

    Its tables show the requested readings. The weights of all layers and heads are embedded as data: only
    numbers, so that no text of a corpus can be interpreted as markup or script.
    """
    runs: list[dict[str, Any]] = []
    weights: list[list[list[int]]] = []
    pairs: list[str] = []
    title = ""
    place: Place = "cross"
    for number, several in enumerate(found, start=1):
        if number > MOST_PAIRS:
            raise InputError(f"a page holds at most {MOST_PAIRS:,} pairs", remedy="give fewer with --pairs")
        runs = runs or list(map(run_data, several))
        weights.append(list(map(embedded, several)))
        pairs.append(folded(number, several, _section))
        title = several[0].pair.source if number == 1 else f"{number:,} pairs"
        place = several[0].heads.place
    style, script = panel_assets()
    data = {**panel_data(place), "runs": runs, "pairs": weights}
    body = Template(asset(__package__, "page.html")).substitute(
        heading=HEADINGS[place],
        **SIDES[place],
        pairs="".join(pairs),
        legend=legend(),
        unattended=f"{UNATTENDED:.0%}",
    )
    return document(
        f"{shown(title)} – attention", style, body, {"weights": data}, script + asset(__package__, "page.js")
    )


def panel_assets() -> tuple[str, str]:
    """The style of panels, and the script that makes a section one; it reads `panel_data` from `weights`."""
    style = colours() + asset(__package__, "page.css")
    return style, asset(__package__, "shared.js") + asset(__package__, "panel.js")


def panel_data(place: Place) -> dict[str, Any]:
    """What the script of panels needs to know of them all."""
    return {"steps": STEPS, "whole": WHOLE, "unattended": UNATTENDED, "sides": SIDES[place]}


def legend() -> str:
    """The colours of weights from 0 to 100 %."""
    return "".join(f'<i class="w{k}"></i>' for k in range(STEPS + 1))


def fragment(seen: Panel) -> dict[str, Any]:
    """One panel for a page that is there already: its section as HTML, and what the script needs."""
    return {"html": _section(1, 0, seen), "run": run_data(seen), "weights": embedded(seen)}


def embedded(seen: Panel) -> list[int]:
    """The weights of every layer and head, flattened, as numbers of which `WHOLE` stands for one."""
    return list((WHOLE * seen.heads.weights).round().int().flatten().tolist())


def run_data(seen: Panel) -> dict[str, Any]:
    """The data of a run that the script needs."""

    def at(reading: Reading) -> list[int]:
        return [reading.layer, reading.head if seen.shape.heads > 1 else 0]

    return {
        "layers": seen.shape.layers,
        "heads": seen.shape.heads,
        "place": place_of(seen.heads.place),
        "step": step_of(seen.reading, seen.heads.place),
        "shown": at(seen.reading),
        "own": at(seen.own) if seen.own and seen.own.consumed == seen.reading.consumed else None,
    }


def folded(number: int, several: Sequence[Displayed], section: Callable[[int, int, Displayed], str]) -> str:
    """One source with a section for each run; the first source is expanded."""
    runs = "".join(section(number, place, seen) for place, seen in enumerate(several))
    source = shown(several[0].pair.source)
    return f"""<details class="pair"{" open" if number == 1 else ""}>
<summary><span class="number">{number}</span> <bdi lang="">{source}</bdi></summary>
<div class="runs">
{runs}</div>
</details>
"""


def _section(pair: int, run: int, seen: Panel) -> str:
    """One run's table for one pair."""
    own = "" if seen.reading == seen.own else " hidden"
    name = shown(seen.run)
    mark = "" if seen.attention.mark is None else f' data-mark="{seen.attention.mark}"'
    return f"""<section class="run" data-pair="{pair - 1}" data-run="{run}"{mark}>
<h2>{name}</h2>
<p class="reading faint">
<span class="which">{seen.described}</span> <span class="own"{own}>★ the run's own</span>
</p>
{_target(seen)}<div class="views">
<div class="scroll" tabindex="0" role="region" aria-label="Table of {name}">
{_table(seen)}</div>
</div>
</section>
"""


def _target(seen: Panel) -> str:
    """The target's text; empty for self-attention of the source."""
    if seen.heads.place == "encoder":
        return ""
    return f'<p class="target-text" lang="" dir="auto">{shown(seen.pair.target)}</p>\n'


def _table(seen: Panel) -> str:
    """Weights in percent; for a right-to-left source the table runs from right to left as well."""
    source, target, weights, place = seen.attention
    direction = "rtl" if right_to_left(source) else "ltr"
    columns = "".join(f'<th scope="col">{word(one)}</th>' for one in source)
    rows = "".join(
        f'<tr><th scope="row">{word(one)}</th>'
        + "".join(f'<td class="w{step(weight)}">{100 * weight:.0f}</td>' for weight in row)
        + "</tr>\n"
        for one, row in zip(target, weights.tolist(), strict=True)
    )
    sides = "{target} words (rows) to {source} words (columns)".format_map(SIDES[place])
    return f"""<table dir="{direction}" lang="">
<caption lang="en">Percent of the attention of {sides}</caption>
<thead><tr><td></td>{columns}</tr></thead>
<tbody>
{rows}</tbody>
</table>
"""
