"""A toy task, tokenizers for it, and finished runs on disk, each made once per session."""

from __future__ import annotations

import random
from functools import cache
from pathlib import Path
from typing import Any

import torch

from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.models.base import Seq2Seq
from seqattn.models.weights import weights
from seqattn.runs.building import new_model
from seqattn.runs.config import RunConfig
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Data, Prepared, prepare
from seqattn.runs.records import DataRecord, TrainedRecord
from seqattn.runs.run import Run, load_run
from seqattn.symbols import EOS
from seqattn.text.learning import TokenizerOptions, train_tokenizer
from seqattn.text.tokenizer import Tokenizer
from seqattn.training.schedule import TrainingOptions

from helpers import tiny_options

WORDS = ["red", "green", "blue", "one", "two", "three", "cat", "dog", "bird"]


def reversal_pairs(count: int = 120, seed: int = 1) -> tuple[Pair, ...]:
    """Distinct sentences of two to five words, and the same words in the opposite order."""
    chance = random.Random(seed)
    sources: dict[str, None] = {}
    while len(sources) < count:
        sources[" ".join(chance.choices(WORDS, k=chance.randint(2, 5)))] = None
    return tuple(Pair(source, " ".join(reversed(source.split()))) for source in sources)


def write_tsv(path: Path, pairs: tuple[Pair, ...]) -> Path:
    """The pairs as a corpus file."""
    path.write_text("".join(f"{source}\t{target}\n" for source, target in pairs), encoding="utf-8")
    return path


def copy_examples(count: int, *, symbols: int = 8, longest: int = 6, seed: int = 1) -> list[Example]:
    """Random ids from 4 on; the target is the source."""
    chance = random.Random(seed)
    rows = [
        [*(4 + chance.randrange(symbols) for _ in range(chance.randint(2, longest))), EOS]
        for _ in range(count)
    ]
    return [Example(row, row) for row in rows]


PROSE = [
    "the quick brown fox jumps over the lazy dog .",
    "a naïve café owner wrote seventeen letters !",
    "저는 빨간 자동차를 운전할 거예요 .",
    "unbelievably long compound words are cut into pieces",
    "she sells sea shells ; he sells bells .",
]


@cache
def prose_tokenizer(joint: bool = True) -> Tokenizer:
    """Trained on a few sentences, with fewer pieces than words: most words are several pieces."""
    options = TokenizerOptions(vocab_size=330, joint=joint)
    return train_tokenizer(PROSE * 4, [" ".join(reversed(line.split())) for line in PROSE] * 4, options)


def random_run(
    path: Path,
    architecture: str,
    *,
    joint: bool = True,
    tokenizer: Tokenizer | None = None,
    seed: int = 3,
    **options: Any,
) -> tuple[RunFolder, Seq2Seq]:
    """A run with random weights on disk, and the saved model."""
    tokenizer = tokenizer or prose_tokenizer(joint)
    joint = tokenizer.joint
    config = RunConfig(
        architecture,
        tiny_options(architecture, **options),
        TokenizerOptions(vocab_size=330, joint=joint),
        TrainingOptions(seed=5),
        max_ratio=1.5,
        data=DataRecord(("somewhere.tsv",), None, train_pairs=20, valid_pairs=2),
        versions={"seqattn": "0"},
        command=["seqattn", "train"],
    )
    model = new_model(config, tokenizer).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator) * 0.1)
    folder = RunFolder(path)
    folder.begin(config, tokenizer)
    folder.write_model(weights(model), TrainedRecord(7, bleu=12.5))
    return folder, model


@cache
def toy_data() -> Prepared:
    """The reversal task with its tokenizer: 100 pairs to train on, 12 to validate on."""
    pairs = reversal_pairs(112)
    record = DataRecord(("toy",), "toy", train_fingerprint="a", valid_fingerprint="b")
    return prepare(Data(pairs[:100], pairs[100:], record), TokenizerOptions(), 64)


def toy_training(**changes: Any) -> TrainingOptions:
    """A few updates, validated often, in the precision that gives the same results on every machine."""
    few: dict[str, Any] = {
        "learning_rate": 1e-2,
        "warmup": 4,
        "batch_tokens": 128,
        "validate_every": 4,
        "max_updates": 10,
        "average": 2,
        "precision": "fp32",
    }
    return TrainingOptions(**{**few, **changes})


def train_toy(path: Path, architecture: str, **changes: Any) -> Run:
    """Train a tiny model on the toy data from start to end and load the run."""
    model = tiny_options(architecture, dropout=0.1)
    on = torch.device("cpu")
    experiment = Experiment.start(
        path, toy_data(), architecture, model, TokenizerOptions(), toy_training(**changes), on
    )
    for _ in experiment.run():
        pass
    return load_run(path)
