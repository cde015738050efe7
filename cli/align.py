"""seqattn align."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqattn.errors import InputError

from .shared import RUN, machine_options, open_run, results

if TYPE_CHECKING:
    from seqattn.alignment import Agreement, AlignmentOptions, Attention, Gold
    from seqattn.checkpoint import Run
    from seqattn.corpus import Pair


@click.command()
@click.argument("run", type=RUN)
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option("--pairs", metavar="CORPUS", help="Align a whole corpus.")
@click.option("--gold", type=click.Path(path_type=Path), metavar="FILE", help="Score against these links.")
@click.option(
    "--layer", type=click.IntRange(1), help="Decoder layer.  [default: last but one, or the only one]"
)
@click.option("--head", type=click.IntRange(1), help="Attention head.  [default: mean of all]")
@click.option(
    "--unit",
    type=click.Choice(["words", "pieces"]),
    help="What is aligned.  [default: words; pieces in pictures of scripts without spaces]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["heatmap", "pharaoh", "jsonl"]),
    help="[default: heatmap for a sentence, pharaoh for --pairs]",
)
@machine_options
def align(
    run: Path,
    source: str | None,
    target: str | None,
    pairs: str | None,
    gold: Path | None,
    layer: int | None,
    head: int | None,
    unit: str | None,
    form: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Show which source words each target word attends to.

    Without TARGET the source is translated first. Words are separated by spaces and counted from 0; Pharaoh
    format writes a link of source word I to target word J as I-J: each target word with the source word it
    attends to most. Gold files hold I-J for sure links and I?J for possible ones.

    \b
      seqattn align runs/mine "A sentence."
      seqattn align runs/mine "A sentence." "Ein Satz." --layer 2 --head 1
      seqattn align runs/mine --pairs test.tsv --format pharaoh > test.links
      seqattn align runs/mine --pairs test.tsv --gold test.gold
    """
    if (source is None) == (pairs is None):
        raise click.UsageError("Give either a SOURCE sentence or --pairs CORPUS.")
    if gold and not pairs:
        raise click.UsageError("--gold needs --pairs.")
    if unit == "pieces" and (gold or form == "pharaoh"):
        raise click.UsageError("Links are between words: leave out --unit pieces.")

    from seqattn.alignment import AlignmentOptions, read_gold
    from seqattn.corpus import Pair, read_corpus

    answers = read_gold(gold) if gold else None
    loaded = open_run(run, device, threads)
    options = AlignmentOptions(layer or 0, head or 0)
    if pairs:
        corpus = read_corpus(pairs).pairs
        check_count(answers, corpus, gold)
    else:
        assert source is not None
        corpus = (Pair(source, translate_one(loaded, source) if target is None else target),)
    form = form or ("pharaoh" if pairs else "heatmap")
    unit = unit or ("pieces" if form == "heatmap" and any(map(unspaced, corpus[0])) else "words")
    found = attentions(loaded, corpus, options, unit)
    if answers is not None:
        from .render import agreement_line

        click.echo(agreement_line(compare_with_gold(corpus, found, answers, gold)))
    else:
        show(found, form)


def unspaced(text: str) -> bool:
    """Whether a text is in a script without spaces between words."""
    from seqattn.evaluation import choose_bleu_tokenizer

    return bool(text) and choose_bleu_tokenizer([text]) == "char"


def translate_one(run: Run, source: str) -> str:
    """The best translation of one sentence."""
    from seqattn.search import SearchOptions
    from seqattn.translation import TranslationOptions, Translator

    search = SearchOptions(max_ratio=run.config.max_ratio)
    return next(Translator(run.model, run.tokenizer, TranslationOptions(search)).translate([source])).text


def attentions(
    run: Run, pairs: Sequence[Pair], options: AlignmentOptions, unit: str = "words"
) -> list[Attention]:
    """What each pair's target attends to."""
    from seqattn.alignment import attention_of
    from seqattn.experiment import encode

    examples = list(encode(run.tokenizer, pairs))
    return list(attention_of(run.model, run.tokenizer, examples, options, unit))


def check_count(answers: Sequence[Gold] | None, pairs: Sequence[Pair], path: Path | None) -> None:
    """InputError when there is gold, but not a line for each pair."""
    if answers is not None and len(answers) != len(pairs):
        raise InputError(f"has {len(answers)} lines, but there are {len(pairs)} pairs", path=path)


def compare_with_gold(
    pairs: Sequence[Pair], found: Sequence[Attention], answers: Sequence[Gold], path: Path | None
) -> Agreement:
    """Agreement of the links with gold, a line for each pair; InputError when it is not for these pairs."""
    from seqattn.alignment import agreement, links

    for number, (attention, answer) in enumerate(zip(found, answers, strict=True), start=1):
        words = (len(attention.source) - 1, len(attention.target))
        for link in sorted(answer.possible):
            if link[0] >= words[0] or link[1] >= words[1]:
                raise InputError(
                    f"the link {link[0]}-{link[1]} is outside of a pair of {words[0]} and {words[1]} words",
                    path=path,
                    line=number,
                )
    return agreement([links(attention) for attention in found], answers)


def show(found: Sequence[Attention], form: str) -> None:
    """Print attentions in a format."""
    from seqattn.alignment import format_pharaoh, links

    from .render import attention_map
    from .translate import attention_json

    console = results()
    for attention in found:
        if form == "pharaoh":
            click.echo(format_pharaoh(links(attention)))
        elif form == "jsonl":
            click.echo(json.dumps(attention_json(attention), ensure_ascii=False))
        else:
            console.print(attention_map(attention, width=console.width))
