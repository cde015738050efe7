"""seqattn align."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from seqattn.alignment.links import SYMMETRISED
from seqattn.errors import InputError, counted

from ..views.formats import FORMATS, IMAGE_FORMATS, headmaps
from ..views.messages import say
from .align_images import point, refuse_links, refuse_no_source
from .align_usage import misused
from .run_arguments import leading_runs
from .shared import RUN, Number, diagnostics, machine_options, open_run, results

if TYPE_CHECKING:
    from seqattn.alignment.links import Gold, Links
    from seqattn.data.corpus import Pair
    from seqattn.runs.run import Run, SelfAttention


@click.command()
@click.argument("run", type=RUN)
@click.argument("more", nargs=-1, metavar="[RUN]... [SOURCE [TARGET]]")
@click.option("--pairs", metavar="CORPUS", help="Align a whole corpus.")
@click.option("--gold", type=click.Path(path_type=Path), metavar="FILE", help="Score against these links.")
@click.option("--reverse", type=RUN, metavar="RUN", help="A run of the other direction, to combine with.")
@click.option(
    "--symmetrize",
    type=click.Choice(list(SYMMETRISED)),
    help="How to combine two directions.  [default: grow-diag-final-and]",
)
@click.option("--lexicon", metavar="CORPUS", help="Learn a lexicon from it and the pairs.")
@click.option(
    "--threshold",
    type=Number(0, 1, min_open=True),
    metavar="SHARE",
    help="Also link words with at least this share of the best score.  [default: 1, only the best]",
)
@click.option("--layer", type=click.IntRange(1), help="Decoder layer.  [default: as chosen in training]")
@click.option("--head", type=click.IntRange(0), help="Attention head; 0: the mean.  [default: likewise]")
@click.option(
    "--at",
    type=click.Choice(["produced", "consumed"]),
    help="The step at which a target word is predicted, or read.  [default: likewise]",
)
@click.option(
    "--self-attention",
    type=click.Choice(["encoder", "decoder"]),
    help="Show the attention of the source, or of the target, to itself.",
)
@click.option("--heads", is_flag=True, help="Show every layer and head, or evaluate them on --pairs.")
@click.option("--step", is_flag=True, help="Show decoding step by step, piece by piece.")
@click.option(
    "--pause", type=Number(0), metavar="SECONDS", help="Pause between steps.  [default: wait for a key]"
)
@click.option(
    "--unit",
    type=click.Choice(["words", "pieces"]),
    help="Unit of alignment.  [default: words; pieces in pictures of scripts without spaces]",
)
@click.option(
    "--format",
    "form",
    type=click.Choice([*FORMATS, "pharaoh"]),
    help="[default: heatmap for a sentence, pharaoh for --pairs]",
)
@machine_options
def align(
    run: Path,
    more: tuple[str, ...],
    pairs: str | None,
    gold: Path | None,
    reverse: Path | None,
    symmetrize: str | None,
    lexicon: str | None,
    threshold: float | None,
    layer: int | None,
    head: int | None,
    at: str | None,
    self_attention: SelfAttention | None,
    heads: bool,
    step: bool,
    pause: float | None,
    unit: str | None,
    form: str | None,
    device: str,
    threads: int | None,
) -> None:
    """Show which source words each target word attends to, or which part of an image.

    Without TARGET the source is translated first. Several runs are shown side by side, each with its own
    translation or with TARGET: an argument after RUN is another run if it is a folder that training wrote.

    Words are separated by spaces and counted from 0; Pharaoh format writes a link of source word I to target
    word J as I-J. Each target word is linked to the source word that gets the largest share of its attention,
    punctuation attached to words left out. Gold files contain I-J for sure and I?J for possible links.

    For a run that reads images SOURCE is a file, which is shown once for each word, lit where the word
    attends. Gold files are .jsonl then, with boxes [[word, left, top, right, bottom], …] on each line: what
    is printed is the percentage of these words whose attention has its maximum in one of their boxes.

    \b
      seqattn align runs/mine "A sentence."
      seqattn align runs/mine "A sentence." "Ein Satz." --layer 2 --head 1
      seqattn align runs/lstm runs/transformer "A sentence."
      seqattn align runs/mine "A sentence." --heads
      seqattn align runs/mine "A sentence." --self-attention encoder --heads
      seqattn align runs/mine "A sentence." --step
      seqattn align runs/mine "A sentence." --format html > page.html
      seqattn align runs/mine --pairs test.tsv --format pharaoh > test.links
      seqattn align runs/mine --pairs test.tsv --gold test.gold
      seqattn align runs/mine --pairs test.tsv --heads
      seqattn align runs/images picture.png
      seqattn align runs/images --pairs test.npz --gold test.boxes.jsonl
      seqattn align runs/mine --reverse runs/other-direction --pairs test.tsv
      seqattn align runs/mine --reverse runs/other-direction --pairs test.tsv --lexicon train.tsv
    """
    others, sentences = leading_runs(more)
    if sentences:
        refuse_no_source(sentences[0], run)
    if problem := misused(
        runs=1 + len(others),
        sentences=sentences,
        pairs=pairs is not None,
        gold=gold is not None,
        heads=heads,
        reverse=reverse is not None,
        symmetrize=symmetrize is not None,
        lexicon=lexicon is not None,
        threshold=threshold is not None,
        chosen=not (layer is None and head is None),
        at=at is not None,
        self_attention=self_attention,
        step=step,
        pause=pause is not None,
        unit=unit,
        form=form,
    ):
        raise click.UsageError(problem)

    from seqattn.alignment.links import turned
    from seqattn.alignment.words import read_answers
    from seqattn.evaluation.scores import unspaced
    from seqattn.files import unique_names

    from ..views.live import preparing
    from ..views.steps import play

    paths = [run, *others]
    loaded = [open_run(path, device, threads) for path in paths]
    names = unique_names([path.absolute() for path in paths])
    if len({one.tokenizer.reads_texts for one in loaded}) > 1:
        raise InputError("some of the runs read images, others texts", path=run)
    # Attention of a target to itself is between words.
    over_images = not loaded[0].tokenizer.reads_texts and self_attention is None
    if over_images:
        refuse_links(form, bool(reverse or lexicon or threshold), pairs is not None, gold is not None)
    if step:
        play(loaded[0], names[0], loaded[0].asked_reading(layer, head, None), pause, *sentences)
        return
    # Self-attention of the source needs no translation.
    sides = (*sentences, "")[:2] if self_attention == "encoder" else sentences
    corpora = [one.read_pairs(pairs) if pairs else (_pair(one, *sides),) for one in loaded]
    if over_images and gold:
        reading = loaded[0].asked_reading(layer, head, None if at is None else at == "consumed")
        point(loaded[0], corpora[0], gold, None if heads else reading)
        return
    turns = pairs is not None and loaded[0].turns(pairs)
    # Gold links follow the direction of the corpus file.
    as_filed = [pair.swapped() for pair in corpora[0]] if turns else corpora[0]
    answers = read_answers(gold, as_filed) if gold else None
    if pairs and any(one.turns(pairs) for one in loaded):
        say(diagnostics(), f"{pairs}: read from target to source, as the run was trained.")
    if heads and pairs:
        judge(loaded[0], corpora[0], [one.turned() for one in answers] if answers and turns else answers)
        return
    consumed = None if at is None else at == "consumed"
    readings = [one.asked_reading(layer, head, consumed, self_attention) for one in loaded]
    form = form or ("pharaoh" if pairs else "heatmap")
    if answers is None and form in FORMATS:
        if unit is None:
            texts = [text for corpus in corpora for pair in corpus[:1] for text in pair]
            unit = "pieces" if form != "jsonl" and any(map(unspaced, texts)) else "words"
        formats = IMAGE_FORMATS if over_images else FORMATS
        show = headmaps if heads else formats[form]
        maps = (
            one.attentions(corpus, self_attention=self_attention, reading=reading, unit=unit, name=name)
            for one, name, corpus, reading in zip(loaded, names, corpora, readings, strict=True)
        )
        show(zip(*maps, strict=True))
        return
    with preparing(diagnostics()) as report:
        links = loaded[0].align(
            corpora[0],
            reverse=open_run(reverse, device, threads) if reverse else None,
            symmetrize=symmetrize or "grow-diag-final-and",
            reading=readings[0],
            threshold=threshold or 1.0,
            lexicon=lexicon,
            report=report,
        )
    if lexicon:
        _warn_of_long_pairs(loaded[0], corpora[0])
    # Links follow the direction of the corpus file, in whichever direction it was read.
    _show_links(list(map(turned, links)) if turns else links, answers)


def _warn_of_long_pairs(run: Run, pairs: Sequence[Pair]) -> None:
    """Say which pairs have no links because they are too long for a lexicon."""
    from seqattn.data.batching import lengths_of
    from seqattn.data.encoding import encode

    most = run.longest_linked
    examples = enumerate(lengths_of(encode(run.tokenizer, pairs)), start=1)
    if long := [number for number, lengths in examples if most.excess(lengths)]:
        sides = f"{most.source} pieces on a side"
        if most.source != most.target:
            sides = f"{most.source} pieces in the source or {most.target} in the target"
        kind = f"with more than {sides}, the first being pair {long[0]:,}"
        say(diagnostics(), f"Without links, as too long for --lexicon: {counted(len(long), 'pair')} {kind}.")


def _show_links(links: Sequence[Links], answers: Sequence[Gold] | None) -> None:
    """Print links, or how well they agree with gold links."""
    from seqattn.alignment.links import agreement, format_pharaoh

    from ..views.render import agreement_line

    if answers is not None:
        click.echo(agreement_line(agreement(links, answers)))
        return
    for each in links:
        click.echo(format_pharaoh(each))


def _pair(run: Run, source: str = "", target: str | None = None) -> Pair:
    """A sentence with its translation, by default the run's own."""
    from seqattn.data.corpus import Pair

    return Pair(source, str(run.translate(source)) if target is None else target)


def judge(run: Run, pairs: Sequence[Pair], answers: Sequence[Gold] | None) -> None:
    """Print how well every layer and head aligns, by gold links too if there are any."""
    from seqattn.alignment.links import agreement
    from seqattn.alignment.reading import judge_readings, read_every_way
    from seqattn.data.encoding import encode

    from ..views.render import readings_table

    judged = list(read_every_way(run.model, run.tokenizer, list(encode(run.tokenizer, pairs))))
    if not any(pair.linked.numel() for pair in judged):
        raise InputError("no pair has words on both sides: there is nothing to evaluate on")
    console = results()
    own = run.reading
    if answers is not None:
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
