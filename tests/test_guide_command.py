"""seqattn train --guide and --swap."""

import json
import sys

import pytest

import seqattn
from seqattn.data.corpus import Pair
from seqattn.runs.folder import RunFolder
from seqattn.shell import command_line

from commands import BOTH, TEST, TRAIN, error_of, interrupt_after, setting, sizes, updates_of, weights_of
from commands import seqattn as command
from runs import write_tsv

RIGHT = [
    " ".join(f"{len(p.source.split()) - 1 - t}-{t}" for t in range(len(p.target.split()))) for p in TRAIN
]
"""The links of the training pairs, which are words and the same words in the opposite order."""


@pytest.fixture
def links(tmp_path):
    path = tmp_path / "train.links"
    path.write_text("".join(f"{line}\n" for line in RIGHT))
    return path


def arguments(work, architecture, *more):
    return ["train", "--train", work.train, "--arch", architecture, *sizes(architecture), *more]


@BOTH
def test_a_guide_is_learned_with_the_translation_and_read_by_align(work, links, tmp_path, architecture):
    gold = tmp_path / "gold"
    gold.write_text("".join(f"{line}\n" for line in RIGHT[:40]))
    pairs = write_tsv(tmp_path / "pairs.tsv", TRAIN[:40])
    train = arguments(work, architecture, "--max-updates", 60)
    rates = {}
    for name, more in [("plain", []), ("guided", ["--guide", links, *setting("guide_weight=2")])]:
        command(*train, *more, "--out", tmp_path / name)
        output = command("align", tmp_path / name, "--pairs", pairs, "--gold", gold).stdout
        rates[name] = float(output.split()[1])
    assert rates["guided"] < min(25, rates["plain"] - 10), rates
    config = RunFolder(tmp_path / "guided").read_config()
    assert config.alignment.consumed == (architecture == "transformer")
    assert config.data.guide == str(links)


def test_a_training_with_a_guide_resumes_to_the_same_weights(work, links, tmp_path, monkeypatch):
    start = arguments(work, "transformer", "--max-updates", 20, "--guide", links)
    command(*start, "--out", tmp_path / "whole")
    with monkeypatch.context() as patched:
        interrupt_after(patched, 12)
        command(*start, "--out", tmp_path / "cut", status=130)
    command("train", "--resume", "--out", tmp_path / "cut")
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    without = tmp_path / "without"
    command(*arguments(work, "transformer", "--max-updates", 20), "--out", without)
    assert weights_of(without) != weights_of(tmp_path / "whole")


def test_a_guided_run_whose_corpus_has_moved_resumes_with_its_guide(work, links, tmp_path):
    (tmp_path / "pairs.tsv").write_bytes(work.train.read_bytes())
    start = ["train", "--train", tmp_path / "pairs.tsv", *arguments(work, "lstm", "--guide", links)[3:]]
    command(*start, "--max-updates", 4, "--out", tmp_path / "run")
    (tmp_path / "pairs.tsv").rename(tmp_path / "moved.tsv")
    resume = "train", "--resume", "--out", tmp_path / "run", "--train", tmp_path / "moved.tsv"
    command(*resume, "--max-updates", 6)
    assert updates_of(tmp_path / "run")[-1] == 6


def test_a_run_is_not_resumed_with_another_guide(work, links, tmp_path):
    command(*arguments(work, "lstm", "--max-updates", 4, "--guide", links), "--out", tmp_path / "run")
    links.write_text("".join(f"{line}\n" for line in ["", "", "", *RIGHT[3:]]))
    resume = ["train", "--resume", "--out", tmp_path / "run", "--max-updates", 8]
    assert "the guide differs from that of this run" in error_of(command(*resume, status=1))
    links.unlink()
    assert str(links) in error_of(command(*resume, status=1))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda lines: lines[:-1], f"has {len(TRAIN) - 1} lines for {len(TRAIN)} pairs"),
        (lambda lines: ["7-0", *lines[1:]], "line 1: the link 7-0 is outside a pair"),
        (lambda lines: [*lines[:3], "a-b", *lines[4:]], "line 4: 'a-b' is not a link"),
    ],
)
def test_a_guide_that_does_not_fit_the_pairs_is_an_error_and_nothing_is_written(
    work, links, tmp_path, change, expected
):
    links.write_text("".join(f"{line}\n" for line in change(RIGHT)))
    train = arguments(work, "lstm", "--guide", links, "--out", tmp_path / "run")
    output = error_of(command(*train, status=1))
    assert expected in output and str(links) in output
    assert not (tmp_path / "run").exists()


def test_a_model_without_attention_cannot_be_guided(work, links, tmp_path):
    train = arguments(work, "lstm", "--guide", links, *setting("score=none"), "--out", tmp_path / "run")
    assert "no attention to guide" in command(*train, status=1).stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("unguided", ["r_drop=1", "subword_sampling=0.5"])
