"""The conditions of a comparison in words, and what was not alike."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any

from seqattn.comparison.folder import Task
from seqattn.comparison.plan import budget_in_words
from seqattn.comparison.results import FIELDS, Costs, Member, System
from seqattn.comparison.systems import Search
from seqattn.data.corpus import short_name
from seqattn.errors import counted
from seqattn.runs.run import Run

ALIKE = 0.05
"""How much larger than the smallest the largest of models called alike may be, as those of a preset are; and
how much of its updates a training may lack, to be called whole."""


def deciding_metric(systems: Sequence[System]) -> str:
    """The metric by which all models were selected, else BLEU."""
    names = {field: metric for metric, field in FIELDS.items()}
    chosen = {names.get(run.config.training.best_by, "BLEU") for _, run, _ in _trained(systems)}
    return chosen.pop() if len(chosen) == 1 else "BLEU"


def terms_of(systems: Sequence[System], test: str, sentences: int, search: Search) -> list[str]:
    """What was alike for all systems that were trained, and how they were tested."""
    found = []
    runs = [run for _, run, _ in _trained(systems)]
    if runs:
        data, training = runs[0].config.data, runs[0].config.training
        if _same(runs, trained_on):
            corpora = " + ".join(map(short_name, data.corpora))
            found.append(f"Trained on {counted(data.train_pairs, 'pair')} of {corpora}.")
        if _same(runs, _validated_on):
            valid = short_name(data.valid) if data.valid else "these, held out"
            found.append(f"Validated on {counted(data.valid_pairs, 'pair')} of {valid}.")
        if _same(runs, _vocabulary):
            found.append(f"One vocabulary of {len(runs[0].tokenizer.target):,} pieces.")
        seeds = _seeds(systems)
        if _same(runs, _batches) and all(own == seeds[0] for own in seeds):
            found.append("One order of batches" + (" for each seed." if len(seeds[0]) > 1 else "."))
        found.append(f"Optimizer: {_optimizers(systems)}.")
        if _same(runs, _budget):
            words = budget_in_words(asdict(training))
            found.append(f"Budget of each run: {words or 'none, until validation no longer improves'}.")
        every = list(dict.fromkeys(run.config.training.seed for run in runs))
        found.append(f"Seed{'s' * (len(every) > 1)}: {', '.join(map(str, every))}.")
    tested = f"Tested on {counted(sentences, 'sentence')} of {short_name(test)}"
    if runs:
        others = len(runs) < sum(len(system.members) for system in systems)
        whose = "the models with " if others else ""
        tested += f", {whose}beam {search.beam}, length penalty {search.length_penalty:g}"
    return [*found, f"{tested}; BLEU {systems[0].members[0].scores.bleu_signature}."]


def cautions_of(systems: Sequence[System], untrained: Iterable[Task] = ()) -> list[str]:
    """What was not alike for all systems, or makes a figure doubtful; `untrained` runs are missing."""
    trained = list(_trained(systems))
    runs = [run for _, run, _ in trained]
    found = [
        f"{name} has not been trained with {'the seeds' if ',' in seeds else 'seed'} {seeds}."
        for name, seeds in _seeds_of(untrained).items()
    ]
    for what, of in (
        ("were trained on different pairs", trained_on),
        ("were validated on different texts: their curves cannot be compared", _validated_on),
        ("have different vocabularies", _vocabulary),
        ("had different budgets", _budget),
    ):
        if not _same(runs, of):
            found.append(f"The models {what}.")
    if not _same(runs, _initial):
        found += [
            f"{name} was initialised with the weights of {run.config.data.initialised_from}."
            for name, run, _ in trained
            if run.config.data.initialised_from is not None
        ]
    if not _same(runs, lambda run: run.config.data.guide_fingerprint):
        found += [
            f"The attention of {name} was guided by the links of {run.config.data.guide}."
            for name, run, _ in trained
            if run.config.data.guide is not None
        ]
    found += [
        f"The models of {system.name} differ in architecture: {', '.join(dict.fromkeys(kinds))}."
        for system in systems
        if len(set(kinds := [run.config.architecture for _, run, _ in _trained([system])])) > 1
    ]
    found += _interrupted(trained)
    found += [
        f"{name} was trained for {costs.updates:,} of {run.config.training.max_updates:,} updates: "
        f"{costs.ended}."
        for name, run, costs in trained
        if costs.ended
        and costs.updates is not None
        and costs.updates < (1 - ALIKE) * run.config.training.max_updates
    ]
    costs = [one for _, _, one in trained]
    ended = {one.ended.split(maxsplit=1)[-1] for one in costs if one.ended}
    if len(ended) > 1:
        reasons = "; ".join(f"{name}: {one.ended}" for name, _, one in trained if one.ended)
        found.append(f"Training ended for different reasons ({reasons}).")
    rest = {system.name: size for system in systems if (size := system.cost("other_parameters"))}
    if rest and max(rest.values()) > (1 + ALIKE) * min(rest.values()):
        named = ", ".join(f"{name} {size:,.0f}" for name, size in rest.items())
        found.append(f"The models differ in size: parameters without embeddings are {named}.")
    return found


def _initial(run: Run) -> object:
    """Which weights a run was initialised with: their hash, or the path of their run if that is not known."""
    data = run.config.data
    return data.initial_fingerprint or data.initialised_from


def _trained(systems: Sequence[System]) -> Iterator[tuple[str, Run, Costs]]:
    """The models with their names and costs."""
    for system in systems:
        for one in system.members:
            if one.run is not None and one.costs is not None:
                yield member_name(system, one), one.run, one.costs


def member_name(system: System, one: Member) -> str:
    """The name of a model in the comparison."""
    return f"{system.name}, {one.name}" if len(system.members) > 1 else system.name


def _seeds(systems: Sequence[System]) -> list[set[int]]:
    """The seeds of each system that was trained."""
    each = [{one.run.config.training.seed for one in system.members if one.run} for system in systems]
    return list(filter(None, each))


def _seeds_of(tasks: Iterable[Task]) -> dict[str, str]:
    """The seeds of each system's runs, joined by commas."""
    seeds: dict[str, list[str]] = {}
    for task in tasks:
        seeds.setdefault(task.system, []).append(str(task.seed))
    return {name: ", ".join(every) for name, every in seeds.items()}


