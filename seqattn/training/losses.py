"""The training losses: of the target, and of guided attention."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

from seqattn.data.batching import Batch
from seqattn.models.base import Predicted, Reading, Seq2Seq
from seqattn.symbols import PAD


def target_loss(model: Seq2Seq, batch: Batch, smoothing: float = 0.0) -> Tensor:
    """Teacher forcing: Σ over the target's ids of -log p(y_t | y_<t, x), nats, a scalar.

    With label smoothing ε (Szegedy et al. 2016) the goal is 1 - ε for the id, ε spread over the vocabulary.
    """
    return _token_loss(model(batch.source, batch.target[:, :-1]).logits, batch, smoothing)


def guided_loss(
    model: Seq2Seq, batch: Batch, goal: Tensor, reading: Reading, weight: float, smoothing: float = 0.0
) -> Tensor:
    """`target_loss` plus the weighted `alignment_loss` of one reading of the attention."""
    predicted: Predicted = model(batch.source, batch.target[:, :-1], attention=True)
    assert predicted.attention is not None
    aligned = alignment_loss(predicted.attention, goal, reading)
    return _token_loss(predicted.logits, batch, smoothing) + weight * aligned


def alignment_loss(attention: Tensor, goal: Tensor, reading: Reading) -> Tensor:
    """Garg et al. 2019, eq. 6: `-Σ_t Σ_s g(t, s) log a(t, s)`, nats, a scalar.

    Attention (B, layers, heads, T, S) and goal (B, T, S), a row for each target id.
    """
    weights = reading.weights(attention)
    if reading.consumed:
        # An id is read in the step after the one that predicts it.
        weights, goal = weights[:, 1:], goal[:, :-1]
    return -(goal * weights.float().clamp(min=1e-6).log()).sum()


def _token_loss(logits: Tensor, batch: Batch, smoothing: float) -> Tensor:
    gold = batch.target[:, 1:].flatten()
    logits = logits.flatten(0, 1).float()
    return F.cross_entropy(logits, gold, ignore_index=PAD, reduction="sum", label_smoothing=smoothing)
