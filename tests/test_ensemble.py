"""Ensembles: the next id has the mean of the models' probabilities, in every kind of search and command."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

import seqattn
from seqattn.alignment.reading import attention_of
from seqattn.data.batching import Example, pad
from seqattn.data.corpus import Pair
from seqattn.decoding.search import (
    SamplingOptions,
    SearchOptions,
    beam_search,
    length_penalty,
    sample,
    score_targets,
)
from seqattn.decoding.translation import TranslationOptions, search_all
from seqattn.errors import InputError
from seqattn.models.base import Reading, Seq2Seq, Vocabulary
from seqattn.models.int8 import quantize
from seqattn.models.mixture import Member, Mixture, mean_probability
from seqattn.runs.ensemble import Ensemble
from seqattn.runs.run import Run, load_run
from seqattn.symbols import BOS, EOS
from seqattn.text.tokenizer import Tokenizer, TokenizerOptions, train_tokenizer

from commands import BOTH, TEST, error_of
from commands import seqattn as command
from helpers import VARIANT_NAMES, VARIANTS, random_rows, random_target, tiny_model
from runs import PROSE, prose_tokenizer, random_run
from trees import A, B, C, Tree, TreeModel

MIXED: list[tuple[str, dict[str, object]]] = [
    ("lstm", {"input_feeding": True}),
    ("transformer", {}),
    ("hybrid", {"score": "general"}),
    ("lstm", {"score": "none", "decoder_layers": 2}),
    ("lstm", {"attention": "local-m", "window": 1}),
]
LENGTHS = (5, 2, 7, 3)


def mixture_of(*models: Seq2Seq) -> Mixture:
    return Mixture([Member(model) for model in models])


def mixed(**sizes: object) -> list[Seq2Seq]:
    return [
        tiny_model(architecture, seed=seed, spread=3.0, **sizes, **options)
        for seed, (architecture, options) in enumerate(MIXED)
    ]


def stacked(mixture: Mixture, lengths: tuple[int, ...] = LENGTHS, size: int = 13) -> Tensor:
    return mixture.collator.stack(random_rows(lengths, size), 0)


def step_by_step(models: list[Seq2Seq], source: list[int], ids: list[int]) -> float:
    """Σ log of the mean probability of each id, of the models' own teacher forcing in float64."""
    with torch.no_grad():
        each = [
            model.double()(torch.tensor([source]), torch.tensor([[BOS, *ids[:-1]]])).logits.softmax(-1)
            for model in models
        ]
    mean = torch.stack(each).mean(0)[0]
    return float(mean.gather(-1, torch.tensor(ids).unsqueeze(-1)).log().sum())


# The mean.


@given(
    st.integers(1, 4).flatmap(
        lambda count: st.lists(
            st.lists(st.floats(-60, 60), min_size=count, max_size=count), min_size=2, max_size=5
        )
    )
)
def test_the_mean_is_that_of_the_probabilities(logits):
    each = list(torch.tensor(logits, dtype=torch.float64).T.log_softmax(-1))
    expected = torch.stack(each).exp().mean(0)
    found = mean_probability([one.float() for one in each])
    torch.testing.assert_close(found.exp().double(), expected, rtol=1e-4, atol=1e-12)


def test_the_mean_of_probabilities_that_underflow_is_exact():
    each = [torch.tensor([-300.0, -200.0]), torch.tensor([-301.0, -5000.0])]
    found = mean_probability(each)
    assert found.tolist() == pytest.approx([-300 + math.log((1 + math.exp(-1)) / 2), -200 - math.log(2)])


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_mean_of_equal_probabilities_is_the_same_bit_for_bit(count):
    one = torch.randn(4, 9, generator=torch.Generator().manual_seed(1)).log_softmax(-1)
    one[0, 3] = -torch.inf
    assert torch.equal(mean_probability([one] * count), one)


def test_an_id_is_impossible_only_if_it_is_for_every_model():
    never = -torch.inf
    found = mean_probability([torch.tensor([never, never, 0.0]), torch.tensor([never, 0.0, never])])
    assert found.tolist() == pytest.approx([never, -math.log(2), -math.log(2)])


# Search.


