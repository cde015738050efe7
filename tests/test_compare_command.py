"""seqattn evaluate and seqattn compare: figures, and runs side by side."""

import json

import sacrebleu

from seqattn.runs.folder import RunFolder

from commands import BOTH, BUDGET, SIZES, TEST, error_of, seqattn, setting


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
    assert result.stderr == ""


def test_compare_shows_finished_runs_side_by_side(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--beam", 2)
    figures = [
        json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-", "--beam", 2).stdout)
        for run in runs
    ]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("test chrF")]
    assert line.split()[2:] == [f"{one['chrf']:.2f}" for one in figures]
    (line,) = [line for line in result.stdout.splitlines() if line.startswith("updates")]
    assert line.split()[1:] == ["40", "40"]
    assert "What each target word attended to" in result.stdout


def test_compare_begins_with_a_verdict_by_every_metric_of_two_systems(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test)
    found = json.loads(seqattn("compare", *runs, "--test", work.test, "--json", "-").stdout)
    verdict = " ".join(result.stdout.split("architecture")[0].split())
    (contrast,) = found["contrasts"]
    assert (contrast["first"], contrast["second"]) == ("lstm", "transformer")
    for metric, key in (("BLEU", "bleu"), ("chrF", "chrf"), ("exact match", "exact")):
        (one,) = [one for one in contrast["metrics"] if one["metric"] == metric]
        assert [one["first"], one["second"]] == [system["scores"][key] for system in found["systems"]]
        assert metric in verdict and f"{abs(one['gain']):.2f}" in verdict
    assert "another seed may differ" in verdict


def test_a_verdict_on_more_systems_is_by_bleu_and_corrected(work):
    runs = [work.run("lstm"), work.run("transformer"), work.run("lstm")]
    result = seqattn("compare", *runs, "--test", work.test)
    verdict = " ".join(result.stdout.split("architecture")[0].split())
    assert "corrected for 3 pairs of systems" in verdict and "chrF" not in verdict
    alone = seqattn("compare", runs[0], "--test", work.test).stdout
    assert "randomization" not in alone


def test_the_translations_of_every_system_are_kept_with_its_figures(work):
    result = seqattn("compare", work.run("lstm"), "--test", work.test, "--json", "-", "--beam", 2)
    (system,) = json.loads(result.stdout)["systems"]
    own = seqattn("translate", work.run("lstm"), work.source, "--beam", 2).stdout.splitlines()
    assert system["translations"] == own


def test_compare_writes_only_json_to_stdout(work):
    runs = [work.run("lstm"), work.run("transformer")]
    result = seqattn("compare", *runs, "--test", work.test, "--json", "-")
    found = json.loads(result.stdout)
    assert [one["name"] for one in found["systems"]] == ["lstm", "transformer"]
    for one, run in zip(found["systems"], runs, strict=True):
        figures = json.loads(seqattn("evaluate", run, "--test", work.test, "--json", "-").stdout)
        assert one["scores"]["bleu"] == figures["bleu"]
        assert one["updates"] == 40
        assert one["alignment_error_rate"] is None


def test_compare_trains_both_architectures_with_one_budget_and_keeps_their_runs(work, tmp_path):
    own = [f"{name}.{size}" for name, assignments in SIZES.items() for size in assignments]
    result = seqattn(
        *("compare", "--train", work.train, "--test", work.test, "--out", tmp_path / "both"),
        *("--max-updates", 4, *setting(*own, *BUDGET), "--json", "-"),
    )
    found = json.loads(result.stdout)
    assert [one["architecture"] for one in found["systems"]] == ["lstm", "transformer"]
    lstm, transformer = (RunFolder(tmp_path / "both" / name) for name in SIZES)
    assert lstm.read_config().training == transformer.read_config().training
    assert lstm.read_config().data == transformer.read_config().data
    tokens = [
        [line.tokens for line in run.read_metrics() if line.event == "updated"] for run in (lstm, transformer)
    ]
    assert tokens[0] == tokens[1] and len(tokens[0]) == 4
    name = "tokenizer.model"
    assert (lstm.path / name).read_bytes() == (transformer.path / name).read_bytes()


def test_compare_refuses_a_folder_that_exists_and_settings_that_would_be_unfair(work, tmp_path):
    (tmp_path / "out").mkdir()
    start = ["compare", "--train", work.train, "--test", work.test, "--out"]
    assert "already exists" in error_of(seqattn(*start, tmp_path / "out", status=1))
    unfair = setting("lstm.batch_tokens=64")
    assert "one tokenizer" in error_of(seqattn(*start, tmp_path / "new", *unfair, status=1))
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