def test_a_training_that_cannot_be_guided_is_refused_before_anything_is_read_or_trained(
    work, links, tmp_path, unguided
):
    for guide, corpus in ((links, tmp_path / "missing.tsv"), ("self", work.train)):
        train = "train", "--train", corpus, "--arch", "lstm", *sizes("lstm"), "--max-updates", 2
        said = error_of(
            command(*train, "--guide", guide, *setting(unguided), "--out", tmp_path / "run", status=1)
        )
        assert "a guide cannot be combined with r_drop or subword_sampling" in said
    assert not list(tmp_path.glob("run*"))


def test_a_start_from_a_run_that_cannot_be_guided_is_refused_before_anything_is_trained(work, tmp_path):
    for name, options in (("blind", "score=none"), ("agreeing", "r_drop=1")):
        begun = arguments(work, "lstm", "--max-updates", 2, *setting(options), "--out", tmp_path / name)
        command(*begun)
        start = "train", "--train", work.train, "--init-from", tmp_path / name, "--max-updates", 2
        said = error_of(command(*start, "--guide", "self", "--out", tmp_path / "run", status=1))
        assert "no attention to guide" in said or "a guide cannot be combined with r_drop" in said
    assert not list(tmp_path.glob("run*"))


def test_swapped_training_is_training_on_the_swapped_corpus(work, links, tmp_path):
    swapped = write_tsv(tmp_path / "swapped.tsv", tuple(Pair(p.target, p.source) for p in TRAIN))
    how = ["--arch", "lstm", *sizes("lstm"), "--max-updates", 8, "--valid", work.test]
    back = tmp_path / "valid.tsv"
    write_tsv(back, tuple(Pair(p.target, p.source) for p in TEST))
    turned = tmp_path / "turned.links"
    lines = [" ".join("-".join(reversed(link.split("-"))) for link in line.split()) for line in RIGHT]
    turned.write_text("".join(f"{line}\n" for line in lines))
    command("train", "--train", work.train, *how, "--swap", "--guide", links, "--out", tmp_path / "swap")
    how[-1] = back
    command("train", "--train", swapped, *how, "--guide", turned, "--out", tmp_path / "plain")
    assert weights_of(tmp_path / "swap") == weights_of(tmp_path / "plain")
    command("train", "--resume", "--out", tmp_path / "swap", "--max-updates", 12)
    command("train", "--resume", "--out", tmp_path / "plain", "--max-updates", 12)
    assert weights_of(tmp_path / "swap") == weights_of(tmp_path / "plain")


def test_guide_self_comes_from_two_runs_that_are_kept(work, tmp_path):
    train = arguments(work, "transformer", "--max-updates", 8, "--guide", "self", "--out", tmp_path / "run")
    output = command(*train).stderr
    assert "run.forward" in output and "run.reverse" in output
    links = tmp_path / "run.pharaoh"
    assert len(links.read_text().splitlines()) == len(TRAIN)
    assert json.loads((tmp_path / "run" / "config.json").read_text())["data"]["guide"] == str(links)
    assert "already exists" in error_of(command(*train, status=1))


@pytest.mark.parametrize("swap", [[], ["--swap"]])
def test_guide_lexicon_comes_from_the_pairs_alone(work, tmp_path, swap):
    train = arguments(work, "transformer", "--max-updates", 4, *swap, "--guide", "lexicon")
    output = command(*train, "--out", tmp_path / "run").stderr
    links = tmp_path / "run.lexicon.pharaoh"
    assert links.name in output and set(tmp_path.iterdir()) == {links, tmp_path / "run"}
    found = [line.split() for line in links.read_text().splitlines()]
    assert len(found) == len(TRAIN) and sum(map(len, found)) > 0.5 * sum(len(line.split()) for line in RIGHT)
    wrong = sum(len(set(line) - set(right.split())) for line, right in zip(found, RIGHT, strict=True))
    assert wrong < 0.25 * sum(map(len, found))
    given = arguments(work, "transformer", "--max-updates", 4, *swap, "--guide", links)
    command(*given, "--out", tmp_path / "given")
    assert weights_of(tmp_path / "given") == weights_of(tmp_path / "run")


def test_a_lexicon_is_learned_anew_for_other_pairs(tmp_path):
    train = ["train", "--arch", "lstm", *sizes("lstm"), "--max-updates", 1, "--guide", "lexicon"]
    for name, pairs in (("one", TRAIN), ("two", [Pair(*reversed(pair)) for pair in TRAIN[::-1]])):
        corpus = write_tsv(tmp_path / "pairs.tsv", pairs)
        command(*train, "--train", corpus, "--out", tmp_path / "run")
        (tmp_path / "run").rename(tmp_path / name)
        (tmp_path / "run.lexicon.pharaoh").rename(tmp_path / f"{name}.links")
        (tmp_path / "run.lexicon.pharaoh").write_text("0-0\n" * len(TRAIN))
    first, second = ((tmp_path / f"{name}.links").read_text() for name in ("one", "two"))
    assert second != "0-0\n" * len(TRAIN) and second != first


