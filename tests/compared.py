"""Findings of comparisons, made without training."""

import random
from dataclasses import replace
from itertools import combinations

from seqattn.comparison.breakdowns import breakdowns
from seqattn.comparison.differing import all_differing
from seqattn.comparison.findings import Alignment, Findings
from seqattn.comparison.results import Costs, Member, Point, System
from seqattn.comparison.systems import Search
from seqattn.comparison.verdict import Contrast
from seqattn.data.corpus import Pair
from seqattn.evaluation.scores import score
from seqattn.evaluation.significance import Difference, spread

HOSTILE = (
    '<script>alert(1)</script> & "quo\'tes" </title> --> \x1b[31m \u202eabc ${heading} $data &amp; \u2028'
)
VOCABULARY = [
    *("der", "die", "ein", "eine", "Mann", "Frau", "Hund", "Kind", "Mädchen", "Junge", "rot", "blau", "grün"),
    *("läuft", "steht", "sitzt", "spielt", "auf", "über", "vor", "mit", "im", "am", "Park", "Straße", "42"),
    *("Strand", "Wasser", "Fahrrad", "Gitarre", "Hemd", "und", "während", "anderen", "zwei", "drei", "."),
]


def sentences(count, words, chance):
    lengths = [words + at % 5 - 2 for at in range(count)]
    return [" ".join(chance.choices(VOCABULARY, k=length)) for length in lengths]


def garbled(text, rate, chance):
    """A translation that has about that share of the words wrong."""
    return " ".join(chance.choice(VOCABULARY) if chance.random() < rate else word for word in text.split())


def member(name, hypotheses, references, seed, curve=True):
    """A model that made these translations, with costs and a curve of training."""
    costs = Costs(
        3_412_992 + seed,
        1_048_576,
        4000 + seed,
        9_876_543,
        754.0 + seed,
        700.0,
        1_234_567_890,
        13_651_968,
        "patience",
    )
    rate = 0.4 + 0.05 * (seed % 7)
    points = tuple(
        Point(
            500 * k,
            80 * k + 3 * seed,
            6 / (1 + k * rate),
            (30 + seed) * (1 - 0.75**k) + 3 * seed % 2,
            55 * (1 - 0.7**k),
            2.0 * k,
        )
        for k in range(1, 9)
    )
    scored = score(hypotheses, references)
    return Member(
        name, tuple(hypotheses), scored, None, costs, points if curve else (), 2.5 + seed / 10, 1000
    )


def contrast(first, second, sentences, models):
    found = tuple(
        Difference(
            metric, first.spread(metric).mean, second.spread(metric).mean, p, 0.11, 2.22, 1.53, 0.54, 0.32
        )
        for metric, p in (("BLEU", 0.012), ("chrF", 0.2), ("exact match", 0.0004))
    )
    return Contrast(first.name, second.name, found, tuple(one.p for one in found), sentences, models)


def comparison(names=("LSTM", "Transformer"), seeds=3, count=40, words=9, other="", test="data/test.tsv"):
    """Findings about systems of that many models each; `other` is one that another tool translated by."""
    chance = random.Random(7)
    references = sentences(count, words, chance)
    pairs = tuple(
        Pair(text, reference)
        for text, reference in zip(sentences(count, words, chance), references, strict=True)
    )
    systems = []
    for at, name in enumerate(names):
        members = []
        for seed in range(1, seeds + 1):
            hypotheses = [garbled(one, 0.35 - 0.1 * at, chance) for one in references]
            members.append(member(f"seed {seed}", hypotheses, references, seed + 5 * at))
        systems.append(System(name, tuple(members)))
    if other:
        hypotheses = [garbled(one, 0.5, chance) for one in references]
        one = Member("output.txt", tuple(hypotheses), score(hypotheses, references))
        systems.append(System(other, (one,)))
    both = list(combinations(systems, 2))
    rates = tuple(
        spread([20.5 + at, 21.25 + at, 22.0][:seeds]) if one.models else None
        for at, one in enumerate(systems)
    )
    return Findings(
        test=test,
        search=Search(5, 1.0),
        metric="BLEU",
        terms=("Trained on 29,000 pairs of train.tsv.", "Tested with beam 5."),
        cautions=("The models had different budgets.",),
        pairs=pairs,
        systems=tuple(systems),
        contrasts=tuple(contrast(one, two, count, (one.models, two.models)) for one, two in both),
        breakdowns=tuple(breakdowns(systems, pairs, None)),
        differing=tuple(all_differing(systems, pairs, 5, 3)),
        alignment=Alignment(rates, None),
    )


def hostile(text):
    """Findings in which every text is this one."""
    findings = comparison(seeds=2, count=3, names=("a", "b"))
    systems = []
    for at, system in enumerate(findings.systems):
        members = tuple(
            replace(one, name=text, hypotheses=(text, "x " * at + text, "")) for one in system.members
        )
        systems.append(System(text + str(at), members))
    pairs = tuple(Pair(text, text) for _ in findings.pairs)
    breakdown = replace(
        findings.breakdowns[0], title=text, grouped_by=text, counted=text, unit=text, remark=text
    )
    groups = tuple(replace(group, name=text) for group in breakdown.groups)
    found = replace(findings.contrasts[0], first=systems[0].name, second=systems[1].name)
    return replace(
        findings,
        test=text,
        terms=(text,),
        cautions=(text,),
        pairs=pairs,
        systems=tuple(systems),
        contrasts=(found,),
        breakdowns=(replace(breakdown, groups=groups),),
        differing=tuple(all_differing(systems, pairs)),
    )


TWO = comparison()
FOUR = comparison(("LSTM", "Transformer", "hybrid"), other="Moses")
