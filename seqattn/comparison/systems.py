"""The systems of a comparison, with their translations of one test set."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch

from seqattn.alignment.links import Gold
from seqattn.alignment.pointing import Box, read_boxes
from seqattn.alignment.words import read_answers
from seqattn.comparison.finished import Paths, with_given
from seqattn.comparison.folder import ComparisonFolder, Decoded, Evaluation
from seqattn.comparison.plan import Plan
from seqattn.comparison.results import Costs, Member, Point, System
from seqattn.data.corpus import Pair, identity
from seqattn.data.sources import TEXTS, Sources, common_sources
from seqattn.errors import InputError
from seqattn.evaluation.scores import score
from seqattn.files import read_binary, read_lines_for, unique_names
from seqattn.runs.folder import CONFIG, MODEL, TARGET_TOKENIZER, TOKENIZER, RunFolder
from seqattn.runs.metrics import FinishedLine, MetricsLine, UpdatedLine, ValidatedLine
from seqattn.runs.run import Run, load_run

Answers = Sequence[Gold] | Sequence[tuple[Box, ...]]
"""Gold links of pairs of texts, or boxes in images."""


@dataclass(frozen=True)
class EvaluationSet:
    """Pairs to translate, in the direction of the systems."""

    name: str
    """As on the command line."""
    pairs: tuple[Pair, ...]
    turned: bool = False
    """Whether the corpus is read from target to source."""
    sources: Sources = TEXTS

    def read_gold(self, path: str | Path) -> Answers:
        """Gold links of the corpus, in the direction of the systems; for images gold boxes."""
        if self.sources is not TEXTS:
            return read_boxes(Path(path), self.pairs)
        pairs = [pair.swapped() if self.turned else pair for pair in self.pairs]
        answers = read_answers(Path(path), pairs)
        return [answer.turned() for answer in answers] if self.turned else answers

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its sources."""
        return hashlib.sha256(b"\n".join(identity(pair.source) for pair in self.pairs)).hexdigest()


def read_test_set(corpus: str, runs: Sequence[Run] = (), sources: Sources = TEXTS) -> EvaluationSet:
    """A test corpus, read in the direction of the runs; InputError when they differ in it.

    `sources` says what its sources are when there are no runs.
    """
    sources = common_sources([run.sources for run in runs] or [sources])
    pairs = sources.read_corpus(corpus).pairs
    if not pairs:
        raise InputError("there are no pairs to translate", path=corpus)
    turned = turned_by_all(runs, corpus)
    pairs = tuple(pair.swapped() for pair in pairs) if turned else pairs
    return EvaluationSet(corpus, pairs, turned, sources)


@dataclass(frozen=True)
class Opened:
    """Systems that can be compared, before they translate."""

    sources: Paths
    runs: Mapping[Path, Run]
    texts: Mapping[Path, tuple[str, ...]]
    """The files of translations."""
    test: EvaluationSet
    gold: Answers | None


def open_systems(
    sources: Paths, evaluation: Evaluation, device: torch.device, read: Sources = TEXTS
) -> Opened:
    """Read runs, translations, the test corpus and its gold links; InputError for what cannot be compared.

    `read` says what the sources of the test corpus are if there are no runs.
    """
    if evaluation.test is None:
        raise InputError("there is no test corpus to compare on", remedy="name one with --test")
    paths = [path for several in sources.values() for path in several]
    runs = {path: load_run(path, device) for path in paths if path.is_dir()}
    test = read_test_set(evaluation.test, list(runs.values()), read)
    texts = {path: read_translations(path, test) for path in paths if path not in runs}
    for name, several in sources.items():
        if len(several) > 1 and any(path in texts for path in several):
            raise InputError(
                f"the system {name} must be runs, or one file of translations",
                remedy="name each file of translations as a system of its own",
            )
        _refuse_one_model_twice(name, [runs[path] for path in several if path in runs])
    gold = test.read_gold(evaluation.gold) if evaluation.gold else None
    return Opened(sources, runs, texts, test, gold)


def _refuse_one_model_twice(system: str, runs: Sequence[Run]) -> None:
    """InputError when a system has a run twice, or one with its copy, which is no second sample of a seed."""
    first: dict[object, Run] = {}
    for run in runs:
        keys = list(filter(None, (run.path.resolve(), run.config.identity)))
        for other in (first[key] for key in keys if key in first):
            raise InputError(
                f"the system {system} has one model twice: {other.path} and {run.path}",
                remedy="name runs of different seeds, each once",
            )
        first |= dict.fromkeys(keys, run)


def check_before_training(plan: Plan, evaluation: Evaluation, read: Sources) -> None:
    """InputError for what could not be compared with the systems that a plan trains.

    `read` says what the sources of these are.
    """
    given = with_given({one.name: () for one in plan.recipes}, evaluation)
    opened = open_systems(given, evaluation, torch.device("cpu"), read)
    common_sources([read, *(run.sources for run in opened.runs.values())])
    if opened.test.turned:
        raise InputError(
            "translates in the other direction than the systems to be trained",
            path=next(iter(opened.runs)),
            remedy="leave it out, or write both sides of the corpora in the other order",
        )


