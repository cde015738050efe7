"""The playground: a page that shows translations, their candidates and their attention as one types."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from string import Template
from typing import Any

from seqattn.decoding.beginnings import beginning_of
from seqattn.decoding.search import length_penalty
from seqattn.decoding.stepping import Candidate, proposals
from seqattn.decoding.translation import Translation
from seqattn.errors import InputError
from seqattn.evaluation.scores import unspaced
from seqattn.hardware import one_thread
from seqattn.pictures.document import asset, document, shown
from seqattn.pictures.legible import visible
from seqattn.pictures.page import fragment, legend, panel_assets, panel_data
from seqattn.runs.run import Run
from seqattn.serving.errors import RequestError
from seqattn.serving.languages import language_name
from seqattn.serving.options import ServerOptions
from seqattn.serving.served import Served, are_short, check_short
from seqattn.symbols import EOS
from seqattn.text.normalising import WORD_START

NBEST, CANDIDATES = 5, 8
"""Translations of a text, and candidates for a piece, that are shown."""
MOST_PREFIX = 500
"""Characters."""


def playground(served: Sequence[Served], options: ServerOptions) -> str:
    """The page, which asks its server for everything it shows."""
    style, script = panel_assets()
    systems = "".join(_system(number, one) for number, one in enumerate(served))
    directions = dict.fromkeys((one.source, one.target) for one in served)
    choices = "".join(
        f'<option value="{shown(source)},{shown(target)}">{_direction(source, target)}</option>'
        for source, target in directions
    )
    body = Template(asset(__package__, "playground.html")).substitute(
        systems=systems,
        directions=choices,
        one="hidden" if len(directions) == 1 else "",
        keyless="" if options.api_keys else "hidden",
        most=options.max_characters,
        legend=legend(),
    )
    return document(
        "seqattn playground",
        style + asset(__package__, "playground.css"),
        body,
        {"weights": {**panel_data("cross"), "runs": [], "pairs": []}},
        script + asset(__package__, "playground.js"),
        server=True,
    )


def _direction(source: str, target: str) -> str:
    return f"{shown(language_name(source))} to {shown(language_name(target))}"


def _system(number: int, one: Served) -> str:
    name = shown(one.name)
    return Template(asset(__package__, "system.html")).substitute(
        number=number,
        name=name,
        direction=f"{shown(one.source)},{shown(one.target)}",
        target=shown(one.target),
        described=f"{_direction(one.source, one.target)}, {one.architecture}, {one.parameters:,} parameters",
    )


@dataclass(frozen=True)
class Playing:
    """Work of an engine: what the page shows of a run for each item, a text and a prefix."""

    run: int
    name: str
    beam: int
    length_penalty: float

    def __call__(self, runs: Sequence[Run], items: Sequence[tuple[str, str]]) -> list[dict[str, Any]]:
        with one_thread():
            return [self._play(runs[self.run], source, prefix) for source, prefix in items]

    def _play(self, run: Run, source: str, prefix: str) -> dict[str, Any]:
        check_short(run, source, prefix)
        beam = max(self.beam, NBEST)
        try:
            beginning_of(run.tokenizer.target, prefix)
        except InputError as error:
            raise RequestError(400, "No translation of this run can begin so") from error
        found = run.translate(
            source, beam=beam, nbest=NBEST, length_penalty=self.length_penalty, prefix=prefix
        )
        return {
            "candidates": [
                {"text": one.text, "score": one.score, "log_probability": one.log_probability}
                for one in found.candidates
            ],
            "parts": len(found.pieces),
            # Whether the scores are of the text as `Scoring` reads it: at once, with what is copied.
            "whole": found.pieces == (tuple(run.tokenizer.texts.encode(source)),),
            "unknown": found.unknown,
            "pieces": _pieces(run, found) if len(found.pieces) == 1 else [],
            "attention": self._attention(run, source, found.text),
        }

    def _attention(self, run: Run, source: str, target: str) -> dict[str, Any] | None:
        """The panel of the attention, if the run has any and it is not too large."""
        if run.model.attention_shape is None or not are_short(run, source, target):
            return None
        unit = "pieces" if unspaced(source) or unspaced(target) else "words"
        (seen,) = run.attentions([(source, target)], unit=unit, name=f"Attention of {self.name}")
        return fragment(seen)


def _pieces(run: Run, found: Translation) -> list[dict[str, Any]]:
    """Each piece of the best translation, EOS included, with what else might stand there."""
    side, ids = run.tokenizer.target, found.candidates[0].hypotheses[0].ids
    pieces = []
    for place, (candidates, taken) in enumerate(proposals(run.model, found.pieces[0], ids, CANDIDATES)):
        before = side.decode(ids[:place])

        def described(one: Candidate, before: str = before, place: int = place) -> dict[str, Any]:
            (piece,) = side.pieces([one.id])
            begins = side.decode([*ids[:place], one.id])
            ends = one.id == EOS
            # A part of a character, or a space alone, is no text that a translation could begin with.
            forced = None if ends or begins == before or "\ufffd" in begins else begins
            return {
                "text": "" if ends else visible(piece.removeprefix(WORD_START) or " "),
                "word": piece.startswith(WORD_START),
                "end": ends,
                "probability": one.probability,
                "rank": one.rank,
                "prefix": forced,
            }

        pieces.append({**described(taken), "candidates": [described(one) for one in candidates]})
    return pieces


@dataclass(frozen=True)
class Scoring:
    """Work of an engine: the probability of a translation for each item, a source and a target."""

    run: int
    length_penalty: float

    def __call__(self, runs: Sequence[Run], items: Sequence[tuple[str, str]]) -> list[dict[str, float]]:
        with one_thread():
            return [self._score(runs[self.run], source, target) for source, target in items]

    def _score(self, run: Run, source: str, target: str) -> dict[str, float]:
        check_short(run, source, target)
        total = run.score(source, target)
        length = len(run.tokenizer.target.encode(target))
        return {"log_probability": total, "score": total / length_penalty(length, self.length_penalty)}
