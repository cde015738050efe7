"""Comparison of systems: figures are those of their folders, and the examples shown are well chosen."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import sacrebleu

from seqattn.comparison.systems import most_different, representative_sentence, system, unique_names
from seqattn.data.corpus import Pair
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.evaluation.scores import score
from seqattn.runs.folder import RunFolder

from runs import random_run, reversal_pairs, train_toy

PAIRS = reversal_pairs(20, seed=9)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_toy(tmp_path_factory.mktemp("runs") / "toy", "lstm")


@pytest.fixture(scope="module")
def assessed(run):
    return system(run, PAIRS, beam=2, alpha=1.0)


def test_the_figures_of_a_system_are_those_of_its_metrics(run, assessed):
    events = RunFolder(run.path).read_metrics()
    updates = [event for event in events if event.event == "updated"]
    assert assessed.updates == len(updates) == 10
    assert assessed.tokens == sum(event.tokens for event in updates)
    assert assessed.updating == pytest.approx(sum(event.seconds for event in updates))
    assert assessed.seconds == events[-1].all_seconds >= assessed.updating - 0.1
    assert assessed.tokens_per_second == pytest.approx(assessed.tokens / assessed.updating)
    assert assessed.parameters == sum(parameter.numel() for parameter in run.model.parameters())
    assert assessed.name == "toy"


def test_the_curve_of_a_system_has_its_validations_without_the_average(run, assessed):
    events = [event for event in RunFolder(run.path).read_metrics() if event.event == "validated"]
    assert any(event.averaged for event in events)
    expected = [(e.update, e.all_seconds, e.loss, e.bleu) for e in events if not e.averaged]
    assert [(p.update, p.seconds, p.loss, p.bleu) for p in assessed.curve] == expected
    assert [point.update for point in assessed.curve] == [4, 8, 10]


def test_a_system_is_scored_on_what_it_translates(run, assessed):
    search = SearchOptions(beam=2, length_penalty=1.0, max_ratio=run.config.max_ratio)
    translator = Translator(run.model, run.tokenizer, TranslationOptions(search))
    found = list(translator.translate(pair.source for pair in PAIRS))
    hypotheses = [translation.text for translation in found]
    references = [pair.target for pair in PAIRS]
    assert list(assessed.assessment.hypotheses) == hypotheses
    assert assessed.assessment.scores == score(hypotheses, references)
    assert assessed.assessment.scores.chrf == sacrebleu.corpus_chrf(hypotheses, [references]).score
    ids = sum(len(t.candidates[0].hypotheses[0].ids) for t in found)
    assert assessed.assessment.output_ids == ids > 0


def test_the_json_of_a_system_contains_its_figures(assessed):
    found = assessed.to_json()
    assert found["architecture"] == "lstm"
    assert found["scores"]["bleu"] == assessed.assessment.scores.bleu
    assert found["curve"][0] == {
        "update": 4,
        "seconds": assessed.curve[0].seconds,
        "loss": assessed.curve[0].loss,
        "bleu": assessed.curve[0].bleu,
    }
    rate = found["decoding_sentences_per_second"] * found["decoding_seconds"]
    assert rate == pytest.approx(len(PAIRS))


def test_a_run_without_metrics_still_has_scores(tmp_path):
    random_run(tmp_path / "run", "lstm")
    from seqattn.runs.run import load_run

    found = system(load_run(tmp_path / "run"), PAIRS[:2], beam=1, alpha=1.0, name="bare")
    assert (found.name, found.updates, found.tokens, found.tokens_per_second) == ("bare", 0, 0, 0)
    assert found.curve == ()


def test_an_empty_source_is_assessed_as_an_empty_translation(run):
    found = run.evaluate([Pair("", "nothing"), *PAIRS[:1]], beam=1)
    assert found.hypotheses[0] == ""
    assert found.scores.sentences == 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["x/lstm", "y/lstm"], ["x/lstm", "y/lstm"]),
        (["one/x/lstm", "two/x/lstm", "b"], ["one/x/lstm", "two/x/lstm", "b"]),
        (["a", "b/a"], ["a", "b/a"]),
        (["same", "same"], ["same (1)", "same (2)"]),
        (["only/this"], ["this"]),
    ],
)
def test_names_are_as_short_as_distinguishes_the_runs(paths, names):
    assert unique_names([Path(path) for path in paths]) == names


def translating(*hypotheses):
    """A stand-in for a system, with translations only."""
    return SimpleNamespace(assessment=SimpleNamespace(hypotheses=hypotheses))


TEST = [
    Pair("one", "the red dog sleeps"),
    Pair("two", "the cat"),
    Pair("three", "a bird sings"),
    Pair("four", "all the same"),
]
GOOD = translating("the red dog sleeps", "the cat", "a bird sings", "all wrong")
WORSE = translating("the red dog sleep", "zzz", "a bird", "all wrong")


def test_the_sentences_most_different_in_chrf_are_in_the_order_of_the_test_set():
    assert most_different([GOOD, WORSE], TEST, 1) == [1]
    assert most_different([GOOD, WORSE], TEST, 2) == [1, 2]
    assert most_different([WORSE, GOOD], TEST, 3) == [0, 1, 2]


def test_sentences_with_equal_translations_are_never_shown_as_different():
    assert most_different([GOOD, WORSE], TEST, 10) == [0, 1, 2]
    assert most_different([GOOD, GOOD], TEST, 10) == []
    assert most_different([GOOD], TEST, 10) == []


def test_the_representative_sentence_is_right_in_most_systems_and_then_closest_to_eight_words():
    pairs = [
        Pair("w " * 8, "right"),
        Pair("w " * 3, "right"),
        Pair("w " * 7, "right"),
        Pair("w " * 20, "right"),
        Pair("w " * 9, "right"),
    ]
    first = translating("wrong", "right", "right", "right", "right")
    second = translating("wrong", "right", "right", "right", "wrong")
    assert representative_sentence([first, second], pairs) == 2
    nothing_right = translating(*["wrong"] * 5)
    assert representative_sentence([nothing_right], pairs) == 0
