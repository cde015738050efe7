"""Attention as word links: which layer and heads, pieces merged to words, Pharaoh format, error rate."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from seqattn.batching import Example, collate, group_by_tokens
from seqattn.corpus import read_lines
from seqattn.errors import InputError
from seqattn.models.base import Seq2Seq
from seqattn.symbols import EOS
from seqattn.tokenizer import Tokenizer

Link = tuple[int, int]
"""(source word, target word), 0-based."""


@dataclass(frozen=True)
class AlignmentOptions:
    """Which of a model's attention to read."""

    layer: int = 0
    """1 is the first decoder layer; 0: the last but one (Garg et al. 2019), or the only one."""
    head: int = 0
    """1 is the first head; 0: the mean of all."""


class Attention(NamedTuple):
    """What one pair's target attended to."""

    source: list[str]
    """S units: words or pieces, then EOS."""
    target: list[str]
    """T units, without EOS."""
    weights: Tensor
    """(T, S) float32; every row sums to one."""


def read_attention(
    model: Seq2Seq, examples: Sequence[Example], options: AlignmentOptions, batch_tokens: int = 4096
) -> Iterator[Tensor]:
    """For each example, in order, the weights (T, S) of its target ids, EOS among them, over its source ids.

    The weights are those with which each target id was predicted under teacher forcing. InputError when the
    model has no attention, or not that layer or head.
    """
    device = next(model.parameters()).device
    lengths = [max(len(example.source), len(example.target)) for example in examples]
    order = range(len(examples))
    for rows in group_by_tokens(order, lengths, batch_tokens):
        if model.longest is not None and max(lengths[row] for row in rows) > model.longest:
            raise InputError(f"a sentence has more than the {model.longest} pieces this model can hold")
        batch = collate([examples[row] for row in rows], model.longest)
        with torch.inference_mode():
            memory, state = model.encode(batch.source.to(device))
            decoded = model.decode(batch.target[:, :-1].to(device), memory, state, attention=True)
        if decoded.attention is None:
            raise InputError("this model has no attention to read", remedy="it was trained with score=none")
        chosen = choose(decoded.attention, options).float().cpu()
        for weights, row in zip(chosen, rows, strict=True):
            yield weights[: len(examples[row].target), : len(examples[row].source)]


def choose(attention: Tensor, options: AlignmentOptions) -> Tensor:
    """One layer's head, or the mean of its heads: (B, layers, heads, T, S) → (B, T, S)."""
    layers, heads = attention.shape[1:3]
    if options.layer > layers or options.head > heads:
        raise InputError(
            f"there is no {f'layer {options.layer}' if options.layer > layers else f'head {options.head}'}: "
            f"the model has {layers} decoder layer(s) of {heads} head(s) each"
        )
    layer = attention[:, (options.layer or max(1, layers - 1)) - 1]
    return layer[:, options.head - 1] if options.head else layer.mean(1)


def merge_words(weights: Tensor, source: Sequence[int], target: Sequence[int]) -> Tensor:
    """Pieces to words: sum over a source word's pieces, mean over a target word's.

    (T, S) with the word index of each piece → (target words, source words).
    """
    by_source = weights.new_zeros(weights.shape[0], max(source, default=-1) + 1)
    by_source.index_add_(1, torch.tensor(source, dtype=torch.int64), weights)
    merged = weights.new_zeros(max(target, default=-1) + 1, by_source.shape[1])
    index = torch.tensor(target, dtype=torch.int64)
    merged.index_add_(0, index, by_source)
    return merged / torch.bincount(index, minlength=len(merged)).clamp(min=1).unsqueeze(1)


def attention_of(
    model: Seq2Seq,
    tokenizer: Tokenizer,
    examples: Sequence[Example],
    options: AlignmentOptions,
    unit: str = "words",
) -> Iterator[Attention]:
    """What each example attends to, in words or pieces; the end of the source keeps a column of its own."""
    for example, weights in zip(examples, read_attention(model, examples, options), strict=True):
        source, target = example.source[:-1], example.target[:-1]
        if unit == "pieces":
            pieces = [*tokenizer.source.pieces(source), END]
            yield Attention(pieces, tokenizer.target.pieces(target), weights[:-1])
            continue
        source_words, target_words = tokenizer.source.words(source), tokenizer.target.words(target)
        columns = [word for word, ids in enumerate([*source_words, [EOS]]) for _ in ids]
        rows = [word for word, ids in enumerate(target_words) for _ in ids]
        yield Attention(
            [*map(tokenizer.source.decode, source_words), END],
            list(map(tokenizer.target.decode, target_words)),
            merge_words(weights[:-1], columns, rows),
        )


END = "</s>"


def links(attention: Attention) -> list[Link]:
    """Each target word linked to the source word it attends to most; the end of the source does not count."""
    words = attention.weights[:, :-1]
    if not words.numel():
        return []
    return sorted((int(source), target) for target, source in enumerate(words.argmax(1)))


class Gold(NamedTuple):
    """A sentence's links drawn by hand."""

    sure: frozenset[Link]
    possible: frozenset[Link]
    """The sure ones among them."""


def format_pharaoh(aligned: Sequence[Link]) -> str:
    """`i-j` for each link: source word i, target word j, 0-based, separated by spaces."""
    return " ".join(f"{source}-{target}" for source, target in sorted(aligned))


def read_gold(path: Path) -> list[Gold]:
    """Gold links, a sentence a line: `i-j` sure, `i?j` or `ipj` possible, 0-based."""
    gold = []
    for number, line in enumerate(read_lines(path), start=1):
        sure, possible = set(), set()
        for token in line.split():
            match = re.fullmatch(r"(\d{1,9})([-?p])(\d{1,9})", token)
            if match is None:
                raise InputError(
                    f"{token!r} is not a link",
                    path=path,
                    line=number,
                    remedy="write 3-4 if sure, 3?4 if possible",
                )
            link = (int(match[1]), int(match[3]))
            possible.add(link)
            if match[2] == "-":
                sure.add(link)
        gold.append(Gold(frozenset(sure), frozenset(possible)))
    return gold


@dataclass(frozen=True)
class Agreement:
    """How well links agree with gold, in percent (Och and Ney 2003)."""

    precision: float
    """|A ∩ P| / |A|."""
    recall: float
    """|A ∩ S| / |S|."""
    error_rate: float
    """AER = 1 - (|A ∩ S| + |A ∩ P|) / (|A| + |S|)."""
    sentences: int
    links: int


def agreement(proposed: Sequence[Sequence[Link]], gold: Sequence[Gold]) -> Agreement:
    """Precision, recall and alignment error rate over all sentences together."""
    found = sure = found_sure = found_possible = 0
    for aligned, reference in zip(proposed, gold, strict=True):
        answer = set(aligned)
        found += len(answer)
        sure += len(reference.sure)
        found_sure += len(answer & reference.sure)
        found_possible += len(answer & (reference.possible | reference.sure))
    return Agreement(
        precision=100 * found_possible / found if found else 0.0,
        recall=100 * found_sure / sure if sure else 0.0,
        error_rate=100 * (1 - (found_sure + found_possible) / (found + sure)) if found + sure else 0.0,
        sentences=len(gold),
        links=found,
    )
