"""The Python interface: runs trained, loaded, used and compared from a program."""

import json
import re
import shutil
from pathlib import Path

import pytest
import torch

import seqattn
from seqattn.data.corpus import read_corpus
from seqattn.training.events import Finished, Updated, Validated

from commands import BOTH, BUDGET, SIZES, TEST, sizes
from commands import seqattn as command


@BOTH
def test_load_takes_a_path_or_a_string(work, architecture):
    for path in (work.run(architecture), str(work.run(architecture))):
        run = seqattn.load(path, device="cpu")
        assert run.config.architecture == architecture
    assert repr(run).endswith(f": {architecture}, {run.parameters:,} parameters)")


@BOTH
def test_a_text_and_each_line_have_the_same_translation_as_by_the_command(work, architecture):
    run = seqattn.load(work.run(architecture), device="cpu")
    lines = [pair.source for pair in TEST]
    expected = command("translate", work.run(architecture), work.source).stdout.splitlines()
    assert [str(one) for one in run.translate(lines)] == expected
    assert str(run.translate(lines[0])) == expected[0]
    best = run.translate(lines[0], nbest=3).candidates
    assert len(best) == 3 and best[0].text == expected[0]
    assert best[0].score >= best[1].score >= best[2].score
    with pytest.raises(ValueError, match="nbest 3 needs a beam"):
        run.translate(lines, beam=2, nbest=3)


@BOTH
def test_the_score_of_a_translation_is_its_log_probability(work, architecture):
    run = seqattn.load(work.run(architecture), device="cpu")
    source = TEST[0].source
    best = run.translate(source).candidates[0]
    (hypothesis,) = best.hypotheses
    if run.tokenizer.target.encode(best.text) == hypothesis.ids:
        assert run.score(source, best.text) == pytest.approx(best.log_probability, abs=1e-4)
    # Not shorter than the best, since what is shorter may be more probable where little has been learned.
    assert run.score(source, "cat " * max(9, len(best.text.split()))) < best.log_probability


@BOTH
def test_attention_is_between_words_and_rows_sum_to_one(work, architecture):
    run = seqattn.load(work.run(architecture), device="cpu")
    source, target = TEST[0]
    seen = run.attention(source, target)
    assert seen.source == [*source.split(), "</s>"] and seen.target == target.split()
    torch.testing.assert_close(seen.weights.sum(-1), torch.ones(len(seen.target)))
    own = run.attention(source)
    assert " ".join(own.target) == str(run.translate(source))


@BOTH
def test_links_and_scores_are_those_of_the_commands(work, architecture):
    run = seqattn.load(work.run(architecture), device="cpu")
    expected = command("align", work.run(architecture), "--pairs", work.test).stdout.splitlines()
    links = run.align([(pair.source, pair.target) for pair in TEST])
    assert [" ".join(f"{s}-{t}" for s, t in sorted(one)) for one in links] == expected
    figures = json.loads(
        command("evaluate", work.run(architecture), "--test", work.test, "--json", "-").stdout
    )
    for test in (work.test, str(work.test), TEST):
        assert run.evaluate(test).scores.bleu == figures["bleu"]


def test_runs_are_compared_on_one_test(work):
    paths = [work.run("lstm"), work.run("transformer")]
    found = seqattn.compare(paths, work.test)
    assert [one.name for one in found.systems] == ["lstm", "transformer"]
    (member,) = found.systems[0].members
    assert member.scores == seqattn.load(paths[0], device="cpu").evaluate(TEST).scores
    (contrast,) = found.contrasts
    assert contrast.in_words() in found.contrasts[0].to_json()["metrics"][0]["verdict"]
    json.dumps(found.to_json())


def test_the_folder_of_a_comparison_is_compared_as_the_command_does(compared, tmp_path):
    out = compared[0]
    found = seqattn.compare(str(out))
    shown = json.loads(command("compare", out, "--json", "-").stdout)
    assert json.loads(json.dumps(found.to_json())) == shown
    assert [len(system.members) for system in found.systems] == [2, 2]


def test_what_is_no_pair_of_texts_is_an_error(work):
    run = seqattn.load(work.run("lstm"), device="cpu")
    for pairs in (["ab"], [("a", "b", "c")], [("a", 1)]):
        for use in (run.evaluate, run.align, lambda pairs: seqattn.compare([run], pairs)):
            with pytest.raises(ValueError, match="is no pair of a source and a target"):
                use(pairs)
    with pytest.raises(ValueError, match="give runs and a test corpus"):
        seqattn.compare([run])


def test_training_passes_every_event_on_and_returns_the_run(work, tmp_path):
    events = []
    settings = dict(one.split("=") for one in (*SIZES["lstm"], *BUDGET)) | {"max_updates": 16}
    run = seqattn.train(
        str(work.train),
        tmp_path / "run",
        architecture="lstm",
        settings=settings,
        device="cpu",
        on_event=events.append,
    )
    assert [type(event) for event in events].count(Updated) == 16
    assert isinstance(events[-1], Finished) and any(isinstance(event, Validated) for event in events)
    assert len(run.translate([pair.source for pair in TEST])) == len(TEST)
    with pytest.raises(seqattn.InputError, match="already exists"):
        seqattn.train(str(work.train), tmp_path / "run", architecture="lstm")


def test_sampling_draws_as_many_as_requested(work):
    sampled = command(
        "translate", work.run("lstm"), work.source, "--sample", "--nbest", 10, "--format", "jsonl"
    )
    assert all(len(json.loads(line)["translations"]) == 10 for line in sampled.stdout.splitlines())


def test_every_example_of_the_page_runs(work, compared, tmp_path, monkeypatch, capsys):
    page = (Path(__file__).parent.parent / "docs" / "python.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    assert len(examples) == 7
    (tmp_path / "runs").mkdir()
    for name, architecture in (("mine", "transformer"), ("other", "lstm")):
        shutil.copytree(work.run(architecture), tmp_path / "runs" / name)
    shutil.copytree(compared[0], tmp_path / "runs" / "comparison")
    shutil.copy(work.test, tmp_path / "test.tsv")
    shutil.copy(work.train, tmp_path / "pairs.tsv")
    monkeypatch.chdir(tmp_path)
    names = {}
    for example in examples:
        exec(compile(example, "docs/python.md", "exec"), names)
    output = capsys.readouterr().out
    assert read_corpus("clean.tsv").pairs
    assert "20 Finished" in output and "Run('runs/mine': transformer" in output


def test_a_run_from_target_to_source_is_evaluated_in_its_own_direction(work, tmp_path):
    run = tmp_path / "back"
    small = ("--swap", "--max-updates", 16, *sizes("lstm"))
    command("train", "--train", work.train, "--arch", "lstm", "--out", run, *small)
    kept = tmp_path / "kept.txt"
    done = command("evaluate", run, "--test", work.test, "--output", kept, "--json", "-")
    assert "read from target to source" in done.stderr
    translated = seqattn.load(run, device="cpu").translate([pair.target for pair in TEST])
    assert kept.read_text(encoding="utf-8").splitlines() == [str(one) for one in translated]
    assert json.loads(done.stdout)["translations"] == [str(one) for one in translated]
    assert "from target to source" in command("info", run).stdout


def test_the_error_for_two_texts_without_a_comma_suggests_one(work, tmp_path):
    spaced = f"{work.source} {work.source}"
    output = command("train", "--train", spaced, "--arch", "lstm", "--out", tmp_path / "x", status=1).stderr
    assert f"join its two texts by a comma: {work.source},{work.source}" in output.replace("\n", "")
