"""Tiny random models of every architecture and option, and input batches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from seqattn.data.batching import pad
from seqattn.models import ModelOptions, build, default_options, parts_of
from seqattn.models.base import Seq2Seq, Vocabulary
from seqattn.options import apply
from seqattn.symbols import BOS, EOS

LENGTHS = (5, 3, 7)
"""Of the sentences of a small batch."""
TINY: dict[str, dict[str, Any]] = {
    "lstm": {"width": 6, "hidden": 8, "dropout": 0.0},
    "transformer": {
        "width": 8,
        "heads": 2,
        "feed_forward": 12,
        "layers": 2,
        "max_positions": 40,
        "dropout": 0.0,
    },
}
"""The options of a tiny part without dropout, an encoder or a decoder."""

VARIANTS: list[tuple[str, dict[str, Any]]] = [
    ("lstm", {}),
    ("lstm", {"input_feeding": True}),
    ("lstm", {"bidirectional": False}),
    ("lstm", {"encoder_layers": 2, "decoder_layers": 2, "input_feeding": True, "tied": False}),
    ("lstm", {"score": "general"}),
    ("lstm", {"score": "general", "input_feeding": True, "bidirectional": False, "decoder_layers": 2}),
    ("lstm", {"score": "additive", "encoder_layers": 2, "bidirectional": False}),
    ("lstm", {"score": "additive", "input_feeding": True}),
    ("lstm", {"score": "none", "decoder_layers": 2}),
    ("lstm", {"score": "none", "input_feeding": True, "encoder_layers": 2, "tied": False}),
    ("lstm", {"score": "concat"}),
    ("lstm", {"score": "location", "input_feeding": True}),
    ("lstm", {"score": "location", "decoder.locations": 4}),
    ("lstm", {"attention": "local-m", "window": 1}),
    ("lstm", {"attention": "local-m", "window": 2, "score": "general", "input_feeding": True}),
    ("lstm", {"attention": "local-p", "window": 2, "score": "concat"}),
    ("lstm", {"attention": "local-p", "window": 1, "input_feeding": True, "decoder_layers": 2}),
    ("hybrid", {}),
    ("hybrid", {"encoder.positions": "learned", "input_feeding": True, "tied": False}),
    ("hybrid", {"encoder.width": 12, "hidden": 6, "score": "general", "encoder.norm": "post"}),
    ("lstm+transformer", {}),
    ("lstm+transformer", {"encoder.hidden": 6, "encoder.width": 8, "bidirectional": False}),
    ("transformer", {"norm": "pre"}),
    ("transformer", {"norm": "post"}),
    ("transformer", {"norm": "pre", "positions": "learned", "tied": False}),
    ("transformer", {"norm": "post", "positions": "learned"}),
    ("transformer", {"norm": "post", "tied": False, "encoder_layers": 3, "decoder_layers": 1}),
    ("transformer", {"norm": "pre", "encoder_layers": 1, "decoder_layers": 2, "heads": 4}),
]
"""(architecture, options) to test: every value of each option, but not every combination."""


class Variant(NamedTuple):
    """One of VARIANTS with a name for pytest."""

    architecture: str
    options: dict[str, Any]

    def __str__(self) -> str:
        settings = "-".join(f"{key}={value}" for key, value in self.options.items())
        return f"{self.architecture}-{settings}" if settings else self.architecture


VARIANT_NAMES = [str(Variant(*variant)) for variant in VARIANTS]
"""Names of VARIANTS, for `pytest.mark.parametrize(…, ids=VARIANT_NAMES)`."""


def tiny_options(architecture: str, **options: Any) -> ModelOptions:
    """The options of a tiny model without dropout."""
    encoder, decoder = parts_of(architecture)
    base = {f"encoder.{key}": value for key, value in TINY[encoder].items()}
    base |= {f"decoder.{key}": value for key, value in TINY[decoder].items()}
    (tiny,) = apply(base, default_options(architecture))
    (tiny,) = apply(options, tiny)
    return tiny


def tiny_model(
    architecture: str,
    *,
    seed: int = 1,
    vocabulary: Vocabulary | None = None,
    spread: float = 1.0,
    double: bool = False,
    **options: Any,
) -> Seq2Seq:
    """A tiny model with random weights, in evaluation mode.

    `spread` multiplies the embeddings (and with tied weights the logits): with more, the model's
    distributions are further from uniform. `double` makes it compute in float64. Every parameter is
    disturbed a little, so that none is left at a zero or one that a wrong equation would not show.
    """
    generator_state = torch.get_rng_state()
    torch.manual_seed(seed)
    sizes = vocabulary or Vocabulary(13, 13, shared=True)
    model = build(architecture, tiny_options(architecture, **options), sizes)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
            if "embedding" in name or name == "decoder.output.weight":
                parameter.mul_(spread)
    torch.set_rng_state(generator_state)
    return (model.double() if double else model).eval()


def random_rows(lengths: Sequence[int], size: int, seed: int = 1) -> list[list[int]]:
    """Rows of the given lengths (EOS counted) of ids 4 … size - 1, EOS at the end."""
    generator = torch.Generator().manual_seed(seed)
    return [[*torch.randint(4, size, (length - 1,), generator=generator).tolist(), EOS] for length in lengths]


def random_source(lengths: Sequence[int] = (5, 3, 7), size: int = 13, seed: int = 1) -> Tensor:
    """Sources of the given lengths, EOS counted, padded: (B, S)."""
    return pad(random_rows(lengths, size, seed))


def random_target(rows: int = 3, length: int = 5, size: int = 13, seed: int = 2) -> Tensor:
    """Decoder input: BOS, then random ids: (rows, length)."""
    generator = torch.Generator().manual_seed(seed)
    words = torch.randint(4, size, (rows, length - 1), generator=generator)
    return torch.cat([torch.full((rows, 1), BOS), words], dim=1)


def close(actual: Tensor | None, expected: Tensor | None) -> None:
    """Both None, or equal up to the rounding of double precision."""
    assert (actual is None) == (expected is None)
    if actual is not None:
        torch.testing.assert_close(actual, expected, rtol=1e-9, atol=1e-10)


def log_of_mean(models: list[Seq2Seq], source: list[int], ids: list[int]) -> float:
    """Σ log of the mean probability of each id, of the models' own teacher forcing in float64."""
    with torch.no_grad():
        each = [
            model.double()(torch.tensor([source]), torch.tensor([[BOS, *ids[:-1]]])).logits.softmax(-1)
            for model in models
        ]
    mean = torch.stack(each).mean(0)[0]
    return float(mean.gather(-1, torch.tensor(ids).unsqueeze(-1)).log().sum())
