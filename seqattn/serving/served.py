"""The runs of a server, and what its worker computes with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from seqattn.comparison.systems import unique_names
from seqattn.decoding.translation import Translation, TranslationOptions
from seqattn.errors import InputError
from seqattn.hardware import one_thread
from seqattn.runs.run import Run
from seqattn.serving.errors import RequestError
from seqattn.serving.languages import is_language

ONE_BATCH = 4000
"""Characters that are about one batch of search."""

Languages = tuple[str, str]
"""The codes of a source's and a target's language."""


@dataclass(frozen=True, eq=False)
class Served:
    """A run with the name and the languages that requests know it by."""

    run: Run
    name: str
    source: str
    target: str

    def fits(self, source: str, target: str) -> bool:
        """Whether it translates between the languages of a request; the source may be `auto`."""
        return is_language(target, self.target) and (source == "auto" or is_language(source, self.source))


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
        Served(run, name, *_languages(run, asked))
        for run, name, asked in zip(runs, names, given, strict=True)
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
    """Work of the worker: the translations of the passages of each item."""

    served: Served
    nbest: int
    beam: int
    length_penalty: float

    def __call__(self, items: Sequence[Sequence[str]]) -> list[list[Translation]]:
        run = self.served.run
        translator = run.translator(
            run.search_options(max(self.beam, self.nbest), self.length_penalty), nbest=self.nbest
        )
        texts = list(chain.from_iterable(items))
        # More are several batches, which are computed side by side.
        with one_thread() if sum(map(len, texts)) <= ONE_BATCH else nullcontext():
            found = translator.translate(texts)
            return [list(islice(found, len(item))) for item in items]


@dataclass(frozen=True)
class Attending:
    """Work of the worker: the attention of a translation for each item, a source and a target or None."""

    served: Served

    def __call__(self, items: Sequence[tuple[str, str | None]]) -> list[dict[str, Any]]:
        with one_thread():
            return list(map(self._attend, items))

    def _attend(self, item: tuple[str, str | None]) -> dict[str, Any]:
        run, (source, target) = self.served.run, item
        if run.model.attention_shape is None:
            raise RequestError(400, "This run has no attention")
        check_short(run, source, target or "")
        target = str(run.translate(source)) if target is None else target
        seen = run.attention(source, target).attention
        return {"run": self.served.name, "translation": target, **seen.to_json()}


def check_short(run: Run, *texts: str) -> None:
    """RequestError for texts of more pieces than a sentence has: attention grows with their square."""
    most = TranslationOptions.longest
    sides = (run.tokenizer.texts, run.tokenizer.target)
    for text, side in zip(texts, sides, strict=False):
        if len(side.encode(text)) > most:
            raise RequestError(400, f"Attention is shown for texts of at most {most} pieces")


def candidates_of(found: Sequence[Translation], count: int) -> Iterator[list[str]]:
    """The `count` best translations of all passages: the k-th consists of the k-th best of each passage."""
    for rank in range(count):
        yield [one.candidates[min(rank, len(one.candidates) - 1)].text for one in found]
