"""seqattn evaluate and seqattn compare: figures, and runs side by side."""

import json
import shutil
from pathlib import Path

import pytest
import sacrebleu

from seqattn.comparison.plan import LIMITS, with_budget
from seqattn.data.corpus import Pair
from seqattn.errors import InputError

from commands import BOTH, SIZES, TEST, contents, error_of, seqattn, setting
from markup import Document
from runs import random_run, write_tsv


@BOTH
def test_evaluate_writes_only_json_to_stdout_and_its_figures_are_those_of_sacrebleu(work, architecture):
    run = work.run(architecture)
    result = seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2)
    figures = json.loads(result.stdout)
    hypotheses = seqattn("translate", run, work.source, "--beam", 2).stdout.splitlines()
    references = [pair.target for pair in TEST]
    assert figures["bleu"] == sacrebleu.corpus_bleu(hypotheses, [references], force=True).score
    assert figures["chrf"] == sacrebleu.corpus_chrf(hypotheses, [references]).score > 0
    right = sum(h == r for h, r in zip(hypotheses, references, strict=True))
    assert figures["exact"] == 100 * right / len(TEST)
    assert figures["sentences"] == len(TEST) and figures["beam"] == 2


def test_evaluate_shows_its_figures_and_can_write_them_too(work, tmp_path):
    result = seqattn("evaluate", work.run("lstm"), "--test", work.test, "--json", tmp_path / "figures")
    figures = json.loads((tmp_path / "figures").read_text())
    assert f"{figures['bleu']:.2f}" in result.stdout and f"{figures['chrf']:.2f}" in result.stdout
    assert figures["bleu_signature"] in result.stdout
    assert result.stderr.count("\n") == 1 and "Scores on 20 sentences are rough" in result.stderr


def test_evaluate_scores_pairs_with_an_empty_side_and_counts_them(work, tmp_path):
    empty = (Pair("", "dog red"), Pair("red dog", ""), Pair("  ", "dog red"), Pair("red dog", " \u3000"))
    test = write_tsv(tmp_path / "test.tsv", (*TEST[:2], *empty))
    result = seqattn("evaluate", work.run("lstm"), "--test", test)
    assert "4 pairs with an empty side scored too." in result.stderr and "6 sentences" in result.stdout


def test_compare_shows_finished_runs_side_by_side(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--beam", 2)
    figures = [
        json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2).stdout)
        for run in runs
    ]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("test chrF")]
    assert line.split()[2:] == [f"{one['chrf']:.2f}" for one in figures]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("updates ")]
    assert line.split()[1:] == ["40", "40"]
    assert "What each target word attended to" in result.stdout


def test_an_option_of_training_is_refused_for_finished_runs_whatever_its_value(work):
    runs = work.run("lstm"), work.run("transformer")
    for more in (["--seed", 0], ["--seed", 1], ["--max-minutes", 1]):
        refused = seqattn("compare", *runs, "--test", work.test, *more, status=2)
        assert "leave out options for training" in " ".join(refused.stderr.split())


def test_compare_begins_with_a_verdict_by_every_metric_of_two_systems(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test)
    found = json.loads(seqattn("compare", *runs, "--test", work.test, "--json", "-").stdout)
    verdict = " ".join(result.stdout.split("architecture")[0].split())
    (contrast,) = found["contrasts"]
    assert (contrast["first"], contrast["second"]) == ("lstm", "transformer")
    for one, metric in zip(contrast["metrics"], ("BLEU", "chrF", "exact match"), strict=True):
        scores = [system["scores"][metric]["mean"] for system in found["systems"]]
        assert one["metric"] == metric and [one["first"], one["second"]] == scores
        assert " ".join(one["verdict"].split()) in verdict and f"{abs(one['gain']):.2f}" in verdict
    assert " is better than " not in verdict and "how much its seed matters" in verdict


