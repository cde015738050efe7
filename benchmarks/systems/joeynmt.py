"""Joey NMT: its own training command, and its own search with the trained model."""

from __future__ import annotations

import json
import logging
import re
import subprocess
import sys
import time
from typing import Any

import torch
from joeynmt.config import load_config, parse_global_args
from joeynmt.prediction import prepare
from joeynmt.search import search

from systems.protocol import Work

TRANSFORMER = {
    "type": "transformer",
    "num_layers": 3,
    "num_heads": 4,
    "hidden_size": 256,
    "ff_size": 1024,
    "layer_norm": "pre",
    "dropout": 0.1,
    "embeddings": {"embedding_dim": 256, "scale": True},
}
LSTM = {"type": "recurrent", "rnn_type": "lstm", "dropout": 0.1, "embeddings": {"embedding_dim": 256}}
ENCODER = {**LSTM, "hidden_size": 256, "bidirectional": True}
DECODER = {**LSTM, "hidden_size": 512, "attention": "luong", "hidden_dropout": 0.1}
SHAPES: dict[str, dict[str, Any]] = {
    "T": {"encoder": TRANSFORMER, "decoder": TRANSFORMER, "tied_softmax": True},
    "L": {"encoder": ENCODER, "decoder": {**DECODER, "input_feeding": False}},
    "L-fed": {"encoder": ENCODER, "decoder": {**DECODER, "input_feeding": True}},
}
WARM_UP = 12
TRAINING = {
    "batch_type": "token",
    "batch_size": 4096,
    "normalization": "tokens",
    "label_smoothing": 0.1,
    "optimizer": "adam",
    "learning_rate": 0.0005,
    "scheduling": "warmupinversesquareroot",
    "learning_rate_warmup": 400,
    "clip_grad_norm": 1.0,
    "epochs": 10**6,
    "logging_freq": WARM_UP,
    "validation_freq": WARM_UP * 10**6,
    "overwrite": True,
}


class JoeyNMT:
    """One model; ids are used as words."""

    def __init__(self, work: Work, name: str) -> None:
        torch.set_num_threads(work.threads)
        # It would log a long description of each loaded model.
        logging.disable(logging.INFO)
        self.work, self.name = work, name
        self.folder = work.folder / f"joeynmt-{name}"
        self.folder.mkdir(exist_ok=True)
        for side, column in (("src", 0), ("trg", 1)):
            lines = (" ".join(map(str, pair[column][:-1])) for pair in work.train)
            (self.folder / f"train.{side}").write_text("\n".join(lines) + "\n", encoding="utf-8")
        words = [str(i) for i in range(4, work.vocabulary)]
        (self.folder / "vocab").write_text("\n".join(words), encoding="utf-8")
        self.config = self.folder / "config.yaml"
        self.trained = False

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        """As many updates on its own batches, in its own process; timed by its reports after warm-up."""
        side = {"level": "word", "voc_file": str(self.folder / "vocab")}
        corpus = str(self.folder / "train")
        config = {
            "name": self.name,
            "model_dir": str(self.folder / "model"),
            "use_cuda": False,
            # It requires validation data, although it never validates.
            "data": {
                "train": corpus,
                "dev": corpus,
                "src": {"lang": "src", **side},
                "trg": {"lang": "trg", **side},
            },
            "model": {**SHAPES[self.name], "tied_embeddings": True},
            "training": {**TRAINING, "updates": WARM_UP + max(WARM_UP, len(batches))},
            "testing": {},
        }
        # JSON is YAML too.
        self.config.write_text(json.dumps(config), encoding="utf-8")
        command = [sys.executable, "-m", "joeynmt", "train", str(self.config), "--skip-test"]
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False)
        reports = re.findall(r"Tokens per Sec: +(\d+)", done.stdout + done.stderr)
        if done.returncode or len(reports) < 2:
            raise RuntimeError(done.stderr[-3000:])
        self.trained = True
        # Its reports count only target ids per second, so the time follows from those of the batches.
        rate = sum(map(float, reports[1:])) / len(reports[1:])
        tokens = sum(len(self.work.train[row][1]) for rows in batches for row in rows)
        return {"seconds": tokens / rate}

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        if not self.trained:
            self.train([[0]])
        arguments = parse_global_args(load_config(self.config), mode="translate")
        model, _, _, data = prepare(arguments, rank=0, mode="translate")
        model.eval()
        for ids in self.work.test:
            data.set_item(" ".join(map(str, ids[:-1])))
        start, tokens = time.perf_counter(), 0
        for batch in data.make_iter(64, pad_index=model.pad_index, eos_index=model.eos_index):
            batch.sort_by_src_length()
            # Same as its predict(), which does not pass the minimum length on.
            found, _, _ = search(model, batch, length, beam, -1, min_output_length=length)
            tokens += sum(map(len, model.trg_vocab.arrays_to_sentences(found)))
        return {"seconds": time.perf_counter() - start, "tokens": tokens}
