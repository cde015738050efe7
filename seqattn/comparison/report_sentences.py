"""The test sentences in a page: those on which systems differ most, and the data of its browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from itertools import combinations
from typing import Any, NamedTuple

from seqattn.alignment.reading import Attention
from seqattn.comparison.differing import marked
from seqattn.comparison.findings import Findings
from seqattn.comparison.marks import named
from seqattn.comparison.results import Contrasted, Differing
from seqattn.comparison.words import sides
from seqattn.evaluation.statistics import sentence_scores
from seqattn.pictures.document import packed, shown
from seqattn.pictures.legible import caption

MOST_SENTENCES = 1000
"""In the browser of sentences."""


class Translated(NamedTuple):
    """A member's translation of one sentence."""

    chrf: float
    exact: bool
    parts: list[str]
    """In turn what the reference has too, perhaps nothing, and what it lacks; made legible."""


Translations = dict[int, list[list[Translated]]]
"""By row of the test set: those of each system's members."""


def rows_to_show(findings: Findings) -> list[int]:
    """The rows of the test set in the browser of sentences.

    Of more than `MOST_SENTENCES`, half are those with the largest difference in chrF between any two systems'
    first members, and the rest are taken at even distances from the others.
    """
    count = len(findings.pairs)
    if count <= MOST_SENTENCES:
        return list(range(count))
    firsts = [members[0] for members in _scores(findings, "chrF")]

    def apart(row: int) -> float:
        each = [scores[row] for scores in firsts]
        return max(each) - min(each)

    order = sorted(range(count), key=lambda row: (-apart(row), row))
    half = MOST_SENTENCES // 2
    others, wanted = sorted(order[half:]), MOST_SENTENCES - half
    return sorted([*order[:half], *(others[at * len(others) // wanted] for at in range(wanted))])


def _scores(findings: Findings, metric: str) -> list[list[tuple[float, ...]]]:
    """Of each sentence, by each system's members."""
    _, references, tokenize = sides(findings.pairs)
    return [
        [sentence_scores(metric, one, references, tokenize) for one in system.hypotheses]
        for system in findings.systems
    ]


def translations_of(findings: Findings, rows: set[int]) -> Translations:
    """Every model's translations of some rows, scored and marked."""
    tokenize = sides(findings.pairs).tokenize
    chrf, exact = _scores(findings, "chrF"), _scores(findings, "exact match")

    def translated(row: int, system: int, model: int) -> Translated:
        hypothesis = findings.systems[system].members[model].hypotheses[row]
        # Made legible before it is cut, as a part may begin with what belongs to the one before.
        reference = caption(findings.pairs[row].target)
        flagged = marked(caption(hypothesis), reference, tokenize) if hypothesis else []
        parts = [] if not flagged or flagged[0][1] else [""]
        parts += [text for text, _ in flagged]
        return Translated(chrf[system][model][row], bool(exact[system][model][row]), parts)

    return {
        row: [
            [translated(row, at, model) for model in range(len(system.members))]
            for at, system in enumerate(findings.systems)
        ]
        for row in sorted(rows)
    }


def sentences(findings: Findings, translations: Translations) -> str:
    """What the script replaces by a browser of sentences: those on which systems differ most."""
    shown_of = ""
    if len(findings.pairs) > MOST_SENTENCES:
        half = MOST_SENTENCES // 2
        shown_of = (
            f"<p>{MOST_SENTENCES:,} of the {len(findings.pairs):,} test sentences: the {half} with the "
            "largest difference in chrF between any two systems’ first models, and as many at even distances "
            "from the others.</p>"
        )
    pairs = combinations(range(len(findings.systems)), 2)
    most = "".join(
        _most_different(findings, translations, each, both)
        for each, both in zip(findings.differing, pairs, strict=True)
    )
    return (
        f'{shown_of}<p class="faint">The number is the chrF of the sentence, ✓ stands for an exact match. '
        "Words that the reference lacks are <mark>underlined</mark>. Of a system with several models, the "
        "translation is the first one’s and the chrF the mean of all.</p>"
        "<noscript><p>With JavaScript, every sentence can be searched and its attention seen.</p></noscript>"
        f'<div id="browser"></div><div id="most-different">{most}</div>'
    )


def _most_different(
    findings: Findings, translations: Translations, found: Differing, both: tuple[int, int]
) -> str:
    lists = [
        (found.first, found.second, found.first_better),
        (found.second, found.first, found.second_better),
    ]
    return "".join(
        f"<h3>{shown(better)} is better than {shown(worse)}</h3>"
        + "".join(_sentence(findings, translations, one, both) for one in contrasted)
        for better, worse, contrasted in lists
        if contrasted
    )


def _sentence(findings: Findings, translations: Translations, one: Contrasted, both: tuple[int, int]) -> str:
    """A sentence with the translations of two systems' first members."""
    lines = _line("source", shown(findings.pairs[one.row].source))
    lines += _line("reference", shown(findings.pairs[one.row].target))
    for at, chrf in zip(both, (one.first, one.second), strict=True):
        translated = translations[one.row][at][0]
        text = "".join(
            f"<mark>{escape(part)}</mark>" if lacking % 2 else escape(part)
            for lacking, part in enumerate(translated.parts or ["∅"])
        )
        exact = ' <span role="img" aria-label="exact match">✓</span>' if translated.exact else ""
        name = named(at, findings.systems[at].name)
        lines += _line(name, text, f'<span class="chrf">{chrf:.1f}{exact}</span>')
    return f'<article class="sentence"><h4>Sentence {one.row + 1:,}</h4>{lines}</article>\n'


def _line(role: str, text: str, figure: str = "") -> str:
    return (
        f'<div class="line"><span class="role">{role}</span>'
        f'<span class="text" lang="" dir="auto">{text}</span>{figure}</div>'
    )


def sentence_data(
    findings: Findings,
    attention: Sequence[Mapping[int, Attention] | None],
    rows: Sequence[int],
    translations: Translations,
) -> dict[str, Any]:
    """What the browser of sentences needs; all texts are made legible."""
    return {
        "rows": rows,
        "sources": [caption(findings.pairs[row].source) for row in rows],
        "references": [caption(findings.pairs[row].target) for row in rows],
        "systems": [
            _system_data(findings, at, attention[at], rows, translations)
            for at in range(len(findings.systems))
        ],
    }


def _system_data(
    findings: Findings,
    at: int,
    attention: Mapping[int, Attention] | None,
    rows: Sequence[int],
    translations: Translations,
) -> dict[str, Any]:
    def attended(row: int, seen: Attention) -> list[Any]:
        translated = "".join(translations[row][at][0].parts)
        return packed(seen, caption(findings.pairs[row].source), translated)

    def member_data(name: str, translated: Sequence[Translated]) -> dict[str, Any]:
        return {
            "name": caption(name),
            "chrf": [round(one.chrf, 1) for one in translated],
            "exact": "".join(str(int(one.exact)) for one in translated),
            "parts": [one.parts for one in translated],
        }

    system = findings.systems[at]
    return {
        "name": caption(system.name),
        "members": [
            member_data(member.name, [translations[row][at][model] for row in rows])
            for model, member in enumerate(system.members)
        ],
        "attention": attention
        and [attended(row, attention[row]) if row in attention else None for row in rows],
    }
