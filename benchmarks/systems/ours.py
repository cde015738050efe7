"""This project's models, trained by its Trainer and decoded as in its Translator."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from seqattn.data.batching import Example
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.hardware import tune_memory
from seqattn.models import build, default_options
from seqattn.models.base import Seq2Seq, Vocabulary
from seqattn.models.int8 import quantize
from seqattn.models.weights import load_weights, weights
from seqattn.options import apply
from seqattn.training.events import Updated
from seqattn.training.loop import Trainer
from seqattn.training.schedule import TrainingOptions

from systems.protocol import EOS, Work

MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "T": ("transformer", {"dropout": 0.1}),
    "L": ("lstm", {"dropout": 0.1, "score": "general"}),
    "L-fed": ("lstm", {"dropout": 0.1, "score": "general", "input_feeding": True}),
}


class Endless(Seq2Seq):
    """A model that never ends a sentence, so that all systems decode the same number of ids."""

    def __init__(self, model: Seq2Seq) -> None:
        super().__init__(model.encoder, model.decoder)
        self.join = model.join

    def logits(self, hidden: Tensor) -> Tensor:
        logits = super().logits(hidden)
        logits[..., EOS] -= 1e4
        return logits


class Ours:
    """One model."""

    def __init__(self, work: Work, name: str, precision: str) -> None:
        tune_memory()
        torch.set_num_threads(work.threads)
        torch.manual_seed(1)
        architecture, options = MODELS[name]
        vocabulary = Vocabulary(work.vocabulary, work.vocabulary, True)
        self.model = build(architecture, *apply(options, default_options(architecture)), vocabulary)
        self.work, self.name, self.precision = work, name, precision
        examples = [Example(*pair) for pair in work.train]
        trained = "fp32" if precision == "int8" else precision
        training = TrainingOptions(precision=trained, validate_every=10**9, warmup=400)  # type: ignore[arg-type]
        self.trainer = Trainer(self.model, examples, training, _nothing)

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        start, losses = time.perf_counter(), []
        for rows in batches:
            event = self.trainer._update([rows])
            assert isinstance(event, Updated)
            losses.append(event.loss)
        return {"seconds": time.perf_counter() - start, "loss": sum(losses) / len(losses)}

    def save(self) -> dict[str, Any]:
        """Save the weights for other systems."""
        path: Path = self.work.weights(self.name)
        save_file({name: tensor.contiguous() for name, tensor in weights(self.model).items()}, path)
        return {}

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        if self.model.training:
            load_weights(self.model, load_file(self.work.weights(self.name)))
            self.model.eval()
            if self.precision == "int8":
                quantize(self.model)
        model: Seq2Seq = Endless(self.model) if length else self.model
        search = SearchOptions(beam, max_ratio=0, max_extra=length + 1) if length else SearchOptions(beam)
        start = time.perf_counter()
        found = search_all(model, self.work.test, TranslationOptions(search), torch.Generator())
        hypotheses = [ranked[0].ids[:-1] for ranked in found]
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "tokens": sum(map(len, hypotheses)), "hypotheses": hypotheses}


def _nothing(model: Seq2Seq) -> Any:
    raise AssertionError("the benchmark never validates")
