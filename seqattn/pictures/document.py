"""What self-contained HTML documents share: their frame, colours, data and texts made safe."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from html import escape
from importlib.resources import files
from typing import Any, NamedTuple

from seqattn.alignment.reading import Attention
from seqattn.pictures.legible import caption, visible
from seqattn.pictures.ramp import DARK, LIGHT, ramp

MARKS = ("#b3400e", "#ffb35c")
"""The colour of what is marked, on light and on dark."""
PERCENTS = "".join(
    chr(code) for code in range(0x21, 0x100) if not 0x7F <= code <= 0xA0 and chr(code) not in '"&<>\\\xad'
)[:101]
"""The character that stands for each percentage; the frequent ones take one byte."""


class Cell(NamedTuple):
    """A cell of a sortable table, in HTML, and the number to sort it by; None sorts last."""

    html: str
    number: float | None = None
    heading: bool = False
    """Of its row."""


def colours() -> str:
    """The style rules for the colours of background, text and every step of weight."""

    def rules(ground: str, text: str, mark: str, dark: bool) -> str:
        steps = "".join(
            f".w{k}{{--fill:{fill};--ink:{ink}}}" for k, (fill, ink) in enumerate(ramp(dark=dark))
        )
        return f":root{{--ground:{ground};--text:{text};--mark:{mark}}}{steps}"

    return schemes(rules(*LIGHT, MARKS[0], dark=False), rules(*DARK, MARKS[1], dark=True))


def schemes(light: str, dark: str) -> str:
    """Style rules for each colour scheme; print is always light."""
    return f"{light}\n@media screen and (prefers-color-scheme: dark){{{dark}}}\n"


def asset(package: str, name: str) -> str:
    """A file of the folder `assets` of a package."""
    return (files(package) / "assets" / name).read_text(encoding="utf-8")


def document(
    title: str,
    style: str,
    body: str,
    data: Mapping[str, Any],
    script: str,
    *,
    images: bool = False,
    server: bool = False,
) -> str:
    """A page that requests nothing; title and body are HTML, data are JSON values by identifier.

    With `images` it may hold images, as data too; with `server` its script may ask the server it comes from.
    """
    values = "".join(
        f'<script type="application/json" id="{name}">{_embedded(value)}</script>\n'
        for name, value in data.items()
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(style, script, images, server)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}{values}<script>{script}</script>
</body>
</html>
"""


def _policy(style: str, script: str, images: bool, server: bool) -> str:
    """A content security policy that allows only this style and this script, and no other request."""
    more = ("img-src data:; " if images else "") + ("connect-src 'self'; " if server else "")
    return (
        f"default-src 'none'; {more}style-src {_hash(style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
    return f"'sha256-{digest}'"


def _embedded(value: Any) -> str:
    """JSON for a script element, which no text within can end."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def shown(text: str) -> str:
    """A text made legible, as HTML."""
    return escape(caption(text))


def word(text: str) -> str:
    """A word made legible and isolated in its own direction, as HTML."""
    return f"<bdi>{escape(visible(text))}</bdi>"


def listed(names: Sequence[str]) -> str:
    """Names with commas and `and`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))


def capitalised(title: str) -> str:
    """With a large first letter, unless its first word has large letters of its own, such as chrF."""
    return title[:1].upper() + title[1:] if title.split(" ", 1)[0].islower() else title


def packed(attention: Attention, source: str, target: str) -> list[Any]:
    """Weights, target words and source words; None for words that a legible text has, and </s> the source.

    A character of `PERCENTS` stands for a weight; for zeros in a row, one of zero and one of their number.
    """
    percents = (100 * attention.weights).round().int().clamp(0, 100).flatten().tolist()
    weights = "".join(PERCENTS[percent] for percent in percents)
    zero = PERCENTS[0]
    weights = re.sub(f"{re.escape(zero)}{{1,100}}", lambda zeros: zero + PERCENTS[len(zeros[0])], weights)
    sides = (attention.target, target.split(" ")), (attention.source, [*source.split(" "), "</s>"])
    words = [list(map(visible, side)) for side, _ in sides]
    return [weights, *(None if own == known else own for own, (_, known) in zip(words, sides, strict=True))]


def sortable(title: str, head: Sequence[str], rows: Sequence[Sequence[Cell]]) -> str:
    """A table that a script can make sortable, in a region that scrolls."""
    columns = "".join(f'<th scope="col">{one}</th>' for one in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return (
        f'<div class="scroll" tabindex="0" role="region" aria-label="Table of {title.lower()}">'
        f'<table class="sortable"><caption>{title}</caption><thead><tr>{columns}</tr></thead>\n'
        f"<tbody>{body}</tbody></table></div>\n"
    )


def _cell(cell: Cell) -> str:
    if cell.heading:
        return f'<th scope="row">{cell.html}</th>'
    number = "" if cell.number is None else f' data-number="{cell.number:.12g}"'
    return f"<td{number}>{cell.html}</td>"
