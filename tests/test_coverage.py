"""The coverage penalty: scores are those of Wu et al. 2016, eq. 14, with the attention of teacher forcing."""

from __future__ import annotations

import json
import math
from itertools import product
from random import Random

import pytest
import torch
from torch import Tensor

import seqattn
from seqattn.data.batching import pad
from seqattn.decoding.coverage import coverage_penalty
from seqattn.decoding.search import (
    Hypothesis,
    SamplingOptions,
    SearchOptions,
    beam_search,
    length_penalty,
    sample,
    score_targets,
)
from seqattn.errors import InputError
from seqattn.models.base import Reading, Seq2Seq, Vocabulary
from seqattn.models.mixture import Member, Mixture
from seqattn.symbols import BOS, EOS

from commands import BOTH, TEST, error_of
from commands import seqattn as command
from helpers import VARIANT_NAMES, VARIANTS, random_rows, tiny_model
from runs import random_run
from trees import A, Attended, B, C, Tree, TreeModel

ATTENTIVE = [variant for variant in VARIANTS if variant[1].get("score") != "none"]
ATTENTIVE_NAMES = [name for name in VARIANT_NAMES if "none" not in name]
LENGTHS = (5, 2, 7, 3)
SOURCES = random_rows(LENGTHS, 13)
CHANCES = [Random(row) for row in range(len(SOURCES))]


def by_definition(weights: Tensor, beta: float) -> float:
    """β Σ_i log(min(Σ_j p_ij, 1)) over all source ids but EOS, of the weights (T, S) of one pair."""
    total = 0.0
    for position in range(weights.shape[1] - 1):
        received = sum(float(row[position]) for row in weights)
        total += math.log(min(max(received, torch.finfo(torch.float32).tiny), 1.0))
    return beta * total


def rescored(
    model: Seq2Seq, source: list[int], ids: list[int], reading: Reading, alpha: float, beta: float
) -> float:
    """log P / lp + cp of one target, alone and under teacher forcing."""
    row, target = torch.tensor([source]), torch.tensor([[BOS, *ids]])
    with torch.no_grad():
        (attention,) = model.attend(row, target[:, :-1])
    total = float(score_targets(model, row, target))
    return total / length_penalty(len(ids), alpha) + by_definition(reading.weights(attention), beta)


def test_the_penalty_is_wu_et_als():
    received = torch.tensor([[0.5, 1.7, 0.25, 0.0, 0.3], [1.0, 2.0, 1.0, 1.0, 0.0]])
    words = torch.tensor([[True, True, True, False, False]] * 2)
    found = coverage_penalty(received, words, 0.2)
    assert found.tolist() == pytest.approx([0.2 * (math.log(0.5) + math.log(0.25)), 0.0])


def test_a_word_without_any_attention_leaves_the_score_finite():
    found = coverage_penalty(torch.tensor([0.0, 1.0]), torch.tensor([True, True]), 1.0)
    assert -90 < found.item() < -80


@pytest.fixture(params=ATTENTIVE, ids=ATTENTIVE_NAMES)
def attentive(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, spread=2.0, **options)


@pytest.mark.parametrize("beam", [1, 3])
def test_scores_are_those_of_teacher_forced_attention(attentive, beam):
    for reading in (Reading(), Reading(layer=attentive.attention_shape.layers, head=1, consumed=True)):
        options = SearchOptions(
            beam=beam, length_penalty=0.6, max_ratio=1.0, coverage_penalty=0.3, reading=reading
        )
        for source, hypotheses in zip(SOURCES, beam_search(attentive, pad(SOURCES), options), strict=True):
            assert hypotheses
            scores = [one.score for one in hypotheses]
            assert scores == sorted(scores, reverse=True)
            for one in hypotheses:
                expected = rescored(attentive, source, one.ids, reading, 0.6, 0.3)
                assert one.score == pytest.approx(expected, abs=1e-3)
                assert one.score <= one.log_probability / length_penalty(len(one.ids), 0.6) + 1e-5


def test_scores_of_samples_are_those_of_teacher_forced_attention(attentive):
    options = SearchOptions(beam=3, length_penalty=1.0, max_ratio=1.0, coverage_penalty=0.3)
    drawn = sample(attentive, pad(SOURCES), options, SamplingOptions(), CHANCES)
    for source, hypotheses in zip(SOURCES, drawn, strict=True):
        assert len(hypotheses) == 3
        for one in hypotheses:
            expected = rescored(attentive, source, one.ids, Reading(), 1.0, 0.3)
            assert one.score == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid"])
