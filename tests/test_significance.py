"""Significance on a test set: sacrebleu's figures, and verdicts that are right about known systems."""

import random
import re
import subprocess
import sys

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.comparison.verdict import contrasts
from seqattn.evaluation import significance
from seqattn.evaluation.scores import score
from seqattn.evaluation.significance import differences, holm

from runs import reversal_pairs

REFERENCES = [pair.target for pair in reversal_pairs(400)]


@pytest.fixture
def quick(monkeypatch):
    """Fewer trials, for tests that need many comparisons."""
    monkeypatch.setattr(significance, "RANDOMIZATIONS", 500)
    monkeypatch.setattr(significance, "RESAMPLES", 200)


def system(wrong, seed, base=None):
    """The references, or a system's outputs, a share of them replaced by those for other sentences."""
    chance = random.Random(seed)
    base = base or REFERENCES
    return [chance.choice(base) if chance.random() < wrong else text for text in base]


def test_the_scores_and_p_values_are_those_of_sacrebleus_own_command(tmp_path):
    first, second = system(0.2, 1), system(0.3, 2)
    for name, lines in (("reference", REFERENCES), ("first", first), ("second", second)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    found = {one.metric: one for one in differences(first, second, REFERENCES)}
    files = [str(tmp_path / name) for name in ("reference", "first", "second")]
    metrics = ["-m", "bleu", "chrf", "--force", "-f", "text"]
    for flag, field in (("--paired-ar", "randomization_p"), ("--paired-bs", "bootstrap_p")):
        printed = subprocess.run(
            [sys.executable, "-m", "sacrebleu", files[0], "-i", *files[1:], *metrics, flag],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        *_, row = (line for line in printed.splitlines() if "p = " in line)
        ours = [f"{getattr(found[metric], field):.4f}" for metric in ("BLEU", "chrF")]
        assert re.findall(r"p = ([0-9.]+)", row) == ours


def test_exact_match_is_resampled_as_the_others_and_scored_as_evaluate_does():
    first, second = system(0.2, 1), system(0.3, 2)
    by_metric = {one.metric: one for one in differences(first, second, REFERENCES)}
    exact = by_metric["exact match"]
    assert exact.first == score(first, REFERENCES).exact and exact.second == score(second, REFERENCES).exact
    assert exact.low < exact.gain < exact.high
    assert by_metric["BLEU"].first == sacrebleu.corpus_bleu(first, [REFERENCES], force=True).score


def test_a_system_with_a_tenth_of_its_outputs_replaced_is_found_worse_every_time(quick):
    for seed in range(3):
        base = system(0.1, 100 + seed)
        worse = system(0.1, seed, base)
        (found,) = contrasts([("base", base), ("worse", worse)], REFERENCES)
        for metric in ("BLEU", "chrF", "exact match"):
            assert found.in_words(metric).startswith("base is better than worse by ")


def test_equally_good_systems_are_rarely_told_apart(quick):
    better = 0
    for seed in range(12):
        (found,) = contrasts([("a", system(0.2, 2 * seed)), ("b", system(0.2, 2 * seed + 1))], REFERENCES)
        better += " is better than " in found.in_words()
    assert better <= 2


def test_a_system_does_not_differ_from_itself(quick):
    one = system(0.2, 1)
    for found in differences(one, one, REFERENCES):
        assert found.gain == found.low == found.high == 0 and found.randomization_p == 1
    (found,) = contrasts([("a", one), ("b", one)], REFERENCES)
    assert found.in_words().startswith(
        "No difference in BLEU between a and b that these 400 sentences can show"
    )


def test_the_detectable_difference_shrinks_with_the_root_of_the_test_set(quick):
    few, many = (
        differences(system(0.2, 1)[:count], system(0.2, 2)[:count], REFERENCES[:count])[2].detectable
        for count in (100, 400)
    )
    assert few / many == pytest.approx(2, rel=0.35)


@pytest.mark.parametrize(
    ("values", "corrected"),
    [([0.04], [0.04]), ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]), ([0.5, 0.9], [1.0, 1.0]), ([], [])],
)
def test_holm_multiplies_the_smallest_most(values, corrected):
    assert holm(values) == pytest.approx(corrected)


@given(st.lists(st.floats(0, 1), max_size=8))
def test_corrected_p_values_are_no_smaller_and_keep_their_order(values):
    corrected = holm(values)
    assert all(p <= q <= 1 for p, q in zip(values, corrected, strict=True))
    by_value = sorted(zip(values, corrected, strict=True))
    assert [q for _, q in by_value] == sorted(corrected)


def test_more_systems_need_smaller_p_values(quick):
    systems = [("a", system(0.1, 1)), ("b", system(0.17, 2)), ("c", system(0.11, 3))]
    (alone,) = contrasts(systems[:2], REFERENCES)
    together = contrasts(systems, REFERENCES)
    assert [(one.first, one.second) for one in together] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert together[0].differences == alone.differences
    assert all(p >= q for p, q in zip(together[0].corrected, alone.corrected, strict=True))
    assert together[0].corrected != alone.corrected
