"""Decoding one step at a time: what the decoder reads, attends to, proposes and takes."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import click
from rich.cells import cell_len
from rich.console import Console, Group, RenderableType
from rich.text import Text

from ..commands.shared import results
from .heatmap import FAINT, MAX_HEADING, MIN_WIDTH, band, block, caption, cell, fit, flow, graphemes, visible

if TYPE_CHECKING:
    from seqattn.data.pixels import Image
    from seqattn.decoding.stepping import Step
    from seqattn.models.base import Reading
    from seqattn.runs.run import Run
    from seqattn.text.tokenizer import Tokenizer

MOST_LINES = 12
"""Lines of source pieces if there is no terminal."""
MOST_COLUMN, SHADE = 12, 3
"""Cells of a piece and of the shade of its weight when pieces are in columns."""
OTHER_LINES = 17
"""Lines of a step in a terminal in addition to the heading and source pieces."""
MOST_BAR = 40
"""Cells."""
EIGHTHS = " ▏▎▍▌▋▊▉█"
BACK = ("\x1b[D", "\x1bOD", "\x7f", "\b", "b")
"""Left arrow, backspace, b."""
QUIT = ("q", "Q", "\x1b")
"""q, escape."""


Attended = Callable[[Sequence["Row"], int, int, int], Iterator[Text]]
"""Draws the source with its weights: rows, cells of a label, width, and the most lines."""


class Row(NamedTuple):
    """A piece with its attention weight or probability."""

    share: float
    piece: str
    taken: bool = False
    remark: str = ""
    score: float | None = None
    """Before the softmax, if the share comes from a single softmax."""


class Scene(NamedTuple):
    """One step as text."""

    name: str
    read: str
    """The piece that the decoder reads."""
    text: str
    """The output so far, including the piece of this step."""
    attended: list[Row]
    """Every source piece, in order."""
    sums: list[str]
    """A summary of the attention and its context vector."""
    proposed: list[Row]
    """The likeliest pieces, and the piece taken."""


def play(
    run: Run, name: str, reading: Reading, pause: float | None, source: str, target: str | None = None
) -> None:
    """Show the steps of greedy decoding, or of a given target, by a reading at the producing step.

    In a terminal each step replaces the previous one, at a key or after a pause in seconds; elsewhere they
    are printed below each other.
    """
    from dataclasses import replace

    from seqattn.decoding.stepping import steps
    from seqattn.errors import naming
    from seqattn.models.base import AttentionShape
    from seqattn.pictures.panel import described

    ids = run.tokenizer.source.encode(source)
    along = None if target is None else run.tokenizer.target.encode(target)
    options = run.search_options(beam=1)
    with naming(run.path):
        every = list(steps(run.model, ids, options, along))
    scenes = list(scenes_of(every, run.tokenizer, ids, reading))
    console = results()
    attended = _attended if run.tokenizer.reads_texts else _over_image(run, ids, console)
    shown = described(replace(reading, consumed=False), AttentionShape(*every[0].attention.shape[:2]))
    way = "greedy search" if target is None else "along the target"
    heading = [Text(caption(f"{name}: {shown}; {way}"), "bold")]
    if reading.consumed:
        heading.append(
            Text("as an alignment the run reads the step after, which consumes the piece", "italic")
        )
    keys = sys.stdin is not None and sys.stdin.isatty()
    if console.is_interactive and (keys or pause is not None):
        perform(console, scenes, heading, click.getchar if pause is None else pause, attended)
        return
    console.print(block(heading))
    for scene in scenes:
        console.print()
        console.print(picture(scene, console.width, MOST_LINES, attended))


def _rest(seconds: float) -> str:
    """Wait in place of a key."""
    time.sleep(seconds)
    return ""


def _over_image(run: Run, image: Image, console: Console) -> Attended:
    """Draws the image, lit where a step attends, and names the cell with the largest weight."""
    from .images import lit, shows_colour

    shape, colour = run.image_shape, shows_colour(console)
    assert shape is not None

    def draw(rows: Sequence[Row], label: int, width: int, most: int) -> Iterator[Text]:
        shares = [row.share for row in rows]
        yield from lit(image, shape, shares, width, colour, most)
        yield _bar(max(rows, key=lambda row: row.share), label, width, bold=True)

    return draw


def perform(
    console: Console,
    scenes: Sequence[Scene],
    heading: list[Text],
    key: Callable[[], str] | float,
    attended: Attended | None = None,
) -> None:
    """Show scenes in a terminal, each replacing the previous one; the last remains.

    `key` waits for a key and returns it, or is the pause between scenes, seconds.
    """
    from rich.live import Live

    foot = [block([Text(), Text("any key: next   ←: back   q: quit", FAINT)])] if callable(key) else []
    most = max(3, console.height - len(heading) - OTHER_LINES)

    def draw(at: int, *more: RenderableType) -> Group:
        shown = picture(scenes[at], console.width, most, attended or _attended)
        return Group(block(heading), Text(), shown, *more)

    at = 0
    with Live(draw(at, *foot), console=console, auto_refresh=False) as live:
        try:
            while at < len(scenes):
                live.update(draw(at, *foot), refresh=True)
                pressed = key() if callable(key) else _rest(key)
                if pressed in QUIT:
                    break
                at = max(0, at - 1) if pressed in BACK else at + 1
        except EOFError:
            pass
        finally:
            # The remaining scene needs no help line.
            live.update(draw(min(at, len(scenes) - 1)))


def scenes_of(every: Sequence[Step], tokenizer: Tokenizer, source: Any, reading: Reading) -> Iterator[Scene]:
    """Steps as scenes, with attention and context vector by a reading."""
    from seqattn.alignment.measures import entropy
    from seqattn.alignment.words import END, START
    from seqattn.symbols import BOS, EOS

    names = tokenizer.source.units(source, "pieces").names
    special = {BOS: START, EOS: END}

    def piece(id: int) -> str:
        return special.get(id) or tokenizer.target.pieces([id])[0]

    produced = []
    for number, step in enumerate(every, start=1):
        produced.append(step.taken.id)
        weights = reading.weights(step.attention.unsqueeze(-2))[0]
        scores = _scores(step, reading)
        context = step.context[reading.layer - 1]
        # Only the weights are averaged: a layer's context vectors are concatenated, not averaged.
        vector = context[reading.head - 1] if reading.head else context.flatten()
        of = "c" if reading.head or len(context) == 1 else f"[c1 … c{len(context)}]"
        proposed = [Row(one.probability, piece(one.id), one == step.taken) for one in step.candidates]
        if step.taken not in step.candidates or step.forced:
            remark = "the length limit" if step.forced else f"rank {step.taken.rank:,}"
            proposed = [row for row in proposed if not row.taken]
            proposed.append(Row(step.taken.probability, piece(step.taken.id), True, remark))
        yield Scene(
            f"step {number} of {len(every)}",
            piece(step.read),
            tokenizer.target.decode(produced),
            [
                Row(weight, name, score=score)
                for weight, name, score in zip(weights.tolist(), names, scores, strict=True)
            ],
            [f"entropy {entropy(weights).item():.2f} bits", f"|{of}| {vector.norm().item():.2f}"],
            proposed,
        )


def _scores(step: Step, reading: Reading) -> list[float | None]:
    """Each source piece's score before the softmax; the mean of several heads' weights has no scores."""
    of_layer = step.scores[reading.layer - 1]
    if len(of_layer) > 1 and not reading.head:
        return [None] * of_layer.shape[-1]
    scores: list[float | None] = of_layer[max(0, reading.head - 1)].tolist()
    return scores


def picture(scene: Scene, width: int, most: int, attended: Attended | None = None) -> RenderableType:
    """A scene in lines of at most `width` cells, its source pieces in at most `most` lines.

    A piece has the same place in every scene of a sentence. If not all fit, the part of the source with the
    largest weight is shown. A share comes before its piece: after a right-to-left piece a terminal would
    reverse it.
    """
    width = max(width, MIN_WIDTH)
    label = max(cell_len(visible(row.piece)) for row in (*scene.attended, *scene.proposed))
    label = min(label, MAX_HEADING, width // 3)
    sums = [*scene.sums, *["weight and score" for row in scene.attended[:1] if row.score is not None]]
    lines = [
        Text.assemble((scene.name, "bold"), "  reads ", fit(visible(scene.read), width - 19)),
        Text(_tail(caption(scene.text), width)),
        Text(),
        *flow([Text("attends to", "bold"), *map(Text, sums)], width),
        *(attended or _attended)(scene.attended, label, width, most),
        Text(),
        Text("proposes", "bold"),
    ]
    return block([*lines, *(_bar(row, label, width, bold=row.taken) for row in scene.proposed)])


def _attended(rows: Sequence[Row], label: int, width: int, most: int) -> Iterator[Text]:
    """Source pieces below each other with bars, or, if there are too many, in columns with shades."""
    peak = max(range(len(rows)), key=lambda at: rows[at].share)
    if len(rows) <= most:
        yield from (_bar(row, label, width, bold=at == peak) for at, row in enumerate(rows))
        return
    label = min(label, MOST_COLUMN)
    extent = len(_figures(rows[0])) + SHADE + label + 4
    room = most * max(1, (width + 2) // (extent + 2))
    start = peak // room * room
    shown = rows[start : start + room]
    height = -(-len(shown) // max(1, room // most))
    height = most if len(rows) > room else height
    for line in range(height):
        cells = []
        for at in range(line, len(shown), height):
            name = fit(visible(shown[at].piece), label)
            text = Text.assemble(
                (f"{_figures(shown[at])}  {name}", "bold" if start + at == peak else ""),
                " " * (label - cell_len(name) + 1),
                cell(shown[at].share, SHADE),
            )
            cells.append(text)
        joined = Text("  ").join(cells)
        joined.truncate(width)
        yield joined
    if len(shown) < len(rows):
        others = sum(row.share for at, row in enumerate(rows) if not start <= at < start + room)
        where = f"  {others:.3f}  elsewhere; these are {start + 1}–{start + len(shown)} of {len(rows)} pieces"
        yield Text(fit(where, width), FAINT)


def _figures(row: Row) -> str:
    """A row's share, and its score if it has one."""
    score = "" if row.score is None else f"  {row.score:7.2f}"
    return f"{'>' if row.taken else ' '} {row.share:.3f}{score}"


def _bar(row: Row, label: int, width: int, bold: bool) -> Text:
    share = 0.0 if math.isnan(row.share) else row.share
    figures, name = _figures(row), fit(visible(row.piece), label)
    room = max(0, min(MOST_BAR, width - label - len(figures) - 4))
    full, eighths = divmod(round(8 * room * share), 8)
    line = Text.assemble(
        (f"{figures}  {name}", "bold" if bold else ""),
        " " * (label - cell_len(name) + 2),
        ("█" * full + EIGHTHS[eighths].strip(), band(share)[1]),
        f"  {row.remark}",
    )
    line.truncate(width)
    return line


def _tail(text: str, cells: int) -> str:
    """`text` if it takes at most `cells` cells, else its longest suffix with … that does."""
    if cell_len(text) <= cells:
        return text
    kept = ""
    for piece in reversed(graphemes(text)):
        if cell_len(piece + kept) > cells - 1:
            break
        kept = piece + kept
    return "…" + kept
