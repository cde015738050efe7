"""Significance on a test set: sacrebleu's figures, and verdicts that are right about known systems."""

import dataclasses
import itertools
import math
import random
import re
import statistics
import subprocess
import sys

import numpy as np
import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.comparison.verdict import contrasts
from seqattn.evaluation import significance
from seqattn.evaluation import statistics as counting
from seqattn.evaluation.metrics import metrics_for
from seqattn.evaluation.scores import score
from seqattn.evaluation.significance import all_differences, differences, holm, spread

from runs import reversal_pairs
from systems import outputs, trained

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


def test_the_p_values_are_those_of_sacrebleus_own_command_where_no_exchanges_are_equal(tmp_path):
    first, second = system(0.2, 1), system(0.3, 2)
    for name, lines in (("reference", REFERENCES), ("first", first), ("second", second)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    found = {one.metric: one for one in differences(first, second, REFERENCES)}
    files = [str(tmp_path / name) for name in ("reference", "first", "second")]
    metrics = ["-m", "bleu", "chrf", "--force", "-f", "text"]
    printed = subprocess.run(
        [sys.executable, "-m", "sacrebleu", files[0], "-i", *files[1:], *metrics, "--paired-ar"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    *_, row = (line for line in printed.splitlines() if "p = " in line)
    ours = [found[metric].p for metric in ("BLEU", "chrF")]
    assert list(map(float, re.findall(r"p = ([0-9.]+)", row))) == pytest.approx(ours, abs=1e-3)


@pytest.mark.parametrize(("won", "lost"), [(1, 0), (3, 0), (5, 0), (6, 0), (8, 4), (2, 2)])
def test_the_p_value_is_that_of_all_exchanges_where_few_sentences_differ(won, lost):
    first, second = list(REFERENCES), list(REFERENCES)
    for at in range(won + lost):
        (first if at < won else second)[at] = "wrong"
    # As many heads or tails as the larger number or more, of so many coins.
    coins, most = won + lost, max(won, lost)
    tail = sum(math.comb(coins, heads) for heads in range(most, coins + 1)) / 2**coins
    exact = differences(first, second, REFERENCES)[2]
    assert exact.p == pytest.approx(min(1, 2 * tail), abs=0.02)


@given(st.lists(st.tuples(*[st.sampled_from(["a b c d", "a b c", "a x c d", "y"])] * 2), max_size=5))
def test_the_p_value_is_the_share_of_exchanges_with_a_difference_as_large(outputs):
    references = ["a b c d"] * len(outputs)
    for metric in metrics_for("13a").values():
        if not outputs:
            continue
        first, second = (
            np.array(metric._extract_corpus_statistics(list(side), [references]), dtype=float)
            for side in zip(*outputs, strict=True)
        )

        def gap(kept, metric=metric, first=first, second=second):
            kept = np.array(kept, dtype=bool)[:, None]
            sums = [np.where(kept, *both).sum(0) for both in ((first, second), (second, first))]
            return abs(counting.score_of(metric, sums[0]) - counting.score_of(metric, sums[1]))

        every = list(itertools.product([True, False], repeat=len(outputs)))
        reached = sum(gap(kept) > gap(every[0]) - 1e-9 for kept in every)
        found = significance.randomization(metric, first, second)
        assert found == pytest.approx(reached / len(every), abs=0.03)


def test_a_text_is_counted_once_for_all_comparisons_and_its_sentences(quick, monkeypatch):
    chance = random.Random(7)
    texts = [[f"{chance.random()} {text}" for text in REFERENCES] for _ in range(4)]
    counted = []
    for name, metric in counting.metrics("13a").items():

        def count(hypotheses, references, name=name, extract=metric._extract_corpus_statistics):
            counted.append((name, list(hypotheses)))
            return extract(hypotheses, references)

        monkeypatch.setattr(metric, "_extract_corpus_statistics", count)
    for _ in range(2):
        all_differences([texts[:1], texts[1:2], texts[2:]], REFERENCES)
    counting.sentence_scores("chrF", tuple(texts[0]), tuple(REFERENCES), "13a")
    assert sorted(counted) == sorted((name, text) for name in metrics_for("13a") for text in texts)


@given(st.lists(st.tuples(st.text("ab ", max_size=9), st.text("ab ", max_size=9)), min_size=1, max_size=5))
def test_the_scores_of_sentences_are_sacrebleus(pairs):
    texts, references = zip(*pairs, strict=True)
    for name in ("chrF", "exact match"):
        metric = metrics_for("13a")[name]
        expected = [metric.sentence_score(text, [reference]).score for text, reference in pairs]
        assert list(counting.sentence_scores(name, texts, references, "13a")) == expected


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
        (found,) = contrasts([outputs("base", base), outputs("worse", worse)], REFERENCES)
        for metric in ("BLEU", "chrF", "exact match"):
            assert found.in_words(metric).startswith("base is better than worse by ")


def test_equally_good_systems_are_rarely_told_apart(quick):
    better = 0
    for seed in range(12):
        one, other = system(0.2, 2 * seed), system(0.2, 2 * seed + 1)
        (found,) = contrasts([outputs("a", one), outputs("b", other)], REFERENCES)
        better += " is better than " in found.in_words()
    assert better <= 2


def test_a_system_does_not_differ_from_itself(quick):
    one = system(0.2, 1)
    for found in differences(one, one, REFERENCES):
        assert found.gain == found.low == found.high == 0 and found.p == 1
    (found,) = contrasts([outputs("a", one), outputs("b", one)], REFERENCES)
    one_score = score(one, REFERENCES).bleu
    assert found.in_words() == f"a and b have the same BLEU, {one_score:.2f}, however they are tested."


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


@pytest.mark.parametrize("sentences", [1, 2, 5, 6])
@pytest.mark.parametrize("models", [1, 3])
def test_so_few_sentences_show_a_difference_only_where_chance_seldom_makes_them_agree(
    quick, sentences, models
):
    references = [f"w{at} x y z" for at in range(sentences)]
    good, bad = [references] * models, [["nothing"] * sentences] * models
    (found,) = contrasts([trained("a", *good), trained("b", *bad)], references)
    difference, _ = found.by("exact match")
    # All agree in one of 2 ** (n - 1) cases if systems do not differ.
    assert difference.p == pytest.approx(2.0 ** (1 - sentences), rel=0.4)
    few = sentences < 6
    assert (difference.detectable is None) == few
    assert found.in_words("exact match").endswith("So few sentences cannot show any difference.") == few


def test_few_sentences_that_cancel_out_are_not_said_to_be_the_same(quick):
    references = [f"w{at} x y z" for at in range(4)]
    first, second = ([*references[:2], "a", "b"], ["a", "b", *references[2:]])
    for models in (1, 2):
        (found,) = contrasts([trained("a", *[first] * models), trained("b", *[second] * models)], references)
        assert "So few sentences cannot show" in found.in_words("exact match")


def test_the_models_of_each_system_are_counted(quick):
    one, other = system(0.2, 1), system(0.21, 2)
    (found,) = contrasts([trained("a", one, one), trained("b", other, other, other)], REFERENCES)
    assert "400 sentences, 2 models of a, 3 models of b: " in found.in_words()
    (found,) = contrasts([outputs("a", one), trained("b", other, other, other)], REFERENCES)
    assert "400 sentences, 3 models of b: " in found.in_words()


def test_a_small_detectable_difference_is_not_shown_as_none(quick):
    first, second = list(REFERENCES), list(REFERENCES)
    first[0] = second[1] = f"{REFERENCES[0]} a"
    (found,) = contrasts([outputs("a", first), outputs("b", second)], REFERENCES)
    assert re.search(r"A difference of 0\.(0[1-9]|[1-9]\d) would", found.in_words())


@pytest.mark.parametrize("models", [1, 2, 3])
def test_systems_that_translate_alike_have_the_same_score_whatever_the_number_of_models(quick, models):
    texts = [system(0.2, seed) for seed in range(models)]
    (found,) = contrasts([trained("a", *texts[::-1]), trained("b", *texts)], REFERENCES)
    said = found.in_words()
    assert "A difference of 0.00" not in said and "-0.00" not in said


def test_more_systems_need_smaller_p_values(quick):
    systems = [
        outputs(name, system(*how)) for name, how in (("a", (0.1, 1)), ("b", (0.17, 2)), ("c", (0.11, 3)))
    ]
    (alone,) = contrasts(systems[:2], REFERENCES)
    together = contrasts(systems, REFERENCES)
    assert [(one.first, one.second) for one in together] == [("a", "b"), ("a", "c"), ("b", "c")]
    for one, other in zip(together[0].differences, alone.differences, strict=True):
        assert dataclasses.replace(one, detectable=0) == dataclasses.replace(other, detectable=0)
        assert one.detectable > other.detectable
    assert "corrected p = " in together[0].in_words() and "corrected" not in alone.in_words()
    assert all(p >= q for p, q in zip(together[0].corrected, alone.corrected, strict=True))
    assert together[0].corrected != alone.corrected


def test_the_interval_of_several_scores_is_students():
    found = spread([30.0, 31.0, 35.0])
    assert (found.mean, found.deviation) == (32.0, pytest.approx(math.sqrt(7)))
    # 4.3027 is the 97.5 % quantile of t with 2 degrees of freedom in every table.
    reach = 4.302652729911275 * math.sqrt(7 / 3)
    assert (found.low, found.high) == (pytest.approx(32 - reach), pytest.approx(32 + reach))
    assert spread([30.0]).deviation is None


def test_several_models_that_translate_alike_leave_only_the_uncertainty_of_the_test_set(quick):
    one, other = system(0.1, 1), system(0.3, 2)
    alone = differences(one, other, REFERENCES)
    (several,) = all_differences([[one, one, one], [other, other]], REFERENCES)
    for found, expected in zip(several, alone, strict=True):
        assert (found.first, found.second) == (
            pytest.approx(expected.first),
            pytest.approx(expected.second),
        )
        assert found.seed_error == pytest.approx(0, abs=1e-9) and expected.seed_error is None
        assert found.test_error == pytest.approx(expected.test_error)
        assert found.p < 0.001


def test_the_uncertainty_of_seeds_is_that_of_the_mean_of_their_scores(quick):
    first = [system(share, 1) for share in (0.1, 0.2, 0.3)]
    second = [system(share, 2) for share in (0.1, 0.3)]
    (found,) = all_differences([first, second], REFERENCES)
    exact = found[2]
    scores = [[score(one, REFERENCES).exact for one in outputs] for outputs in (first, second)]
    variance = sum(statistics.variance(some) / len(some) for some in scores)
    assert exact.seed_error == pytest.approx(math.sqrt(variance))
    assert exact.gain == pytest.approx(statistics.mean(scores[1]) - statistics.mean(scores[0]))
    assert exact.high - exact.gain == pytest.approx(exact.gain - exact.low)
    assert (exact.high - exact.low) / 2 > 1.96 * math.hypot(exact.test_error, exact.seed_error)


def test_models_whose_seeds_matter_more_than_the_systems_are_not_told_apart(quick):
    first = [system(share, 1) for share in (0.1, 0.3)]
    second = [system(share, 2) for share in (0.15, 0.4)]
    (apart,) = contrasts([trained("a", *first[:1]), trained("b", *second[1:])], REFERENCES)
    assert "other seeds of" in apart.in_words() and " is better than " not in apart.in_words()
    (found,) = contrasts([trained("a", *first), trained("b", *second)], REFERENCES)
    assert found.in_words().startswith(
        "No difference in BLEU between b and a is shown by these 400 sentences"
    )
    assert "and 2 models of each" in found.in_words() and "seeds ±" in found.uncertainty()


def test_the_mean_of_several_models_is_not_called_one_model(quick):
    several = trained("a", *(system(0.1, seed) for seed in (1, 2, 3)))
    (found,) = contrasts([several, trained("b", system(0.4, 4))], REFERENCES)
    assert found.in_words().startswith("The 3 models of a score, in the mean, ")
    assert " higher than that of b, " in found.in_words()
    (found,) = contrasts([trained("b", system(0.05, 4)), several], REFERENCES)
    assert found.in_words().startswith("This model of b scores ")
    assert " higher than those of a, " in found.in_words()


def test_systems_whose_seeds_agree_are_told_apart(quick):
    first = [system(0.1, seed) for seed in (1, 2, 3)]
    second = [system(0.3, seed) for seed in (4, 5, 6)]
    (found,) = contrasts([trained("a", *first), trained("b", *second)], REFERENCES)
    assert found.in_words().startswith("a is better than b by ")


def test_one_model_is_never_said_to_be_the_better_system(quick):
    good, bad = system(0.05, 1), system(0.5, 2)
    for first, second in (
        (trained("a", good), trained("b", bad)),
        (outputs("a", good), trained("b", bad)),
        (trained("a", good, good), trained("b", bad)),
    ):
        (found,) = contrasts([first, second], REFERENCES)
        assert " is better than " not in found.in_words()
        assert re.search(r"other seeds of (a and b|b and a|b) may differ", found.in_words())


@pytest.mark.parametrize(("seeds", "most"), [(2, 0.1), (3, 0.1)])
def test_systems_that_differ_in_nothing_but_seeds_are_called_better_in_one_of_ten_at_most(seeds, most):
    # Scores of models as they come from a distribution, with that of the sampled test sentences added.
    chance = np.random.default_rng(1)
    better = 0
    for _ in range(400):
        first, second = (chance.normal(0, 1, (seeds, 1)) for _ in range(2))
        resampled = [
            np.concatenate([scores, scores + chance.normal(0, 0.7, (1, 200))], 1)
            for scores in (first, second)
        ]
        better += significance._difference("BLEU", *resampled, None, 1000).p < 0.05
    assert 0 < better <= most * 400
