"""A comparison as a self-contained web page: HTML that needs no script, and one that makes it a tool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Template

from seqattn.alignment.reading import Attention
from seqattn.comparison.cards import cards, ngrams
from seqattn.comparison.charts import Chart, charts, drawing
from seqattn.comparison.conclusion import costs_in_words, notes, verdicts
from seqattn.comparison.figures import (
    EMBEDDINGS,
    MISSING,
    SCORES,
    TOKENS,
    Figure,
    agreements,
    costs_of,
    interval_in_words,
    mean_in_words,
    scores_of,
)
from seqattn.comparison.findings import Findings, attention_of
from seqattn.comparison.marks import HUES, MARKS, hues, marks, named, swatch
from seqattn.comparison.report_sentences import rows_to_show, sentence_data, sentences, translations_of
from seqattn.comparison.results import Member
from seqattn.data.corpus import short_name
from seqattn.errors import counted
from seqattn.evaluation.significance import Spread
from seqattn.pictures.document import (
    PERCENTS,
    Cell,
    asset,
    capitalised,
    colours,
    document,
    listed,
    shown,
    sortable,
)
from seqattn.pictures.ramp import STEPS


def report(
    findings: Findings,
    attention: Sequence[Mapping[int, Attention] | None] | None = None,
    *,
    texts: bool = True,
) -> str:
    """An HTML document.

    `attention` is each system's, of its first model, by those rows of the test set that it can hold and for
    its own translation; None for a system without. Unless given, the models are asked. Without `texts`
    nothing of the test set and its translations is in the document, no sentences and no n-grams.
    """
    rows = rows_to_show(findings) if texts else []
    if attention is None:
        attention = [attention_of(system, findings.pairs, rows) for system in findings.systems]
    style = colours() + hues() + asset(__package__, "report.css")
    script = asset(__package__, "report.js")
    names = [system.name for system in findings.systems]
    differing = {one.row for each in findings.differing for one in (*each.first_better, *each.second_better)}
    translations = translations_of(findings, {*rows, *differing})
    drawn = charts(findings.systems, findings.metric)
    sections = {
        "Verdict": _verdict(findings),
        "Systems": _systems(findings),
        "Training": _curves(findings, drawn),
        "Parts of the test set": cards(findings.breakdowns, names, findings.metric),
        "N-grams": ngrams(findings.differing) if texts else "",
        "Sentences": sentences(findings, translations) if texts else "",
    }
    parts = {title: html for title, html in sections.items() if html}
    data = {
        "steps": STEPS,
        "percents": PERCENTS,
        "hues": len(HUES),
        "marks": len(MARKS),
        "charts": [one.to_json() for one in drawn],
        **sentence_data(findings, attention, rows, translations),
    }
    heading = shown(f"{listed(names)} on {short_name(findings.test)}")
    body = Template(asset(__package__, "report.html")).substitute(
        heading=heading,
        summary=f"{counted(len(findings.pairs), 'test sentence')}. {findings.metric} decides.",
        contents="".join(f'<a href="#{_id(title)}">{title}</a>' for title in parts),
        sections="".join(_section(title, html) for title, html in parts.items()),
        marks=marks(),
        signatures="; ".join(dict.fromkeys(map(shown, _signatures(findings)))),
    )
    return document(f"{heading} – comparison", style, body, {"data": data}, script)


def _section(title: str, html: str) -> str:
    own = _id(title)
    heading = f'<h2 id="{own}-title">{title}</h2>'
    return f'<section id="{own}" aria-labelledby="{own}-title">{heading}{html}</section>\n'


def _id(title: str) -> str:
    return title.lower().replace(" ", "-")


def _signatures(findings: Findings) -> list[str]:
    scores = [one.scores for system in findings.systems for one in system.members]
    return [
        f"{each} {kind}"
        for one in scores
        for each, kind in (("BLEU", one.bleu_signature), ("chrF", one.chrf_signature))
    ]


def _items(lines: Sequence[str]) -> str:
    return "".join(f"<li>{shown(line)}</li>" for line in lines)


def _verdict(findings: Findings) -> str:
    """The verdicts in words with their uncertainty; cautions; the conditions."""
    said = verdicts(findings)
    leading = said[:1] if len(findings.contrasts) == 1 else []
    others = said[len(leading) :]
    html = "".join(f'<p class="lead">{shown(one)}</p>' for one in leading)
    html += f'<ul class="others">{_items(others)}</ul>' if others else ""
    html += "".join(
        f'<p class="faint">{shown(one)}</p>' for one in (*costs_in_words(findings), *notes(findings))
    )
    if findings.cautions:
        html += f'<div class="cautions"><h3>Cautions</h3><ul>{_items(findings.cautions)}</ul></div>'
    if findings.terms:
        html += f'<h3>Conditions</h3><ul class="terms">{_items(findings.terms)}</ul>'
    return html


def _systems(findings: Findings) -> str:
    """A table of the systems; how far their attention agrees; a table of the models."""
    systems = findings.systems
    several = any(len(system.members) > 1 for system in systems)
    scores = {one.label: one.spreads for one in scores_of(findings)}
    costs = [one for one in costs_of(systems) if one not in (EMBEDDINGS, TOKENS)]
    columns = {label: list(map(_score, spreads)) for label, spreads in scores.items()}
    if several:
        columns["models"] = [Cell(str(one.models or MISSING), one.models) for one in systems]
    columns |= {one.label: [_figure(one, system.mean(one.of)) for system in systems] for one in costs}
    names = [Cell(named(at, system.name), heading=True) for at, system in enumerate(systems)]
    html = sortable("Systems", ["system", *columns], list(zip(names, *columns.values(), strict=True)))
    if several:
        note = (
            "Means over a system's models ± their standard deviation; below, the 95 % interval of the mean."
        )
        html += f'<p class="faint">{note}</p>'
    html += _agreement(findings)
    if several or costs:
        html += f'<details class="unfold"><summary>Every model</summary>{_models(findings)}</details>'
    return html


def _models(findings: Findings) -> str:
    figures = [*SCORES, *costs_of(findings.systems)]
    rows = []
    for at, system in enumerate(findings.systems):
        for one in system.members:
            names = [Cell(named(at, system.name)), Cell(shown(one.name), heading=True)]
            rows.append([*names, *(_figure(each, each.of(one)) for each in figures), _ended(one)])
    head = ["system", "model", *(each.label for each in figures), "training ended"]
    return sortable("Models", head, rows)


def _figure(figure: Figure, value: float | None) -> Cell:
    return Cell(figure.text(value), value)


def _score(found: Spread | None) -> Cell:
    interval = interval_in_words(found).replace("-", "−")
    below = f"<small>{interval}</small>" if interval else ""
    return Cell(mean_in_words(found) + below, found.mean if found else None)


def _ended(one: Member) -> Cell:
    return Cell(shown(one.costs.ended if one.costs and one.costs.ended else MISSING))


def _agreement(findings: Findings) -> str:
    """How far the systems' attention agrees, in sentences."""
    names = [system.name for system in findings.systems]
    said = [
        f"{shown(listed([names[one], names[other]]))} agree in {share:.1f} %"
        for (one, other), share in agreements(findings).items()
    ]
    return f"<p>Links of the references' words by attention (F1): {'; '.join(said)}.</p>" if said else ""


