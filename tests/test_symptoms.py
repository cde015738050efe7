"""Warnings while training: each sign of failure is said once, and none for a training that goes well."""

import math
from dataclasses import replace
from itertools import pairwise

import pytest

from seqattn.data.corpus import Pair
from seqattn.evaluation.faults import faults_of
from seqattn.training.events import Faults, Finished, Updated, Validated, Validation
from seqattn.training.schedule import Progress, TrainingOptions
from seqattn.training.symptoms import Symptoms

from commands import TRAIN, seqattn, setting, sizes
from runs import write_tsv


def told(*validations, epoch=9, warmup=1, guessing=math.inf):
    """The warnings after each of some (training loss, validation loss, faults)."""
    symptoms = Symptoms(TrainingOptions(warmup=warmup), guessing)
    found, progress = [], Progress(epoch=epoch)
    for trained, validated, faults in validations:
        for loss in (trained - 0.1, trained + 0.1):
            progress = replace(progress, update=progress.update + 1)
            assert symptoms.add(Updated(progress, loss, 1e-3, 10, 1.0)) == []
        found += symptoms.add(Validated(progress, Validation(validated, 0, 0, 0, (), faults), False))
    return found + symptoms.add(Finished(progress, "done"))


FINE = Faults(repetition=10.0, untranslated=3.0, empty=1.0, same=5.0)


def test_nothing_is_said_of_a_training_that_goes_well():
    assert told((5.0, 4.0, FINE), (4.0, 3.0, FINE), (3.5, 2.9, FINE), (3.55, 2.95, FINE)) == []


def test_a_validation_loss_that_rises_while_the_training_loss_falls_is_overfitting():
    (said,) = told((5, 4, FINE), (4, 3, FINE), (3, 3.1, FINE), (2, 3.2, FINE), (1, 4, FINE))
    assert "validation loss has risen from 3.00 to 3.20" in said and "dropout" in said


def test_small_changes_of_a_loss_near_zero_mean_nothing():
    assert told((0.02, 0.004, FINE), (0.01, 0.0043, FINE), (0.009, 0.03, FINE), (0.02, 0.02, FINE)) == []


def test_a_validation_loss_that_rises_while_the_score_improves_is_no_overfitting():
    symptoms, progress = Symptoms(TrainingOptions(warmup=1)), Progress(epoch=9)
    for trained, validated in ((5, 4), (4, 3), (3, 3.5)):
        progress = replace(progress, update=progress.update + 1)
        symptoms.add(Updated(progress, trained, 1e-3, 10, 1.0))
        assert symptoms.add(Validated(progress, Validation(validated, 0, 0, 0, (), FINE), True)) == []


def test_the_losses_of_a_few_last_updates_mean_nothing():
    symptoms, progress = Symptoms(TrainingOptions(warmup=1, validate_every=10)), Progress(epoch=9)
    for losses in ([3.0] * 10, [2.5] * 10, [2.9] * 4):
        for loss in losses:
            progress = replace(progress, update=progress.update + 1)
            symptoms.add(Updated(progress, loss, 1e-3, 10, 1.0))
        assert symptoms.add(Validated(progress, Validation(3.0, 0, 0, 0, (), FINE), False)) == []


def test_an_epoch_of_a_large_corpus_is_not_waited_for():
    symptoms, progress = Symptoms(TrainingOptions(warmup=4000)), Progress(update=10_000, epoch=0)
    (said,) = symptoms.add(Validated(progress, Validation(5.0, 0, 0, 0, (), Faults(same=90.0)), False))
    assert "one and the same" in said


def test_updates_that_become_much_slower_for_their_ids_are_told_once():
    def told(*paces):
        symptoms, progress = Symptoms(TrainingOptions()), Progress()
        updates = [Updated(progress, 1.0, 1e-3, ids, pace * ids) for pace in paces for ids in (50, 100) * 100]
        return [text for update in updates for text in symptoms.add(update)]

    assert told(1.0, 1.5, 1.9, 0.8, 1.5) == []
    (said,) = told(3.0, 1.0, 1.2, 2.5, 4.0)
    assert "2.5 times as long" in said and "--threads" in said