def test_a_verdict_on_more_systems_is_by_the_deciding_metric_and_corrected(work):
    runs = [work.run("lstm"), work.run("transformer"), work.run("lstm")]
    result = seqattn("compare", *runs, "--test", work.test)
    verdict = " ".join(result.stdout.split("architecture")[0].split())
    assert "corrected for 3 pairs of systems" in verdict and "chrF" not in verdict
    alone = seqattn("compare", runs[0], "--test", work.test).stdout
    assert "randomization" not in alone


def test_json_has_every_translation_figure_and_verdict_and_is_alone_on_stdout(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--json", "-", "--beam", 2)
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["systems"]] == ["lstm", "transformer"]
    assert found["beam"] == 2 and found["references"] == [pair.target for pair in TEST]
    for one, run in zip(found["systems"], runs, strict=True):
        (member,) = one["members"]
        own = seqattn("translate", run, work.source, "--beam", 2).stdout.splitlines()
        assert member["hypotheses"] == own and member["costs"]["updates"] == 40
        figures = json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2).stdout)
        assert member["scores"]["bleu"] == figures["bleu"] == one["scores"]["BLEU"]["mean"]
    assert {one["title"] for one in found["breakdowns"]} >= {"BLEU by source length", "faults"}
    assert len(found["differing"]) == 1 and found["alignment"]["agreements"][0][0] == 100


def test_translations_of_another_tool_are_compared_too(work, tmp_path):
    own = seqattn("translate", work.run("lstm"), work.source).stdout.splitlines()
    perfect = tmp_path / "perfect.txt"
    perfect.write_text("".join(f"{pair.target}\n" for pair in TEST), encoding="utf-8")
    same = tmp_path / "same.txt"
    same.write_text("".join(f"{line}\n" for line in own), encoding="utf-8")
    systems = ["--system", f"perfect={perfect}", "--system", f"same={same}"]
    result = seqattn("compare", work.run("lstm"), *systems, "--test", work.test, "--json", "-")
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["systems"]] == ["lstm", "perfect", "same"]
    assert found["systems"][1]["scores"]["exact match"]["mean"] == 100
    assert found["systems"][2]["members"][0]["costs"] is None
    verdicts = {(one["first"], one["second"]): one["metrics"][0]["verdict"] for one in found["contrasts"]}
    assert verdicts["perfect", "same"].startswith("perfect is better than same by ")
    assert verdicts["lstm", "same"].startswith("lstm and same have the same BLEU")
    same.write_text("one line\n")
    message = error_of(seqattn("compare", work.run("lstm"), *systems, "--test", work.test, status=1))
    assert f"same.txt: has 1 line for {len(TEST)} test sentences" in message


def test_a_sentence_that_is_too_long_for_the_positions_of_a_model_is_translated_but_its_attention_left_out(
    work, tmp_path
):
    random_run(tmp_path / "short", "transformer", positions="learned", max_positions=30)
    pairs = (Pair("one two " * 12, "two"), *TEST[:2])
    test, report = write_tsv(tmp_path / "test.tsv", pairs), tmp_path / "report.html"
    runs = tmp_path / "short", work.run("lstm")
    shown = seqattn("compare", *runs, "--test", test, "--beam", 1, "--report", report).stdout
    assert "Attention is measured without 1 test sentence of more pieces" in " ".join(shown.split())
    assert "What each target word attended to" in shown and "No attention to show" not in shown
    for system, missing in zip(
        Document(report.read_text(encoding="utf-8")).data["systems"], (True, False), strict=True
    ):
        assert (system["attention"][0] is None) == missing


def test_runs_named_as_one_system_are_its_models(work):
    pair = f"{work.run('lstm')},{work.run('transformer')}"
    command = ["compare", work.run("lstm"), "--system", f"both={pair}", "--test", work.test]
    found = json.loads(seqattn(*command, "--json", "-").stdout)
    both = found["systems"][1]
    assert [member["name"] for member in both["members"]] == ["lstm", "transformer"]
    scores = [member["scores"]["chrf"] for member in both["members"]]
    assert both["scores"]["chrF"]["mean"] == sum(scores) / 2 and both["scores"]["chrF"]["low"] < min(scores)
    assert "The models of both differ in architecture: lstm, transformer." in found["cautions"]
    assert "±" in seqattn(*command).stdout


