"""seqattn align and seqattn info."""

import json
import re
import shutil

import pytest
import torch
from safetensors.torch import load_file

from seqattn.data.corpus import Pair
from seqattn.runs.folder import RunFolder

from commands import BOTH, TEST, error_of, seqattn, setting, sizes
from runs import write_tsv


@BOTH
def test_align_links_every_target_word_of_every_pair(work, architecture):
    result = seqattn("align", work.run(architecture), "--pairs", work.test)
    lines = result.stdout.splitlines()
    assert len(lines) == len(TEST) and result.stderr == ""
    for line, pair in zip(lines, TEST, strict=True):
        found = [tuple(map(int, link.split("-"))) for link in line.split()]
        assert sorted(target for _, target in found) == list(range(len(pair.target.split())))
        assert all(0 <= source < len(pair.source.split()) for source, _ in found)


def test_a_lower_threshold_adds_links_and_removes_none(work):
    asked = ("align", work.run("transformer"), "--pairs", work.test)
    every = [
        seqattn(*asked, *more).stdout.splitlines()
        for more in ([], ["--threshold", 0.7], ["--threshold", 1e-9])
    ]
    for best, near, all_of_them, pair in zip(*every, TEST, strict=True):
        assert set(best.split()) <= set(near.split()) <= set(all_of_them.split())
        assert len(all_of_them.split()) == len(pair.source.split()) * len(pair.target.split())
    assert every[0] != every[1] != every[2]
    assert seqattn(*asked, "--threshold", 1).stdout.splitlines() == every[0]
    assert "--threshold" in seqattn("align", work.run("lstm"), "red", "--threshold", 0.5, status=2).stderr


def test_a_lexicon_is_learned_from_another_corpus_and_in_both_directions(work, tmp_path):
    asked = ["align", work.run("lstm"), "--pairs", work.test]
    alone = seqattn(*asked).stdout.splitlines()
    taught = seqattn(*asked, "--lexicon", work.train).stdout.splitlines()
    assert len(taught) == len(TEST) and taught != alone
    gold = tmp_path / "gold"
    lengths = [len(pair.source.split()) for pair in TEST]
    gold.write_text("".join(" ".join(f"{n - 1 - t}-{t}" for t in range(n)) + "\n" for n in lengths))
    rates = [
        float(seqattn(*asked, "--gold", gold, *more).stdout.split()[1])
        for more in ([], ["--lexicon", work.train])
    ]
    assert rates[1] < rates[0]
    both = seqattn(*asked, "--lexicon", work.train, "--reverse", work.back("transformer")).stdout
    assert both.splitlines() != taught
    for more in (["--threshold", 0.5], ["--heads"], ["--format", "html"]):
        assert "--lexicon" in seqattn(*asked, "--lexicon", work.train, *more, status=2).stderr


def test_pairs_that_are_too_long_for_a_lexicon_are_told(work, tmp_path):
    long = Pair(" ".join(["red"] * 300), "dog")
    write_tsv(tmp_path / "pairs.tsv", [TEST[0], long, TEST[1], long])
    asked = ["align", work.run("lstm"), "--pairs", tmp_path / "pairs.tsv"]
    found = seqattn(*asked, "--lexicon", work.train)
    assert [bool(line) for line in found.stdout.split("\n")] == [True, False, True, False, False]
    assert "2 pairs with more than 256 pieces on a side, the first being pair 2." in found.stderr
    assert "pieces on a side" not in seqattn(*asked).stderr
    assert all(seqattn(*asked).stdout.splitlines())