def test_search_over_two_trees_finds_the_mean_worked_out_by_hand():
    one: Tree = {(): {A: 0.8, B: 0.2}, (A,): {EOS: 0.1, C: 0.9}, (A, C): {EOS: 0.5, C: 0.5}}
    two: Tree = {(): {A: 0.2, B: 0.8}, (A,): {EOS: 0.3, C: 0.7}, (A, C): {EOS: 0.7, C: 0.3}}
    mixture = mixture_of(TreeModel(one), TreeModel(two))
    source = mixture.collator.stack([[A, EOS]], 0)
    (found,) = beam_search(mixture, source, SearchOptions(beam=8, length_penalty=0))
    # The products are of means: 0.5 · 0.8 · 0.6, which is not the mean of the products.
    expected = {(B, EOS): 0.5, (A, C, EOS): 0.5 * 0.8 * 0.6, (A, C, C, EOS): 0.5 * 0.8 * 0.4, (A, EOS): 0.1}
    assert {tuple(one.ids): math.exp(one.log_probability) for one in found} == pytest.approx(expected)


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_wide_beam_over_an_ensemble_equals_brute_force_over_every_sequence(alpha):
    models = mixed(vocabulary=Vocabulary(9, 7, shared=False))
    mixture, sources = mixture_of(*models), random_rows((4, 6), 9)
    options = SearchOptions(beam=64, length_penalty=alpha, max_ratio=0.0, max_extra=4)
    found = beam_search(mixture, mixture.collator.stack(sources, 0), options)
    every = [[*words, EOS] for length in range(4) for words in product((A, B, C), repeat=length)]
    for source, hypotheses in zip(sources, found, strict=True):
        totals = {tuple(ids): step_by_step(models, source, ids) for ids in every}
        scores = {ids: total / length_penalty(len(ids), alpha) for ids, total in totals.items()}
        assert {tuple(one.ids) for one in hypotheses} == set(scores)
        assert [one.score for one in hypotheses] == pytest.approx(
            sorted(scores.values(), reverse=True), abs=1e-4
        )
        for one in hypotheses:
            assert one.log_probability == pytest.approx(totals[tuple(one.ids)], abs=1e-4)
            assert one.score == pytest.approx(scores[tuple(one.ids)], abs=1e-4)


def test_scores_of_targets_are_the_log_of_the_mean_probability_at_each_step():
    models = mixed()
    mixture, sources = mixture_of(*models), random_rows(LENGTHS, 13)
    targets = [[7, 5, EOS], [EOS], [6, 6, 8, 9, EOS], [4, EOS]]
    found = score_targets(
        mixture, mixture.collator.stack(sources, 0), pad([[BOS, *target] for target in targets])
    )
    expected = [step_by_step(models, *pair) for pair in zip(sources, targets, strict=True)]
    assert found.tolist() == pytest.approx(expected, abs=1e-4)
    # It is neither the mean of the scores nor the score of one.
    for row, (source, target) in enumerate(zip(sources, targets, strict=True)):
        each = [step_by_step([model], source, target) for model in models]
        assert abs(found[row].item() - sum(each) / len(each)) > 1e-3


@pytest.mark.parametrize("beam", [1, 4])
def test_hypotheses_have_the_scores_of_their_targets_and_a_batch_equals_single_sentences(beam):
    models = mixed()
    mixture, sources = mixture_of(*models), random_rows(LENGTHS, 13)
    options = SearchOptions(beam=beam, max_ratio=1.0)
    found = beam_search(mixture, mixture.collator.stack(sources, 0), options)
    for source, hypotheses in zip(sources, found, strict=True):
        (alone,) = beam_search(mixture, mixture.collator.stack([source], 0), options)
        assert [one.ids for one in hypotheses] == [one.ids for one in alone]
        for one in hypotheses:
            assert one.log_probability == pytest.approx(step_by_step(models, source, one.ids), abs=1e-4)


@pytest.fixture(params=VARIANTS, ids=VARIANT_NAMES)
def model(request: pytest.FixtureRequest) -> Seq2Seq:
    architecture, options = request.param
    return tiny_model(architecture, spread=2.0, **options)