def _curves(findings: Findings, found: Sequence[Chart]) -> str:
    """Charts of which the script shows one at a time; without it, those of the first metric."""
    names = [system.name for system in findings.systems]
    if not found:
        return ""
    figures = "".join(
        f'<figure class="chart" data-chart="{at}"{"" if chart.metric == found[0].metric else " hidden"}>'
        f"<figcaption>{capitalised(chart.metric)} against {chart.axis}</figcaption>"
        f"{drawing(chart, names)}</figure>\n"
        for at, chart in enumerate(found)
    )
    legend = "".join(
        f'<li><label><input type="checkbox" checked hidden data-system="{at}">{swatch(at)}'
        f"{shown(name)}</label></li>"
        for at, name in enumerate(names)
        if any(one.curve for one in findings.systems[at].members)
    )
    note = "Scores on the validation set. "
    if any(any(chart.threads) for chart in found):
        note += (
            "Thick lines are means over a system's models, where all were validated; the band reaches from "
            "the lowest to the highest; thin lines are single models."
        )
    return (
        f'<div id="chart-choices" class="controls"></div><ul class="legend">{legend}</ul>'
        f'<div class="charts">{figures}</div><p id="read" class="read" aria-live="polite"></p>'
        f'<p class="faint">{note}</p>'
    )
