"""Attention over images as a self-contained web page: lit by the word under the pointer or the focus."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from string import Template
from typing import Any

from seqattn.errors import InputError
from seqattn.pictures.document import asset, colours, document, shown, word
from seqattn.pictures.image_panel import ImagePanel
from seqattn.pictures.page import WHOLE, embedded, folded, run_data
from seqattn.pictures.png import data_uri
from seqattn.pictures.ramp import STEPS

MOST_IMAGES = 1000
TALLEST = 256
"""Pixels on the page to which a smaller image is magnified."""


def image_page(found: Iterable[Sequence[ImagePanel]]) -> str:
    """An HTML document with the attention of every run over each image. InputError for too many images.

    The weights of all layers and heads are embedded as data: only numbers.
    """
    runs: list[dict[str, Any]] = []
    weights: list[list[list[int]]] = []
    images: list[str] = []
    title = ""
    for number, several in enumerate(found, start=1):
        if number > MOST_IMAGES:
            raise InputError(f"a page holds at most {MOST_IMAGES:,} images", remedy="give fewer with --pairs")
        runs = runs or list(map(run_data, several))
        weights.append(list(map(embedded, several)))
        images.append(folded(number, several, _section))
        title = several[0].pair.source if number == 1 else f"{number:,} images"
    style = colours() + asset(__package__, "page.css") + asset(__package__, "image.css")
    body = Template(asset(__package__, "image.html")).substitute(images="".join(images))
    data = {"weights": {"steps": STEPS, "whole": WHOLE, "runs": runs, "pairs": weights}}
    script = "".join(asset(__package__, name) for name in ("shared.js", "image.js", "page.js"))
    return document(f"{shown(title)} – attention", style, body, data, script, images=True)


def _section(pair: int, run: int, seen: ImagePanel) -> str:
    """One run's image, the words of its target as buttons, and what each attends to most."""
    own = "" if seen.reading == seen.own else " hidden"
    height, width = seen.image.pixels.shape[1:]
    zoom = max(1, TALLEST // height)
    name = shown(seen.pair.source)
    attention = seen.attention
    most = attention.weights.max(-1)
    words = "".join(
        f'<li><button type="button" data-word="{at}">{word(one)}</button>'
        f'<span class="figure">{attention.source[cell]} {100 * weight:.0f} %</span></li>\n'
        for at, (one, cell, weight) in enumerate(
            zip(attention.target, most.indices.tolist(), most.values.tolist(), strict=True)
        )
    )
    return f"""<section class="run" data-pair="{pair - 1}" data-run="{run}" data-rows="{seen.cells.rows}">
<h2>{shown(seen.run)}</h2>
<p class="reading faint">
<span class="which">{seen.described}</span> <span class="own"{own}>★ the run's own</span>
</p>
<p class="target-text" lang="" dir="auto">{shown(seen.pair.target)}</p>
<div class="lit">
<img src="{data_uri(seen.image.pixels)}" width="{zoom * width}" height="{zoom * height}" alt="{name}" />
<svg viewBox="0 0 {seen.columns} {seen.cells.rows}" preserveAspectRatio="none" aria-hidden="true"></svg>
</div>
<ol class="words" lang="" aria-label="words">
{words}</ol>
<p class="said" aria-live="polite"></p>
</section>
"""
