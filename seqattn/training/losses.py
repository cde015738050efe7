"""The training losses: of the target, of two predictions that should agree, and of guided attention."""

from __future__ import annotations

import torch
from torch import Tensor

from seqattn.data.batching import Batch
from seqattn.models.base import Reading, Seq2Seq
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.training.output_loss import agreement_output_loss, output_loss


def target_loss(model: Seq2Seq, batch: Batch, smoothing: float = 0.0, word_dropout: float = 0.0) -> Tensor:
    """Teacher forcing: Σ over the target's ids of -log p(y_t | y_<t, x), nats, a scalar.

    With label smoothing ε (Szegedy et al. 2016) the goal is 1 - ε for the id, ε spread over the vocabulary.
    """
    source, target = read_ids(batch, word_dropout)
    hidden = model.decode(target, *model.encode(source)).hidden
    return output_loss(model.decoder.output, hidden, batch.target[:, 1:], smoothing)


def agreement_loss(
    model: Seq2Seq, batch: Batch, weight: float, smoothing: float = 0.0, word_dropout: float = 0.0
) -> Tensor:
    """`agreement_output_loss` of two predictions that differ by dropout, with the weight α."""
    twice = Batch(*(torch.cat([side, side]) for side in batch))
    source, target = read_ids(twice, word_dropout)
    hidden = model.decode(target, *model.encode(source)).hidden
    both = torch.stack(hidden.chunk(2))
    return agreement_output_loss(model.decoder.output, both, batch.target[:, 1:], weight, smoothing)


def guided_loss(
    model: Seq2Seq,
    batch: Batch,
    goal: Tensor,
    reading: Reading,
    weight: float,
    smoothing: float = 0.0,
    word_dropout: float = 0.0,
) -> Tensor:
    """`target_loss` plus the weighted `alignment_loss` of one reading of the attention."""
    source, target = read_ids(batch, word_dropout)
    decoded = model.decode(target, *model.encode(source), attention=True)
    assert decoded.attention is not None
    aligned = alignment_loss(decoded.attention, goal, reading)
    translated = output_loss(model.decoder.output, decoded.hidden, batch.target[:, 1:], smoothing)
    return translated + weight * aligned


def alignment_loss(attention: Tensor, goal: Tensor, reading: Reading) -> Tensor:
    """Garg et al. 2019, eq. 6: `-Σ_t Σ_s g(t, s) log a(t, s)`, nats, a scalar.

    Attention (B, layers, heads, T, S) and goal (B, T, S), a row for each target id.
    """
    weights = reading.weights(attention)
    if reading.consumed:
        # An id is read in the step after the one that predicts it.
        weights, goal = weights[:, 1:], goal[:, :-1]
    return -(goal * weights.float().clamp(min=1e-6).log()).sum()


def read_ids(batch: Batch, word_dropout: float = 0.0) -> tuple[Tensor, Tensor]:
    """What a model reads of a batch: the source (B, S), and the target without its last id (B, T).

    With word dropout a share of the ids is UNK; sources that are not ids, which are int64, stay as they are.
    """
    source, target = batch.source, batch.target[:, :-1]
    if not word_dropout:
        return source, target
    if source.dtype == torch.int64:
        source = _dropped(source, word_dropout)
    return source, _dropped(target, word_dropout)


def _dropped(ids: Tensor, share: float) -> Tensor:
    special = (ids == PAD) | (ids == BOS) | (ids == EOS)
    return ids.masked_fill((torch.rand(ids.shape, device=ids.device) < share) & ~special, UNK)