@pytest.mark.parametrize("more", [[], ["--no-baselines"]])
def test_systems_that_exist_are_compared_without_naming_a_run_first(work, tmp_path, more):
    texts = tmp_path / "texts"
    texts.write_text("a\n" * len(TEST))
    systems = [word for name in SIZES for word in ("--system", f"{name}={work.run(name)}")]
    tested = ["--test", work.test, "--json", "-"]
    found, expected = (
        json.loads(seqattn("compare", *named, "--system", f"other={texts}", *tested).stdout)["contrasts"]
        for named in ([*systems, *more], map(work.run, SIZES))
    )
    assert found == expected and len(found) == 3
    for training in (("--seeds", "1,2"), ("--jobs", 2), ("--max-minutes", 1), ("--preset", "tiny")):
        refused = seqattn("compare", *systems, *tested, *training, status=2).stderr
        assert "Finished runs are compared without training" in refused
    untested = seqattn("compare", *systems, "--no-baselines", status=2).stderr
    assert "Missing option '--test'" in untested


def test_a_system_has_each_model_once(work, tmp_path):
    run, copy = work.run("lstm"), tmp_path / "copy"
    shutil.copytree(run, copy)
    old = Path(__file__).parent / "frozen" / "format1" / "lstm"
    for pair in (f"{run},{run}", f"{run},{run}/", f"{run},{copy}", f"{old},{old / '..' / 'lstm'}"):
        command = ["compare", work.run("transformer"), "--system", f"both={pair}", "--test", work.test]
        assert "the system both has one model twice" in error_of(seqattn(*command, status=1))


