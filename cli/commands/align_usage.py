"""Checks of the command line of `align`: which options can be combined."""

from __future__ import annotations

from collections.abc import Sequence


def misused(
    *,
    runs: int,
    sentences: Sequence[str],
    pairs: bool,
    gold: bool,
    heads: bool,
    reverse: bool,
    symmetrize: bool,
    lexicon: bool,
    threshold: bool,
    chosen: bool,
    at: bool,
    self_attention: str | None,
    step: bool,
    pause: bool,
    unit: str | None,
    form: str | None,
) -> str:
    """The error in a combination of options, or the empty string."""
    needed = "needs --pairs: it is for a whole corpus."
    errors = [
        (len(sentences) > 2, f"Got unexpected extra arguments: {' '.join(sentences[2:])}"),
        (bool(sentences) and pairs, "Give either a SOURCE sentence or --pairs CORPUS, not both."),
        (not sentences and not pairs, "Give a RUN, and after it a SOURCE sentence or --pairs CORPUS."),
        (gold and not pairs, f"--gold {needed}"),
        (gold and form is not None, f"--gold prints scores: leave out --format {form}."),
        (reverse and not pairs, f"--reverse {needed}"),
        (symmetrize and not reverse, "--symmetrize needs --reverse."),
        (lexicon and not pairs, f"--lexicon {needed}"),
        (
            lexicon and (threshold or heads or form not in (None, "pharaoh")),
            "--lexicon is only for links: leave out --threshold, --heads and other formats.",
        ),
        (
            self_attention and (gold or reverse or lexicon or threshold or step or form == "pharaoh"),
            "--self-attention only makes pictures: leave out options that are for links, and --step.",
        ),
        (
            self_attention and pairs and (form is None or heads),
            "--self-attention of --pairs needs a --format such as html or jsonl.",
        ),
        (
            self_attention == "encoder" and (at or len(sentences) > 1),
            "--self-attention encoder needs only the source, read in one step: leave out TARGET and --at.",
        ),
        (pause and not step, "--pause needs --step."),
        (
            step and (pairs or runs > 1 or heads or at or bool(unit) or form is not None),
            "--step shows one RUN and one sentence, in pieces: only --layer and --head go with it.",
        ),
        (
            runs > 1 and pairs and (form is None or gold or heads or reverse),
            "Several runs make pictures: with --pairs give a --format such as html, or one RUN.",
        ),
        (runs > 1 and form == "pharaoh", "Several runs make pictures: leave out --format pharaoh."),
        (
            unit == "pieces" and (gold or (heads and pairs) or reverse or form == "pharaoh"),
            "Links are between words: leave out --unit pieces.",
        ),
        (
            threshold and not gold and form != "pharaoh" and not (pairs and form is None),
            "--threshold is for links: give --gold or --format pharaoh with it.",
        ),
        (
            reverse and form not in (None, "pharaoh"),
            f"Two directions make links: leave out --format {form}.",
        ),
        (
            heads and (reverse or threshold or chosen or form is not None or (pairs and at)),
            "--heads shows all of them in its own format: give only a sentence, or --pairs and --gold.",
        ),
    ]
    return next((message for wrong, message in errors if wrong), "")