def _optimizers(systems: Sequence[System]) -> str:
    """The optimizer of all that were trained, or each with the systems that it trained."""
    trained: dict[str, list[str]] = {}
    for system in systems:
        used = (run.config.training.optimizer_name for _, run, _ in _trained([system]))
        for optimizer in dict.fromkeys(used):
            trained.setdefault(optimizer, []).append(system.name)
    if len(trained) == 1:
        return next(iter(trained))
    return ", ".join(f"{optimizer} ({', '.join(names)})" for optimizer, names in trained.items())


def _interrupted(trained: Sequence[tuple[str, Run, Costs]]) -> list[str]:
    return [
        f"{name} was interrupted after {counted(costs.updates, 'update')}: it had not learned all it can."
        for name, _, costs in trained
        if costs.updates is not None and not costs.ended
    ]


def _same(runs: Sequence[Run], of: Callable[[Run], Any]) -> bool:
    return all(of(run) == of(runs[0]) for run in runs)


def trained_on(run: Run) -> Any:
    """What is equal for runs that were trained on the same pairs."""
    data = run.config.data
    return data.train_fingerprint, data.synthetic_fingerprint, data.train_pairs


def _validated_on(run: Run) -> Any:
    data = run.config.data
    return data.valid_fingerprint or (data.train_fingerprint, data.valid_pairs)


def _vocabulary(run: Run) -> Any:
    return run.tokenizer.source.model, run.tokenizer.target.model


def _batches(run: Run) -> Any:
    training = run.config.training
    batches = training.batch_tokens, training.accumulate, training.max_length
    return trained_on(run), _vocabulary(run), batches


def _budget(run: Run) -> Any:
    training = run.config.training
    return training.max_updates, training.max_tokens, training.max_minutes, training.patience