def test_a_report_and_tables_are_written_to_files(work, tmp_path):
    runs = [work.run("lstm"), work.run("transformer")]
    files = {kind: tmp_path / kind for kind in ("report", "markdown", "latex", "json")}
    options = [word for kind, path in files.items() for word in (f"--{kind}", path)]
    result = seqattn("compare", *runs, "--test", work.test, *options)
    found = json.loads(files["json"].read_text(encoding="utf-8"))
    figure = f"{found['systems'][0]['scores']['chrF']['mean']:.2f}"
    for path in files.values():
        assert f"Written to {path}" in " ".join(result.stderr.split())
    for kind in ("report", "markdown", "latex"):
        assert figure in files[kind].read_text(encoding="utf-8")
    assert files["report"].read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert "test chrF" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUN", "--seeds", "1,2"], "without training"),
        (["RUN", "--no-baselines"], "without training"),
        (["RUN", "--test", "TEST", "--jobs", "1"], "without training"),
        (["RUN", "--test", "TEST", "--no-texts", "--json", "-"], "--no-texts needs --report"),
        (["RUN", "--system", "hybrid"], "without training"),
        (["--train", "TRAIN"], "Missing option '--test'"),
        (["--test", "TEST"], "Missing option '--train'"),
        (["RUN"], "Missing option '--test'"),
        (["--train", "TRAIN", "--test", "TEST", "--seed", "1", "--seeds", "2"], "--seed or --seeds"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_together_are_a_usage_error(work, arguments, message):
    paths = {"RUN": work.run("lstm"), "TRAIN": work.train, "TEST": work.test}
    result = seqattn("compare", *(paths.get(word, word) for word in arguments), status=2)
    assert message in result.stderr and result.stdout == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (setting("lstm.batch_tokens=64"), "lstm and transformer differ in batch_tokens"),
        (["--system", "deep:arch=lstm,max_updates=9"], "differ in max_updates"),
        (["--system", "wide:arch=lstm,widht=9"], "did you mean 'width'"),
        (["--seeds", "1,1"], "a seed occurs twice"),
        (["--budget", "tokens", "--max-updates", "9"], "a budget of tokens excludes --max-updates"),
        (["--system", "tool=missing.txt"], "missing.txt"),
        (["--gold", "missing.gold"], "missing.gold"),
        (["--no-baselines"], "there is no system to train"),
        (["--report", "nowhere/report.html"], "nowhere/report.html: cannot be written"),
    ],
    ids=str,
)
def test_a_comparison_that_cannot_be_made_is_refused_before_anything_is_trained(
    work, tmp_path, options, message
):
    start = ["compare", "--train", work.train, "--test", work.test, "--out", tmp_path / "new"]
    assert message in error_of(seqattn(*start, *options, status=1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("value", ["[1, 2]", "2026-11-26"])
def test_a_setting_that_is_a_list_or_a_time_is_refused_by_compare_as_by_train(work, tmp_path, value):
    settings = tmp_path / "settings.toml"
    settings.write_text(f"width = {value}")
    common = ["--train", work.train, "--config", settings, "--out", tmp_path / "new"]
    messages = {
        error_of(seqattn(*command, *common, status=1))
        for command in (["compare", "--test", work.test], ["train", "--arch", "lstm"])
    }
    (message,) = messages
    assert f"{settings}: width must be text, a number, true or false, not" in message
    assert list(tmp_path.iterdir()) == [settings]


@pytest.mark.parametrize(
    ("options", "limits"),
    [
        ([], {"max_updates": 1500, "max_minutes": 1.7}),
        (["--budget", "updates"], {"max_updates": 1500}),
        (["--budget", "tokens"], {"max_tokens": 3000}),
        (["--budget", "minutes"], {"max_minutes": 1.7}),
        (["--budget", "minutes", "--max-minutes", 5], {"max_minutes": 5}),
        (["--max-updates", 9], {"max_updates": 9}),
        (["--max-minutes", 5], {"max_minutes": 5}),
        (["--set", "max_tokens=50"], {"max_tokens": "50"}),
        (["--max-updates", 9, "--max-minutes", 5], {"max_updates": 9, "max_minutes": 5}),
    ],
    ids=str,
)
def test_the_bundled_sample_is_compared_with_any_kind_of_budget(tmp_path, monkeypatch, options, limits):
    plans = []

    def train(console, plan, *_):
        plans.append(plan)
        raise InputError("planned")

    monkeypatch.setattr("seqattn_cli.commands.compare._train", train)
    seqattn("compare", "--out", tmp_path / "out", *options, status=1)
    settings = with_budget(plans[0], 10, 100)
    assert {name: settings[name] for name in LIMITS.values() if name in settings} == limits


def test_help_says_what_the_preset_of_a_comparison_and_of_a_training_is_chosen_by():
    shown = {
        command: " ".join(seqattn(command, "--help").stdout.split()).partition("--preset")[2][:250]
        for command in ("compare", "train")
    }
    assert "auto: by the number and kind of pairs. [default: auto]" in shown["compare"]
    assert "by the number and kind of pairs, and by --max-minutes. [default: auto]" in shown["train"]


def test_an_output_never_replaces_what_is_compared(work, tmp_path):
    (tmp_path / "test.tsv").write_bytes(work.test.read_bytes())
    other = tmp_path / "other.txt"
    other.write_text("a\n" * len(TEST))
    compare = ["compare", work.run("lstm"), "--test", tmp_path / "test.tsv", "--system", f"other={other}"]
    before = contents(tmp_path)
    for path in (tmp_path / "test.tsv", other):
        for kind in ("--json", "--report", "--markdown", "--latex"):
            assert "is also an input" in seqattn(*compare, kind, path, status=2).stderr
    assert contents(tmp_path) == before


def test_a_folder_that_holds_something_else_is_refused(work, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "notes").write_text("mine")
    before = contents(tmp_path)
    for out in (tmp_path / "out", tmp_path / "out" / "notes"):
        start = ["compare", "--train", work.train, "--test", work.test, "--out", out]
        assert "already exists" in error_of(seqattn(*start, status=1))
    assert contents(tmp_path) == before


def test_a_folder_of_runs_stands_for_the_runs_in_it(work, tmp_path):
    for name in SIZES:
        shutil.copytree(work.run(name), tmp_path / "old" / name)
    found = json.loads(seqattn("compare", tmp_path / "old", "--test", work.test, "--json", "-").stdout)
    assert [one["name"] for one in found["systems"]] == ["lstm", "transformer"]
