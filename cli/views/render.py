"""Results as rich renderables: pure functions that print nothing. Texts are never read as markup."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from seqattn.errors import counted
from seqattn.shell import command_line

from .heatmap import MAX_HEADING, MIN_WIDTH, block, caption, fit, flow, heatmap, visible

if TYPE_CHECKING:
    from seqattn.alignment.links import Agreement
    from seqattn.alignment.reading import Attention
    from seqattn.evaluation.scores import Assessment
    from seqattn.models.base import Reading
    from seqattn.runs.metrics import MetricsLine
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
    spread = [f"{bits:.2f} of {most:.2f} bits", "mean row entropy"]
    if attention.mark is not None:
        spread.append(f"{attention.source[attention.mark]} counted")
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
    """Scores of one system, with the signatures of BLEU and chrF, what they are of, and the speed."""
    scores = assessment.scores
    sentences = scores.sentences / assessment.seconds
    ids = assessment.output_ids / assessment.seconds
    references = counted(scores.references, "reference")
    ratio = f"{'–':>6}" if scores.length_ratio is None else f"{scores.length_ratio:6.3f}"
    return facts(
        {
            "BLEU": f"{scores.bleu:6.2f}     {scores.bleu_signature}",
            "chrF": f"{scores.chrf:6.2f}     {scores.chrf_signature}",
            "exact match": f"{_percent(scores.exact)}   sentence error rate {100 - scores.exact:.2f} %",
            "word error rate": _percent(scores.wer),
            "character error rate": _percent(scores.cer),
            "length ratio": f"{ratio}     brevity penalty {scores.brevity_penalty:.3f}",
            "tested on": f"{counted(scores.sentences, 'sentence')}, {references}",
            "decoding": f"{sentences:,.1f} sentences/s, {ids:,.0f} tokens/s, beam {beam}",
        }
    )


def _percent(figure: float | None) -> str:
    """A figure aligned with others, or a dash where there is none."""
    return f"{'–':>6}" if figure is None else f"{figure:6.2f} %"


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


def run_facts(run: Run, last: MetricsLine | None) -> Text:
    """The output of `seqattn info`; `last` is the newest line of the run's metrics, if any."""
    from dataclasses import asdict

    from seqattn.options import flat_options
    from seqattn.pictures.legible import duration

    from .live import vocabulary_kind, vocabulary_size

    config, trained, tokenizer = run.config, run.trained, run.tokenizer
    vocabulary = f"{vocabulary_kind(tokenizer)}, {vocabulary_size(tokenizer)}"
    data = config.data
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
        done = counted(last.update, "update"), counted(last.all_tokens, "token"), duration(last.all_seconds)
        length = ", ".join(done)
    return facts(
        {
            "architecture": config.architecture,
            "direction": data.direction,
            "parameters": f"{run.parameters:,}",
            "options": ", ".join(f"{k}={v}" for k, v in flat_options(config.model).items()),
            "sources": str(config.sources),
            "tokenizer": f"{config.tokenizer.pieces}, {vocabulary}",
            "training data": f"{data.train_pairs:,} pairs of {' + '.join(data.corpora)}",
            "validation data": f"{data.valid_pairs:,} pairs of {valid}",
            "guide": data.guide or "none",
            "initial weights": data.initialised_from or "drawn",
            "training options": ", ".join(f"{k}={v}" for k, v in changed.items()) or "defaults",
            "trained for": length,
            "weights": f"{origin}, update {trained.update:,}",
            "validation, greedy": ", ".join(figures) or "not validated",
            "made with": ", ".join(f"{name} {version}" for name, version in config.versions.items()),
            "command": command_line(*config.command) or "from Python",
        }
    )