def test_a_wide_beam_ranks_every_sequence_by_the_whole_score(architecture, alpha):
    model = tiny_model(architecture, vocabulary=Vocabulary(9, 7, shared=False), spread=2.0)
    sources = random_rows((4, 6), 9)
    options = SearchOptions(beam=64, length_penalty=alpha, max_ratio=0.0, max_extra=4, coverage_penalty=0.5)
    every = [[*words, EOS] for length in range(4) for words in product((A, B, C), repeat=length)]
    for source, found in zip(sources, beam_search(model, pad(sources), options), strict=True):
        expected = {tuple(ids): rescored(model, source, ids, Reading(), alpha, 0.5) for ids in every}
        assert [one.score for one in found] == pytest.approx(
            sorted(expected.values(), reverse=True), abs=1e-3
        )
        assert {tuple(one.ids): one.score for one in found} == pytest.approx(expected, abs=1e-3)


CHOICE: Tree = {(): {A: 0.6, B: 0.4}, (A,): {EOS: 0.9, C: 0.1}, (B,): {EOS: 0.1, C: 0.9}}
LOOKS: Attended = {
    # A, then EOS, look at the first of two source words; B looks at it, C at the second.
    (): [0.5, 0.0, 0.5],
    (A,): [0.5, 0.1, 0.4],
    (B,): [0.5, 0.4, 0.1],
    (A, C): [0.0, 0.2, 0.8],
    (B, C): [0.0, 0.6, 0.4],
}
TWO_WORDS = torch.tensor([[A, B, EOS]])


def chosen(beta: float, beam: int = 2, alpha: float = 0.0) -> list[Hypothesis]:
    model = TreeModel(CHOICE, attended=LOOKS)
    options = SearchOptions(beam=beam, length_penalty=alpha, coverage_penalty=beta)
    (found,) = beam_search(model, TWO_WORDS, options)
    return found


def test_coverage_changes_the_choice():
    short, whole = [A, EOS], [B, C, EOS]
    assert [one.ids for one in chosen(0.0)] == [short, whole]
    # The shorter one leaves the second word: log 0.54 against log 0.36, which covers both.
    first, second = chosen(0.5)
    assert (first.ids, second.ids) == (whole, short)
    assert first.log_probability == pytest.approx(math.log(0.4 * 0.9))
    assert first.score == pytest.approx(first.log_probability)
    assert second.score == pytest.approx(math.log(0.6 * 0.9) + 0.5 * math.log(0.1))


def test_greedy_search_finds_the_same_with_a_penalty(attentive):
    found = [
        beam_search(attentive, pad(SOURCES), SearchOptions(beam=1, coverage_penalty=beta))
        for beta in (0.0, 5.0)
    ]
    assert [[one.ids for one in row] for row in found[0]] == [[one.ids for one in row] for row in found[1]]


def test_search_stops_as_without_a_penalty(monkeypatch):
    tree: Tree = {(): {A: 0.6, B: 0.4}, (A,): {EOS: 0.9, C: 0.1}, (B,): {EOS: 0.9, C: 0.1}}
    tree |= {(word, *[C] * n): {C: 1.0} for word in (A, B) for n in range(1, 9)}
    # Only endless rows of C cover the second word.
    attended: Attended = {(): [1.0, 0.0001]} | {(A, C): [0.0, 1.0], (B, C): [0.0, 1.0]}
    steps = []
    for beta in (0.0, 1.0):
        model = TreeModel(tree, attended=attended)
        predict, read = model.predict, []
        monkeypatch.setattr(model, "predict", lambda *a, p=predict, r=read, **k: (r.append(1), p(*a, **k))[1])
        options = SearchOptions(beam=2, length_penalty=0.0, coverage_penalty=beta)
        (found,) = beam_search(model, TWO_WORDS, options)
        assert [one.ids for one in found] == [[A, EOS], [B, EOS]]
        steps.append(len(read))
    assert steps == [2, 2]


def test_neither_padding_nor_the_end_of_the_source_counts():
    model = TreeModel({(): {EOS: 1.0}}, attended={(): [0.25, 0.0, 0.75]})
    options = SearchOptions(beam=1, length_penalty=0.0, coverage_penalty=1.0)
    found = beam_search(model, pad([[A, EOS], [A, B, EOS], [A, EOS]]), options)
    scores = [hypotheses[0].score for hypotheses in found]
    assert scores[0] == scores[2] == pytest.approx(math.log(0.25))
    assert scores[1] < scores[0] - 50


def test_without_a_penalty_attention_is_never_asked_for(monkeypatch):
    model, asked = tiny_model("transformer", spread=2.0), []
    predict = model.predict

    def watched(*arguments, attention=False):
        asked.append(attention)
        return predict(*arguments, attention=attention)

    monkeypatch.setattr(model, "predict", watched)
    for beta, expected in ((0.0, {False}), (0.1, {True})):
        asked.clear()
        options = SearchOptions(beam=2, coverage_penalty=beta)
        beam_search(model, pad(SOURCES), options)
        sample(model, pad(SOURCES), options, SamplingOptions(), CHANCES)
        assert set(asked) == expected


