"""Only the encoder knows what a source is: sources of vectors are trained on, searched and aligned."""

import random

import pytest
import torch
from torch import Tensor, nn

from seqattn.alignment.reading import read_attention
from seqattn.data.batching import Collator, Example
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.stepping import steps
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.models import DECODERS
from seqattn.models.base import Encoded, Encoder, Seq2Seq, Table
from seqattn.options import apply
from seqattn.symbols import EOS
from seqattn.training.events import Validation
from seqattn.training.loop import Trainer
from seqattn.training.schedule import TrainingOptions

from helpers import TINY

KINDS, LONGEST = 5, 4
FEATURES = KINDS + LONGEST


def stacked(sources: list[Tensor], length: int) -> Tensor:
    """Rows of vectors, (B, S, F), padded with NaN."""
    batch = torch.full((len(sources), max(length, *map(len, sources)), FEATURES), torch.nan)
    for row, source in zip(batch, sources, strict=True):
        row[: len(source)] = source
    return batch


class VectorEncoder(Encoder):
    """Maps each vector to a state."""

    collator = Collator(len, stacked)

    def __init__(self, width: int) -> None:
        super().__init__()
        self.width = width
        self.map = nn.Linear(FEATURES, width)

    def initialise(self) -> None:
        nn.init.xavier_uniform_(self.map.weight)

    def forward(self, source: Tensor) -> Encoded:
        mask = ~source[..., 0].isnan()
        states = self.map(source.nan_to_num()) * mask.unsqueeze(-1)
        return Encoded(states, mask, states.sum(1) / mask.sum(1, keepdim=True))


def one_hot_examples(count: int) -> list[Example]:
    """Vectors of random symbols with their positions, and the ids of the symbols in order."""
    chance = random.Random(1)
    rows = [[chance.randrange(KINDS) for _ in range(chance.randint(1, LONGEST))] for _ in range(count)]
    sources = [torch.cat([torch.eye(KINDS)[row], torch.eye(LONGEST)[: len(row)]], dim=1) for row in rows]
    return [
        Example(source, [*(4 + at for at in row), EOS]) for source, row in zip(sources, rows, strict=True)
    ]


@pytest.mark.parametrize("name", ["lstm", "transformer"])
def test_a_source_of_vectors_is_trained_on_searched_aligned_and_stepped_through(name):
    torch.manual_seed(1)
    decoder_type, options = DECODERS[name].load()
    sizes = {"width": 16, **({"hidden": 16} if name == "lstm" else {})}
    (options,) = apply(TINY[name] | sizes, options())
    decoder = decoder_type(options, Table(nn.Embedding(4 + KINDS, 16), True))
    model = Seq2Seq(VectorEncoder(16), decoder)
    model.encoder.initialise()
    model.decoder.initialise()
    examples = one_hot_examples(80)
    how = TrainingOptions(
        learning_rate=2e-2, warmup=5, batch_tokens=64, max_updates=150, label_smoothing=0, precision="fp32"
    )
    nothing = Validation(1.0, 0.0, 0.0, 0.0, ())
    for _ in Trainer(model, examples, how, lambda _: nothing).run():
        pass
    model.eval()
    sources = [example.source for example in examples]
    found = search_all(model, sources, TranslationOptions(SearchOptions(beam=2)))
    right = sum(best.ids == example.target for (best, *_), example in zip(found, examples, strict=True))
    assert right > 0.9 * len(examples)
    for example, attention in zip(examples[:9], read_attention(model, examples[:9]), strict=True):
        assert attention.shape[-2:] == (len(example.target), len(example.source))
        played = list(steps(model, example.source, SearchOptions(), example.target))
        torch.testing.assert_close(torch.stack([step.attention for step in played], dim=-2), attention)
