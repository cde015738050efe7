"""Models of the shape that a run's config names."""

from __future__ import annotations

import torch

from seqattn.errors import InputError
from seqattn.hardware import physical_memory
from seqattn.models import build
from seqattn.models.base import Seq2Seq, Vocabulary
from seqattn.models.weights import without_weights
from seqattn.runs.config import RunConfig
from seqattn.text.tokenizer import Tokenizer


def outline(config: RunConfig, tokenizer: Tokenizer) -> Seq2Seq:
    """A model of the config's shape on the device meta: it has no weights and takes no memory.

    InputError when its weights would take more memory than there is.
    """
    with without_weights():
        model = build(config.architecture, config.model, vocabulary_of(tokenizer))
    size, memory = sum(parameter.nbytes for parameter in model.parameters()), physical_memory()
    if memory is not None and size > memory:
        raise InputError(
            f"a model of these sizes has weights of {size:,} bytes, this machine has {memory:,} of memory",
            remedy="choose a smaller model",
        )
    return model


def new_model(config: RunConfig, tokenizer: Tokenizer) -> Seq2Seq:
    """A model of the config's shape with new weights, drawn from its seed.

    InputError when they would take more memory than there is.
    """
    outline(config, tokenizer)
    torch.manual_seed(config.training.seed)
    return build(config.architecture, config.model, vocabulary_of(tokenizer))


def vocabulary_of(tokenizer: Tokenizer) -> Vocabulary:
    """The sizes of a tokenizer's vocabularies."""
    return Vocabulary(tokenizer.source.size, len(tokenizer.target), tokenizer.joint)
