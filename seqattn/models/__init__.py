"""Encoders, decoders and the architectures composed of them: the only place that lists their names.

Importing this module does not load torch; a part's module is loaded when it is built. A new encoder or
decoder is a class that fulfils the contract of `seqattn.models.base`, built as `Class(options, table)`, with
the `width` of its embeddings among the options, and an entry in `ENCODERS` or `DECODERS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from seqattn.errors import InputError

if TYPE_CHECKING:
    from seqattn.data.pixels import Shape
    from seqattn.models.base import Seq2Seq, Vocabulary


class Part(NamedTuple):
    """Where a part of a model is defined."""

    module: str
    name: str
    options: str

    def load(self) -> tuple[Any, Any]:
        """The class of the part and the frozen dataclass of its options."""
        module = import_module(self.module)
        return getattr(module, self.name), getattr(module, self.options)


ENCODERS = {
    "lstm": Part("seqattn.models.encoders.lstm", "LSTMEncoder", "LSTMEncoderOptions"),
    "transformer": Part(
        "seqattn.models.encoders.transformer", "TransformerEncoder", "TransformerEncoderOptions"
    ),
    "grid": Part("seqattn.models.encoders.grid", "GridEncoder", "GridEncoderOptions"),
    "patches": Part("seqattn.models.encoders.patches", "PatchEncoder", "PatchEncoderOptions"),
}
DECODERS = {
    "lstm": Part("seqattn.models.decoders.lstm", "LSTMDecoder", "LSTMDecoderOptions"),
    "transformer": Part(
        "seqattn.models.decoders.transformer", "TransformerDecoder", "TransformerDecoderOptions"
    ),
}
ARCHITECTURES = {
    "lstm": ("lstm", "lstm"),
    "transformer": ("transformer", "transformer"),
    "hybrid": ("transformer", "lstm"),
}
"""(encoder, decoder) by name; `hybrid` is Chen et al. 2018. Any other pair is named ENCODER+DECODER."""
BASELINES = ("lstm", "transformer")
"""The architectures that a comparison trains by default."""


def register_encoder(name: str, encoder: type[Any], options: type[Any]) -> None:
    """Add an encoder under an unused name without `+`, which separates the names of a pair."""
    _register(ENCODERS, name, encoder, options)


def register_decoder(name: str, decoder: type[Any], options: type[Any]) -> None:
    """Add a decoder under an unused name without `+`, which separates the names of a pair."""
    _register(DECODERS, name, decoder, options)


def _register(parts: dict[str, Part], name: str, part: type[Any], options: type[Any]) -> None:
    if name in parts or "+" in name:
        raise ValueError(f"{name!r} is taken or not a valid name for a part")
    parts[name] = Part(part.__module__, part.__qualname__, options.__qualname__)


def architecture_of(encoder: str, decoder: str) -> str:
    """The name of a pair."""
    named = {pair: name for name, pair in ARCHITECTURES.items()}
    return named.get((encoder, decoder), f"{encoder}+{decoder}")


def parts_of(architecture: str) -> tuple[str, str]:
    """The names of an architecture's encoder and decoder; InputError when there is no such architecture."""
    encoder, plus, decoder = architecture.partition("+")
    if architecture in ARCHITECTURES:
        return ARCHITECTURES[architecture]
    if not plus or encoder not in ENCODERS or decoder not in DECODERS:
        raise InputError(
            f"there is no architecture {architecture!r}",
            remedy=f"use {', '.join(ARCHITECTURES)} or ENCODER+DECODER, of {', '.join(ENCODERS)} "
            f"and {', '.join(DECODERS)}",
        )
    return encoder, decoder


@dataclass(frozen=True)
class ModelOptions:
    """The shape of a model; a setting without a prefix applies to every part that has it."""

    encoder: Any
    """The encoder's options."""
    decoder: Any
    """The decoder's options."""
    tied: bool = True
    """One matrix for the output layer and all the embeddings that share its vocabulary and width."""


def default_options(architecture: str) -> ModelOptions:
    """An architecture's options before any setting."""
    encoder, decoder = parts_of(architecture)
    return ModelOptions(ENCODERS[encoder].load()[1](), DECODERS[decoder].load()[1]())


def image_shape(architecture: str, options: ModelOptions) -> Shape | None:
    """How an architecture with these options reads images; None when it reads texts."""
    encoder, _ = parts_of(architecture)
    shape: Shape | None = ENCODERS[encoder].load()[0].image_shape(options.encoder)
    return shape


def build(architecture: str, options: ModelOptions, vocabulary: Vocabulary) -> Seq2Seq:
    """A model with fresh weights, drawn from torch's global generator."""
    from torch import nn

    from seqattn.models.base import Seq2Seq, Table

    encoder_name, decoder_name = parts_of(architecture)
    encoder_type, decoder_type = ENCODERS[encoder_name].load()[0], DECODERS[decoder_name].load()[0]
    target = nn.Embedding(vocabulary.target, options.decoder.width)
    widths_agree = options.encoder.width == options.decoder.width
    shared = options.tied and vocabulary.shared and widths_agree
    source = target if shared else nn.Embedding(vocabulary.source, options.encoder.width)
    first = not shared or encoder_type.fills_shared_table
    encoder = encoder_type(options.encoder, Table(source, first))
    decoder = decoder_type(options.decoder, Table(target, not (shared and first)))
    model = Seq2Seq(encoder, decoder)
    encoder.initialise()
    decoder.initialise()
    if options.tied:
        decoder.output.weight = target.weight
    return model
