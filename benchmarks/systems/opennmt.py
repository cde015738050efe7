"""OpenNMT-py: its own training command, and its own search with the trained model."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import torch
from onmt.inference_engine import InferenceEnginePY
from onmt.opts import translate_opts
from onmt.utils.parse import ArgumentParser

from systems.protocol import Work

TRANSFORMER = """
-encoder_type transformer -decoder_type transformer -enc_layers 3 -dec_layers 3 -hidden_size 256
-word_vec_size 256 -heads 4 -transformer_ff 1024 -position_encoding -dropout 0.1 -attention_dropout 0
-share_decoder_embeddings
"""
LSTM = """
-encoder_type brnn -decoder_type rnn -rnn_type LSTM -layers 1 -hidden_size 512 -word_vec_size 256
-global_attention general -dropout 0.1 -input_feed
"""
SHAPES = {"T": TRANSFORMER.split(), "L": [*LSTM.split(), "0"], "L-fed": [*LSTM.split(), "1"]}
TRAINING = """
-batch_type tokens -batch_size 4096 -bucket_size 30000 -normalization tokens -num_workers 0 -optim adam
-learning_rate 0.0005 -label_smoothing 0.1 -share_vocab -share_embeddings
"""
WARM_UP = 12


class OpenNMT:
    """One model; ids are used as words."""

    def __init__(self, work: Work, name: str) -> None:
        torch.set_num_threads(work.threads)
        self.work, self.name = work, name
        self.folder = work.folder / f"opennmt-{name}"
        self.folder.mkdir(exist_ok=True)
        for side, column in (("src", 0), ("tgt", 1)):
            lines = (" ".join(map(str, pair[column][:-1])) for pair in work.train)
            (self.folder / side).write_text("\n".join(lines) + "\n", encoding="utf-8")
        words = [str(i) for i in range(4, work.vocabulary)]
        (self.folder / "vocab").write_text("\n".join(words), encoding="utf-8")
        self.trained: Path | None = None

    def train(self, batches: list[list[int]]) -> dict[str, Any]:
        """As many updates on its own batches, in its own process; timed by its reports after warm-up."""
        steps = WARM_UP + max(WARM_UP, len(batches))
        data = f"data:\n  corpus:\n    path_src: {self.folder / 'src'}\n    path_tgt: {self.folder / 'tgt'}\n"
        (self.folder / "config.yaml").write_text(data, encoding="utf-8")
        files = {"config": "config.yaml", "src_vocab": "vocab", "save_model": "model"}
        counts = {"train_steps": steps, "save_checkpoint_steps": steps, "report_every": WARM_UP}
        command = [sys.executable, "-m", "onmt.bin.train", *SHAPES[self.name], *TRAINING.split()]
        for option, name in files.items():
            command += [f"-{option}", str(self.folder / name)]
        for option, count in counts.items():
            command += [f"-{option}", str(count)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        reports = re.findall(r"([\d.]+)/\s*([\d.]+) tok/s", done.stdout + done.stderr)
        if done.returncode or len(reports) < 2:
            raise RuntimeError(done.stderr[-3000:])
        self.trained = self.folder / f"model_step_{steps}.pt"
        rate = sum(float(source) + float(target) for source, target in reports[1:]) / len(reports[1:])
        tokens = sum(len(self.work.train[row][side]) for rows in batches for row in rows for side in (0, 1))
        return {"seconds": tokens / rate}

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        if self.trained is None:
            self.train([[0]])
        parser = ArgumentParser()
        translate_opts(parser)
        files = ["-model", str(self.trained), "-src", "-", "-output", str(self.folder / "translations")]
        settings = f"-beam_size {beam} -gpu -1 -min_length {length} -max_length {length}"
        batching = "-batch_type sents -batch_size 64"
        options = parser.parse_args([*files, *settings.split(), *batching.split()])
        ArgumentParser._get_all_transform_translate(options)
        ArgumentParser._validate_transforms_opts(options)
        ArgumentParser.validate_translate_opts(options)
        engine = InferenceEnginePY(options)
        lines = [" ".join(map(str, ids[:-1])) for ids in self.work.test]
        start = time.perf_counter()
        _, found = engine.infer_list(lines)
        seconds = time.perf_counter() - start
        return {"seconds": seconds, "tokens": sum(len(ranked[0].split()) for ranked in found)}
