"""A new part needs one file: an encoder defined here registers, trains and decodes."""

from dataclasses import dataclass

import pytest
from torch import nn

from seqattn.models import ENCODERS, register_encoder
from seqattn.models.attention import padding_mask
from seqattn.models.base import Encoded, Encoder
from seqattn.symbols import PAD

from commands import BUDGET, TEST, Work, error_of, seqattn, setting, updates_of


@dataclass(frozen=True)
class AverageOptions:
    width: int = 16


class Average(Encoder):
    """The embeddings themselves as states, and their mean as the summary."""

    def __init__(self, options, table):
        super().__init__()
        self.options, self.width = options, options.width
        self.embedding, self.fill = table

    def initialise(self):
        if self.fill:
            nn.init.normal_(self.embedding.weight)

    def forward(self, source):
        mask = padding_mask(source, PAD)
        states = self.embedding(source) * mask.unsqueeze(-1)
        return Encoded(states, mask, states.sum(1) / mask.sum(1, keepdim=True))


@pytest.fixture
def average():
    register_encoder("average", Average, AverageOptions)
    yield "average"
    del ENCODERS["average"]


@pytest.mark.parametrize("decoder", ["lstm", "transformer"])
@pytest.mark.parametrize("score", ["dot", "none"])
def test_an_encoder_in_one_file_trains_decodes_and_aligns_with_any_decoder(
    average, decoder, score, work: Work, tmp_path, monkeypatch
):
    from seqattn_cli.commands.train import train

    if (decoder, score) == ("transformer", "none"):
        pytest.skip("a Transformer always attends")
    choice = next(one for one in train.params if one.name == "encoder").type
    monkeypatch.setattr(choice, "choices", [*choice.choices, average])
    run = tmp_path / "run"
    small = {"lstm": ["hidden=16", f"score={score}"], "transformer": ["heads=2", "feed_forward=16"]}[decoder]
    options = setting("width=16", *small, *BUDGET, "max_updates=12")
    seqattn(
        "train", "--train", work.train, "--encoder", average, "--decoder", decoder, "--out", run, *options
    )
    assert updates_of(run)[-1] == 12
    assert len(seqattn("translate", run, work.source).stdout.splitlines()) == len(TEST)
    assert f"{average}+{decoder}" in seqattn("info", run).stdout
    if score == "none":
        assert "no attention to read" in error_of(seqattn("align", run, *TEST[0], status=1))
    else:
        assert "largest in row" in seqattn("align", run, *TEST[0]).stdout


def test_a_name_cannot_be_registered_twice():
    for name in ("lstm", "a+b"):
        with pytest.raises(ValueError, match="taken or not a valid name"):
            register_encoder(name, Average, AverageOptions)
