"""The size of a model."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from seqattn.models.base import Seq2Seq


class Size(NamedTuple):
    """How many learned parameters a model has."""

    parameters: int
    embeddings: int
    """Those of them in embeddings and the output layer: they grow with the vocabulary, whatever the model."""


def size_of(model: Seq2Seq) -> Size:
    """The size of a model; parameters that several layers share are counted once."""
    layers = [model.decoder.output, *(layer for layer in model.modules() if isinstance(layer, nn.Embedding))]
    embeddings = {parameter for layer in layers for parameter in layer.parameters()}
    return Size(
        sum(parameter.numel() for parameter in model.parameters()),
        sum(parameter.numel() for parameter in embeddings),
    )
