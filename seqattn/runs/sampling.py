"""Subword sampling: the training texts cut into other pieces in every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from seqattn.data.batching import Example, Limits
from seqattn.data.encoding import sample_pieces
from seqattn.runs.config import RunConfig
from seqattn.runs.preparation import Prepared

SAMPLING = {"unigram": 0.5, "bpe": 0.1}
"""α of subword sampling, by the kind of pieces."""


def sampling_of(
    prepared: Prepared, config: RunConfig, longest: Limits
) -> Callable[[int], Sequence[Example]] | None:
    """The training examples of an epoch with sampled pieces; None without subword sampling."""
    options = config.training
    if not options.subword_sampling:
        return None
    alpha = SAMPLING[config.tokenizer.pieces]
    most = longest.within(options.max_length)

    def sample(epoch: int) -> Sequence[Example]:
        seed = f"{options.seed} {epoch} pieces"
        share = options.subword_sampling
        sampled = sample_pieces(prepared.tokenizer, prepared.train, share, alpha, most, seed)
        return prepared.sources.store(sampled)

    return sample
