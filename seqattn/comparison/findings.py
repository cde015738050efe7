"""Everything that a comparison found, from the systems' translations of one test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import torch

from seqattn.alignment.links import Gold, Links, agreement
from seqattn.alignment.pointing import Box
from seqattn.alignment.reading import Attention
from seqattn.comparison.breakdowns import breakdowns
from seqattn.comparison.conditions import cautions_of, deciding_metric, terms_of, trained_on
from seqattn.comparison.differing import all_differing
from seqattn.comparison.finished import Paths, finished_sources
from seqattn.comparison.folder import ComparisonFolder, Evaluation, Task
from seqattn.comparison.results import FIELDS, Breakdown, Differing, System
from seqattn.comparison.systems import (
    Answers,
    EvaluationSet,
    Search,
    member,
    open_systems,
    read_test_set,
    search_of,
    translate_all,
)
from seqattn.comparison.verdict import Contrast, contrasts
from seqattn.comparison.words import word_counts
from seqattn.data.corpus import Pair
from seqattn.data.sources import common_sources
from seqattn.errors import InputError, counted
from seqattn.evaluation.scores import choose_bleu_tokenizer
from seqattn.evaluation.significance import Spread, spread
from seqattn.files import unique_names
from seqattn.hardware import choose_device
from seqattn.runs.preparation import training_pairs
from seqattn.runs.run import Run, load


@dataclass(frozen=True)
class Alignment:
    """How well attention aligns words: against gold links, or without them systems against each other."""

    error_rates: tuple[Spread | None, ...] | None
    """Alignment error rate of each system's models in percent, None for one without attention; if there are
    gold links."""
    agreements: tuple[tuple[float | None, ...], ...] | None
    """Otherwise: how many links of the references every two systems' first models share, F1 in percent."""


@dataclass(frozen=True)
class Findings:
    """The data of a report."""

    test: str
    """The test corpus, as named on the command line."""
    search: Search
    metric: str
    """The one that decides: `BLEU`, `chrF` or `exact match`."""
    terms: tuple[str, ...]
    """The conditions of the comparison, each in a sentence."""
    cautions: tuple[str, ...]
    """What was not alike, each in a sentence."""
    pairs: tuple[Pair, ...]
    """The test set, in the direction of the systems."""
    systems: tuple[System, ...]
    contrasts: tuple[Contrast, ...]
    """Of every two systems, in the order of `combinations`, as are `differing`."""
    breakdowns: tuple[Breakdown, ...]
    differing: tuple[Differing, ...]
    alignment: Alignment | None
    """None if no system has attention."""

    def to_json(self) -> dict[str, Any]:
        """Everything as JSON values."""
        return {
            "test": self.test,
            **self.search._asdict(),
            "metric": self.metric,
            "terms": self.terms,
            "cautions": self.cautions,
            "systems": [_system_to_json(one) for one in self.systems],
            "contrasts": [one.to_json() for one in self.contrasts],
            "breakdowns": [asdict(one) for one in self.breakdowns],
            "differing": [asdict(one) for one in self.differing],
            "alignment": None if self.alignment is None else asdict(self.alignment),
            "sources": [pair.source for pair in self.pairs],
            "references": [pair.target for pair in self.pairs],
        }


def find(
    systems: Sequence[System],
    test: EvaluationSet,
    search: Search,
    answers: Answers | None = None,
    untrained: Sequence[Task] = (),
) -> Findings:
    """Compare systems by their translations.

    `answers` are the gold links, or boxes, of the test set, `untrained` the runs of the comparison that are
    missing.
    """
    references = [pair.target for pair in test.pairs]
    held = held_by_all(systems, test.pairs)
    cautions = cautions_of(systems, untrained)
    if left_out := len(test.pairs) - len(held):
        sentences = counted(left_out, "test sentence")
        cautions.append(f"Attention is measured without {sentences} of more pieces than a model can hold.")
    return Findings(
        test.name,
        search,
        deciding_metric(systems),
        tuple(terms_of(systems, test.name, len(references), search)),
        tuple(cautions),
        test.pairs,
        tuple(systems),
        tuple(contrasts(systems, references)),
        tuple(breakdowns(systems, test.pairs, training_words(systems, references))),
        tuple(all_differing(systems, test.pairs)),
        alignment_of(
            systems,
            [test.pairs[row] for row in held],
            cast("Answers | None", answers and [answers[row] for row in held]),
        ),
    )


def held_by_all(systems: Sequence[System], pairs: Sequence[Pair]) -> list[int]:
    """The rows of the pairs that every model can hold."""
    held = [one.holds(pairs) for system in systems for one in system.members]
    return [row for row in range(len(pairs)) if all(each[row] for each in held)]


def training_words(systems: Sequence[System], references: Sequence[str]) -> Counter[str] | None:
    """How often each target word occurs in the training pairs; None if they are not at hand, or differ."""
    runs = [one.run for system in systems for one in system.members if one.run]
    if len({trained_on(run) for run in runs}) != 1:
        return None
    try:
        pairs = training_pairs(runs[0].path, runs[0].config.data, runs[0].sources)
    except InputError:
        return None
    if pairs is None:
        return None
    return word_counts((pair.target for pair in pairs), choose_bleu_tokenizer(references))


