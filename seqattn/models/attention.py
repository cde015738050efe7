"""The equations of attention.

Shapes: B batch rows, T queries (target positions), S keys (source positions), D width, H heads. A mask is
boolean and broadcasts to the scores; True means "may be attended", everywhere in this package.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from seqattn.models.dropout import Dropout


def dot_scores(queries: Tensor, keys: Tensor) -> Tensor:
    """Luong et al. 2015, section 3.1, "dot": `score(h_t, h̄_s) = h_tᵀ h̄_s`.

    (…, T, D), (…, S, D) → (…, T, S)
    """
    return queries @ keys.transpose(-2, -1)


def scaled_dot_scores(queries: Tensor, keys: Tensor) -> Tensor:
    """Vaswani et al. 2017, eq. 1, before the softmax: `Q Kᵀ / √d_k`.

    Dot products of d_k independent terms have variance d_k; the root keeps the softmax from saturating.
    (…, T, D), (…, S, D) → (…, T, S)
    """
    return dot_scores(queries / math.sqrt(queries.shape[-1]), keys)


def general_keys(keys: Tensor, weight: Tensor) -> Tensor:
    """Luong et al. 2015, section 3.1, "general": `score(h_t, h̄_s) = h_tᵀ W_a h̄_s`; this is its `W_a h̄_s`.

    It is the same at every step of a sentence; the score is its dot product (`dot_scores`) with h_t.
    (…, S, E), weight (D, E) → (…, S, D)
    """
    return keys @ weight.T


def additive_scores(queries: Tensor, keys: Tensor, vector: Tensor) -> Tensor:
    """Bahdanau et al. 2015, section A.1.2: `score(s_t, h_s) = vᵀ tanh(W s_t + U h_s)`.

    Luong et al. 2015, section 3.1, "concat": `v_aᵀ tanh(W_a [h_t; h̄_s])`, with the halves of W_a for W and U.
    The caller projects with W and U, so that `U h_s` is computed once for a sentence.
    (…, T, D), (…, S, D), vector (D,) → (…, T, S)
    """
    return torch.tanh(queries.unsqueeze(-2) + keys.unsqueeze(-3)) @ vector


def location_scores(projected: Tensor, length: int) -> Tensor:
    """Luong et al. 2015, eq. 8, "location": `a_t = softmax(W_a h_t)`, from the decoder's state alone.

    `projected` is W_a h_t, a score for each of L source positions: (…, T, L) → (…, T, S) for a source of
    `length` S. Of a shorter source the first S count; positions beyond L score 0 and must be masked.
    """
    return nn.functional.pad(projected, (0, max(0, length - projected.shape[-1])))[..., :length]


def monotonic_positions(positions: Tensor, lengths: Tensor) -> Tensor:
    """Luong et al. 2015, section 3.2, "local-m": `p_t = t`, at most the last source position.

    Target positions (B, T) from 0, lengths of the sources (B, 1) → (B, T).
    """
    return torch.minimum(positions, lengths - 1)


def predicted_positions(projected: Tensor, vector: Tensor, lengths: Tensor) -> Tensor:
    """Luong et al. 2015, eq. 9, "local-p": `p_t = S · sigmoid(v_pᵀ tanh(W_p h_t))`, in [0, S].

    `projected` is W_p h_t, (B, T, D); vector v_p (D,); lengths S of the sources (B, 1) → (B, T).
    """
    return lengths * torch.sigmoid(torch.tanh(projected) @ vector)


def window_mask(centre: Tensor, window: int, length: int) -> Tensor:
    """Luong et al. 2015, section 3.2: True where a source position lies in `[p_t - D, p_t + D]`.

    Centres p_t (…, T), D ≥ 1 → (…, T, length) bool.
    """
    position = torch.arange(length, device=centre.device)
    return (position - centre.unsqueeze(-1)).abs() <= window


def gaussian(centre: Tensor, window: int, length: int) -> Tensor:
    """Luong et al. 2015, eq. 10: `exp(-(s - p_t)² / 2σ²)`, σ = D / 2; local-p multiplies its weights by it.

    Centres p_t (…, T) → (…, T, length). The products sum to at most one, as in the paper.
    """
    position = torch.arange(length, device=centre.device)
    return torch.exp(-2 * ((position - centre.unsqueeze(-1)) / window) ** 2)


def padding_mask(ids: Tensor, pad: int) -> Tensor:
    """True where `ids` (B, S) holds a token; → (B, S) bool."""
    return ids != pad


def causal_mask(queries: int, keys: int, device: torch.device | None = None) -> Tensor:
    """True where a key is not in the query's future; → (queries, keys) bool.

    The queries are the last of the keys, so that with a cache of P earlier positions `keys = P + queries`.
    """
    return torch.ones(queries, keys, dtype=torch.bool, device=device).tril(keys - queries)


def attention_weights(scores: Tensor, mask: Tensor | None = None) -> Tensor:
    """Luong eq. 7: `a_t(s) = exp(score(h_t, h̄_s)) / Σ_s' exp(score(h_t, h̄_s'))`, over what may be attended.

    (…, T, S) → (…, T, S). A row sums to one and is zero where the mask is False; no row may be all False.
    """
    if mask is not None:
        # Adding is several times faster than filling, and does not change the gradient.
        forbidden = torch.finfo(scores.dtype).min / 2
        scores = scores + torch.zeros_like(mask, dtype=scores.dtype).masked_fill_(~mask, forbidden)
    return scores.softmax(-1)


class Attended(NamedTuple):
    """The result of attention."""

    context: Tensor
    """(…, T, D): the context vectors."""
    weights: Tensor
    """(…, T, S): the attention weights, by which values are averaged."""
    scores: Tensor
    """(…, T, S): the scores before the softmax, including masked positions."""


def attend(
    scores: Tensor, values: Tensor, mask: Tensor | None = None, dropout: Dropout | None = None
) -> Attended:
    """The context vector, Luong section 3.1: `c_t = Σ_s a_t(s) h̄_s`; Vaswani eq. 1: `softmax(Q Kᵀ / √d_k) V`.

    scores (…, T, S), values (…, S, D), mask broadcast to the scores. Values are averaged by the weights after
    dropout, the result has those before it.
    """
    weights = attention_weights(scores, mask)
    kept = weights if dropout is None else dropout(weights)
    return Attended(kept @ values, weights, scores)


def scaled_dot_product_attention(
    queries: Tensor,
    keys: Tensor,
    values: Tensor,
    mask: Tensor | None = None,
    dropout: Dropout | None = None,
) -> Attended:
    """Vaswani et al. 2017, eq. 1: `Attention(Q, K, V) = softmax(Q Kᵀ / √d_k) V`.

    (…, T, D), (…, S, D), (…, S, E) → context (…, T, E), weights and scores (…, T, S).
    """
    return attend(scaled_dot_scores(queries, keys), values, mask, dropout)


def fold_queries(queries: Tensor, rows: int) -> Tensor:
    """Concatenate the queries of a sentence's k hypotheses: (rows·k, …, T, D) → (rows, …, k·T, D).

    Attention treats its queries independently, so k hypotheses may share one copy of the keys and values.
    """
    if queries.shape[0] == rows:
        return queries
    apart: Tensor = queries.unflatten(0, (rows, queries.shape[0] // rows))
    return apart.movedim(1, -3).flatten(-3, -2)


def unfold_queries(folded: Tensor, rows: int) -> Tensor:
    """Undo `fold_queries`: (B, …, k·T, D) → (rows, …, T, D), rows = B·k; weights (…, k·T, S) likewise."""
    if folded.shape[0] == rows:
        return folded
    k = rows // folded.shape[0]
    apart: Tensor = folded.unflatten(-2, (k, folded.shape[-2] // k))
    return apart.movedim(-3, 1).flatten(0, 1)


class MultiHeadAttention(nn.Module):
    """Vaswani et al. 2017, section 3.2.2: `MultiHead(Q, K, V) = Concat(head_1, …, head_h) W^O`.

    `head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V)`; the heads' projections are the slices of one matrix.
    Keys and values are projected separately (`project`), so that a decoder computes those of the source, and
    of each earlier target position, only once.
    """

    def __init__(self, width: int, heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if width % heads:
            raise ValueError(f"width {width} cannot be divided among {heads} heads")
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width)
        self.output = nn.Linear(width, width)
        self.dropout = Dropout(dropout)

    def split(self, x: Tensor) -> Tensor:
        """Split the width into heads: (B, T, H·D) → (B, H, T, D)."""
        heads: Tensor = x.unflatten(-1, (self.heads, -1))
        return heads.transpose(1, 2)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`K W^K` and `V W^V` of the states to attend to: (B, S, D) → keys and values (B, H, S, D/H)."""
        keys, values = self.key_value(x).chunk(2, dim=-1)
        return self.split(keys), self.split(values)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Attended:
        """Queries from x (k·B, T, D) over projected keys and values (B, H, S, D/H).

        `mask` broadcasts to (B, H, T, S); where several hypotheses share keys it must not depend on T.
        → context (k·B, T, D), each head's weights and scores (k·B, H, T, S).
        """
        rows = x.shape[0]
        queries = fold_queries(self.split(self.query(x)), keys.shape[0])
        heads = scaled_dot_product_attention(queries, keys, values, mask, self.dropout)
        context, weights, scores = (unfold_queries(one, rows) for one in heads)
        return Attended(self.output(context.transpose(1, 2).flatten(-2)), weights, scores)