@pytest.mark.parametrize(
    ("pairs", "more", "expected"),
    [
        ([Pair("Wort", "word")] * 30, [], "too few texts of several words"),
        ([Pair("一つの文", "a sentence")] * 30, [], "too few texts of several words"),
        (TRAIN, setting("score=none"), "no attention to guide"),
    ],
)
def test_a_lexicon_that_cannot_guide_is_refused_and_nothing_is_written(tmp_path, pairs, more, expected):
    train = write_tsv(tmp_path / "pairs.tsv", pairs)
    how = ["train", "--train", train, "--arch", "lstm", *sizes("lstm"), *more, "--guide", "lexicon"]
    assert expected in error_of(command(*how, "--out", tmp_path / "run", status=1))
    assert [one.name for one in tmp_path.iterdir()] == ["pairs.tsv"]


def test_runs_of_the_other_direction_or_without_attention_do_not_guide_and_nothing_is_trained(work, tmp_path):
    train = arguments(work, "lstm", "--max-updates", 4, "--guide", "self")
    plain = arguments(work, "lstm", "--max-updates", 4)
    command(*plain, "--swap", "--out", tmp_path / "run.forward")
    said = error_of(command(*train, "--out", tmp_path / "run", status=1))
    assert "run.forward: was trained in the other direction" in said
    said = error_of(command(*train, *setting("score=none"), "--out", tmp_path / "other", status=1))
    assert "no attention to guide" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.forward"]


@pytest.mark.parametrize(("guide", "parts"), [("self", ("", ".forward", ".reverse")), ("lexicon", ("",))])
def test_python_makes_the_same_guide_as_the_command(work, tmp_path, guide, parts):
    how = arguments(work, "lstm", "--max-updates", 8, "--guide", guide, "--out", tmp_path / "run")
    command(*how)
    settings = dict(word.split("=") for word in sizes("lstm") if "=" in word) | {"max_updates": 8}
    run = seqattn.train(
        str(work.train), tmp_path / "other", architecture="lstm", settings=settings, guide=guide
    )
    assert run.path == tmp_path / "other"
    ending = {"self": "pharaoh", "lexicon": "lexicon.pharaoh"}[guide]
    links, same = (tmp_path / f"{name}.{ending}" for name in ("run", "other"))
    assert links.read_text() == same.read_text()
    for part in parts:
        assert weights_of(tmp_path / f"other{part}") == weights_of(tmp_path / f"run{part}")


def test_an_interrupted_training_with_guide_self_resumes_where_it_was(work, tmp_path, monkeypatch):
    for name in ("whole", "cut"):
        train = arguments(work, "lstm", "--max-updates", 8, "--guide", "self", "--out", tmp_path / name)
        if name == "cut":
            with monkeypatch.context() as patched:
                interrupt_after(patched, 4)
                patched.setattr(sys, "argv", ["seqattn", *map(str, train)])
                told = command(*train, status=130).stderr
            # Not by --resume, as the run itself has not begun.
            assert f"continue with: {command_line('seqattn', *train)}" in " ".join(told.split())
            assert not (tmp_path / "cut.reverse").exists() and not (tmp_path / "cut").exists()
        command(*train)
    for part in ("", ".forward", ".reverse"):
        assert weights_of(tmp_path / f"cut{part}") == weights_of(tmp_path / f"whole{part}")


def test_runs_trained_on_other_texts_cannot_guide(work, tmp_path):
    train = arguments(work, "lstm", "--max-updates", 4, "--guide", "self", "--out", tmp_path / "run")
    command("train", "--train", work.test, *train[3:-4], "--out", tmp_path / "run.forward")
    assert "was trained on other texts" in command(*train, status=1).stderr
    assert not (tmp_path / "run").exists()
    # Not even if their links exist.
    (tmp_path / "run.pharaoh").write_text("\n" * len(TRAIN))
    assert "was trained on other texts" in command(*train, status=1).stderr


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["--swap"], "leave out --arch"),
        (["--guide", "x"], "--guide need --train"),
        (["--train", "x", "--guide", "lexicon"], "needs the file of links that was made"),
    ],
)
def test_options_fixed_at_the_start_of_a_run_are_refused_when_resuming(work, more, expected):
    output = command("train", "--resume", "--out", work.run("lstm"), *more, status=2).stderr
    assert expected in " ".join(output.split())