def alignment_of(
    systems: Sequence[System], pairs: Sequence[Pair], answers: Answers | None
) -> Alignment | None:
    """How well the models' attention aligns the references' words, or how far it agrees."""
    attending = [
        [one.run for one in system.members if one.run and one.run.model.attention_shape] for system in systems
    ]
    if not pairs or not any(attending):
        return None
    if answers:
        errors = [[_error_rate(run, pairs, answers) for run in runs] for runs in attending]
        return Alignment(tuple(spread(some) if some else None for some in errors), None)
    if not all(run.tokenizer.reads_texts for runs in attending for run in runs):
        # Without gold boxes nothing shows what a word names in an image.
        return None
    first = [runs[0].align(pairs) if runs else None for runs in attending]
    return Alignment(None, tuple(tuple(_common(one, other) for other in first) for one in first))


def _error_rate(run: Run, pairs: Sequence[Pair], answers: Answers) -> float:
    """Percent: the alignment error rate by gold links, or the words that do not point at their boxes."""
    if run.tokenizer.reads_texts:
        return agreement(run.align(pairs), cast("Sequence[Gold]", answers)).error_rate
    return 100 - run.point(pairs, cast("Sequence[Sequence[Box]]", answers))[run.reading].share


def _common(one: Sequence[Links] | None, other: Sequence[Links] | None) -> float | None:
    """F1 of two systems' links, percent: with all links sure, one less the alignment error rate."""
    if one is None or other is None:
        return None
    return 100 - agreement(one, [Gold(links, links) for links in other]).error_rate


def _system_to_json(system: System) -> dict[str, Any]:
    members = []
    for one in system.members:
        values = {
            name: getattr(one, name) for name in ("name", "hypotheses", "decoding_seconds", "output_ids")
        }
        values |= {"scores": asdict(one.scores), "curve": [asdict(point) for point in one.curve]}
        values["sentences_per_second"] = one.sentences_per_second
        values["run"] = str(one.run.path) if one.run else None
        values["architecture"] = one.run.config.architecture if one.run else None
        values["seed"] = one.run.config.training.seed if one.run else None
        values["costs"] = None
        if one.costs:
            values["costs"] = {**asdict(one.costs), "tokens_per_second": one.costs.tokens_per_second}
        members.append(values)
    spreads = {metric: asdict(system.spread(metric)) for metric in FIELDS}
    return {"name": system.name, "scores": spreads, "members": members}


def evaluate(
    sources: Paths,
    evaluation: Evaluation,
    device: torch.device,
    keep: ComparisonFolder | None = None,
    report: Callable[[str], object] = lambda what: None,
    untrained: Sequence[Task] = (),
) -> Findings:
    """Translate with all systems and compare them; `report` is told what is about to be done.

    Translations are kept in the folder of the comparison, if there is one, whose `untrained` runs are said to
    be missing. InputError before anything is translated when a run or a file cannot be used.
    """
    opened = open_systems(sources, evaluation, device)
    systems = translate_all(
        opened, evaluation, keep, lambda name: report(f"{name}: translating the test set")
    )
    report("Comparing")
    return find(systems, opened.test, search_of(evaluation), opened.gold, untrained)


def compare(
    runs: str | Path | Sequence[Run | str | Path],
    test: str | Path | Sequence[tuple[str, str]] | None = None,
    *,
    beam: int | None = None,
    length_penalty: float | None = None,
) -> Findings:
    """Compare finished runs, loaded or named by their folders, each a system of its own, on one test corpus.

    Or the folder of a comparison: what was compared there, on the same test corpus unless another is given. A
    corpus given by name is read in the direction of the runs; InputError when they differ in it.
    """
    if isinstance(runs, str | Path):
        if test is not None and not isinstance(test, str | Path):
            raise ValueError("the folder of a comparison needs a test corpus by name, or none")
        asked = Evaluation(None if test is None else str(test), None, (), beam, length_penalty)
        there = finished_sources([Path(runs)], asked)
        device = choose_device("auto")
        return evaluate(there.sources, there.evaluation, device, there.keep, untrained=there.untrained)
    if not runs or test is None:
        raise ValueError("give runs and a test corpus, or the folder of a comparison")
    loaded = [run if isinstance(run, Run) else load(run) for run in runs]
    if isinstance(test, str | Path):
        tested = read_test_set(str(test), loaded)
    else:
        read = common_sources([run.sources for run in loaded])
        tested = EvaluationSet("the pairs given", read.given(test))
    names = unique_names([run.path.absolute() for run in loaded])
    search = search_of(Evaluation(None, None, (), beam, length_penalty))
    systems = [
        System(name, (member(run, tested, run.path.name, search),))
        for run, name in zip(loaded, names, strict=True)
    ]
    return find(systems, tested, search)


def attention_of(system: System, pairs: Sequence[Pair], rows: Sequence[int]) -> dict[int, Attention] | None:
    """How its first model attends from its own translations of some rows, by row; None without attention.

    Rows that it cannot hold are left out.
    """
    first = system.members[0]
    if first.run is None or not first.run.model.attention_shape:
        return None
    every = [(pairs[row].source, first.hypotheses[row]) for row in rows]
    chosen = {row: one for row, one, held in zip(rows, every, first.holds(every), strict=True) if held}
    seen = first.run.attentions(list(chosen.values()))
    return {row: one.attention for row, one in zip(chosen, seen, strict=True)}
