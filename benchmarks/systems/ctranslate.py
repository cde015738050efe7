"""CTranslate2, decoding with weights trained by this project."""

from __future__ import annotations

import time
from typing import Any

import ctranslate2
import numpy as np
from ctranslate2.specs import TransformerSpec
from safetensors.numpy import load_file

from systems.protocol import BOS, EOS, PAD, UNK, Work

HEADS = 4


class CTranslate2:
    """The Transformer T; `workers` batches are processed at once, each on its share of the threads."""

    def __init__(self, work: Work, compute_type: str, workers: int) -> None:
        self.work = work
        folder = work.folder / "ctranslate2"
        if not folder.exists():
            folder.mkdir()
            convert(load_file(work.weights("T")), work.vocabulary).save(str(folder))
        self.workers = workers
        self.translator = ctranslate2.Translator(
            str(folder),
            compute_type=compute_type,
            inter_threads=workers,
            intra_threads=work.threads // workers,
        )

    def decode(self, beam: int, length: int) -> dict[str, Any]:
        sources = [[str(i) for i in ids[:-1]] + ["</s>"] for ids in self.work.test]
        # Without a limit like ours the repetitions of a weak model continue to 256 ids.
        longest = length or 10 + 2 * max(map(len, sources))
        start = time.perf_counter()
        results = self.translator.translate_batch(
            sources,
            beam_size=beam,
            max_batch_size=max(1, 4096 // beam) if self.workers == 1 else max(1, 2048 // beam),
            batch_type="tokens",
            suppress_sequences=[["<pad>"], ["<s>"]],
            disable_unk=True,
            min_decoding_length=length,
            max_decoding_length=longest,
        )
        seconds = time.perf_counter() - start
        hypotheses = [[int(token) for token in result.hypotheses[0]] for result in results]
        return {"seconds": seconds, "tokens": sum(map(len, hypotheses)), "hypotheses": hypotheses}


def convert(tensors: dict[str, np.ndarray], vocabulary: int) -> TransformerSpec:
    """Convert this project's parameter names to CTranslate2's."""
    layers = 1 + max(int(name.split(".")[1]) for name in tensors if name.startswith("encoder."))
    spec = TransformerSpec.from_config(
        layers, HEADS, pre_norm=True, activation=ctranslate2.specs.Activation.RELU
    )
    embedding = tensors[
        "target_embedding.tokens.weight"
        if "target_embedding.tokens.weight" in tensors
        else "source_embedding.tokens.weight"
    ]
    width = embedding.shape[1]
    positions = np.arange(512)[:, None] * np.exp(np.arange(0, width, 2) * (-np.log(10000.0) / width))[None]
    table = np.stack([np.sin(positions), np.cos(positions)], axis=-1).reshape(512, width).astype(np.float32)

    def linear(to: Any, *names: str) -> None:
        to.weight = np.concatenate([tensors[f"{name}.weight"] for name in names])
        to.bias = np.concatenate([tensors[f"{name}.bias"] for name in names])

    def norm(to: Any, name: str) -> None:
        to.gamma, to.beta = tensors[f"{name}.weight"], tensors[f"{name}.bias"]

    spec.encoder.embeddings[0].weight = embedding
    spec.decoder.embeddings.weight = embedding
    spec.decoder.projection.weight = embedding
    for side in (spec.encoder, spec.decoder):
        side.position_encodings.encodings = table
    norm(spec.encoder.layer_norm, "encoder_norm")
    norm(spec.decoder.layer_norm, "decoder_norm")
    for side, stack in (("encoder", spec.encoder), ("decoder", spec.decoder)):
        for i, layer in enumerate(stack.layer):
            name = f"{side}.{i}"
            attention = f"{name}.self_attention"
            norm(layer.self_attention.layer_norm, f"{name}.around_self.norm")
            linear(layer.self_attention.linear[0], f"{attention}.query", f"{attention}.key_value")
            linear(layer.self_attention.linear[1], f"{attention}.output")
            if side == "decoder":
                cross = f"{name}.cross_attention"
                norm(layer.attention.layer_norm, f"{name}.around_cross.norm")
                linear(layer.attention.linear[0], f"{cross}.query")
                linear(layer.attention.linear[1], f"{cross}.key_value")
                linear(layer.attention.linear[2], f"{cross}.output")
            norm(layer.ffn.layer_norm, f"{name}.around_feed_forward.norm")
            linear(layer.ffn.linear_0, f"{name}.feed_forward.inner")
            linear(layer.ffn.linear_1, f"{name}.feed_forward.outer")
    named = {PAD: "<pad>", BOS: "<s>", EOS: "</s>", UNK: "<unk>"}
    tokens = [named.get(i, str(i)) for i in range(vocabulary)]
    spec.register_source_vocabulary(tokens)
    spec.register_target_vocabulary(tokens)
    spec.config.add_source_eos = False
    spec.validate()
    return spec