@pytest.mark.parametrize(
    ("limits", "hours", "said"),
    [
        ({}, 12, ["an epoch takes about 12 hours at this speed"]),
        ({}, 1, []),
        ({"max_minutes": 60.0}, 12, []),
        ({"max_updates": 60}, 12, []),
        ({"max_tokens": 60}, 12, []),
    ],
)
def test_where_nothing_limits_a_training_the_hours_of_a_long_epoch_are_told_once(limits, hours, said):
    symptoms = Symptoms(TrainingOptions(**limits), epoch_tokens=hours * 3600 * 50)
    updates = [Updated(Progress(), 1.0, 1e-3, 100, seconds) for seconds in (30.0, 9.0, *[2.0] * 300)]
    assert [text.split(":")[0] for update in updates for text in symptoms.add(update)] == said


def test_a_training_loss_that_rises_is_a_rate_too_high():
    (said,) = told((5, 4, FINE), (4, 3, FINE), (4.5, 3.5, FINE), (6, 7, FINE))
    assert "training loss has risen from 4.00 to 4.50" in said and "learning_rate" in said


def test_losses_above_that_of_guessing_are_a_rate_too_high():
    guessing = 8.0
    (said,) = told((12.7, 7.9, FINE), guessing=guessing)
    assert "12.70, is above that of guessing, 8.00" in said
    assert "the validation loss is 7.90: lower learning_rate" in said
    assert told((12.7, 7.9, FINE), guessing=guessing, warmup=2) == []
    assert told((7.9, 9.0, FINE), guessing=guessing) == []
    assert told((9.0, 7.1, FINE), guessing=guessing) == []


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (Faults(repetition=40.0), ("40 % of the translations repeat words", "raise dropout")),
        (Faults(untranslated=40.0), ("40 % of the translations copy their source", "seqattn check")),
        (Faults(empty=40.0), ("40 % of the translations are empty", "seqattn check")),
        (
            Faults(same=40.0, repetition=50.0),
            ("40 % of the translations are one and the same", "learning_rate", "seqattn check"),
        ),
    ],
    ids=str,
)
def test_faults_of_translations_are_said_once_and_not_in_the_first_epochs(faults, words):
    (said,) = told((5, 4, FINE), (4, 3, faults), (3, 2, faults))
    assert all(word in said for word in words)
    assert told((5, 4, faults), epoch=2) == [] and told((5, 4, faults), warmup=400) == []


def test_faults_are_those_that_the_reference_does_not_have():
    pairs = [Pair("a b", "x x"), Pair("c", "c"), Pair("d e", "y"), Pair("f", "z"), Pair("g", "x x")]
    assert faults_of(pairs, ["x x", "c", "y y", "f", ""]) == Faults(0.0, 20.0, 20.0, 0.0)
    assert faults_of(pairs, ["x x", "c c", "y y", "z z", "x"]) == Faults(20.0, 0.0, 0.0, 0.0)
    assert faults_of(pairs, ["x"] * 5) == Faults(0.0, 0.0, 0.0, 60.0)
    assert faults_of(pairs, [pair.target for pair in pairs]) == Faults()


def test_a_training_whose_pairs_do_not_belong_together_is_warned_about(tmp_path):
    shifted = [Pair(pair.source, other.target) for pair, other in pairwise(TRAIN)]
    corpus = write_tsv(tmp_path / "shifted.tsv", shifted)
    how = *sizes("transformer"), *setting("learning_rate=0.03", "patience=0")
    result = seqattn(
        *("train", "--train", corpus, "--arch", "transformer", "--out", tmp_path / "run"),
        *("--max-updates", 160, *how),
    )
    assert result.stderr.count("Warning: ") >= 1
    assert "one and the same" in result.stderr or "by heart" in result.stderr
