"""The Transformer against torch's, and its positions against their formula."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from seqattn.models.base import Seq2Seq
from seqattn.models.decoders.transformer import TransformerDecoder
from seqattn.models.encoders.transformer import TransformerEncoder
from seqattn.models.sublayers import sinusoids
from seqattn.symbols import PAD

from helpers import LENGTHS, close, random_source, random_target, tiny_model


def load_layer(theirs: nn.Module, ours: nn.Module, attentions: dict[str, str], norms: list[str]) -> None:
    """Copy the weights of one of our Transformer layers into torch's."""
    for our_name, their_name in attentions.items():
        mine, torchs = getattr(ours, our_name), getattr(theirs, their_name)
        torchs.in_proj_weight.copy_(torch.cat([mine.query.weight, mine.key_value.weight]))
        torchs.in_proj_bias.copy_(torch.cat([mine.query.bias, mine.key_value.bias]))
        torchs.out_proj.load_state_dict(mine.output.state_dict())
    theirs.linear1.load_state_dict(ours.feed_forward.inner.state_dict())
    theirs.linear2.load_state_dict(ours.feed_forward.outer.state_dict())
    for number, name in enumerate(norms, start=1):
        getattr(theirs, f"norm{number}").load_state_dict(getattr(ours, name).norm.state_dict())


def torch_stacks(model: Seq2Seq) -> tuple[nn.TransformerEncoder, nn.TransformerDecoder]:
    """torch's encoder and decoder with the model's weights."""
    options = model.encoder.options
    shape = {
        "d_model": options.width,
        "nhead": options.heads,
        "dim_feedforward": options.feed_forward,
        "dropout": 0.0,
        "batch_first": True,
        "norm_first": options.norm == "pre",
    }

    def norm(ours: nn.Module) -> nn.LayerNorm | None:
        if options.norm == "post":
            return None
        theirs = nn.LayerNorm(options.width)
        theirs.load_state_dict(ours.state_dict())
        return theirs

    encoder = nn.TransformerEncoder(
        nn.TransformerEncoderLayer(**shape),
        options.layers,
        norm=norm(model.encoder.norm),
        enable_nested_tensor=False,
    )
    decoder = nn.TransformerDecoder(
        nn.TransformerDecoderLayer(**shape), model.decoder.options.layers, norm=norm(model.decoder.norm)
    )
    with torch.no_grad():
        for theirs, ours in zip(encoder.layers, model.encoder.layers, strict=True):
            load_layer(theirs, ours, {"self_attention": "self_attn"}, ["around_self", "around_feed_forward"])
        for theirs, ours in zip(decoder.layers, model.decoder.layers, strict=True):
            load_layer(
                theirs,
                ours,
                {"self_attention": "self_attn", "cross_attention": "multihead_attn"},
                ["around_self", "around_cross", "around_feed_forward"],
            )
    return encoder.eval(), decoder.eval()


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("positions", ["sinusoidal", "learned"])
def test_the_transformer_equals_torchs_with_the_same_weights(norm, positions):
    model = tiny_model(
        "transformer", norm=norm, positions=positions, width=16, heads=4, encoder_layers=3, decoder_layers=2
    )
    assert isinstance(model.encoder, TransformerEncoder) and isinstance(model.decoder, TransformerDecoder)
    encoder, decoder = torch_stacks(model)
    source, target = random_source(LENGTHS), random_target(3, 6)

    def embed(side: Any, ids: Tensor) -> Tensor:
        if positions == "learned":
            places = side.positions.weight[: ids.shape[1]]
        else:
            places = sinusoids(0, ids.shape[1], 16)
        return side.tokens.weight[ids] * 4.0 + places

    with torch.no_grad():
        memory = encoder(embed(model.encoder.embedding, source), src_key_padding_mask=source == PAD)
        expected = decoder(
            embed(model.decoder.embedding, target),
            memory,
            tgt_mask=torch.triu(torch.ones(6, 6, dtype=torch.bool), diagonal=1),
            memory_key_padding_mask=source == PAD,
        )
        actual = model.decode(target, *model.encode(source)).hidden
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_self_attention_equals_that_of_torchs_layers_with_the_same_weights(norm):
    model = tiny_model("transformer", norm=norm, encoder_layers=3, decoder_layers=2, spread=3.0)
    source, target = random_source(LENGTHS), random_target(3, 6)
    seen: list[Tensor] = []

    def watched(attention: nn.MultiheadAttention) -> None:
        own = attention.forward

        def forward(*args: Any, **options: Any) -> tuple[Tensor, Tensor]:
            output, weights = own(*args, **{**options, "need_weights": True, "average_attn_weights": False})
            seen.append(weights)
            return output, weights

        attention.forward = forward

    encoder, decoder = torch_stacks(model)
    for layer in (*encoder.layers, *decoder.layers):
        watched(layer.self_attn)
    # torch's fast path would not call the modules.
    encoder.train(), decoder.train()
    with torch.no_grad():
        memory = encoder(model.encoder.embedding(source), src_key_padding_mask=source == PAD)
        future = torch.triu(torch.ones(6, 6, dtype=torch.bool), diagonal=1)
        decoder(
            model.decoder.embedding(target), memory, tgt_mask=future, memory_key_padding_mask=source == PAD
        )
        for place, theirs in (("encoder", seen[:3]), ("decoder", seen[3:])):
            ours = model.attend(source, target, place)
            torch.testing.assert_close(ours, torch.stack(theirs, 1), rtol=1e-5, atol=1e-5)


def test_attention_lists_the_decoder_layers_from_the_first():
    model = tiny_model("transformer", double=True, decoder_layers=3)
    source, target = random_source(LENGTHS), random_target()
    whole = model.decode(target, *model.encode(source), attention=True).attention
    assert not torch.allclose(whole[:, 0], whole[:, 1])
    for layers in (2, 1):
        model.decoder.layers = model.decoder.layers[:layers]
        shallow = model.decode(target, *model.encode(source), attention=True).attention
        close(shallow, whole[:, :layers])


@pytest.mark.parametrize("start", [0, 7])
def test_sinusoids_equal_the_formula(start):
    width = 12
    table = sinusoids(start, 30, width)
    for row in range(30):
        for i in range(width // 2):
            angle = (start + row) / 10000 ** (2 * i / width)
            assert table[row, 2 * i].item() == pytest.approx(math.sin(angle), abs=1e-5)
            assert table[row, 2 * i + 1].item() == pytest.approx(math.cos(angle), abs=1e-5)