def test_reading_ids_at_once_equals_reading_them_one_by_one(model):
    mixture = mixture_of(model, tiny_model("lstm", seed=5), tiny_model("transformer", seed=6))
    target = random_target(len(LENGTHS), 5)
    memory, state = mixture.encode(stacked(mixture))
    whole = mixture.predict(target, memory, state).log_p
    torch.testing.assert_close(whole.exp().sum(-1), torch.ones(whole.shape[:2]))
    for at in range(target.shape[1]):
        found = mixture.predict(target[:, at : at + 1], memory, state)
        state = found.state
        torch.testing.assert_close(found.log_p[:, 0], whole[:, at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_model_with_itself_finds_exactly_what_it_finds_alone(model, count):
    mixture, alone = mixture_of(*[model] * count), pad(random_rows(LENGTHS, 13))
    for beam in (1, 4):
        options = SearchOptions(beam=beam, max_ratio=1.0)
        assert beam_search(mixture, stacked(mixture), options) == beam_search(model, alone, options)
    drawn = [
        sample(one, source, SearchOptions(beam=3), SamplingOptions(), torch.Generator().manual_seed(1))
        for one, source in ((mixture, stacked(mixture)), (model, alone))
    ]
    assert drawn[0] == drawn[1]


def test_the_order_of_the_models_does_not_matter():
    models = mixed()
    options, found = SearchOptions(beam=4, max_ratio=1.0), []
    for order in (models, models[::-1], models[2:] + models[:2]):
        mixture = mixture_of(*order)
        found.append(beam_search(mixture, stacked(mixture), options))
    for other in found[1:]:
        for row, expected in zip(other, found[0], strict=True):
            assert [one.ids for one in row] == [one.ids for one in expected]
            assert [one.score for one in row] == pytest.approx([one.score for one in expected], abs=1e-4)


def test_an_ensemble_holds_what_each_of_its_models_holds():
    short = tiny_model("transformer", positions="learned", max_positions=6, spread=2.0)
    unlimited, longer = tiny_model("lstm"), tiny_model("transformer", positions="learned", max_positions=9)
    assert mixture_of(unlimited, unlimited).longest is None
    mixture = mixture_of(unlimited, longer, short)
    assert mixture.longest == 6
    options = SearchOptions(beam=2, max_ratio=9.0)
    found = beam_search(mixture, stacked(mixture, (6, 3)), options)
    assert max(len(one.ids) for row in found for one in row) <= 6


def test_an_ensemble_of_models_in_int8_equals_each_of_them_alone_and_finds_its_own_scores():
    models = [tiny_model("lstm", spread=2.0), tiny_model("transformer", spread=2.0)]
    for model in models:
        quantize(model)
    same = mixture_of(models[0], models[0])
    options = SearchOptions(beam=3, max_ratio=1.0)
    alone = beam_search(models[0], pad(random_rows(LENGTHS, 13)), options)
    assert beam_search(same, stacked(same), options) == alone
    mixture = mixture_of(*models)
    for row, hypotheses in enumerate(beam_search(mixture, stacked(mixture), options)):
        for one in hypotheses:
            source = mixture.collator.stack(random_rows(LENGTHS, 13)[row : row + 1], 0)
            total = float(score_targets(mixture, source, torch.tensor([[BOS, *one.ids]])))
            assert one.log_probability == pytest.approx(total, abs=1e-4)


def test_the_attention_of_an_ensemble_has_a_head_for_each_models_reading():
    models = [tiny_model("lstm"), tiny_model("transformer")]
    readings = [Reading(1), Reading(2, 1)]
    mixture = Mixture([Member(*pair) for pair in zip(models, readings, strict=True)])
    target = random_target(len(LENGTHS), 5)
    found = mixture.predict(target, *mixture.encode(stacked(mixture)), attention=True).attention
    assert mixture.attention_shape == (1, 2) and found is not None
    for head, (one, reading) in enumerate(zip(models, readings, strict=True)):
        expected = reading.weights(one.attend(pad(random_rows(LENGTHS, 13)), target))
        torch.testing.assert_close(found[:, 0, head], expected)
    assert mixture_of(tiny_model("lstm", score="none"), models[0]).attention_shape is None


def test_batches_in_parallel_give_the_same_as_in_sequence():
    mixture, sources = mixture_of(*mixed()), random_rows((5, 2, 7, 3, 6, 4, 8), 13)
    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            options = TranslationOptions(SearchOptions(beam=3, max_ratio=1.0), batch_tokens=24)
            found.append(search_all(mixture, sources, options, torch.Generator()))
    finally:
        torch.set_num_threads(before)
    assert [[one.ids for one in row] for row in found[0]] == [[one.ids for one in row] for row in found[1]]


# Runs.


def loaded(work, *architectures: str) -> list[Run]:
    return [seqattn.load(work.run(architecture), device="cpu") for architecture in architectures]


@BOTH
def test_a_run_with_itself_translates_scores_and_is_evaluated_exactly_as_the_run(work, architecture):
    (run,) = loaded(work, architecture)
    both = seqattn.ensemble([run, run])
    lines = [pair.source for pair in TEST]
    for options in ({}, {"beam": 1}, {"nbest": 3}, {"sampling": SamplingOptions(seed=3), "nbest": 2}):
        expected = [one.candidates for one in run.translate(lines, **options)]
        assert [one.candidates for one in both.translate(lines, **options)] == expected
    assert both.translate(lines[0]) == run.translate(lines[0])
    assert both.score(*TEST[0]) == run.score(*TEST[0])
    assert both.evaluate(work.test).scores == run.evaluate(work.test).scores


def test_the_score_by_an_ensemble_is_the_log_of_the_mean_probability(work):
    runs = loaded(work, "lstm", "transformer")
    both = seqattn.ensemble(runs)
    for source, target in TEST[:4]:
        ids = [run.tokenizer.source.encode(source) for run in runs]
        expected = step_by_step(
            [run.model for run in loaded(work, "lstm", "transformer")],
            ids[0],
            runs[0].tokenizer.target.encode(target),
        )
        assert both.score(source, target) == pytest.approx(expected, abs=1e-4)
        assert both.score(source, target) != pytest.approx(runs[0].score(source, target), abs=1e-2)


def test_the_command_translates_with_several_runs_in_any_order(work, tmp_path):
    runs = [work.run("lstm"), work.run("transformer")]
    expected = [str(one) for one in seqattn.ensemble(runs).translate([pair.source for pair in TEST])]
    for order in (runs, runs[::-1]):
        assert command("translate", *order, work.source).stdout.splitlines() == expected
        assert command("translate", *order, input=work.source.read_text()).stdout.splitlines() == expected
        assert (
            command("translate", *order, "-", input=work.source.read_text()).stdout.splitlines() == expected
        )
        command("translate", *order, work.source, "--output", tmp_path / "out")
        assert (tmp_path / "out").read_text().splitlines() == expected
    alone = [command("translate", run, work.source).stdout for run in runs]
    assert command("translate", runs[0], runs[0], work.source).stdout == alone[0]
    int8 = command("translate", *runs, work.source, "--precision", "int8").stdout
    assert len(int8.splitlines()) == len(TEST)


def test_the_command_evaluates_several_runs(work):
    runs = [work.run("lstm"), work.run("transformer")]
    figures = json.loads(command("evaluate", *runs, "--test", work.test, "--json", "-").stdout)
    found = seqattn.ensemble(runs).evaluate(work.test)
    assert figures["runs"] == list(map(str, runs))
    assert figures["translations"] == list(found.hypotheses) and figures["bleu"] == found.scores.bleu


def test_the_attention_of_translations_is_the_mean_of_the_runs_attention(work):
    runs = loaded(work, "lstm", "transformer")
    both = seqattn.ensemble(runs)
    lines = ["red dog", "", "one blue cat"]
    found = both.translate(lines)
    seen = list(both.attention_of_translations(found))
    assert [len(parts) for parts in seen] == [1, 0, 1]
    shown = command(
        "translate", *(run.path for run in runs), "--attention", "--format", "jsonl", input="\n".join(lines)
    )
    records = [json.loads(line) for line in shown.stdout.splitlines()]
    for one, parts, record in zip(found, seen, records, strict=True):
        for pieces, hypothesis, part in zip(one.pieces, one.candidates[0].hypotheses, parts, strict=True):
            example = Example(list(pieces), hypothesis.ids)
            each = [next(attention_of(run.model, run.tokenizer, [example], run.reading)) for run in runs]
            assert part.source == each[0].source and part.target == each[0].target
            torch.testing.assert_close(part.weights, (each[0].weights + each[1].weights) / 2)
            assert record["attention"] == [part.to_json()]


def test_runs_and_their_folders_make_an_ensemble_and_none_makes_none(work):
    run = seqattn.load(work.run("lstm"), device="cpu")
    both = seqattn.ensemble([run, str(work.run("transformer"))])
    assert isinstance(both, Ensemble) and len(both.runs) == 2
    assert repr(both) == f"Ensemble of 2 runs: {work.run('lstm')}, {work.run('transformer')}"
    with pytest.raises(ValueError, match="needs a run"):
        seqattn.ensemble([])


# Runs that do not fit.


def test_runs_with_different_target_vocabularies_are_refused_by_name(work, tmp_path):
    other = random_run(tmp_path / "other", "lstm")[0].path
    for arguments in (
        ("translate", work.run("lstm"), other, work.source),
        ("evaluate", work.run("lstm"), other, "--test", work.test),
    ):
        message = error_of(command(*arguments, status=1))
        assert f"{other}: has another target vocabulary than {work.run('lstm')}" in message


def test_runs_of_two_directions_are_refused_by_name(work):
    message = error_of(command("translate", work.run("lstm"), work.back("lstm"), work.source, status=1))
    assert f"{work.back('lstm')}: translates from target to source" in message
    assert f"{work.run('lstm')} from source to target" in message


def edited(path: Path, **changes: Any) -> Run:
    """A run whose config is changed."""
    config = json.loads((path / "config.json").read_text())
    config |= changes | {"data": config["data"] | changes.get("data", {})}
    (path / "config.json").write_text(json.dumps(config))
    return load_run(path)


def test_the_runs_that_know_the_sides_of_a_corpus_decide_how_it_is_read(tmp_path):
    random_run(tmp_path / "named", "lstm")
    random_run(tmp_path / "unnamed", "transformer")
    named = edited(tmp_path / "named", data={"sides": ["aa", "bb"]})
    swapped = edited(tmp_path / "unnamed", data={"swapped": True, "train_fingerprint": "other"})
    for order in ([named, swapped], [swapped, named]):
        both = seqattn.ensemble(order)
        assert not both.turns("test.aa,test.bb") and both.turns("test.bb,test.aa")
        with pytest.raises(InputError, match=r"test\.tsv: is read from source to target by some"):
            both.turns("test.tsv")
    assert seqattn.ensemble([swapped, swapped]).turns("test.tsv")


def test_the_limit_is_the_largest_of_the_runs(tmp_path):
    folder = random_run(tmp_path / "run", "lstm")[0].path
    runs = [load_run(folder), edited(folder, max_ratio=0.5), edited(folder, max_ratio=2.5)]
    for order in (runs, runs[::-1]):
        assert seqattn.ensemble(order).search_options().max_ratio == 2.5


def test_a_sentence_that_one_run_cannot_hold_names_the_run(tmp_path):
    short = random_run(tmp_path / "short", "transformer", positions="learned", max_positions=8)[0].path
    runs = [load_run(random_run(tmp_path / "any", "lstm")[0].path), load_run(short)]
    both = seqattn.ensemble(runs)
    with pytest.raises(InputError, match=r"short: a sentence has more than the 8 pieces"):
        both.score(" ".join(PROSE), "the dog")
    (found,) = both.translate([" ".join(PROSE)])
    assert max(map(len, found.pieces)) == 8


# The command line.


@pytest.mark.parametrize("name", ["lstn", "transformr", "lstm/"])
def test_a_misspelt_run_is_not_taken_for_input(work, name):
    misspelt = work.path / name.replace("/", "x")
    for more in ([], [work.source]):
        message = error_of(command("translate", work.run("lstm"), misspelt, *more, status=1))
        assert f"{misspelt}: is not a run (did you mean {work.path}" in message
    message = error_of(command("translate", misspelt, work.source, status=1))
    assert f"{misspelt}: does not exist" in message


def test_input_comes_last_and_a_folder_is_none(work, tmp_path):
    runs = [work.run("lstm"), work.run("transformer")]
    message = error_of(command("translate", runs[0], work.source, runs[1], status=1))
    assert f"{work.source}: is not a run (runs are folders that training wrote; INPUT is last)" in message
    message = error_of(command("translate", *runs, work.source, work.source, status=1))
    assert f"{work.source}: is not a run" in message
    (tmp_path / "folder").mkdir()
    assert "folder: is not a run" in error_of(command("translate", *runs, tmp_path / "folder", status=1))
    missing = error_of(command("translate", *runs, tmp_path / "nothing.txt", status=1))
    assert "nothing.txt" in missing and "cannot be read" in missing


def test_a_text_may_have_nearly_the_name_of_a_run(work):
    text = work.path / "lstm.txt"
    text.write_text(work.source.read_text())
    expected = command("translate", work.run("lstm"), work.source).stdout
    assert command("translate", work.run("lstm"), text).stdout == expected


def test_evaluate_needs_a_run(work):
    assert "Missing argument 'RUN...'" in command("evaluate", "--test", work.test, status=2).stderr


# Different source tokenizers.


def other_source() -> Tokenizer:
    """The separate tokenizers of the prose, with another one for the source."""
    texts = [line.upper() for line in PROSE] + PROSE
    options = TokenizerOptions(vocab_size=350, joint=False)
    return Tokenizer(train_tokenizer(texts * 3, PROSE, options).source, prose_tokenizer(joint=False).target)


@pytest.fixture(scope="module")
def apart(tmp_path_factory) -> list[Run]:
    """Two runs that share the target vocabulary and split sources into different pieces."""
    folder = tmp_path_factory.mktemp("apart")
    paths = [
        random_run(folder / "one", "lstm", joint=False)[0].path,
        random_run(folder / "two", "transformer", tokenizer=other_source(), seed=4)[0].path,
    ]
    return [load_run(path) for path in paths]


def test_runs_that_split_sources_differently_each_read_their_own_pieces(apart):
    source, target = PROSE[0], PROSE[1]
    ids = [run.tokenizer.source.encode(source) for run in apart]
    assert ids[0] != ids[1]
    gold = apart[0].tokenizer.target.encode(target)
    mean = torch.stack(
        [
            run.model(torch.tensor([own]), torch.tensor([[BOS, *gold[:-1]]])).logits.softmax(-1)[0]
            for run, own in zip(apart, ids, strict=True)
        ]
    ).mean(0)
    expected = float(mean.gather(-1, torch.tensor(gold).unsqueeze(-1)).log().sum().detach())
    assert seqattn.ensemble(apart).score(source, target) == pytest.approx(expected, abs=1e-4)


def test_runs_that_split_sources_differently_translate_in_any_order(apart):
    lines = [*PROSE, "", " ".join(PROSE), "naïve 저는 \U0001f600", "x" * 40]
    found = [seqattn.ensemble(order).translate(lines) for order in (apart, apart[::-1])]
    assert [str(one) for one in found[0]] == [str(one) for one in found[1]]
    assert found[0][5].text == "" and len(found[0]) == len(lines)


def test_attention_to_words_has_a_mean_even_if_pieces_differ(apart):
    both = seqattn.ensemble(apart)
    line = PROSE[1]
    (found,) = both.translate([line])
    ((seen,),) = both.attention_of_translations([found])
    assert seen.source == [*line.split(), "</s>"]
    ids = found.candidates[0].hypotheses[0].ids
    each = [
        next(
            attention_of(
                run.model, run.tokenizer, [Example(run.tokenizer.source.encode(line), ids)], run.reading
            )
        )
        for run in apart
    ]
    torch.testing.assert_close(seen.weights, (each[0].weights + each[1].weights) / 2)


def test_coverage_of_different_pieces_is_refused(apart):
    with pytest.raises(InputError, match=r"two: splits sources into other pieces than .*one"):
        seqattn.ensemble(apart).translate("the dog", coverage_penalty=0.2)


def test_a_limit_on_pieces_cannot_be_kept_if_pieces_differ(apart, tmp_path):
    short = random_run(tmp_path / "short", "transformer", joint=False, positions="learned", max_positions=8)[
        0
    ].path
    with pytest.raises(InputError, match=r"short: holds at most 8 pieces"):
        seqattn.ensemble([apart[1], load_run(short)])


def test_pairs_are_evaluated_by_runs_that_split_sources_differently(apart):
    pairs = [Pair(line, line) for line in PROSE]
    both = seqattn.ensemble(apart)
    found = both.evaluate(pairs, beam=2)
    assert list(found.hypotheses) == [str(one) for one in both.translate(PROSE, beam=2)]
