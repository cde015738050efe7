"""The LSTM against torch's, and against its equations."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from seqattn.models import build
from seqattn.models.base import Vocabulary
from seqattn.models.decoders.lstm import LSTMDecoder
from seqattn.models.encoders.lstm import reverse_rows

from helpers import LENGTHS, close, random_source, random_target, tiny_model, tiny_options


def test_rows_are_reversed_within_their_lengths():
    x = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]).unsqueeze(-1)
    assert reverse_rows(x, torch.tensor([4, 2])).squeeze(-1).tolist() == [[4, 3, 2, 1], [6, 5, 0, 0]]


@pytest.mark.parametrize("layers", [1, 2])
def test_the_bidirectional_encoder_equals_torchs_over_packed_rows(layers):
    model = tiny_model("lstm", encoder_layers=layers, score="dot", double=True)
    theirs = nn.LSTM(6, 4, layers, batch_first=True, bidirectional=True).double()
    with torch.no_grad():
        for number, layer in enumerate(model.encoder.layers):
            for ours, suffix in ((layer.forwards, ""), (layer.backwards, "_reverse")):
                for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                    getattr(theirs, f"{kind}_l{number}{suffix}").copy_(getattr(ours, f"{kind}_l0"))
    source = random_source(LENGTHS)
    embedded = model.encoder.embedding.weight[source] * math.sqrt(6)
    packed = pack_padded_sequence(embedded, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False)
    outputs, (last, _) = theirs(packed)
    expected, _ = pad_packed_sequence(outputs, batch_first=True)
    memory, state = model.encode(source)
    for row, length in enumerate(LENGTHS):
        close(memory["states"][row, :length], expected[row, :length])
    ends = torch.cat([last[-2], last[-1]], -1)
    close(state["h"][:, 0], torch.tanh(ends @ model.decoder.bridge_h.weight.T + model.decoder.bridge_h.bias))
    close(state["c"][:, 0], ends @ model.decoder.bridge_c.weight.T + model.decoder.bridge_c.bias)


def lstm_cell(lstm: nn.LSTM, layer: int, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    """One step of one layer on vectors, gate by gate."""
    weight = {
        name: getattr(lstm, f"{name}_l{layer}") for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
    }
    size = len(h)
    gates = []
    for number in range(4):
        rows = slice(number * size, (number + 1) * size)
        reads = weight["weight_ih"][rows] @ x + weight["bias_ih"][rows]
        gates.append(reads + weight["weight_hh"][rows] @ h + weight["bias_hh"][rows])
    i, f, o = (1 / (1 + torch.exp(-gates[number])) for number in (0, 1, 3))
    c = f * c + i * torch.tanh(gates[2])
    return o * torch.tanh(c), c


def luong_scores(model: LSTMDecoder, h: Tensor, states: Tensor) -> Tensor:
    """The scores of one decoder state and every encoder state, as the papers write them."""
    attention = model.attention
    assert attention is not None
    if attention.score == "dot":
        return torch.stack([h @ state for state in states])
    if attention.score == "general":
        return torch.stack([h @ attention.weight @ state for state in states])
    if attention.score == "location":
        return (attention.location.weight @ h)[: len(states)]
    if attention.score == "concat":
        both = torch.cat([attention.query.weight, attention.key.weight], dim=1)
        return torch.stack([attention.vector @ torch.tanh(both @ torch.cat([h, state])) for state in states])
    return torch.stack(
        [
            attention.vector
            @ torch.tanh(attention.query.weight @ h + attention.key.weight @ state + attention.key.bias)
            for state in states
        ]
    )


def luong_weights(model: LSTMDecoder, h: Tensor, states: Tensor, t: int) -> Tensor:
    """a_t over the states of a source without padding, by the equations of the paper's section 3."""
    attention = model.attention
    assert attention is not None
    scores = torch.exp(luong_scores(model, h, states))
    if attention.where == "global":
        return scores / scores.sum()
    length, reach = len(states), attention.window
    centre = float(min(t, length - 1))
    if attention.where == "local-p":
        inner = torch.tanh(attention.position.weight @ h)
        centre = float((length / (1 + torch.exp(-attention.position_vector @ inner))).detach())
    inside = torch.tensor([centre - reach <= s <= centre + reach for s in range(length)])
    weights = torch.where(inside, scores, 0.0) / scores[inside].sum()
    if attention.where == "local-p":
        sigma = reach / 2
        weights = weights * torch.tensor(
            [math.exp(-((s - centre) ** 2) / (2 * sigma**2)) for s in range(length)], dtype=torch.float64
        )
    return weights


ATTENTIONS = [
    *((score, "global") for score in ("dot", "general", "concat", "additive", "location", "none")),
    *((score, where) for score in ("dot", "general") for where in ("local-m", "local-p")),
]


@pytest.mark.parametrize("input_feeding", [False, True])
@pytest.mark.parametrize(("score", "where"), ATTENTIONS)
@pytest.mark.parametrize("layers", [1, 2])
def test_the_lstm_decoder_equals_luongs_equations_step_by_step(score, where, input_feeding, layers):
    options = {"attention": where, "window": 2, "input_feeding": input_feeding, "decoder_layers": layers}
    whole = tiny_model("lstm", score=score, double=True, tied=False, **options)
    model = whole.decoder
    assert isinstance(model, LSTMDecoder)
    source, target = random_source((4, 6)), random_target(2, 5)
    memory, state = whole.encode(source)
    decoded = whole.decode(target, memory, state, attention=True)
    logits = whole.logits(decoded.hidden)
    for row, length in enumerate((4, 6)):
        h = [state["h"][row, layer] for layer in range(layers)]
        c = [state["c"][row, layer] for layer in range(layers)]
        attentional = torch.zeros(6, dtype=torch.float64)
        for t in range(5):
            x = model.embedding.weight[target[row, t]] * math.sqrt(6)
            if input_feeding:
                x = torch.cat([x, attentional])
            for layer in range(layers):
                h[layer], c[layer] = lstm_cell(model.lstm, layer, x, h[layer], c[layer])
                x = h[layer]
            read = x
            if score != "none":
                states = memory["states"][row, :length]
                weights = luong_weights(model, x, states, t)
                context = sum(weight * s for weight, s in zip(weights, states, strict=True))
                read = torch.cat([context, x])
                close(decoded.attention[row, 0, 0, t, :length], weights)
            attentional = torch.tanh(model.combine.weight @ read)
            close(decoded.hidden[row, t], attentional)
            close(logits[row, t], model.output.weight @ attentional)


def test_initial_forget_gates_are_biased_by_one_and_other_gates_by_zero():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        options = tiny_options("lstm", encoder_layers=2, decoder_layers=2)
        model = build("lstm", options, Vocabulary(9, 9, shared=True))
    lstms = [module for module in model.modules() if isinstance(module, nn.LSTM)]
    assert len(lstms) == 5
    for lstm in lstms:
        for layer in range(lstm.num_layers):
            bias = getattr(lstm, f"bias_ih_l{layer}") + getattr(lstm, f"bias_hh_l{layer}")
            size = lstm.hidden_size
            assert bias.tolist() == [0.0] * size + [1.0] * size + [0.0] * 2 * size