def test_align_scores_links_against_gold(work, tmp_path):
    gold = tmp_path / "gold"
    gold.write_text(seqattn("align", work.run("lstm"), "--pairs", work.test).stdout)
    links = len(gold.read_text().split())
    arguments = ["align", work.run("lstm"), "--pairs", work.test, "--gold", gold]
    output = seqattn(*arguments).stdout
    assert output.startswith("AER 0.00 %, precision 100.00 %, recall 100.00 %")
    assert f"{links} links in {len(TEST)} sentences" in output
    gold.write_text("\n" * len(TEST))
    assert seqattn(*arguments).stdout.startswith("AER 100.00 %, precision 0.00 %")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines[:-1], f"has {len(TEST) - 1} lines for {len(TEST)} pairs"),
        (lambda lines: [*lines, ""], f"has {len(TEST) + 1} lines"),
        (lambda lines: [lines[0], "0-77", *lines[2:]], "line 2: the link 0-77 is outside"),
        (lambda lines: [lines[0], "0:0", *lines[2:]], "line 2: '0:0' is not a link"),
    ],
)
def test_gold_that_does_not_fit_the_pairs_is_an_error(work, tmp_path, change, expected):
    gold = tmp_path / "gold"
    gold.write_text("".join(f"{line}\n" for line in change(["0-0"] * len(TEST))))
    arguments = ("align", work.run("lstm"), "--pairs", work.test, "--gold", gold)
    output = error_of(seqattn(*arguments, status=1))
    assert expected in output and str(gold) in output


def test_align_draws_a_sentence_with_its_translation_or_the_target_given(work):
    shown = seqattn("align", work.run("transformer"), "red dog", "dog red").stdout
    assert "red" in shown and "dog" in shown and "</s>" in shown
    translated = seqattn("translate", work.run("transformer"), input="red dog").stdout.split()
    shown = seqattn("align", work.run("transformer"), "red dog").stdout
    assert all(word in shown for word in translated)


def test_align_writes_weights_as_jsonl(work):
    result = seqattn("align", work.run("lstm"), "red dog", "dog red cat", "--format", "jsonl")
    seen = json.loads(result.stdout)
    assert seen["source"] == ["red", "dog", "</s>"] and seen["target"] == ["dog", "red", "cat"]
    assert len(seen["weights"]) == 3
    assert all(sum(row) == pytest.approx(1, abs=1e-3) for row in seen["weights"])


def test_align_reads_the_requested_layer_and_head(work):
    def weights(*more):
        result = seqattn(
            *("align", work.run("transformer"), "red dog", "dog red", "--format", "jsonl", *more)
        )
        return torch.tensor(json.loads(result.stdout)["weights"])

    heads = [weights("--head", head) for head in (1, 2)]
    assert not torch.allclose(*heads)
    torch.testing.assert_close(weights("--head", 0), (heads[0] + heads[1]) / 2, atol=2e-5, rtol=0)
    arguments = ("align", work.run("transformer"), "red dog", "dog red")
    for more in (["--layer", 2], ["--head", 3]):
        assert "only 1 layer of 2 heads" in error_of(seqattn(*arguments, *more, status=1))


def records(*arguments):
    return [
        json.loads(line) for line in seqattn("align", *arguments, "--format", "jsonl").stdout.splitlines()
    ]


def test_several_runs_show_the_same_as_each_alone(work, tmp_path):
    third = shutil.copytree(work.run("lstm"), tmp_path / "third")
    runs = [work.run("lstm"), work.run("transformer"), third]
    for sentences in (["red dog one"], ["red dog one", "one dog"]):
        together = records(*runs, *sentences)
        for run, record in zip(runs, together, strict=True):
            assert records(run, *sentences) == [record]
        assert [record["run"] for record in together] == ["lstm", "transformer", "third"]
    assert {record["target"][0] for record in together} == {"one"}
    assert records(*runs[:2], "--pairs", work.test)[:2] == records(*runs[:2], *TEST[0])


@pytest.mark.parametrize(
    ("environment", "coloured"),
    [
        ({"TERM": "xterm-256color"}, True),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, True),
        ({"TERM": "xterm"}, False),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, False),
    ],
)
def test_maps_have_colours_if_the_terminal_has_enough_and_shades_everywhere(work, environment, coloured):
    clean = {"COLORTERM": None, "NO_COLOR": None, "FORCE_COLOR": "1", **environment}
    for more in ([], ["--heads"], ["--step"]):
        shown = seqattn("align", work.run("lstm"), "red dog", "dog red", *more, env=clean).stdout
        assert ("\x1b[38;" in shown) == coloured
        assert any(shade in shown for shade in "░▒▓█")


def test_maps_of_pairs_are_separated(work):
    shown = seqattn("align", work.run("lstm"), "--pairs", work.test, "--format", "heatmap").stdout
    assert len(re.findall(r"(?:^|\n\n)lstm: ", shown)) == len(TEST)


def test_each_run_translates_by_itself(work):
    runs = [work.run("lstm"), work.run("transformer")]
    for run, record in zip(runs, records(*runs, "red dog one two cat"), strict=True):
        assert record["target"] == seqattn("translate", run, input="red dog one two cat").stdout.split()


def test_maps_of_several_runs_are_side_by_side_under_their_names(work):
    runs = [work.run("lstm"), work.run("transformer")]
    shown = seqattn("align", *runs, "red dog", "dog red", "--head", 0).stdout
    first, second = shown.splitlines()[:2]
    assert first.startswith("lstm: ") and "transformer: mean of 2 heads" in first
    assert second.split() == ["red", "dog", "</s>"] * 2


def test_text_too_long_for_a_file_name_is_a_sentence(work):
    for source in ("red dog " * 1000, "red" * 200):
        (record,) = records(work.run("lstm"), source, "dog")
        assert record["source"] == [*source.split(), "</s>"]


def test_a_misspelt_run_is_not_taken_for_a_sentence(work, tmp_path, monkeypatch):
    (tmp_path / "red").mkdir()
    near = f"did you mean {work.run('transformer')}?"
    for meant, remedy in [
        (tmp_path / "red", "the folder that training wrote"),
        (work.path / "nothing", "the folder that training wrote"),
        (work.path / "transfomer", near),
        (work.path / "lsmt", f"did you mean {work.run('lstm')}?"),
        (work.path / "lstm one", f"did you mean {work.run('lstm')}?"),
        (str(work.run("transformer")).replace("/work", "/wrk", 1), near),
    ]:
        output = error_of(seqattn("align", work.run("lstm"), meant, "red dog", status=1))
        assert f"{meant}: is not a run" in output and remedy in output
    monkeypatch.chdir(work.path)
    assert "did you mean transformer?" in error_of(
        seqattn("align", "lstm", "transfomer", "red dog", status=1)
    )


@pytest.mark.parametrize("source", ["red", "3/4", " transfomer", "and/or"])
def test_a_one_word_sentence_unlike_any_run_is_a_sentence(work, source, monkeypatch):
    monkeypatch.chdir(work.path)
    (record,) = records("lstm", source, "dog")
    assert record["source"] == [source.strip(), "</s>"]


def test_a_model_without_attention_trains_and_translates_but_cannot_align(work, tmp_path):
    run = tmp_path / "run"
    seqattn(
        *("train", "--train", work.train, "--arch", "lstm", "--out", run, "--max-updates", 2),
        *(*sizes("lstm"), *setting("score=none")),
    )
    assert seqattn("translate", run, input="red dog\n").exit_code == 0
    assert "no attention" in error_of(seqattn("align", run, "red dog", "dog red", status=1))
    assert "no attention" in error_of(seqattn("translate", run, "--attention", input="red dog", status=1))
    result = seqattn("compare", run, work.run("lstm"), "--test", work.test)
    assert "test BLEU" in result.stdout


@BOTH
def test_training_records_which_attention_aligns_best_and_align_reads_it(work, architecture):
    noted = RunFolder(work.run(architecture)).read_config().alignment
    assert noted is not None and noted.layer == 1
    asked = ("align", work.run(architecture), "--pairs", work.test)
    at = "consumed" if noted.consumed else "produced"
    whole = seqattn(*asked, "--layer", noted.layer, "--head", noted.head, "--at", at).stdout
    assert seqattn(*asked).stdout == whole
    other = "produced" if noted.consumed else "consumed"
    assert seqattn(*asked, "--at", other).stdout != whole


def test_a_run_without_a_recorded_reading_uses_the_default(work, tmp_path):
    shutil.copytree(work.run("transformer"), tmp_path / "run")
    config = json.loads((tmp_path / "run" / "config.json").read_text())
    del config["alignment"]
    (tmp_path / "run" / "config.json").write_text(json.dumps(config))
    usual = seqattn("align", tmp_path / "run", "--pairs", work.test).stdout
    asked = ("--layer", 1, "--head", 0, "--at", "produced")
    assert usual == seqattn("align", work.run("transformer"), "--pairs", work.test, *asked).stdout


def test_options_not_given_have_defaults_in_a_run_without_a_recorded_reading(work, tmp_path):
    run = tmp_path / "run"
    shape = [*sizes("transformer"), *setting("decoder_layers=3")]
    seqattn("train", "--train", work.train, "--arch", "transformer", *shape, "--max-updates", 4, "--out", run)
    config = json.loads((run / "config.json").read_text())
    config["alignment"] = None
    (run / "config.json").write_text(json.dumps(config))
    asked = ("align", run, "red dog", "dog red", "--format", "jsonl")
    for more in (("--head", 2), ("--at", "consumed")):
        found = seqattn(*asked, *more).stdout
        assert found == seqattn(*asked, "--layer", 2, *more).stdout
        assert found != seqattn(*asked, "--layer", 1, *more).stdout


def test_heads_are_evaluated_with_and_without_gold_and_the_runs_own_is_marked(work, tmp_path):
    run, gold = work.run("transformer"), tmp_path / "gold"
    gold.write_text("".join(" ".join(f"{i}-{i}" for i in range(len(p.target.split()))) + "\n" for p in TEST))
    without = seqattn("align", run, "--pairs", work.test, "--heads").stdout
    assert "correlation" in without and "alignment error rate" not in without
    shown = seqattn("align", run, "--pairs", work.test, "--heads", "--gold", gold).stdout
    assert without in shown
    rates = [
        line.split("produced" if "produced" in line else "consumed")[1].split()
        for line in shown.partition("correlation")[0].splitlines()
        if line.startswith("layer 1, ")
    ]
    assert [len(row) for row in rates] == [3, 3]
    (own,) = [float(cell[:-1]) for row in rates for cell in row if cell.endswith("*")]
    output = seqattn("align", run, "--pairs", work.test, "--gold", gold).stdout
    assert own == pytest.approx(float(output.split()[1]), abs=0.06)


def test_heads_of_a_sentence_are_shown_and_the_runs_own_is_marked(work):
    run = work.run("transformer")
    own = RunFolder(run).read_config().alignment
    at = "consumed" if own.consumed else "produced"
    shown = seqattn("align", run, "red dog", "dog red cat", "--heads").stdout
    assert shown.startswith(f"transformer: {at}")
    assert f"{['mean', 'head 1', 'head 2'][own.head]}*" in shown
    # The second star is in the legend.
    assert shown.count("*") == 2
    other = "produced" if own.consumed else "consumed"
    shown = seqattn("align", run, "red dog", "dog red cat", "--heads", "--at", other).stdout
    assert shown.startswith(f"transformer: {other}") and "*" not in shown


def test_heads_of_several_runs_are_below_each_other(work):
    shown = seqattn("align", work.run("lstm"), work.run("transformer"), "red dog", "dog", "--heads").stdout
    assert [line.split()[0] for line in shown.splitlines() if line.startswith(("lstm", "trans"))] == [
        "lstm:",
        "transformer:",
    ]
    assert shown.count("head 2") == 1


