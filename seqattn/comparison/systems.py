"""Comparison of trained systems: the same test set, decoded in the same way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sacrebleu.metrics.chrf import CHRF

from seqattn.data.corpus import Pair, read_corpus
from seqattn.errors import InputError
from seqattn.evaluation.scores import Assessment
from seqattn.runs.folder import RunFolder
from seqattn.runs.records import MetricsLine, UpdatedLine, ValidatedLine
from seqattn.runs.run import Run, load


@dataclass(frozen=True)
class Point:
    """One validation during training."""

    update: int
    seconds: float
    loss: float
    bleu: float


@dataclass(frozen=True)
class System:
    """A run in a comparison."""

    name: str
    run: Run
    parameters: int
    updates: int
    """In total."""
    tokens: int
    """Source and target ids trained on."""
    seconds: float
    """Of training, including validation."""
    updating: float
    """Of training alone, seconds."""
    curve: tuple[Point, ...]
    assessment: Assessment

    @property
    def tokens_per_second(self) -> float:
        """Of training alone."""
        return self.tokens / self.updating if self.updating else 0.0

    @property
    def sentences_per_second(self) -> float:
        """Of decoding the test set."""
        return self.assessment.scores.sentences / self.assessment.seconds

    def to_json(self) -> dict[str, Any]:
        """The figures as JSON values."""
        return {
            "name": self.name,
            "run": str(self.run.path),
            "architecture": self.run.config.architecture,
            "parameters": self.parameters,
            "updates": self.updates,
            "tokens": self.tokens,
            "training_seconds": self.seconds,
            "training_tokens_per_second": self.tokens_per_second,
            "decoding_seconds": self.assessment.seconds,
            "decoding_sentences_per_second": self.sentences_per_second,
            "decoding_ids_per_second": self.assessment.output_ids / self.assessment.seconds,
            "scores": asdict(self.assessment.scores),
            "curve": [asdict(point) for point in self.curve],
            "translations": self.assessment.hypotheses,
        }


def system(run: Run, pairs: Sequence[Pair], beam: int, alpha: float, name: str = "") -> System:
    """Evaluate a run and collect its training figures from its folder."""
    lines = RunFolder(run.path).read_metrics()
    validations = [line for line in lines if isinstance(line, ValidatedLine) and not line.averaged]
    last = lines[-1] if lines else MetricsLine(0, 0, 0, 0.0)
    return System(
        name=name or run.path.name,
        run=run,
        parameters=run.parameters,
        updates=last.update,
        tokens=last.all_tokens,
        seconds=last.all_seconds,
        updating=sum(line.seconds for line in lines if isinstance(line, UpdatedLine)),
        curve=tuple(Point(one.update, one.all_seconds, one.loss, one.bleu) for one in validations),
        assessment=run.evaluate(pairs, beam=beam, length_penalty=alpha),
    )


def compare(
    runs: Sequence[Run | str | Path],
    test: str | Path | Sequence[tuple[str, str]],
    *,
    beam: int = 5,
    length_penalty: float = 1.0,
) -> list[System]:
    """Finished runs, loaded or named by their folders, evaluated on one test corpus.

    A test corpus given by name is read in the direction of the runs; InputError when they differ in it.
    """
    if not runs:
        raise ValueError("there are no runs to compare")
    loaded = [run if isinstance(run, Run) else load(run) for run in runs]
    if isinstance(test, str | Path):
        turned = turned_by_all(loaded, test)
        pairs = [pair.swapped() if turned else pair for pair in read_corpus(str(test)).pairs]
    else:
        pairs = [Pair(*pair) for pair in test]
    names = unique_names([run.path.absolute() for run in loaded])
    return [system(run, pairs, beam, length_penalty, name) for run, name in zip(loaded, names, strict=True)]


def turned_by_all(runs: Sequence[Run], test: str | Path) -> bool:
    """Whether the runs translate a corpus from its target to its source; InputError when only some do."""
    turned = {run.turns(test) for run in runs}
    if len(turned) > 1:
        ways = ", ".join(f"{run.path} {run.config.data.direction}" for run in runs)
        raise InputError(
            f"cannot be translated in one direction by all runs: {ways}",
            path=test,
            remedy="compare runs of one direction",
        )
    return turned == {True}


def unique_names(paths: Sequence[Path]) -> list[str]:
    """A short name for each run: its folder's, with as many parents as are needed to distinguish them."""
    for depth in range(1, max(len(path.parts) for path in paths) + 1):
        names = ["/".join(path.parts[-depth:]) for path in paths]
        if len(set(names)) == len(names):
            return names
    return [f"{path} ({number})" for number, path in enumerate(paths, start=1)]


def most_different(systems: Sequence[System], pairs: Sequence[Pair], count: int) -> list[int]:
    """The test sentences on which the systems' sentence chrF differs most, in the order of the test set."""
    metric = CHRF()
    spread = []
    for row, pair in enumerate(pairs):
        hypotheses = [system.assessment.hypotheses[row] for system in systems]
        if len(set(hypotheses)) > 1:
            figures = [metric.sentence_score(text, [pair.target]).score for text in hypotheses]
            spread.append((min(figures) - max(figures), row))
    return sorted(row for _, row in sorted(spread)[:count])


def representative_sentence(systems: Sequence[System], pairs: Sequence[Pair]) -> int:
    """A test sentence to show the attention of: translated right by most systems, about eight words long."""

    def rank(row: int) -> tuple[int, int, int]:
        pair = pairs[row]
        wrong = sum(system.assessment.hypotheses[row] != pair.target for system in systems)
        return wrong, abs(len(pair.source.split()) - 8), row

    return min(range(len(pairs)), key=rank)
