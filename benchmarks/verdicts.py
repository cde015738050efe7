"""How often a comparison calls a system better than itself: models that differ in nothing but the seed.

    seqattn compare --no-baselines --system lstm --seeds 1,2,…,40 --train … --test … --out FOLDER
    python benchmarks/verdicts.py FOLDER

The translations of all models are drawn into two groups, many times. A test at 5 % should find a difference
in one draw of twenty at most; one that sees only the test sentences finds more, as it takes every difference
between two models for one between their systems.
"""

import argparse
import random
from pathlib import Path

import numpy as np

from seqattn.comparison.finished import finished_sources
from seqattn.comparison.folder import Evaluation
from seqattn.comparison.systems import open_systems, translate_all
from seqattn.evaluation.significance import all_differences, differences
from seqattn.hardware import choose_device

LEVEL = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--draws", type=int, default=60)
    arguments = parser.parse_args()
    sources, evaluation, keep, _ = finished_sources([arguments.folder], Evaluation())
    opened = open_systems(sources, evaluation, choose_device("cpu"))
    system, *_ = translate_all(opened, evaluation, keep)
    references = [pair.target for pair in opened.test.pairs]
    outputs = system.hypotheses
    print(f"{len(outputs)} models of {system.name}, {len(references)} sentences")
    for metric in ("BLEU", "chrF", "exact match"):
        found = system.spread(metric)
        print(f"  {metric}: {found.mean:.2f} ± {found.deviation:.2f}")

    pairs = list(zip(outputs[::2], outputs[1::2], strict=False))
    alone = [differences(first, second, references) for first, second in pairs]
    print(f"by randomization of test sentences alone, {len(pairs)} pairs of models:")
    report([[one.p for one in found] for found in alone], len(pairs))

    chance = random.Random(1)
    for size in (2, 3, 5):
        drawn = []
        for _ in range(arguments.draws):
            chosen = chance.sample(outputs, 2 * size)
            (found,) = all_differences([chosen[:size], chosen[size:]], references)
            drawn.append([one.p for one in found])
        print(f"by both uncertainties, {size} seeds each, {arguments.draws} draws:")
        report(drawn, arguments.draws)


def report(p_values: list[list[float]], count: int) -> None:
    found = (np.array(p_values) < LEVEL).sum(0)
    named = zip(("BLEU", "chrF", "exact match"), found, strict=True)
    print("  called better: " + ", ".join(f"{metric} {number} of {count}" for metric, number in named))


if __name__ == "__main__":
    main()