def translate_all(
    opened: Opened,
    evaluation: Evaluation,
    keep: ComparisonFolder | None = None,
    report: Callable[[str], object] = lambda what: None,
) -> list[System]:
    """The systems with their translations; `report` is told which one is about to translate."""
    search = search_of(evaluation)

    def one(system: str, path: Path, name: str) -> Member:
        if path in opened.texts:
            return given_member(path.name, opened.texts[path], opened.test)
        named = f"{system}, {name}" if len(opened.sources[system]) > 1 else system
        return member(opened.runs[path], opened.test, name, search, keep, partial(report, named))

    return [
        System(
            system,
            tuple(
                one(system, path, name)
                for path, name in zip(paths, member_names(paths, opened.runs), strict=True)
            ),
        )
        for system, paths in opened.sources.items()
    ]


def member_names(paths: Sequence[Path], runs: Mapping[Path, Run]) -> list[str]:
    """What distinguishes the members of a system: their seeds if these differ, else their paths."""
    seeds = [runs[path].config.training.seed if path in runs else None for path in paths]
    if None not in seeds and len(set(seeds)) == len(seeds):
        return [f"seed {seed}" for seed in seeds]
    return unique_names(paths)


def turned_by_all(runs: Sequence[Run], test: str | Path) -> bool:
    """Whether the runs translate a corpus from its target to its source; InputError when only some do."""
    turned = {run.turns(test) for run in runs} or {False}
    if len(turned) > 1:
        ways = ", ".join(f"{run.path} {run.config.data.direction}" for run in runs)
        raise InputError(
            f"cannot be translated in one direction by all runs: {ways}",
            path=test,
            remedy="compare runs of one direction",
        )
    return turned == {True}


class Search(NamedTuple):
    """How all systems search."""

    beam: int = 5
    length_penalty: float = 1.0


def search_of(evaluation: Evaluation) -> Search:
    """The search that is asked for, or the usual one."""
    beam, length_penalty = evaluation.beam, evaluation.length_penalty
    return Search(
        Search().beam if beam is None else beam,
        Search().length_penalty if length_penalty is None else length_penalty,
    )


def member(
    run: Run,
    test: EvaluationSet,
    name: str,
    search: Search,
    keep: ComparisonFolder | None = None,
    begins: Callable[[], object] = lambda: None,
) -> Member:
    """A run and its translations of the test set, which are kept in the comparison's folder, if there is one.

    Translations that were kept are not made again; `begins` is called if they are to be made.
    """
    made = {
        "test": test.fingerprint,
        "weights": hashlib.sha256(read_binary(run.path / MODEL)).hexdigest(),
        "beam": search.beam,
        "length_penalty": search.length_penalty,
        "sentences": run.splitting.most if run.splitting else 1,
        "language": run.splitting.language if run.splitting else "",
    }
    references = [pair.target for pair in test.pairs]
    decoded = keep.read_translations(run.path, made) if keep else None
    if decoded is None or len(decoded.hypotheses) != len(references):
        begins()
        found = run.evaluate(test.pairs, beam=search.beam, length_penalty=search.length_penalty)
        decoded = Decoded(found.hypotheses, found.output_ids, found.seconds)
        if keep:
            keep.keep_translations(run.path, made, decoded)
    lines = RunFolder(run.path).metrics.read()
    return Member(
        name,
        decoded.hypotheses,
        score(decoded.hypotheses, references),
        run,
        costs_of(run, lines),
        curve_of(lines),
        decoded.seconds,
        decoded.output_ids,
    )


def costs_of(run: Run, lines: Sequence[MetricsLine]) -> Costs:
    """What a run cost, by the lines of its metrics."""
    last = lines[-1] if lines else None
    finished = last if isinstance(last, FinishedLine) else None
    parts = (MODEL, CONFIG, TOKENIZER, TARGET_TOKENIZER)
    return Costs(
        parameters=run.size.parameters,
        embeddings=run.size.embeddings,
        updates=last.update if last else None,
        tokens=last.all_tokens if last else None,
        seconds=last.all_seconds if last else None,
        updating=sum(line.seconds for line in lines if isinstance(line, UpdatedLine)) if lines else None,
        memory=finished.memory if finished else None,
        size=sum(path.stat().st_size for part in parts if (path := run.path / part).is_file()),
        ended=finished.reason if finished else "",
    )


def curve_of(lines: Sequence[MetricsLine]) -> tuple[Point, ...]:
    """The validations during training."""
    return tuple(
        Point(line.update, line.all_seconds, *line.all)
        for line in lines
        if isinstance(line, ValidatedLine) and not line.averaged
    )


def read_translations(path: Path, test: EvaluationSet) -> tuple[str, ...]:
    """The lines of a file of translations; InputError unless there is one for each test sentence."""
    return tuple(read_lines_for(path, len(test.pairs), "test sentence"))


def given_member(name: str, hypotheses: tuple[str, ...], test: EvaluationSet) -> Member:
    """Translations that another tool made."""
    return Member(name, hypotheses, score(hypotheses, [pair.target for pair in test.pairs]))
