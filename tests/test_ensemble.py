"""Ensembles of runs, from Python and from the command line: what they share, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

import seqattn
from seqattn.alignment.reading import attention_of
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.data.encoding import encode
from seqattn.decoding.search import (
    SamplingOptions,
)
from seqattn.errors import InputError
from seqattn.models.base import Reading
from seqattn.runs.ensemble import Ensemble
from seqattn.runs.run import Run, load_run
from seqattn.symbols import BOS
from seqattn.text.learning import TokenizerOptions, train_tokenizer
from seqattn.text.tokenizer import Tokenizer

from commands import BOTH, TEST, error_of
from commands import seqattn as command
from helpers import log_of_mean
from runs import PROSE, prose_tokenizer, random_run


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
        expected = log_of_mean(
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


def reading_at(run: Run, consumed: bool) -> Run:
    """The run, its attention read at another step."""
    return replace(run, config=replace(run.config, alignment=Reading(consumed=consumed)))


@pytest.mark.parametrize("consumed", [False, True])
def test_copied_words_are_placed_as_by_the_run_at_whichever_step_it_is_read(work, consumed):
    run = reading_at(*loaded(work, "transformer"), consumed)
    both = seqattn.ensemble([run, run])
    lines = [pair.source.replace(" ", " Жора ", 1) + " 😀" for pair in TEST]
    assert [str(one) for one in both.translate(lines)] == [str(one) for one in run.translate(lines)]


def test_the_attention_of_runs_read_at_different_steps_has_a_mean(work):
    (run,) = loaded(work, "lstm")
    runs = [reading_at(run, False), reading_at(run, True)]
    examples = list(encode(run.tokenizer, TEST))
    produced, consumed = (list(one.attend(examples)) for one in runs)
    for row, seen in enumerate(seqattn.ensemble(runs).attend(examples)):
        assert torch.equal(seen, (produced[row] + consumed[row]) / 2)
        assert not torch.equal(produced[row], consumed[row])


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
    with pytest.raises(InputError, match=r"short: a sentence has a source of \d+ positions, more than the 8"):
        both.score(" ".join(PROSE), "the dog")
    (found,) = both.translate([" ".join(PROSE)])
    assert max(map(len, found.pieces)) == 8


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
