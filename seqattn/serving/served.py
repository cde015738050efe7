"""The runs of a server, and what its engines compute with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from seqattn.decoding.translation import TranslationOptions
from seqattn.errors import InputError
from seqattn.files import unique_names
from seqattn.hardware import one_thread
from seqattn.runs.run import Run
from seqattn.serving.errors import RequestError
from seqattn.serving.languages import fit

ONE_BATCH = 4000
"""Characters that are about one batch of search."""

Languages = tuple[str, str]
"""The codes of a source's and a target's language."""


@dataclass(frozen=True)
class Served:
    """A run as requests and pages know it."""

    number: int
    """Its place among the runs of the server."""
    name: str
    source: str
    target: str
    architecture: str
    parameters: int

    def fit(self, source: str, target: str) -> int:
        """How well its languages fit those of a request, 0 if they do not; the source may be `auto`."""
        return fit(target, self.target) * (1 if source == "auto" else fit(source, self.source))


def serve_runs(runs: Sequence[Run], languages: Sequence[Languages] = ()) -> list[Served]:
    """Runs with their languages: those given, for each run or once for all, else those recorded.

    InputError for a run that reads images, or whose languages are not known; ValueError when their number
    is neither one nor that of the runs.
    """
    if len(languages) not in (0, 1, len(runs)):
        raise ValueError(f"languages are given {len(languages)} times for {len(runs)} runs")
    names = unique_names([run.path.absolute() for run in runs])
    given = list(languages) if len(languages) == len(runs) else [*languages, None][:1] * len(runs)
    return [
        Served(number, name, *_languages(run, asked), run.config.architecture, run.parameters)
        for number, (run, name, asked) in enumerate(zip(runs, names, given, strict=True))
    ]


def _languages(run: Run, given: Languages | None) -> Languages:
    if not run.tokenizer.reads_texts:
        raise InputError("reads images: only runs that read texts can be served", path=run.path)
    if given is not None:
        return given
    named = run.config.data.named
    if named is None:
        raise InputError(
            "does not record the languages it translates between",
            path=run.path,
            remedy="name them, as in --languages en,de",
        )
    return named[0], named[1]


@dataclass(frozen=True)
class Translating:
    """Work of an engine: for each item, the translations of its passages, best first."""

    run: int
    nbest: int
    beam: int
    length_penalty: float

    def __call__(self, runs: Sequence[Run], items: Sequence[Sequence[str]]) -> list[list[list[str]]]:
        run = runs[self.run]
        translator = run.translator(
            run.search_options(max(self.beam, self.nbest), self.length_penalty), nbest=self.nbest
        )
        texts = list(chain.from_iterable(items))
        # More are several batches, which are computed side by side.
        with one_thread() if sum(map(len, texts)) <= ONE_BATCH else nullcontext():
            found = ([one.text for one in every.candidates] for every in translator.translate(texts))
            return [list(islice(found, len(item))) for item in items]


@dataclass(frozen=True)
class Attending:
    """Work of an engine: the attention of a translation for each item, a source and a target or None."""

    run: int
    beam: int
    length_penalty: float

    def __call__(self, runs: Sequence[Run], items: Sequence[tuple[str, str | None]]) -> list[dict[str, Any]]:
        with one_thread():
            return [self._attend(runs[self.run], *item) for item in items]

    def _attend(self, run: Run, source: str, target: str | None) -> dict[str, Any]:
        if run.model.attention_shape is None:
            raise RequestError(400, "This run has no attention")
        check_short(run, source, target or "")
        if target is None:
            target = str(run.translate(source, beam=self.beam, length_penalty=self.length_penalty))
        seen = run.attention(source, target).attention
        return {"translation": target, **seen.to_json()}


def are_short(run: Run, *texts: str) -> bool:
    """Whether a source and a target have no more pieces than a sentence; attention grows with its square."""
    sides = (run.tokenizer.texts, run.tokenizer.target)
    return all(
        len(side.encode(text)) <= TranslationOptions.longest for text, side in zip(texts, sides, strict=False)
    )


def check_short(run: Run, *texts: str) -> None:
    """RequestError for texts that are not short."""
    if not are_short(run, *texts):
        raise RequestError(400, f"Texts of more than {TranslationOptions.longest} pieces are refused here")


def candidates_of(found: Sequence[Sequence[str]], count: int) -> Iterator[list[str]]:
    """The `count` best translations of all passages: the k-th consists of the k-th best of each passage."""
    for rank in range(count):
        yield [texts[min(rank, len(texts) - 1)] for texts in found]
