"""Attention heat maps for the terminal: target words as rows, source words as columns."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from io import StringIO

from rich.cells import cell_len, set_cell_size
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from seqattn.pictures import legible
from seqattn.pictures.legible import reordered, right_to_left

# Lower bound, shade, colour. The colours share one lightness (contrast of at least 3 with black and with
# white) and gain chroma with the weight, so the order of the ramp survives dark and light backgrounds.
BANDS = (
    (0.00, "·", "#808080"),
    (0.05, "░", "#5f82b0"),
    (0.15, "▒", "#8d6cc2"),
    (0.35, "▓", "#cd4290"),
    (0.65, "█", "#f12e1d"),
)
MIN_WIDTH = 20
FAINT = "#808080"
MAX_HEADING = 24  # cells of a word on its own line
MAX_STACK = 12  # letters of a word that is stacked


def visible(text: str) -> str:
    """`legible.visible`, at least one cell wide."""
    shown = legible.visible(text)
    return shown if cell_len(shown[0]) else "◌" + shown


def caption(text: str) -> str:
    """`text` made `visible`, with its spaces kept: for titles and names."""
    return visible(text).replace("␣", " ")


def fit(text: str, cells: int) -> str:
    """`text` if it takes at most `cells` cells (1 or more), else its longest prefix with … that does."""
    return legible.fit(text, cells, cell_len)


def graphemes(text: str) -> list[str]:
    """`text` in pieces that a terminal draws together."""
    return legible.graphemes(text, cell_len)


def heatmap(
    source: Sequence[str],
    target: Sequence[str],
    weights: Sequence[Sequence[float]],
    *,
    width: int,
    title: str = "",
) -> RenderableType:
    """Draw how much each target word (row) attended to each source word (column).

    `weights` has shape (len(target), len(source)); every weight is in [0, 1] and every row sums to about 1.
    Weights are drawn in five fixed bands, the first largest weight of each row is in [brackets], and a
    weight that is not a number is drawn as `?`. No line is wider than `width` cells, which is raised to 20 if
    it is less. Source words that do not fit side by side continue in further panels. Columns and rows are in
    reading order; a line notes right-to-left words.

    Raises ValueError if the shape of `weights` does not match the words.
    """
    if len(weights) != len(target) or any(len(row) != len(source) for row in weights):
        raise ValueError(f"weights must have shape ({len(target)}, {len(source)})")
    width = max(width, MIN_WIDTH)
    lines = [Text(fit(caption(title), width), style="bold")] if title else []
    if not source or not target:
        missing = "source" if not source else "target"
        lines.append(Text(fit(f"no {missing} words to show", width)))
    else:
        if right_to_left(source):
            note = "source reads right to left: its first word is the leftmost column"
            lines.append(Text(fit(note, width), style="italic"))
        if right_to_left(target):
            lines.append(Text(fit("target reads right to left", width), style="italic"))
        names = [fit(visible(word), MAX_HEADING) for word in source]
        lines += _panels(names, [visible(word) for word in target], weights, width)
        unknown = any(math.isnan(weight) for row in weights for weight in row)
        notes = ["[ ] largest in row", *(["? not a number"] if unknown else [])]
        lines += [Text(), *legend(width, *notes)]
    return block(lines)


def block(lines: list[Text]) -> RenderableType:
    """`lines` below each other, cropped instead of wrapped if the console is narrower."""
    for line in lines:
        line.rstrip()
    # A bare Text would lose `no_wrap` when printed.
    return Group(Text("\n", no_wrap=True, overflow="crop").join(lines))


def side_by_side(maps: Sequence[RenderableType], *, width: int) -> RenderableType:
    """Set `maps` side by side, in rows of as many as fit into `width` cells."""
    console = Console(width=10_000, file=StringIO(), color_system=None)
    rows: list[list[RenderableType]] = []
    room = 0
    for chart in maps:
        cells = Measurement.get(console, console.options, chart).maximum
        if rows and cells + 3 <= room:
            rows[-1].append(chart)
            room -= cells + 3
        else:
            rows.append([chart])
            room = width - cells
    parts: list[RenderableType] = []
    for row in rows:
        grid = Table.grid(padding=(0, 3, 0, 0))
        grid.add_row(*row)
        parts += [Text(), grid if len(row) > 1 else row[0]]
    return Group(*parts[1:])


def _panels(
    source: list[str], target: list[str], weights: Sequence[Sequence[float]], width: int
) -> list[Text]:
    label = min(max(map(cell_len, target)), width // 3)
    room = width - label - 1
    least = 3 if any(cell_len(char) > 1 for word in source for char in word) else 2
    count = math.ceil(len(source) / ((room - 1) // least))
    bounds = [len(source) * panel // count for panel in range(count + 1)]
    lines: list[Text] = []
    for start, stop in itertools.pairwise(bounds):
        if count > 1:
            where = f"source words {start + 1}–{stop} of {len(source)}"
            where = where if len(where) <= width else where.removeprefix("source ")
            lines += [Text(), Text(fit(where, width), style="italic")]
        heading, sizes = _heading(source[start:stop], room, least)
        lines += [Text.assemble(" " * (label + 1), line) for line in heading]
        for word, row in zip(target, weights, strict=True):
            name = fit(word, label)
            cells = _cells(row[start:stop], sizes, _peak(row) - start)
            lines.append(Text.assemble(" " * (label - cell_len(name)), name, " ", cells))
    return lines[1:] if count > 1 else lines


def _heading(words: list[str], room: int, least: int) -> tuple[list[Text], list[int]]:
    """The lines that name the columns, and the number of filled cells of each column.

    Words are side by side if they all fit. Otherwise each gets its own line, or, if that takes at most half
    as many lines, they are stacked letter by letter. Right-to-left words always get their own lines,
    because a terminal that reorders such text would exchange neighbouring columns.
    """
    apart = any(map(reordered, words))
    sizes = [max(3, cell_len(word)) for word in words]
    if sum(sizes) + len(sizes) + 1 <= room and not apart:
        return [_beside(words, sizes)], sizes
    height = min(MAX_STACK, max(len(graphemes(word)) for word in words))
    stacked = 2 * height <= len(words) and not apart
    pitches = [pitch for pitch in (4, 3, 2) if pitch >= least and _extent(words, pitch, stacked) <= room]
    pitch = pitches[0] if pitches else least
    if stacked or not (pitches or apart):
        lines = _stacked(words, pitch, height)
    else:
        lines = [_step(word, column, pitch, room) for column, word in enumerate(words)]
    return lines, [pitch - 1] * len(words)


def _extent(words: list[str], pitch: int, stacked: bool) -> int:
    if stacked:
        return 1 + len(words) * pitch
    ends = [column * pitch + max(pitch, min(cell_len(word), 12)) for column, word in enumerate(words)]
    return 1 + max(ends)


def _beside(words: list[str], sizes: list[int]) -> Text:
    padded = []
    for word, size in zip(words, sizes, strict=True):
        free = size - cell_len(word)
        padded.append(" " * (free // 2) + word + " " * (free - free // 2))
    return Text(" " + " ".join(padded))


def _step(word: str, column: int, pitch: int, room: int) -> Text:
    leaders = " " + "│".ljust(pitch) * column
    return Text.assemble((leaders, FAINT), fit(word, room - len(leaders)))


def _stacked(words: list[str], pitch: int, height: int) -> list[Text]:
    lines = [" "] * height
    for word in words:
        pieces = graphemes(word)
        if len(pieces) > height:
            pieces[height - 1 :] = "…"
        pieces = [" "] * (height - len(pieces)) + pieces
        lines = [line + set_cell_size(piece, pitch) for line, piece in zip(lines, pieces, strict=True)]
    return [Text(line) for line in lines]


def _peak(row: Sequence[float]) -> int:
    """The column of the first largest weight, -1 in a row without a positive weight."""
    best = max(range(len(row)), key=lambda column: -1.0 if math.isnan(row[column]) else row[column])
    return best if row[best] > 0 else -1


def band(weight: float) -> tuple[str, str]:
    """The shade and the colour of a weight."""
    return [(shade, colour) for lower, shade, colour in BANDS if lower <= max(weight, 0.0)][-1]


def cell(weight: float, size: int) -> Text:
    """A weight as `size` shaded cells."""
    if math.isnan(weight):
        return Text("?".center(size))
    shade, colour = band(weight)
    return Text(shade.center(size) if shade == BANDS[0][1] else shade * size, style=colour)


def _cells(row: Sequence[float], sizes: list[int], peak: int) -> Text:
    gaps = [" "] * (len(row) + 1)
    if 0 <= peak < len(row):
        gaps[peak : peak + 2] = "[", "]"
    line = Text(gaps[0])
    for weight, size, gap in zip(row, sizes, gaps[1:], strict=True):
        line.append(cell(weight, size))
        line.append(gap)
    line.highlight_regex(r"[\[\]]", style="bold")
    return line


def legend(width: int, *more: str) -> list[Text]:
    """The meaning of the shades, and further notes."""
    entries = [Text("weight"), Text.assemble((BANDS[0][1], BANDS[0][2]), f" <{BANDS[1][0]:.2f}")]
    entries += [Text.assemble((shade, colour), f" ≥{lower:.2f}") for lower, shade, colour in BANDS[1:]]
    return flow([*entries, *map(Text, more)], width)


def flow(entries: Iterable[Text], width: int) -> list[Text]:
    """`entries` side by side, two spaces apart, in lines of at most `width` cells; no entry is wider."""
    lines: list[Text] = []
    for entry in entries:
        if lines and lines[-1].cell_len + 2 + entry.cell_len <= width:
            lines[-1] = Text.assemble(lines[-1], "  ", entry)
        else:
            lines.append(entry)
    return lines
