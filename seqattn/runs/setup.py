"""Setting up a training: options, data and model from a user's request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import torch

from seqattn.data.images import sources_of
from seqattn.data.sources import Sources
from seqattn.errors import InputError
from seqattn.hardware import choose_device, tune_memory
from seqattn.models import ARCHITECTURES, ModelOptions, build, image_shape
from seqattn.models.base import Vocabulary
from seqattn.options import apply, flat_options, is_setting, settings_for
from seqattn.progress import Report, silent
from seqattn.ranks import ALONE, Ranks
from seqattn.runs.beside import Beside, forward_path, reverse_path
from seqattn.runs.choices import choose_size
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.runs.guiding import GUIDES, lexicon_links_path, links_path
from seqattn.runs.preparation import load_data, prepare, synthetic_path
from seqattn.runs.presets import compose
from seqattn.runs.records import is_code
from seqattn.runs.run import Run, load_run
from seqattn.runs.synthesis import Synthesis, unfinished_path
from seqattn.text.learning import TokenizerOptions
from seqattn.training.events import Event
from seqattn.training.schedule import TrainingOptions

OPEN = ("max_updates", "max_tokens", "max_minutes", "patience", "validate_every", "best_by", "seed")
"""The training options that a run does not pass on to another that starts from its weights."""


@dataclass(frozen=True)
class Request:
    """A training as requested by a user."""

    train: Sequence[str]
    """Corpora, as on the command line."""
    valid: str | None = None
    """A corpus; None: a part held out of the others."""
    preset: str = "auto"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Options by name, as for --set."""
    swap: bool = False
    """From target to source."""
    guide: str | None = None
    """A file of links in Pharaoh format, or one of `GUIDES`."""
    synthetic: str | None = None
    """A corpus of pairs that are added to train on."""
    languages: tuple[str, str] | None = None
    """The codes of the languages of the corpora's sources and targets."""
    command: Sequence[str] = ()
    """The command line, for the record."""
    init_from: Path | None = None
    """The run whose weights and vocabulary it starts from."""

    def beside(self, swap: bool) -> Request:
        """For a run that is trained beside the one asked for, because this needs it.

        To the other direction the weights, and perhaps the vocabulary, to start from do not belong.
        """
        init_from = self.init_from if swap == self.swap else None
        return replace(self, swap=swap, guide=None, synthetic=None, init_from=init_from)


class SetUp(NamedTuple):
    """A training ready to run, and the origin of its size."""

    experiment: Experiment
    size: str


def set_up(
    request: Request,
    architecture: str | None,
    out: Path,
    device: torch.device,
    report: Report = silent,
    ranks: Ranks = ALONE,
) -> SetUp:
    """A new run in a new folder, with newly drawn weights or those of another run.

    InputError for unusable input; errors in the settings are raised before the corpora are read.
    """
    RunFolder(out).refuse_existing()
    if not all(map(is_code, request.languages or ())):
        raise InputError(f"{request.languages} are not two codes of languages, such as en and de")
    initial = load_run(request.init_from, device) if request.init_from else None
    architecture = architecture or (initial.config.architecture if initial else "")
    preset, settings = request.preset, request.settings
    model, tokenizer, training = _asked(request, architecture, initial)
    if request.guide is not None:
        training.check_guidable()
    sources = _sources(architecture, model)
    data = load_data(
        request.train, request.valid, request.guide, synthetic=request.synthetic, sources=sources
    )
    data = replace(data, record=replace(data.record, languages=request.languages))
    data = data.swapped() if request.swap else data
    known = initial.tokenizer if initial else None
    prepared = prepare(data, tokenizer, training.max_length, known, report)
    size = f"preset {preset}"
    if initial is not None:
        training_of = initial.path if preset == "auto" else size
        size = f"the size of {initial.path}, training options of {training_of}"
    elif preset == "auto":
        report("choosing the size", 0.0)
        preset, reason = choose_size(architecture, settings, prepared, device, ranks.size)
        size = f"preset {preset} {reason}"
        model, _, training = compose(architecture, preset, settings)
    experiment = Experiment.start(
        out, prepared, architecture, model, tokenizer, training, device, request.command, initial, ranks
    )
    return SetUp(experiment, size)


def _asked(
    request: Request, architecture: str, initial: Run | None
) -> tuple[ModelOptions, TokenizerOptions, TrainingOptions]:
    """The options asked for: those of the run to start from, else in the smallest size if that is open."""
    preset, settings = request.preset, request.settings
    model, tokenizer, training = compose(architecture, "tiny" if preset == "auto" else preset, settings)
    if initial is None:
        return model, tokenizer, training
    own, config = _settings_beside(initial, architecture, settings), initial.config
    if preset == "auto":
        _check_rate(initial, own)
        # A rate for the size of the new corpus would be one for models of another size.
        model, training = apply(own, config.model, _begun_anew(config.training))
    else:
        free = {name: value for name, value in flat_options(model).items() if _is_free(name)}
        (model,) = apply(free, config.model)
    return model, config.tokenizer, training


