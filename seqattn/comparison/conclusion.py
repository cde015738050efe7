"""What a comparison concludes, in sentences."""

from __future__ import annotations

from seqattn.comparison.figures import DECODING, MEMORY, SIZE, TIME, interval_in_words, mean_in_words
from seqattn.comparison.findings import Findings
from seqattn.comparison.verdict import UNITS

MOST_UNCERTAINTIES = 3
"""Pairs of systems whose uncertainties are said one by one."""
COSTS_IN_WORDS = {
    TIME: "{} of training",
    MEMORY: "{} MB of memory",
    SIZE: "{} MB on disk",
    DECODING: "{} sentences/s in translation",
}
"""How the main costs are said."""


def verdicts(found: Findings) -> list[str]:
    """The verdict in sentences: for two systems by every metric, the deciding one first; for more by that."""
    metrics = sorted(UNITS, key=lambda metric: metric != found.metric)
    if len(found.contrasts) > 1:
        metrics = metrics[:1]
    return [one.in_words(metric) for one in found.contrasts for metric in metrics]


def notes(found: Findings) -> list[str]:
    """How sure the verdict is, and by which tests."""
    if not found.contrasts:
        return []
    # Of systems with a model each, or translations, the seeds are unknown.
    single = [one.by(found.metric)[0].seed_error is None for one in found.contrasts]
    named = len(found.contrasts) > 1
    corrected = f", corrected for {len(found.contrasts)} pairs of systems by Holm's method" if named else ""
    test = "approximate randomization of test sentences"
    if not all(single):
        between = f"; between two single models or translations by {test}" if any(single) else ""
        test = f"Student's t over test sentences and seeds{between}"
    lines = [f"p by {test}{corrected}; α = 0.05."]
    if len(found.contrasts) <= MOST_UNCERTAINTIES:
        for one in found.contrasts:
            lines.append((f"{one.first}, {one.second}: " if named else "") + one.uncertainty(found.metric))
    if not all(one.of_systems for one in found.contrasts):
        lines.append(
            "One model of a system does not show how much its seed matters: --seeds trains several, "
            "--system NAME=RUN,RUN compares those that are trained."
        )
    return lines


def costs_in_words(found: Findings) -> list[str]:
    """What a run of each system costs, in a sentence."""
    lines = []
    for system in found.systems:
        parts = [
            form.format(one.text(value))
            for one, form in COSTS_IN_WORDS.items()
            if (value := system.mean(one.of)) is not None
        ]
        if parts:
            lines.append(f"Cost of a run of {system.name}: {', '.join(parts)}.")
    return lines


def spread_lines(found: Findings) -> list[str]:
    """For systems with several models, their mean score with its interval over models."""
    spreads = [(system.name, system.spread(found.metric)) for system in found.systems]
    return [
        f"{name}: {found.metric} {mean_in_words(one)} over {len(one.values)} models "
        f"(95 % interval of the mean {interval_in_words(one)})"
        for name, one in spreads
        if one.deviation is not None
    ]
