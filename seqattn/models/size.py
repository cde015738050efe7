"""The size of a model."""

from __future__ import annotations

from typing import NamedTuple

from torch import nn

from seqattn.models.base import Seq2Seq
from seqattn.models.sublayers import Positions


class Size(NamedTuple):
    """How many learned parameters a model has."""

    parameters: int
    embeddings: int
    """Those of them in embeddings of the vocabulary and in the output layer, which grow with it."""


def size_of(model: Seq2Seq) -> Size:
    """The size of a model; parameters that several layers share are counted once."""
    tables = (layer for layer in model.modules() if isinstance(layer, nn.Embedding))
    layers = [model.decoder.output, *(table for table in tables if not isinstance(table, Positions))]
    embeddings = {parameter for layer in layers for parameter in layer.parameters()}
    return Size(
        sum(parameter.numel() for parameter in model.parameters()),
        sum(parameter.numel() for parameter in embeddings),
    )
