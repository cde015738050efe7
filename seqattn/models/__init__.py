"""The architectures: the only place that lists their names.

Importing this module loads no torch; an architecture's module is loaded when it is built.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from seqattn.models.base import Seq2Seq, Vocabulary

ARCHITECTURES = {
    "lstm": ("seqattn.models.lstm", "LSTM", "LSTMOptions"),
    "transformer": ("seqattn.models.transformer", "Transformer", "TransformerOptions"),
}


def options_type(architecture: str) -> type[Any]:
    """The frozen dataclass that holds an architecture's options."""
    module, _, options = ARCHITECTURES[architecture]
    kind: type[Any] = getattr(import_module(module), options)
    return kind


def build(architecture: str, options: Any, vocabulary: Vocabulary) -> Seq2Seq:
    """A model with fresh weights, drawn from torch's global generator."""
    module, model, _ = ARCHITECTURES[architecture]
    built: Seq2Seq = getattr(import_module(module), model)(options, vocabulary)
    return built
