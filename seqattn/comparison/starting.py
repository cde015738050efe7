"""Starting a comparison: its data, and the folders of its runs, alike for all systems."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from seqattn.comparison.folder import ComparisonFolder, Evaluation, Task
from seqattn.comparison.plan import LIMITS, Plan, Recipe, budget_in_words, with_budget
from seqattn.data.batching import epoch_batches
from seqattn.data.images import sources_of
from seqattn.data.sources import Sources, common_sources
from seqattn.errors import InputError
from seqattn.files import within
from seqattn.models import ModelOptions, build, image_shape
from seqattn.models.weights import without_weights
from seqattn.options import flat_options, override
from seqattn.pictures.document import listed
from seqattn.progress import Report, silent
from seqattn.runs.building import vocabulary_of
from seqattn.runs.config import RunConfig
from seqattn.runs.experiment import new_config
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Prepared, load_data, prepare
from seqattn.runs.presets import check_alike, compose, suitable_presets
from seqattn.text.learning import TokenizerOptions
from seqattn.text.tokenizer import Tokenizer
from seqattn.training.schedule import TrainingOptions

Composed = tuple[ModelOptions, TokenizerOptions, TrainingOptions]


@dataclass(frozen=True)
class Started:
    """A comparison whose runs have their folders."""

    plan: Plan
    """As asked for, and what was in the folder before."""
    tasks: tuple[Task, ...]
    """Of every system and seed, the seeds of a system together."""
    prepared: Prepared | None
    """The data; None if it was not needed, because no run was missing."""
    preset: str = ""
    asked_vocabulary: int = 0
    """Its size as asked for, 0 if it was chosen."""
    budget: str = ""
    """Of each run, in words."""


def sources_of_plan(plan: Plan) -> Sources:
    """What the sources of a plan's systems are.

    InputError, before a corpus is read, when they differ or the settings cannot be compared.
    """
    if not plan.recipes:
        raise InputError("there is no system to train", remedy="name one with --system")
    composed = _compose(plan, "tiny" if plan.preset == "auto" else plan.preset, plan.settings)
    return _common_sources(plan, composed)


def _common_sources(plan: Plan, composed: Mapping[str, Composed]) -> Sources:
    return common_sources(
        [sources_of(image_shape(one.architecture, composed[one.name][0])) for one in plan.recipes]
    )


def start(
    plan: Plan,
    evaluation: Evaluation,
    folder: ComparisonFolder,
    command: Sequence[str] = (),
    report: Report = silent,
    processes: int = 1,
) -> Started:
    """Record the plan and make the folders of the runs that are missing, in a folder that this process locks.

    Systems and seeds that the folder has already are part of the plan too. InputError before anything is
    written when the data cannot be used or what exists does not fit the plan. `processes` will train each
    run together.
    """
    plan = folder.joined(plan)
    tasks = folder.tasks(plan)
    begun = [task for task in tasks if task.run.begun]
    for task in tasks:
        within(folder.path, task.path.relative_to(folder.path))
        task.run.check_complete()
    if len(begun) == len(tasks):
        folder.write(plan, evaluation, command)
        return Started(plan, tasks, None)
    held_out = begun[0].run.read_config().data.valid_pairs if begun else 0
    data = load_data(plan.train, plan.valid, held_out=held_out, sources=sources_of_plan(plan))
    preset = (
        suitable_presets(data.distinct, data.targets.natural)[0] if plan.preset == "auto" else plan.preset
    )
    _, tokenizer_options, training = next(iter(_compose(plan, preset, plan.settings).values()))
    known = _tokenizer_of(begun, data.record.train_fingerprint)
    prepared = prepare(data, tokenizer_options, training.max_length, known, report)
    settings = with_budget(plan, *_epoch(prepared, training, processes))
    if begun:
        # Perhaps by another number of processes.
        settings = override(settings, _chosen(begun[0].run.read_config().training))
    composed = _compose(plan, preset, settings)
    for recipe in plan.recipes:
        refuse_long_sentences(recipe, composed[recipe.name], prepared)
    architectures = {recipe.name: recipe.architecture for recipe in plan.recipes}
    new: list[tuple[RunFolder, RunConfig]] = []
    for task in tasks:
        model, tokenizer, training = composed[task.system]
        training = replace(training, seed=task.seed)
        config = new_config(
            prepared, architectures[task.system], model, tokenizer, training, command, processes
        )
        if task.run.begun:
            _check_alike(task.run, config)
        else:
            new.append((task.run, config))
    folder.write(plan, evaluation, command)
    for run, config in new:
        run.begin(config, prepared.tokenizer)
    budget = f"Budget of each run: {budget_in_words(settings)}"
    return Started(plan, tasks, prepared, preset, tokenizer_options.vocab_size, budget)


def _empty(architecture: str, options: ModelOptions, tokenizer: Tokenizer) -> Any:
    """A model without weights."""
    with without_weights():
        return build(architecture, options, vocabulary_of(tokenizer))


def refuse_long_sentences(recipe: Recipe, composed: Composed, prepared: Prepared) -> None:
    """InputError when a model has fewer positions than a sentence has pieces."""
    model = _empty(recipe.architecture, composed[0], prepared.tokenizer)
    prepared.check_held(model.longest, f"the model of {recipe.name}")


def _compose(plan: Plan, preset: str, settings: Mapping[str, Any]) -> dict[str, Composed]:
    recipes = {
        one.name: compose(one.architecture, preset, override(settings, one.settings)) for one in plan.recipes
    }
    # That they read different sources explains other differences.
    _common_sources(plan, recipes)
    check_alike(recipes)
    return recipes


def _tokenizer_of(begun: Sequence[Task], fingerprint: str) -> Tokenizer | None:
    """The tokenizer that the runs share; InputError when they were trained on other texts."""
    for task in begun:
        config = task.run.read_config()
        if config.data.train_fingerprint != fingerprint:
            raise InputError(
                "was trained on other texts than the training corpus holds now",
                path=task.path,
                remedy="choose another folder with --out",
            )
        return task.run.read_tokenizer(config)
    return None


def _chosen(training: TrainingOptions) -> dict[str, Any]:
    """What was chosen when a run of a comparison began, and is the same for all."""
    shared = {name: getattr(training, name) for name in (*LIMITS.values(), "validate_every", "best_by")}
    return {name: value for name, value in shared.items() if value}


def _epoch(prepared: Prepared, training: TrainingOptions, processes: int) -> tuple[int, int]:
    """The updates and the tokens of one epoch."""
    batches = epoch_batches(prepared.lengths, training.batch_tokens, training.seed, 0)
    return -(-len(batches) // (training.accumulate * processes)), sum(map(sum, prepared.lengths))


def _check_alike(run: RunFolder, wanted: RunConfig) -> None:
    """InputError when a run that exists was trained in another way than the plan says."""
    config = run.read_config()
    differing = [] if config.architecture == wanted.architecture else ["architecture"]
    for part in () if differing else ("model", "tokenizer", "training"):
        own, other = (flat_options(getattr(one, part)) for one in (config, wanted))
        differing += [name for name, value in own.items() if other.get(name) != value]
    if config.data.valid_fingerprint != wanted.data.valid_fingerprint:
        differing.append("validation corpus")
    if differing:
        raise InputError(
            f"has another {listed(differing)} than this comparison asks for",
            path=run.path,
            remedy="choose another folder with --out",
        )
