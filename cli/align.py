"""seqattn align."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqattn.errors import InputError
from seqattn.links import SYMMETRISED

from .shared import RUN, machine_options, open_run, results

if TYPE_CHECKING:
    from seqattn.alignment import Attention, Words
    from seqattn.checkpoint import Run
    from seqattn.corpus import Pair
    from seqattn.links import Gold
    from seqattn.models.base import Reading


@click.command()
@click.argument("run", type=RUN)
@click.argument("source", required=False)
@click.argument("target", required=False)
@click.option("--pairs", metavar="CORPUS", help="Align a whole corpus.")
@click.option("--gold", type=click.Path(path_type=Path), metavar="FILE", help="Score against these links.")
@click.option("--reverse", type=RUN, metavar="RUN", help="A run of the other direction; both make the links.")
@click.option(
    "--symmetrize",
    type=click.Choice(list(SYMMETRISED)),
    help="How two directions become one.  [default: grow-diag-final-and]",
)
@click.option("--layer", type=click.IntRange(1), help="Decoder layer.  [default: as training chose]")
@click.option("--head", type=click.IntRange(0), help="Attention head; 0: the mean.  [default: likewise]")
@click.option(
    "--at",
    type=click.Choice(["produced", "consumed"]),
    help="The step at which a target word is predicted, or read.  [default: likewise]",
)
@click.option("--heads", is_flag=True, help="Judge every layer and head on --pairs.")
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
    reverse: Path | None,
    symmetrize: str | None,
    layer: int | None,
    head: int | None,
    at: str | None,
    heads: bool,
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
      seqattn align runs/mine --pairs test.tsv --heads
      seqattn align runs/mine --reverse runs/other-direction --pairs test.tsv
    """
    chosen = not (layer is None and head is None and at is None)
    if complaint := _misused(
        source=source is not None,
        pairs=pairs is not None,
        gold=gold is not None,
        heads=heads,
        reverse=reverse is not None,
        symmetrize=symmetrize is not None,
        chosen=chosen,
        pieces=unit == "pieces",
        form=form,
    ):
        raise click.UsageError(complaint)

    from seqattn.alignment import links
    from seqattn.corpus import Pair, read_corpus
    from seqattn.links import agreement, format_pharaoh, read_gold, turned

    from .render import agreement_line

    answers = read_gold(gold) if gold else None
    loaded = open_run(run, device, threads)
    if pairs:
        corpus = read_corpus(pairs).pairs
        check_count(answers, corpus, gold)
    else:
        assert source is not None
        corpus = (Pair(source, translate_one(loaded, source) if target is None else target),)
    if heads:
        judge(loaded, corpus, answers, gold)
        return
    form = form or ("pharaoh" if pairs else "heatmap")
    unit = unit or ("pieces" if form == "heatmap" and any(map(unspaced, corpus[0])) else "words")
    found = attentions(loaded, corpus, reading(loaded, layer, head, at), unit)
    if answers is None and form != "pharaoh":
        show(found, form)
        return
    linked = [links(attention) for attention in found]
    if reverse:
        other = open_run(reverse, device, threads)
        back = attentions(other, [Pair(pair.target, pair.source) for pair in corpus])
        combine = SYMMETRISED[symmetrize or "grow-diag-final-and"]
        linked = [combine(one, turned(links(two))) for one, two in zip(linked, back, strict=True)]
    if answers is not None:
        check_links(answers, found, gold)
        click.echo(agreement_line(agreement(linked, answers)))
        return
    for one in linked:
        click.echo(format_pharaoh(one))


def _misused(
    *,
    source: bool,
    pairs: bool,
    gold: bool,
    heads: bool,
    reverse: bool,
    symmetrize: bool,
    chosen: bool,
    pieces: bool,
    form: str | None,
) -> str:
    """What is wrong with options given together, or nothing."""
    needed = "needs --pairs: it is for a whole corpus."
    faults = [
        (source == pairs, "Give either a SOURCE sentence or --pairs CORPUS."),
        (gold and not pairs, f"--gold {needed}"),
        (heads and not pairs, f"--heads {needed}"),
        (reverse and not pairs, f"--reverse {needed}"),
        (symmetrize and not reverse, "--symmetrize needs --reverse."),
        (
            pieces and (gold or heads or reverse or form == "pharaoh"),
            "Links are between words: leave out --unit pieces.",
        ),
        (
            reverse and form not in (None, "pharaoh"),
            f"Two directions make links: leave out --format {form}.",
        ),
        (
            heads and (reverse or chosen or form is not None),
            "--heads judges them all: give only --pairs and --gold with it.",
        ),
    ]
    return next((message for wrong, message in faults if wrong), "")


