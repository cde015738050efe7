"""The attention of one run for one pair, and which of its layers and heads is shown."""

from __future__ import annotations

from dataclasses import dataclass

from seqattn.alignment.reading import Attention, Heads
from seqattn.data.corpus import Pair
from seqattn.errors import naming
from seqattn.models.base import AttentionShape, Place, Reading


def described(reading: Reading, shape: AttentionShape, place: Place = "cross") -> str:
    """A reading in words, such as `layer 2, head 1, consumed`; a single layer or head is left out."""
    parts = [
        place_of(place),
        f"layer {reading.layer}" if shape.layers > 1 else "",
        (f"head {reading.head}" if reading.head else f"mean of {shape.heads} heads")
        if shape.heads > 1
        else "",
        step_of(reading, place),
    ]
    return ", ".join(filter(None, parts))


def place_of(place: Place) -> str:
    """Empty for cross-attention, which is the default."""
    return "" if place == "cross" else f"self-attention of the {place}"


def step_of(reading: Reading, place: Place) -> str:
    """The step of the target; empty for the encoder, which reads the source in one step."""
    return "" if place == "encoder" else "consumed" if reading.consumed else "produced"


@dataclass(frozen=True, eq=False, repr=False)
class Panel:
    """One run and pair on a page."""

    run: str
    """A short name of the run."""
    pair: Pair
    """The texts that the words come from."""
    heads: Heads
    reading: Reading
    """The requested layer and head."""
    own: Reading | None
    """The reading chosen in training, if it is one of these."""

    @property
    def attention(self) -> Attention:
        """The requested attention."""
        with naming(self.run):
            return self.heads.read(self.reading)

    @property
    def shape(self) -> AttentionShape:
        """The number of layers and heads."""
        return AttentionShape(*self.heads.weights.shape[:2])

    @property
    def described(self) -> str:
        """The reading in words."""
        return described(self.reading, self.shape, self.heads.place)
