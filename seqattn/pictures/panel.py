"""What one run attended to in one pair, and which of its layers and heads is shown of that."""

from __future__ import annotations

from dataclasses import dataclass

from seqattn.alignment.reading import Attention, Heads
from seqattn.data.corpus import Pair
from seqattn.errors import naming
from seqattn.models.base import AttentionShape, Place, Reading


def described(reading: Reading, shape: AttentionShape, place: Place = "cross") -> str:
    """A reading in words, such as `layer 2, head 1, consumed`; without what there is only one of."""
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
    """Nothing of cross-attention, which is what is usually meant."""
    return "" if place == "cross" else f"self-attention of the {place}"


def step_of(reading: Reading, place: Place) -> str:
    """At which step of the target; the encoder reads its source in one."""
    return "" if place == "encoder" else "consumed" if reading.consumed else "produced"


@dataclass(frozen=True)
class Panel:
    """One run and pair on a page."""

    run: str
    """A short name of the run."""
    pair: Pair
    """The texts whose words these are."""
    heads: Heads
    reading: Reading
    """Which of the heads is asked for."""
    own: Reading | None
    """Which one training chose, if it is one of these."""

    @property
    def attention(self) -> Attention:
        """The attention that is asked for."""
        with naming(self.run):
            return self.heads.read(self.reading)

    @property
    def shape(self) -> AttentionShape:
        """How many layers and heads there are."""
        return AttentionShape(*self.heads.weights.shape[:2])

    @property
    def described(self) -> str:
        """The reading in words."""
        return described(self.reading, self.shape, self.heads.place)
