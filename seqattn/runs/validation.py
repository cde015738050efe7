"""The validation of a model in training: its loss, and scores by real decoding."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch

from seqattn.data.batching import Batch, Collator, as_memory_allows, collate, epoch_batches, lengths_of
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.evaluation.faults import faults_of
from seqattn.evaluation.scores import score
from seqattn.hardware import autocast
from seqattn.models.base import Seq2Seq
from seqattn.ranks import ALONE, Ranks
from seqattn.runs.preparation import Prepared
from seqattn.training.events import Validation
from seqattn.training.losses import target_loss
from seqattn.training.schedule import TrainingOptions

T = TypeVar("T")

VALIDATED_SENTENCES = 1000
"""The most validation sentences that are decoded; the loss is computed on all."""
JUDGED_SENTENCES = 200
"""The most of them whose faults are counted."""


def validation_of(
    prepared: Prepared, options: TrainingOptions, collator: Collator, ranks: Ranks = ALONE
) -> Callable[[Seq2Seq], Validation]:
    """The validation of a model: the loss of the validation set, scores by greedy search.

    Pairs above `max_length` count for the scores alone, as search cuts long sources. Where the loss is not a
    number, scores are 0. Several processes each compute a part, and all have the whole.
    """
    pairs = evenly(prepared.valid_pairs, VALIDATED_SENTENCES)
    sources = list(map(prepared.sources.readable, pairs, evenly(prepared.valid, VALIDATED_SENTENCES)))
    examples = prepared.within(options.max_length)
    batches = epoch_batches(lengths_of(examples, collator), options.batch_tokens, 0, 0)
    ids = sum(len(example.target) for example in examples)
    search = SearchOptions(beam=1, max_ratio=prepared.max_ratio)

    def validate(model: Seq2Seq) -> Validation:
        device = model.device

        @as_memory_allows
        def losses(rows: list[int]) -> list[float]:
            source, target = collate([examples[row] for row in rows], collator, model.longest)
            return [float(target_loss(model, Batch(source.to(device), target.to(device))))]

        with torch.inference_mode(), autocast(device, options.precision):
            own = sum(sum(losses(rows)) for rows in batches[ranks.rank :: ranks.size])
        loss = sum(ranks.gather(own)) / ids
        if not math.isfinite(loss):
            return Validation(loss, 0.0, 0.0, 0.0, ())
        translator = Translator(model, prepared.tokenizer, TranslationOptions(search))
        some = sources[ranks.rank :: ranks.size]
        parts = ranks.gather([found.text for found in translator.translate(some)])
        hypotheses = [parts[at % ranks.size][at // ranks.size] for at in range(len(pairs))]
        scores = score(hypotheses, [pair.target for pair in pairs])
        samples = tuple((p.source, h, p.target) for p, h in zip(pairs[:8], hypotheses, strict=False))
        figures = loss, scores.bleu, scores.chrf, scores.exact
        faults = faults_of(evenly(pairs, JUDGED_SENTENCES), evenly(hypotheses, JUDGED_SENTENCES))
        return Validation(*figures, samples, faults)

    return validate


def evenly(items: Sequence[T], most: int) -> Sequence[T]:
    """So many items at even distances, or all: what is sorted is judged by more than its beginning."""
    if len(items) <= most:
        return items
    return [items[at * len(items) // most] for at in range(most)]