def own_reading(run: Run) -> Reading:
    """The reading that training chose; where it was cut short, the usual one."""
    from seqattn.alignment import read_attention, usual_reading
    from seqattn.corpus import Pair
    from seqattn.preparation import encode

    if run.config.alignment is not None:
        return run.config.alignment
    (attention,) = read_attention(run.model, list(encode(run.tokenizer, [Pair("", "")])))
    return usual_reading(len(attention))


def reading(run: Run, layer: int | None, head: int | None, at: str | None) -> Reading:
    """The reading that was asked for; what was not is as the run's own."""
    from dataclasses import replace

    asked = own_reading(run)
    if layer is not None:
        # A head says nothing of another layer's.
        asked = replace(asked, layer=layer, head=0 if layer != asked.layer else asked.head)
    if head is not None:
        asked = replace(asked, head=head)
    return replace(asked, consumed=at == "consumed") if at else asked


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
    run: Run, pairs: Sequence[Pair], reading: Reading | None = None, unit: str = "words"
) -> list[Attention]:
    """What each pair's target attends to, by a reading or the run's own."""
    from seqattn.alignment import attention_of
    from seqattn.preparation import encode

    examples = list(encode(run.tokenizer, pairs))
    return list(attention_of(run.model, run.tokenizer, examples, reading or own_reading(run), unit))


def check_count(answers: Sequence[Gold] | None, pairs: Sequence[Pair], path: Path | None) -> None:
    """InputError when there is gold, but not a line for each pair."""
    if answers is not None and len(answers) != len(pairs):
        raise InputError(f"has {len(answers)} lines, but there are {len(pairs)} pairs", path=path)


def check_links(answers: Sequence[Gold], found: Sequence[Attention | Words], path: Path | None) -> None:
    """InputError when a link of the gold is outside of its pair."""
    for number, (pair, answer) in enumerate(zip(found, answers, strict=True), start=1):
        words = (len(pair.source) - 1, len(pair.target))
        for link in sorted(answer.possible):
            if link[0] >= words[0] or link[1] >= words[1]:
                raise InputError(
                    f"the link {link[0]}-{link[1]} is outside of a pair of {words[0]} and {words[1]} words",
                    path=path,
                    line=number,
                )


def judge(run: Run, pairs: Sequence[Pair], answers: Sequence[Gold] | None, path: Path | None) -> None:
    """Print how well every layer and head aligns, by gold links where there are any."""
    from seqattn.alignment import judge_readings, read_every_way
    from seqattn.links import agreement
    from seqattn.preparation import encode

    from .render import readings_table

    judged = list(read_every_way(run.model, run.tokenizer, list(encode(run.tokenizer, pairs))))
    if not any(pair.linked.numel() for pair in judged):
        raise InputError("no pair has words on both sides: there is nothing to judge by")
    console = results()
    own = own_reading(run)
    if answers is not None:
        check_links(answers, [pair.words for pair in judged], path)
        rates = {
            one: agreement([pair.links(at) for pair in judged], answers).error_rate
            for at, one in enumerate(judged[0].readings)
        }
        console.print("alignment error rate, %")
        console.print(readings_table(rates, own, best=min))
        console.print()
    scores = {one: 100 * score for one, score in judge_readings(judged).items()}
    console.print("correlation of the linked words, %")
    console.print(readings_table(scores, own, best=max))


def show(found: Sequence[Attention], form: str) -> None:
    """Print attentions as heat maps or JSON lines."""
    from .render import attention_map
    from .translate import attention_json

    console = results()
    for attention in found:
        if form == "jsonl":
            click.echo(json.dumps(attention_json(attention), ensure_ascii=False))
        else:
            console.print(attention_map(attention, width=console.width))