def _settings_beside(initial: Run, architecture: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The settings for a run that starts from another's weights; InputError when it cannot."""
    config = initial.config
    if architecture != config.architecture:
        raise InputError(
            f"holds the architecture {config.architecture}, not {architecture}",
            path=initial.path,
            remedy="leave out the architecture, or start from no run",
        )
    own = settings_for(architecture, ARCHITECTURES, settings)
    fixed = [
        name
        for name in own
        if is_setting(name, config.tokenizer) or (is_setting(name, config.model) and not _is_free(name))
    ]
    if fixed:
        raise InputError(
            f"{', '.join(fixed)} cannot be set: the run to start from has its own",
            path=initial.path,
            remedy="leave this out, or start from no run",
        )
    return own


def _is_free(name: str) -> bool:
    """Whether a setting of a model changes none of its weights."""
    return name.endswith("dropout")


def _check_rate(initial: Run, own: Mapping[str, Any]) -> None:
    """InputError when the optimizer asked for would have a rate that was chosen for another."""
    before = initial.config.training
    if own.get("optimizer", before.optimizer) != before.optimizer and "learning_rate" not in own:
        raise InputError(
            f"was trained with {before.optimizer_name}, whose learning rate is not for another optimizer",
            path=initial.path,
            remedy="set learning_rate too, or give a --preset",
        )


def architecture_from(request: Request, architecture: str | None) -> str | None:
    """The architecture asked for, else that of the run that the new one starts from, if there is one.

    InputError, before anything is trained, when its weights cannot be used.
    """
    if request.init_from is None:
        return architecture
    initial = load_run(request.init_from)
    architecture = architecture or initial.config.architecture
    _settings_beside(initial, architecture, request.settings)
    return architecture


def _begun_anew(training: TrainingOptions) -> TrainingOptions:
    """The options of a run for another that starts from its weights, on other data."""
    default = TrainingOptions()
    return replace(training, **{name: getattr(default, name) for name in OPEN})


def make_needed(out: Path, request: Request, architecture: str, synthesis: Synthesis, how: Beside) -> Request:
    """The request with the files of synthetic pairs and of links that it needs, made if they are not there.

    The guides `GUIDES` are made for the run. InputError, before anything is trained, when one of them
    cannot be made or used as asked.
    """
    make_guide = GUIDES.get(request.guide or "")
    if not synthesis.any and make_guide is None:
        return request
    RunFolder(out).refuse_existing()
    initial = load_run(request.init_from) if request.init_from else None
    model, _, training = _asked(request, architecture, initial)
    if synthesis.any:
        sources = _sources(architecture, model)
        synthesis.check(request.train, request.valid, request.guide, request.swap, sources)
        synthesis.check_made(out, request.train, request.valid, request.swap)
        path = synthesis.make(out, request.train, request.valid, request.swap, how)
        request = replace(request, synthetic=str(path))
    if make_guide is not None:
        training.check_guidable()
        _sources(architecture, model).require_words("guide")
        build(architecture, model, Vocabulary(4, 4, shared=True)).require_attention("guide")
        request = replace(request, guide=str(make_guide(out, request.train, how)))
    return request


def refuse_unbegun(out: Path) -> None:
    """InputError when a run has not begun, but what it needs was made, at least in part."""
    made = (
        *(forward_path(out), reverse_path(out), links_path(out), lexicon_links_path(out)),
        *(synthetic_path(out), unfinished_path(out)),
    )
    if not RunFolder(out).begun and any(path.exists() for path in made):
        raise InputError(
            "has not begun, what it needs is made first",
            path=out,
            remedy="to go on, give the same command again without --resume",
        )


def _sources(architecture: str, model: ModelOptions) -> Sources:
    return sources_of(image_shape(architecture, model))


def train(
    corpora: str | Sequence[str],
    out: str | Path,
    *,
    architecture: str | None = None,
    valid: str | None = None,
    preset: str = "auto",
    settings: Mapping[str, Any] | None = None,
    swap: bool = False,
    languages: tuple[str, str] | None = None,
    guide: str | None = None,
    monolingual: str | Sequence[str] = (),
    reverse: str | Path | None = None,
    teachers: Sequence[str | Path] = (),
    init_from: str | Path | None = None,
    device: str = "auto",
    on_event: Callable[[Event], object] | None = None,
) -> Run:
    """Train a run to the end and load it.

    `corpora` and `valid` are named as on the command line; `architecture` is lstm, transformer, hybrid or
    ENCODER+DECODER, by default that of the run `init_from`, or a transformer; `settings` are those of --set
    and the budget, such as `{"max_updates": 1000}`; `languages` are the codes of the languages of sources
    and targets in the corpora, such as `("en", "de")`;
    `guide` is a file of links in Pharaoh format, or "lexicon", to make one from the words of the pairs, or
    "self", from two runs beside `out`. Texts of the target language in `monolingual` files are translated
    back by the run `reverse`, or one that is trained beside `out`, and the training sources are translated by
    `teachers` (together, if several); both are added to the training pairs. Each event of the training
    (`Updated`, `Validated`, `Finished`) is passed to `on_event`.
    InputError for unusable input.
    """
    tune_memory()
    out, on = Path(out), choose_device(device)
    names = [corpora] if isinstance(corpora, str) else list(corpora)
    request = Request(
        names,
        valid,
        preset,
        settings or {},
        swap,
        guide,
        languages=languages,
        init_from=None if init_from is None else Path(init_from),
    )
    named = architecture_from(request, architecture) or "transformer"
    synthesis = Synthesis(
        [monolingual] if isinstance(monolingual, str) else list(monolingual),
        None if reverse is None else Path(reverse),
        [Path(teacher) for teacher in teachers],
    )

    def start(path: Path, swap: bool) -> Experiment:
        return set_up(request.beside(swap), named, path, on).experiment

    def finish(experiment: Experiment) -> None:
        with experiment:
            for event in experiment.run():
                if on_event is not None:
                    on_event(event)

    whole = make_needed(out, request, named, synthesis, Beside(on, start, finish))
    finish(set_up(whole, named, out, on).experiment)
    return load_run(out, on)
