"""Parts of the test set and n-grams in a page: tables, with bars for figures.

They need no script.
"""

from __future__ import annotations

from collections.abc import Sequence

from seqattn.comparison.figures import MISSING
from seqattn.comparison.marks import hue, named
from seqattn.comparison.results import Breakdown, Differing, NGram
from seqattn.pictures.document import capitalised, listed, shown


def cards(breakdowns: Sequence[Breakdown], names: Sequence[str], metric: str) -> str:
    """Tables with bars; those that differ only in the metric share a place, the given one shown first."""
    alike: dict[str, list[Breakdown]] = {}
    for one in sorted(breakdowns, key=lambda one: not one.title.startswith(metric)):
        alike.setdefault(one.title.split(" by ")[-1], []).append(one)
    each = "".join(_card(at, tables, names) for at, tables in enumerate(alike.values()))
    return f'<div class="cards">{each}</div>' if each else ""


def _card(number: int, breakdowns: Sequence[Breakdown], names: Sequence[str]) -> str:
    tables = [bars(one, names) for one in breakdowns]
    if len(tables) == 1:
        return f'<div class="card">{tables[0]}</div>\n'
    choices = "".join(
        f'<label><input type="radio" name="card{number}" class="tab{at}"{" checked" if at == 0 else ""}>'
        f"{shown(one.title.split(' by ')[0])}</label>"
        for at, one in enumerate(breakdowns)
    )
    panels = "".join(f'<div class="panel{at}">{table}</div>' for at, table in enumerate(tables))
    return f'<div class="card tabs"><fieldset><legend>Score</legend>{choices}</fieldset>{panels}</div>\n'


def bars(breakdown: Breakdown, names: Sequence[str]) -> str:
    """A breakdown as a table, with bars from zero to the largest value."""
    values = [value for group in breakdown.groups for value in group.values if value is not None]
    longest = max(values, default=0.0) or 1.0
    counts = {f"{group.count:,} {shown(breakdown.counted)}" for group in breakdown.groups}
    remarks = [
        f"Of {next(iter(counts))}." if len(counts) == 1 else "",
        shown(breakdown.remark),
        "" if breakdown.higher_is_better else "Lower is better.",
    ]
    bodies = []
    for group in breakdown.groups:
        count = f"<small>{group.count:,} {shown(breakdown.counted)}</small>" if len(counts) > 1 else ""
        heading = f'<th scope="rowgroup" rowspan="{len(names)}">{shown(group.name)}{count}</th>'
        rows = [
            f'<tr>{heading if at == 0 else ""}<th scope="row">{named(at, name)}</th>'
            f"{_bar(value, breakdown.unit, longest, at)}</tr>"
            for at, (name, value) in enumerate(zip(names, group.values, strict=True))
        ]
        bodies.append(f"<tbody>{''.join(rows)}</tbody>")
    head = "".join(
        f'<th scope="col">{shown(name)}</th>'
        for name in (breakdown.grouped_by or "part", "system", breakdown.unit or "ratio")
    )
    remark = " ".join(filter(None, remarks))
    return (
        f'<table class="bars"><caption>{shown(capitalised(breakdown.title))}<small>{remark}</small></caption>'
        f"<thead><tr>{head}</tr></thead>{''.join(bodies)}</table>"
    )


def _bar(value: float | None, unit: str, longest: float, at: int) -> str:
    if value is None:
        return f"<td>{MISSING}</td>"
    length = round(100 * max(value, 0.0) / longest, 1)
    return (
        f'<td><div class="bar"><span>{value:.{1 if unit else 2}f}</span>'
        f'<svg class="{hue(at)}" aria-hidden="true"><rect width="{length}%" height="100%"/></svg></div></td>'
    )


def ngrams(differing: Sequence[Differing]) -> str:
    """What each of two systems gets right more often, for every two."""
    html = ""
    for found in differing:
        tables = [
            (found.first, found.second, found.first_right),
            (found.second, found.first, found.second_right),
        ]
        if len(differing) > 1:
            html += f'<div class="pair"><h3>{shown(listed([found.first, found.second]))}</h3>'
        html += f'<div class="cards">{"".join(_ngram_table(found, *table) for table in tables)}</div>'
        html += "</div>\n" if len(differing) > 1 else ""
    return html


def _ngram_table(found: Differing, right: str, wrong: str, most: Sequence[NGram]) -> str:
    title = f"{shown(right)} gets right more often than {shown(wrong)}"
    if not most:
        return f'<p class="card">{title}: nothing.</p>'
    head = "".join(
        f'<th scope="col">{name}</th>'
        for name in ("n-gram", shown(found.first), shown(found.second), "references")
    )
    rows = "".join(
        f'<tr><th scope="row" lang="" dir="auto">{shown(" ".join(one.words))}</th><td>{one.first:.3g}</td>'
        f"<td>{one.second:.3g}</td><td>{one.references:,}</td></tr>"
        for one in most
    )
    return (
        f'<div class="card"><table class="ngrams"><caption>{title}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )
