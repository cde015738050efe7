"""Train and score on public corpora, with the published figure beside each of ours.

    python benchmarks/quality.py DATA --list
    python benchmarks/quality.py DATA --only multi30k --minutes 30 --seeds 1,2,3 --threads 2
    python benchmarks/quality.py DATA --out runs/quality
    python benchmarks/quality.py DATA --only ablation

DATA is a folder with the corpora: multi30k (train, val, test_2016_flickr in en, de, fr), tatoeba_de,
tatoeba_ko, hansards, tech_enko, scan and cmudict, in the files that `TASKS` names. Each task trains by
`seqattn train` with what a user gets who sets only a limit of minutes; an ablation names a preset and
settings; teachers and the models of an ensemble are trained first, whatever is asked for. A run that is
finished is not trained again. The table is in Markdown, for docs/results.md.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from sacrebleu.metrics.bleu import BLEU

import seqattn
from seqattn.data.references import read_references
from seqattn.evaluation.scores import Assessment


def lower_cased(found: Assessment, references: Sequence[str]) -> float:
    """BLEU of sacrebleu, case ignored."""
    return float(BLEU(lowercase=True).corpus_score(found.hypotheses, [references]).score)


METRICS: dict[str, Callable[[Assessment, Sequence[str]], float]] = {
    "BLEU": lambda found, references: found.scores.bleu,
    "BLEU, lower-cased": lower_cased,
    "chrF": lambda found, references: found.scores.chrf,
    "exact match, %": lambda found, references: found.scores.exact,
    "words wrong, %": lambda found, references: 100 - found.scores.exact,
}


@dataclass(frozen=True)
class Task:
    """A corpus, what is measured on it, and what others report."""

    name: str
    train: str
    valid: str | None
    test: str
    metric: str
    """A key of `METRICS`."""
    published: dict[str, str]
    """By architecture; empty for all: the figure and its source, with what differs."""
    references: str | None = None
    """Further references of the test set."""
    settings: tuple[str, ...] = ()
    """Those of --set, and the preset; of two with one name the last counts."""
    architecture: str | None = None
    """The only one; None: all that are asked for."""
    teachers: tuple[Model, ...] = ()
    """Their translations of the training sources are learned too."""
    members: tuple[Model, ...] = ()
    """They translate together, and nothing else is trained."""


class Model(NamedTuple):
    """What is trained for a task."""

    task: Task
    architecture: str
    seed: int

    @property
    def name(self) -> str:
        """Of its folder."""
        return f"{self.task.name.replace(' ', '-')}-{self.architecture}-{self.seed}"


WU = "Wu et al. 2021, Transformer-Tiny, tokenised"
LAKE = "Lake and Baroni 2018, best LSTM or GRU"
YOLCHUYEVA = "Yolchuyeva et al. 2019, another split"
M30K = "multi30k/train.{0}.gz,multi30k/train.{1}.gz"
VAL = "multi30k/val.{0}.gz,multi30k/val.{1}.gz"
FLICKR = "multi30k/test_2016_flickr.{0}.gz,multi30k/test_2016_flickr.{1}.gz"


def multi30k(source: str, target: str, published: dict[str, str]) -> Task:
    """A direction of Multi30k, scored on test 2016 flickr."""
    sides = source, target
    files = (one.format(*sides) for one in (M30K, VAL, FLICKR))
    return Task(f"multi30k {source}-{target}", *files, "BLEU, lower-cased", published)


def ablation(task: Task, preset: str, architecture: str, settings: str) -> Task:
    """A task with a preset, and other settings than its own: KEY=VALUE, separated by blanks."""
    name = f"ablation {task.name} {preset} {architecture} {settings}".rstrip()
    several = f"preset={preset}", *settings.split()
    return replace(task, name=name, settings=several, architecture=architecture)


def plain(name: str, folder: str, sides: tuple[str, str], train: str, metric: str) -> Task:
    """A corpus with a training and a development set; validation is on pairs held out of the former."""
    corpora = (",".join(f"{folder}/{part}.{side}.gz" for side in sides) for part in (train, "dev"))
    return Task(name, next(corpora), None, next(corpora), metric, {})


EN_DE = multi30k("en", "de", {"transformer": f"41.02 ({WU})"})
THREE = Model(EN_DE, "transformer", 1), Model(EN_DE, "lstm", 1), Model(EN_DE, "lstm", 2)
TAUGHT = replace(EN_DE, name=f"{EN_DE.name} taught", teachers=THREE)
TAUGHT_THREE = Model(TAUGHT, "transformer", 1), Model(TAUGHT, "lstm", 1), Model(TAUGHT, "lstm", 2)
TATOEBA_DE = plain("tatoeba en-de", "tatoeba_de", ("en", "de"), "train", "BLEU")
TATOEBA_KO = plain("tatoeba ko-en", "tatoeba_ko", ("ko", "en"), "train", "BLEU")
HANSARDS = plain("hansards en-fr", "hansards", ("en", "fr"), "train100k", "BLEU")
SCAN = tuple(
    Task(
        f"SCAN {split}",
        f"scan/{split}.train.src.gz,scan/{split}.train.tgt.gz",
        None,
        f"scan/{split}.test.src.gz,scan/{split}.test.tgt.gz",
        "exact match, %",
        {"": f"{best} ({LAKE})"},
    )
    for split, best in (("simple", "99.8"), ("length", "20.8"))
)
CMUDICT = Task(
    "CMUdict",
    "cmudict/train.src.gz,cmudict/train.tgt.gz",
    None,
    "cmudict/dev.src.gz,cmudict/dev.tgt.gz",
    "words wrong, %",
    {"transformer": f"22.1 ({YOLCHUYEVA})"},
    "cmudict/dev.refs.jsonl.gz",
)
TASKS = (
    EN_DE,
    replace(EN_DE, name=f"{EN_DE.name} together", published={}, members=THREE),
    TAUGHT,
    replace(EN_DE, name=f"{TAUGHT.name} together", published={}, members=TAUGHT_THREE),
    multi30k("en", "fr", {"transformer": f"61.80 ({WU})"}),
    multi30k("de", "en", {}),
    TATOEBA_DE,
    TATOEBA_KO,
    HANSARDS,
    plain("tech en-ko", "tech_enko", ("en", "ko"), "train", "chrF"),
    *SCAN,
    CMUDICT,
)
"""What docs/results.md reports."""
PLAIN = "optimizer=adam weight_decay=0"
"""As before Muon and weight decay were in the presets."""
WIDER = "width=256 feed_forward=512 layers=3"
ABLATIONS = tuple(
    ablation(task, preset, architecture, settings)
    for task, preset, architecture, several in (
        (
            EN_DE,
            "mini",
            "transformer",
            (
                "",
                "optimizer=adam",
                "weight_decay=0",
                "weight_decay=0 learning_rate=6e-3",
                "weight_decay=0 learning_rate=1.5e-2",
                "weight_decay=0 dropout=0.4",
                "weight_decay=0 r_drop=1",
                f"weight_decay=0 {WIDER} learning_rate=6e-3",
                PLAIN,
                f"{PLAIN} vocab_size=10000",
                f"{PLAIN} ema=0.998",
                f"{PLAIN} dropout=0.2",
                f"{PLAIN} word_dropout=0.1",
                f"{PLAIN} subword_sampling=0.5",
                f"{PLAIN} r_drop=2",
                f"{PLAIN} r_drop=5",
                f"{PLAIN} {WIDER} batch_tokens=2048 learning_rate=2e-3",
            ),
        ),
        (EN_DE, "small", "transformer", (f"{PLAIN} dropout=0.3",)),
        (
            EN_DE,
            "mini",
            "lstm",
            (
                "",
                "score=additive",
                PLAIN,
                f"{PLAIN} word_dropout=0",
                f"{PLAIN} word_dropout=0 r_drop=5",
                f"{PLAIN} word_dropout=0 input_feeding=true",
                f"{PLAIN} score=none",
            ),
        ),
        (EN_DE, "small", "lstm", (PLAIN, f"{PLAIN} dropout=0.4", f"{PLAIN} r_drop=5")),
        (EN_DE, "mini", "hybrid", (PLAIN,)),
        (EN_DE, "small", "hybrid", (PLAIN,)),
        (TATOEBA_KO, "low-resource", "lstm", ("", "weight_decay=0.1", PLAIN)),
        (TATOEBA_KO, "low-resource", "transformer", ("", "weight_decay=0.1", PLAIN, "word_dropout=0.1")),
        (TATOEBA_DE, "tiny", "lstm", ("", "weight_decay=0.3")),
        (TATOEBA_DE, "tiny", "transformer", ("", "weight_decay=0.3")),
        (HANSARDS, "small", "lstm", ("", "weight_decay=0", "weight_decay=0 score=additive")),
        (
            HANSARDS,
            "small",
            "transformer",
            (
                "",
                "weight_decay=0",
                "weight_decay=0 learning_rate=3e-3",
                "weight_decay=0 learning_rate=9e-3",
                "weight_decay=0 learning_rate=1.3e-2",
                PLAIN,
                f"{PLAIN} warmup=300",
            ),
        ),
        (HANSARDS, "base", "transformer", ("weight_decay=0", PLAIN)),
        (
            CMUDICT,
            "regular",
            "lstm",
            (
                "encoder_layers=2 dropout=0.2",
                "encoder_layers=2 dropout=0.3",
                "encoder_layers=2 dropout=0.2 score=additive",
            ),
        ),
        (CMUDICT, "mini", "lstm", (PLAIN,)),
        (CMUDICT, "regular", "transformer", (f"{PLAIN} batch_tokens=2048 learning_rate=3e-3",)),
        (SCAN[0], "tiny", "lstm", ("hidden=256",)),
    )
    for settings in several
)
"""What changes the scores, one thing at a time."""


def located(corpus: str, data: Path) -> str:
    """A corpus of a task as an argument of the commands."""
    return ",".join(str(data / part) for part in corpus.split(","))


def train(model: Model, asked: argparse.Namespace) -> Path:
    """The finished run of a model, after those of its teachers; trained by the command, which is printed."""
    task, architecture, seed = model
    out: Path = asked.out / model.name
    settings = dict(setting.split("=") for setting in task.settings)
    preset = settings.pop("preset", "auto")
    if not (out / "README.md").exists():
        corpora = {"--train": task.train, "--valid": task.valid}
        named = [
            word
            for option, corpus in corpora.items()
            if corpus is not None
            for word in (option, located(corpus, asked.data))
        ]
        for teacher in task.teachers:
            named += ["--teacher", str(train(teacher, asked))]
        command = [
            *(sys.executable, "-m", "seqattn", "train", *named, "--arch", architecture, "--out", str(out)),
            *("--max-minutes", str(asked.minutes), "--seed", str(seed), "--threads", str(asked.threads)),
            *("--preset", preset, *(f"--set={name}={value}" for name, value in settings.items())),
        ]
        if out.exists():
            command = [*command[:4], "--resume", "--out", str(out), "--threads", str(asked.threads)]
        print(" ".join(command), file=sys.stderr)
        subprocess.run(command, check=True)
    return out


def measure(task: Task, models: Sequence[Model], asked: argparse.Namespace) -> float:
    """The score on the test set of a task, of one model or of several together."""
    run = seqattn.ensemble(train(model, asked) for model in models)
    pairs = run.read_pairs(located(task.test, asked.data))
    more = None
    if task.references is not None:
        more = read_references([asked.data / task.references], len(pairs))
    return METRICS[task.metric](run.evaluate(pairs, references=more), [pair.target for pair in pairs])


def choices(task: Task, asked: argparse.Namespace) -> dict[str, list[list[Model]]]:
    """What a task is done with, by its name in the table: models together, for each seed."""
    if task.members:
        names = [f"{model.architecture} {model.seed}" for model in task.members]
        return {" + ".join(names): [list(task.members)]}
    architectures = [task.architecture] if task.architecture else asked.architectures.split(",")
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    return {one: [[Model(task, one, seed)] for seed in seeds] for one in architectures}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", type=Path)
    parser.add_argument("--list", action="store_true", help="name the tasks and end")
    parser.add_argument("--only", default="", help="only tasks whose name has this")
    parser.add_argument("--architectures", default="lstm,transformer,hybrid")
    parser.add_argument("--seeds", default="1")
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/quality"))
    asked = parser.parse_args()
    every = (*TASKS, *ABLATIONS) if asked.list or "ablation" in asked.only else TASKS
    tasks = [task for task in every if asked.only in task.name]
    if asked.list:
        for task in tasks:
            published = (f"{one or 'published'} {figure}" for one, figure in task.published.items())
            print("; ".join([task.name, *published]))
        return
    if not tasks:
        parser.error(f"no task has {asked.only!r} in its name; --list names all")
    files = [
        name
        for task in tasks
        for names in (task.train, task.valid, task.test, task.references)
        if names is not None
        for name in names.split(",")
    ]
    if missing := sorted({name for name in files if not (asked.data / name).exists()}):
        parser.error(f"{asked.data} has no {', '.join(missing)}")
    print("| task | metric | architecture | here | published |\n|---|---|---|---:|---|")
    for task in tasks:
        for name, models in choices(task, asked).items():
            scores = [measure(task, together, asked) for together in models]
            each = f" ({', '.join(f'{one:.2f}' for one in scores)})" if len(scores) > 1 else ""
            beside = task.published.get(name, task.published.get("", "–"))
            here = f"{statistics.median(scores):.2f}{each}"
            print(f"| {task.name} | {task.metric} | {name} | {here} | {beside} |", flush=True)


if __name__ == "__main__":
    main()
