"""Results as rich renderables: pure functions that print nothing. Texts are never read as markup."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seqattn.errors import counted

from .heatmap import MAX_HEADING, MIN_WIDTH, block, caption, fit, flow, heatmap, visible

if TYPE_CHECKING:
    from seqattn.alignment.links import Agreement
    from seqattn.alignment.reading import Attention
    from seqattn.comparison.systems import System
    from seqattn.comparison.verdict import Contrast
    from seqattn.data.corpus import Pair
    from seqattn.evaluation.scores import Assessment
    from seqattn.models.base import Reading
    from seqattn.runs.records import MetricsLine
    from seqattn.runs.run import Run


def attention_map(attention: Attention, *, width: int, title: str = "") -> RenderableType:
    """A pair's attention as a heat map with a summary below it."""
    chart = heatmap(attention.source, attention.target, attention.weights.tolist(), width=width, title=title)
    if not attention.target:
        return chart
    return Group(chart, block(attention_summary(attention, max(width, MIN_WIDTH))))


def attention_summary(attention: Attention, width: int) -> list[Text]:
    """The mean entropy of the rows, and the source words that no target word attended to."""
    from seqattn.alignment.measures import UNATTENDED, coverage, entropy

    bits, most = entropy(attention.weights).mean().item(), math.log2(len(attention.source))
    spread = [
        f"{bits:.2f} of {most:.2f} bits",
        "mean row entropy",
        f"{attention.source[attention.mark]} counted",
    ]
    words = enumerate(zip(attention.source, coverage(attention.weights).tolist(), strict=True))
    unattended = [
        fit(visible(word), min(width, MAX_HEADING))
        for at, (word, share) in words
        if share < UNATTENDED and at != attention.mark
    ]
    unattended = [*(unattended or ["no word"]), f"(column sums <{UNATTENDED})"]
    return [
        line
        for label, entries in (("spread", spread), ("unattended", unattended))
        for line in flow(map(Text, [label, *entries]), width)
    ]


def facts(rows: Mapping[str, str]) -> Text:
    """Names and values, aligned, one line each; to be printed with `soft_wrap`."""
    room = 2 + max(map(len, rows))
    return Text("\n").join(
        Text.assemble((name.ljust(room), "dim"), caption(value)) for name, value in rows.items()
    )


def assessment_facts(assessment: Assessment, beam: int) -> Text:
    """Scores of one system with their signatures."""
    scores = assessment.scores
    sentences = scores.sentences / assessment.seconds
    ids = assessment.output_ids / assessment.seconds
    return facts(
        {
            "BLEU": f"{scores.bleu:.2f}   {scores.bleu_signature}",
            "chrF": f"{scores.chrf:.2f}   {scores.chrf_signature}",
            "exact match": f"{scores.exact:.2f} % of {counted(scores.sentences, 'sentence')}",
            "decoding": f"{sentences:,.1f} sentences/s, {ids:,.0f} tokens/s, beam {beam}",
        }
    )


def readings_table(
    figures: Mapping[Reading, float],
    own: Reading,
    best: Callable[[Iterable[float]], float],
) -> Table:
    """A row for each layer and step, a column for each head; the best is bold, the run's own has a star."""
    heads = sorted({reading.head for reading in figures})
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in ("", *(f"head {head}" if head else "mean" for head in heads)):
        table.add_column(column, justify="right" if column else "left")
    top = best(figures.values())
    rows: dict[tuple[int, bool], dict[int, Text]] = {}
    for reading, figure in figures.items():
        cell = Text(f"{figure:.1f}{'*' if reading == own else ' '}", style="bold" if figure == top else "")
        rows.setdefault((reading.layer, reading.consumed), {})[reading.head] = cell
    for (layer, consumed), cells in rows.items():
        label = Text(f"layer {layer}, {'consumed' if consumed else 'produced'}", style="dim")
        table.add_row(label, *(cells[head] for head in heads))
    return table


def agreement_line(found: Agreement) -> str:
    """Precision, recall and alignment error rate."""
    return (
        f"AER {found.error_rate:.2f} %, precision {found.precision:.2f} %, recall {found.recall:.2f} % "
        f"({found.links:,} links in {found.sentences:,} sentences)"
    )


def verdict(contrasts: Sequence[Contrast]) -> RenderableType:
    """Which system is better, in sentences: of two by every metric, of more by BLEU."""
    from seqattn.comparison.verdict import UNITS

    metrics = list(UNITS) if len(contrasts) == 1 else list(UNITS)[:1]
    lines = [Text(one.in_words(metric)) for one in contrasts for metric in metrics]
    corrected = f", corrected for {len(contrasts)} pairs of systems" if len(contrasts) > 1 else ""
    note = f"p by approximate randomization{corrected}; of these models: another seed may differ."
    return Group(*lines, Text(note, style="dim"))


def systems_table(systems: Sequence[System], beam: int, agreements: Sequence[Agreement | None]) -> Table:
    """One column for each system: architecture, training, translation quality and speed."""
    from .live import duration

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("")
    for system in systems:
        table.add_column(Text(system.name), justify="right")

    def row(label: str, *values: str, best: Sequence[float] = ()) -> None:
        top = max(best, default=None)
        cells = [
            Text(value, style="bold" if best and figure == top and len(set(best)) > 1 else "")
            for value, figure in zip(values, best or [0.0] * len(values), strict=True)
        ]
        table.add_row(Text(label, style="dim"), *cells)

    row("architecture", *(system.run.config.architecture for system in systems))
    row("parameters", *(f"{system.parameters:,}" for system in systems))
    row("updates", *(f"{system.updates:,}" for system in systems))
    row("tokens trained on", *(f"{system.tokens:,}" for system in systems))
    row("training time", *(duration(system.seconds) for system in systems))
    row("training tokens/s", *(f"{system.tokens_per_second:,.0f}" for system in systems))
    scores = [system.assessment.scores for system in systems]
    row("test BLEU", *(f"{s.bleu:.2f}" for s in scores), best=[s.bleu for s in scores])
    row("test chrF", *(f"{s.chrf:.2f}" for s in scores), best=[s.chrf for s in scores])
    row("test exact match", *(f"{s.exact:.1f} %" for s in scores), best=[s.exact for s in scores])
    if any(agreements):
        row("alignment error rate", *(f"{a.error_rate:.1f} %" if a else "-" for a in agreements))
    row(f"sentences/s, beam {beam}", *(f"{system.sentences_per_second:,.1f}" for system in systems))
    return table


def differences(systems: Sequence[System], pairs: Sequence[Pair], rows: Sequence[int]) -> RenderableType:
    """Sentences with each system's translation and the reference; a tick marks exact matches."""
    table = Table.grid(padding=(0, 2))
    for row in rows:
        source, reference = pairs[row]
        table.add_row(Text("source", style="dim"), Text(caption(source)))
        table.add_row(Text("reference", style="dim"), Text(caption(reference)))
        for system in systems:
            text = system.assessment.hypotheses[row]
            mark = " ✓" if text == reference else ""
            table.add_row(
                Text(system.name, style="dim"), Text(caption(text) + mark, style="green" if mark else "")
            )
        table.add_row("", "")
    return table


def run_facts(run: Run, last: MetricsLine | None) -> Text:
    """The output of `seqattn info`; `last` is the newest line of the run's metrics, if any."""
    from dataclasses import asdict

    from seqattn.options import flat_options

    from .live import duration, vocabulary_size

    config, trained, tokenizer = run.config, run.trained, run.tokenizer
    data = config.data
    joint = "joint" if tokenizer.joint else "separate"
    valid = data.valid or "the training corpus, held out"
    defaults = type(config.training)()
    changed = {k: v for k, v in asdict(config.training).items() if v != getattr(defaults, k)}
    named = {"bleu": "BLEU {:.2f}", "chrf": "chrF {:.2f}", "exact": "exact {:.1f} %"}
    scores = {name: getattr(trained, name) for name in named}
    figures = [text.format(scores[name]) for name, text in named.items() if scores[name] is not None]
    origin = "average of several validated weights" if trained.averaged else "best weights"
    if not figures:
        origin = "newest weights"
    length = "unknown"
    if last:
        length = f"{last.update:,} updates, {last.all_tokens:,} tokens, {duration(last.all_seconds)}"
    return facts(
        {
            "architecture": config.architecture,
            "direction": data.direction,
            "parameters": f"{run.parameters:,}",
            "options": ", ".join(f"{k}={v}" for k, v in flat_options(config.model).items()),
            "tokenizer": f"{config.tokenizer.pieces}, {joint}, {vocabulary_size(tokenizer)}",
            "training data": f"{data.train_pairs:,} pairs of {' + '.join(data.train)}",
            "validation data": f"{data.valid_pairs:,} pairs of {valid}",
            "guide": data.guide or "none",
            "training options": ", ".join(f"{k}={v}" for k, v in changed.items()) or "defaults",
            "trained for": length,
            "weights": f"{origin}, update {trained.update:,}",
            "validation, greedy": ", ".join(figures) or "not validated",
            "made with": ", ".join(f"{name} {version}" for name, version in config.versions.items()),
            "command": " ".join(config.command) or "from Python",
        }
    )