def test_a_penalty_changes_no_log_probability(attentive):
    plain, penalised = (
        beam_search(
            attentive, pad(SOURCES), SearchOptions(beam=64, max_ratio=0, max_extra=2, coverage_penalty=b)
        )
        for b in (0.0, 0.4)
    )
    for one, other in zip(plain, penalised, strict=True):
        totals = [{tuple(each.ids): each.log_probability for each in row} for row in (one, other)]
        assert totals[0] == pytest.approx(totals[1], abs=1e-6)
        for each in one:
            assert each.score == pytest.approx(
                each.log_probability / length_penalty(len(each.ids), 1.0), abs=1e-6
            )


def test_the_coverage_of_an_ensemble_is_that_of_the_mean_of_its_readings():
    models = [tiny_model("lstm", spread=2.0), tiny_model("transformer", spread=2.0), tiny_model("hybrid")]
    readings = [Reading(), Reading(2, 1, consumed=True), Reading()]
    mixture = Mixture([Member(*pair) for pair in zip(models, readings, strict=True)])
    options = SearchOptions(beam=3, max_ratio=1.0, coverage_penalty=0.3)
    found = beam_search(mixture, mixture.collator.stack(SOURCES, 0), options)
    for source, hypotheses in zip(SOURCES, found, strict=True):
        for one in hypotheses:
            target = torch.tensor([[BOS, *one.ids[:-1]]])
            with torch.no_grad():
                each = [
                    reading.weights(model.attend(torch.tensor([source]), target))[0]
                    for model, reading in zip(models, readings, strict=True)
                ]
            expected = one.log_probability / length_penalty(len(one.ids), 1.0)
            expected += by_definition(torch.stack(each).mean(0), 0.3)
            assert one.score == pytest.approx(expected, abs=1e-3)


def test_a_model_with_itself_finds_exactly_what_it_finds_alone():
    model, reading = tiny_model("transformer", spread=2.0), Reading(2)
    mixture = Mixture([Member(model, reading)] * 2)
    own = SearchOptions(beam=3, coverage_penalty=0.3, reading=reading)
    both = SearchOptions(beam=3, coverage_penalty=0.3)
    found = beam_search(mixture, mixture.collator.stack(SOURCES, 0), both)
    assert found == beam_search(model, pad(SOURCES), own)


@BOTH
def test_the_command_reports_the_score_with_the_runs_own_reading(work, architecture):
    run = seqattn.load(work.run(architecture), device="cpu")
    asked = ("translate", work.run(architecture), work.source, "--coverage-penalty", 0.5)
    shown = command(*asked, "--nbest", 2, "--format", "jsonl").stdout.splitlines()
    lines = [pair.source for pair in TEST]
    found = run.translate(lines, nbest=2, coverage_penalty=0.5)
    for line, one in zip(shown, found, strict=True):
        records = json.loads(line)["translations"]
        for record, candidate in zip(records, one.candidates, strict=True):
            (source,), (hypothesis,) = one.pieces, candidate.hypotheses
            expected = rescored(run.model, list(source), hypothesis.ids, run.reading, 1.0, 0.5)
            assert record["score"] == pytest.approx(expected, abs=1e-3)
            assert record["text"] == candidate.text
    assert [one.text for one in found] == command(*asked).stdout.splitlines()


def test_the_command_evaluates_with_a_penalty(work):
    asked = ("evaluate", work.run("lstm"), "--test", work.test, "--json", "-")
    figures = json.loads(command(*asked, "--coverage-penalty", 2).stdout)
    found = seqattn.load(work.run("lstm"), device="cpu").evaluate(work.test, coverage_penalty=2.0)
    assert figures["coverage_penalty"] == 2 and figures["translations"] == list(found.hypotheses)
    assert json.loads(command(*asked).stdout)["coverage_penalty"] == 0


def test_a_run_without_attention_is_refused_by_name(work, tmp_path):
    blind = random_run(tmp_path / "blind", "lstm", score="none")[0].path
    for arguments in (
        ("translate", blind, work.source),
        ("translate", blind, blind, work.source),
        ("evaluate", blind, "--test", work.test),
    ):
        message = error_of(command(*arguments, "--coverage-penalty", 0.2, status=1))
        assert f"{blind}: this model has no attention" in message
    assert command("translate", blind, blind, work.source).stdout


def test_a_model_without_attention_or_without_that_head_is_refused():
    options = SearchOptions(coverage_penalty=0.2)
    with pytest.raises(InputError, match="no attention to measure coverage by"):
        beam_search(tiny_model("lstm", score="none"), pad(SOURCES), options)
    with pytest.raises(InputError, match="there is no head 9"):
        beam_search(
            tiny_model("transformer"),
            pad(SOURCES),
            SearchOptions(coverage_penalty=0.2, reading=Reading(head=9)),
        )


@pytest.mark.parametrize("value", ["-0.1", "nan", "11", "x"])
def test_an_impossible_penalty_is_a_usage_error(work, value):
    result = command("translate", work.run("lstm"), work.source, f"--coverage-penalty={value}", status=2)
    assert "--coverage-penalty" in result.stderr


def test_a_negative_penalty_is_refused_in_python():
    with pytest.raises(ValueError, match="coverage_penalty"):
        SearchOptions(coverage_penalty=-0.1)