def test_heads_cannot_be_evaluated_on_empty_pairs(work, tmp_path):
    (tmp_path / "empty.tsv").write_text("\t\nred dog\t\n")
    asked = ("align", work.run("transformer"), "--pairs", tmp_path / "empty.tsv", "--heads")
    assert "nothing to evaluate on" in error_of(seqattn(*asked, status=1))


def test_links_of_two_directions_are_combined(work, tmp_path):
    asked = ("align", work.run("lstm"), "--reverse", work.back("transformer"), "--pairs", work.test)

    def linked(*more):
        lines = seqattn(*asked, *more).stdout.splitlines()
        assert len(lines) == len(TEST)
        return [set(line.split()) for line in lines]

    forward = [set(line.split()) for line in seqattn(*asked[:2], *asked[4:]).stdout.splitlines()]
    both, either = linked("--symmetrize", "intersection"), linked("--symmetrize", "union")
    grown = linked()
    assert grown == linked("--symmetrize", "grow-diag-final-and")
    for one, few, some, all_ in zip(forward, both, grown, either, strict=True):
        assert few <= one <= all_ and few <= some <= all_
    gold = tmp_path / "gold"
    gold.write_text("".join(" ".join(sorted(links)) + "\n" for links in either))
    output = seqattn(*asked, "--symmetrize", "union", "--gold", gold).stdout
    assert output.startswith("AER 0.00 %")


@pytest.mark.parametrize(
    "more",
    [
        [],
        ["red dog", "dog red", "cat"],
        ["red dog", "--pairs", "y.tsv"],
        ["red dog", "--heads", "--layer", "1"],
        ["red dog", "--heads", "--format", "jsonl"],
        ["--pairs", "y.tsv", "--heads", "--at", "consumed"],
        ["red dog", "--reverse", "x"],
        ["--pairs", "y.tsv", "--symmetrize", "union"],
        ["--pairs", "y.tsv", "--heads", "--layer", "1"],
        ["--pairs", "y.tsv", "--heads", "--format", "jsonl"],
        ["--pairs", "y.tsv", "--reverse", "x", "--format", "jsonl"],
        ["--pairs", "y.tsv", "--heads", "--reverse", "x"],
        ["--pairs", "y.tsv", "--gold", "z.gold", "--format", "html"],
        ["--pairs", "y.tsv", "--gold", "z.gold", "--format", "pharaoh"],
    ],
)
def test_invalid_combinations_are_usage_errors(work, more):
    assert "Error: " in seqattn("align", work.run("lstm"), *more, status=2).stderr


@pytest.mark.parametrize(
    "more", [[], ["--pairs", "y.tsv"], ["red dog", "--format", "pharaoh"], ["red", "dog", "cat"]]
)
def test_several_runs_are_only_for_pictures_of_a_sentence(work, more):
    runs = [work.run("lstm"), work.run("transformer")]
    assert "Error: " in seqattn("align", *runs, *more, status=2).stderr


@BOTH
def test_info_describes_a_run(work, architecture):
    output = seqattn("info", work.run(architecture)).stdout
    facts = {line[:20].strip(): line[20:].strip() for line in output.splitlines()}
    assert facts["architecture"] == architecture
    tensors = load_file(work.run(architecture) / "model.safetensors")
    assert facts["parameters"] == f"{sum(t.numel() for t in tensors.values()):,}"
    assert facts["training data"].startswith("108 pairs")
    assert "width=16" in facts["options"]
    assert f"update {RunFolder(work.run(architecture)).read_model()[1].update}" in facts["weights"]
    assert "BLEU" in facts["validation, greedy"]
    updates = [e for e in RunFolder(work.run(architecture)).metrics.read() if e.event == "updated"]
    tokens = sum(event.tokens for event in updates)
    assert facts["trained for"].startswith(f"{len(updates)} updates, {tokens:,} tokens, 0:")
