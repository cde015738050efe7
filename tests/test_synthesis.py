"""seqattn train --monolingual and --teacher: pairs that are made, trained on, and never validated on."""

import json
import shutil
from pathlib import Path

import pytest

from seqattn import ensemble, load
from seqattn import train as train_run
from seqattn.data.corpus import Pair
from seqattn.runs import synthesis
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import load_data
from seqattn.runs.synthesis import TAG
from seqattn.runs.text_model import TextModel

from commands import BUDGET, SIZES, TEST, TRAIN, error_of, interrupt_after, sizes, updates_of, weights_of
from commands import seqattn as command
from runs import write_tsv


@pytest.fixture
def texts(tmp_path):
    """Targets without sources, one of them empty."""
    path = tmp_path / "mono.txt"
    path.write_text("".join(f"{pair.target}\n" for pair in TEST) + "\n", encoding="utf-8")
    return path


SAMPLE = Path(__file__).parent.parent / "samples" / "en-ko"


def training(work, out, *options, updates=8):
    return [
        *("train", "--train", work.train, "--arch", "lstm", "--out", out),
        *("--max-updates", updates, *sizes("lstm"), *options),
    ]


def made(out):
    path = out.with_name(f"{out.name}.synthetic.jsonl")
    records = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [Pair(one["source"], one["target"]) for one in records]


def test_monolingual_texts_are_translated_back_tagged_and_only_trained_on(work, texts, tmp_path):
    out = tmp_path / "run"
    result = command(*training(work, out, "--monolingual", texts))
    assert (tmp_path / "run.reverse" / "model.safetensors").exists()
    reverse = load(tmp_path / "run.reverse", device="cpu")
    assert reverse.config.data.swapped
    back = reverse.translate([pair.target for pair in TEST], beam=1)
    expected = [Pair(f"{TAG} {one}", pair.target) for one, pair in zip(back, TEST, strict=True) if str(one)]
    assert made(out) == expected and expected
    data = RunFolder(out).read_config().data
    plain = load_data([str(work.train)], None)
    assert data.synthetic_pairs == len(expected)
    assert (data.train_pairs, data.valid_pairs) == (len(plain.train) + len(expected), len(plain.valid))
    assert f"{len(expected)} synthetic pairs of" in " ".join(result.stderr.split())
    assert "copied" not in result.stderr
    assert "run.synthetic.jsonl" in (out / "README.md").read_text()
    assert f"{work.train} + {data.synthetic}" in " ".join(command("info", out).stdout.split())


def test_a_teacher_translates_the_training_sources_but_not_those_held_out(work, tmp_path):
    out, teacher = tmp_path / "run", work.run("transformer")
    command(*training(work, out, "--teacher", teacher))
    sources = [pair.source for pair in load_data([str(work.train)], None).train]
    translated = map(str, load(teacher, device="cpu").translate(sources, beam=5))
    assert made(out) == [Pair(*pair) for pair in zip(sources, translated, strict=True) if pair[1]]
    assert len(sources) < len(TRAIN)


def test_several_teachers_translate_together(work, tmp_path):
    both = [work.run("lstm"), work.run("transformer")]
    command(*training(work, tmp_path / "run", "--teacher", both[0], "--teacher", both[1]))
    sources = [pair.source for pair in load_data([str(work.train)], None).train]
    together = ensemble([load(path, device="cpu") for path in both])
    pairs = [Pair(*pair) for pair in zip(sources, map(str, together.translate(sources)), strict=True)]
    assert made(tmp_path / "run") == [pair for pair in pairs if pair.target]


def test_a_run_taught_on_the_corpora_of_its_teachers_translates_together_with_them(tmp_path):
    lines = (SAMPLE / "train.tsv").read_text(encoding="utf-8").splitlines(keepends=True)
    corpus, sources = tmp_path / "some.tsv", tmp_path / "sources.txt"
    corpus.write_text("".join(lines[:300]), encoding="utf-8")
    sources.write_text("".join(line.split("\t")[0] + "\n" for line in lines[:20]), encoding="utf-8")
    how = ("train", "--train", corpus, "--arch", "lstm", *sizes("lstm"), "--max-updates", 2)
    command(*how, "--out", tmp_path / "teacher")
    command(*how, "--out", tmp_path / "taught", "--teacher", tmp_path / "teacher")
    assert made(tmp_path / "taught")
    together = command("translate", tmp_path / "taught", tmp_path / "teacher", sources)
    assert together.stdout.count("\n") == 20


def test_the_vocabulary_has_what_only_monolingual_texts_and_their_translations_have(work, tmp_path):
    texts = tmp_path / "mono.txt"
    texts.write_text("ж ж ж\nж ж\n", encoding="utf-8")
    command(*training(work, tmp_path / "run", "--monolingual", texts, updates=2))
    assert {"ж", TAG} <= load(tmp_path / "run").tokenizer.target.characters


@pytest.mark.parametrize("swap", [False, True])
def test_texts_that_are_copied_instead_of_translated_back_are_warned_of(work, tmp_path, swap):
    texts = tmp_path / "mono.txt"
    texts.write_text("ж ж  ж \nж ж\n", encoding="utf-8")
    way = ("--swap", "--reverse", work.run("lstm")) if swap else ("--reverse", work.back("lstm"))
    result = command(*training(work, tmp_path / "run", "--monolingual", texts, *way, updates=2))
    told = " ".join(result.stderr.split())
    assert "of 2 texts that were translated back, 2 came back as copies" in told


@pytest.mark.parametrize(("given", "copies", "warned"), [(0, 2, False), (0, 3, True), (3, 5, False)])
def test_copies_are_warned_of_where_pairs_are_none(given, copies, warned):
    def some(equal, prefix):
        return [Pair(prefix + ("a" if at < equal else "b"), "a") for at in range(10)]

    found = synthesis._warning([*some(copies, f"{TAG} "), *some(10, "")], some(given, ""))
    assert bool(found) == warned


def test_pairs_for_a_run_of_the_other_direction_are_written_as_its_corpora_are(work, tmp_path):
    out, sources = tmp_path / "run", tmp_path / "sources.txt"
    sources.write_text("".join(f"{pair.source}\n" for pair in TEST), encoding="utf-8")
    command(*training(work, out, "--swap", "--monolingual", sources, "--reverse", work.run("lstm")))
    assert not (tmp_path / "run.reverse").exists()
    assert {pair.source for pair in made(out)} <= {pair.source for pair in TEST}
    assert all(pair.target.startswith(f"{TAG} ") for pair in made(out))


def test_an_interrupted_run_with_synthetic_pairs_resumes_to_the_same_weights(
    work, texts, tmp_path, monkeypatch
):
    how = "--monolingual", texts, "--reverse", work.back("lstm")
    command(*training(work, tmp_path / "whole", *how, updates=12))
    with monkeypatch.context() as patch:
        interrupt_after(patch, 5)
        command(*training(work, tmp_path / "cut", *how, updates=12), status=130)
    command("train", "--resume", "--out", tmp_path / "cut")
    assert weights_of(tmp_path / "cut") == weights_of(tmp_path / "whole")
    shutil.copytree(tmp_path / "cut", tmp_path / "other")
    (tmp_path / "cut.synthetic.jsonl").write_text('{"source": "a", "target": "b"}\n')
    again = "train", "--resume", "--out", tmp_path / "cut", "--max-updates", 14
    assert "the synthetic corpus differs" in error_of(command(*again, status=1))


def test_a_run_that_translates_back_and_is_kept_is_named_with_its_updates(work, texts, tmp_path):
    out = tmp_path / "run"
    command(*training(work, out, "--monolingual", texts))
    (tmp_path / "run.synthetic.jsonl").unlink()
    for present in (False, True):
        assert (tmp_path / "run.synthetic.jsonl").exists() == present
        shutil.rmtree(out)
        said = " ".join(command(*training(work, out, "--monolingual", texts)).stderr.split())
        updates = updates_of(tmp_path / "run.reverse")[-1]
        assert f"run.reverse, trained for {updates} updates, is kept." in said
        assert ("already exist" in said) == present


def test_translations_that_were_made_before_an_interruption_are_kept(work, texts, tmp_path, monkeypatch):
    how = "--monolingual", texts, "--reverse", work.back("lstm"), "--teacher", work.run("lstm")
    command(*training(work, tmp_path / "whole", *how))
    monkeypatch.setattr(synthesis, "AT_ONCE", 7)
    own, translated = TextModel.translate, []

    def translate(run, some, **options):
        if len(translated) == stop:
            raise MemoryError
        translated.append(len(some))
        return own(run, some, **options)

    monkeypatch.setattr(TextModel, "translate", translate)
    for stop in (2, 5, 10_000):
        command(*training(work, tmp_path / "cut", *how), status=int(stop < 10_000))
        unfinished = tmp_path / "cut.synthetic.unfinished"
        assert unfinished.exists() == (stop < 10_000)
        if stop == 2:
            # Killed while it wrote.
            unfinished.write_bytes(unfinished.read_bytes()[:-5])
            translated.pop()
    assert sum(translated) == len(TEST) + len(load_data([str(work.train)], None).train)
    assert made(tmp_path / "cut") == made(tmp_path / "whole")
    (tmp_path / "new.synthetic.unfinished").write_text('{"of": "another"}\n[]\n')
    command(*training(work, tmp_path / "new", *how))
    assert made(tmp_path / "new") == made(tmp_path / "whole")


@pytest.mark.parametrize(
    "made", ["forward", "reverse", "pharaoh", "lexicon.pharaoh", "synthetic.jsonl", "synthetic.unfinished"]
)
def test_a_run_that_has_not_begun_is_not_resumed_but_begun_by_its_command(tmp_path, made):
    (tmp_path / f"run.{made}").write_text("")
    told = error_of(command("train", "--resume", "--out", tmp_path / "run", status=1))
    assert "has not begun" in told and "the same command again without --resume" in told


def test_synthetic_pairs_that_moved_with_their_run_are_found(work, tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    command(*training(work, "run", "--teacher", work.run("lstm")))
    (tmp_path / "a").rename(tmp_path / "b")
    monkeypatch.chdir(tmp_path)
    command("train", "--resume", "--out", "b/run", "--max-updates", 20)
    assert RunFolder(Path("b/run")).metrics.read()[-1].update == 20


def test_python_makes_the_same_pairs_as_the_command(work, texts, tmp_path):
    how = {"monolingual": str(texts), "teachers": [work.run("lstm")], "device": "cpu"}
    settings = dict(one.split("=") for one in (*SIZES["lstm"], *BUDGET)) | {"max_updates": 8}
    train_run(str(work.train), tmp_path / "one", architecture="lstm", settings=settings, **how)
    command(*training(work, tmp_path / "two", "--monolingual", texts, "--teacher", work.run("lstm")))
    assert made(tmp_path / "one") == made(tmp_path / "two")
    assert weights_of(tmp_path / "one") == weights_of(tmp_path / "two")


def test_what_cannot_be_used_is_refused_before_anything_is_trained(work, texts, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    out, links = tmp_path / "out", tmp_path / "links"
    for options, message, status in (
        (["--monolingual", tmp_path / "missing"], "cannot be read", 1),
        (["--monolingual", empty], "holds no text", 1),
        (["--monolingual", texts, "--guide", links], "a guide has no links", 1),
        (["--monolingual", texts, "--guide", "self"], "a guide has no links", 1),
        (["--teacher", tmp_path], "is not a run", 1),
        (["--monolingual", texts, "--reverse", tmp_path], "is not a run", 1),
        (["--reverse", work.run("lstm")], "--monolingual", 2),
    ):
        assert message in command(*training(work, out, *options), status=status).stderr
    resume = "train", "--resume", "--out", out, "--teacher", work.run("lstm")
    assert "--teacher" in command(*resume, status=2).stderr
    assert not list(tmp_path.glob("out*"))


def test_a_run_of_the_same_direction_does_not_translate_back(work, texts, tmp_path):
    for name in ("source", "target"):
        side = (getattr(pair, name) for pair in TRAIN)
        (tmp_path / f"train.{name[:2]}").write_text("".join(f"{text}\n" for text in side))
    corpus = f"{tmp_path / 'train.so'},{tmp_path / 'train.ta'}"
    how = "--arch", "lstm", "--max-updates", 4, *sizes("lstm")
    command("train", "--train", corpus, *how, "--out", tmp_path / "same")
    more = "--monolingual", texts, "--reverse", tmp_path / "same"
    result = command("train", "--train", corpus, *how, "--out", tmp_path / "run", *more, status=1)
    assert "not from ta to so" in error_of(result) and not (tmp_path / "run").exists()
    # Other names may be of the same languages.
    for name in ("so", "ta"):
        shutil.copy(tmp_path / f"train.{name}", tmp_path / f"same.{name}x")
    renamed = f"{tmp_path / 'same.sox'},{tmp_path / 'same.tax'}"
    teacher = "--teacher", tmp_path / "same"
    command("train", "--train", renamed, *how, "--out", tmp_path / "taught", *teacher)
    again = "train", "--train", renamed, *how, "--out", tmp_path / "other", "--swap", *teacher
    assert "not from target to source" in error_of(command(*again, status=1))


def test_runs_that_were_trained_on_the_same_pairs_in_another_direction_make_no_pairs(work, texts, tmp_path):
    back, out = tmp_path / "back", tmp_path / "run"
    command(*training(work, back, "--swap", updates=4))
    mono = "--monolingual", texts
    for options, message in (
        (("--teacher", back), "translates from target to source, not from source to target"),
        (("--teacher", work.run("lstm"), "--teacher", back), "back: translates from target to source"),
        (("--swap", "--teacher", work.run("lstm")), "not from target to source"),
        (
            (*mono, "--reverse", work.run("lstm")),
            "translates from source to target, not from target to source",
        ),
        (("--swap", *mono, "--reverse", back), "not from source to target"),
    ):
        assert message in error_of(command(*training(work, out, *options), status=1)), options
    assert not list(tmp_path.glob("run*"))


@pytest.mark.parametrize("options", [["--monolingual", "TEXTS"], ["--guide", "self"]])
def test_weights_to_start_from_serve_runs_of_their_own_direction_alone(work, texts, tmp_path, options):
    out, first = tmp_path / "run", work.run("lstm")
    asked = [texts if word == "TEXTS" else word for word in options]
    how = "--init-from", first, "--max-updates", 4
    command("train", "--train", work.train, "--out", out, *how, *asked)
    origin = {
        path.name: RunFolder(path).read_config().data.initialised_from for path in tmp_path.glob("run*/")
    }
    assert origin.pop("run.reverse") is None
    assert set(origin.values()) == {str(first)}


def test_weights_that_cannot_be_used_are_refused_before_another_run_is_trained(work, texts, tmp_path):
    out = tmp_path / "run"
    for more in (
        ("--init-from", tmp_path / "missing"),
        ("--arch", "lstm", "--init-from", work.run("transformer")),
        ("--init-from", work.run("lstm"), "--set", "width=8"),
    ):
        for beside in (("--monolingual", texts), ("--guide", "self")):
            error_of(command("train", "--train", work.train, "--out", out, *more, *beside, status=1))
    assert not list(tmp_path.glob("run*"))


def test_targets_that_are_validated_on_are_not_trained_on_as_monolingual_texts(work, tmp_path):
    every, out = tmp_path / "every.txt", tmp_path / "run"
    pairs = [*TRAIN, *TEST]
    every.write_text("".join(f" {pair.target}  \n" for pair in pairs), encoding="utf-8")
    command(*training(work, out, "--monolingual", every, "--valid", work.test, updates=4))
    validated = {pair.target for pair in TEST}
    kept = [pair.target.strip() for pair in made(out)]
    assert kept and not validated.intersection(kept)
    only = tmp_path / "only.txt"
    only.write_text("".join(f"{pair.target}\n" for pair in TEST), encoding="utf-8")
    refused = *training(work, tmp_path / "two", "--valid", work.test), "--monolingual", only
    assert "every text is a target of the validation set" in error_of(command(*refused, status=1))


def test_a_table_is_no_monolingual_text(work, tmp_path):
    refused = error_of(command(*training(work, tmp_path / "run", "--monolingual", work.test), status=1))
    assert f"{work.test}: is a table" in refused and "one on each line" in refused


def test_a_teacher_that_translates_by_nothing_is_named_and_leaves_no_pairs(work, tmp_path, monkeypatch):
    def nothing(self, texts, **options):
        return [""] * len(texts)

    monkeypatch.setattr(TextModel, "translate", nothing)
    asked = training(work, tmp_path / "run", "--teacher", work.run("lstm"))
    for _ in range(2):
        refused = error_of(command(*asked, status=1))
        assert f"{work.run('lstm')}: leaves every text without a translation" in refused
    assert not list(tmp_path.glob("run*"))


def test_the_synthetic_pairs_that_exist_are_kept(work, texts, tmp_path):
    write_tsv(tmp_path / "x.tsv", TEST)
    (tmp_path / "run.synthetic.jsonl").write_text('{"source": "red", "target": "blue"}\n')
    result = command(*training(work, tmp_path / "run", "--teacher", work.run("lstm")))
    assert "already exist" in result.stderr and made(tmp_path / "run") == [Pair("red", "blue")]


def test_synthetic_pairs_of_another_origin_are_refused(work, texts, tmp_path):
    out = tmp_path / "run"
    teacher = "--teacher", work.run("lstm")
    command(*training(work, tmp_path / "back", "--swap", updates=4))
    command(*training(work, out, *teacher))
    shutil.rmtree(out)
    assert "already exist" in command(*training(work, out, *teacher)).stderr
    shutil.rmtree(out)
    reverse = "--monolingual", texts, "--reverse", tmp_path / "back"
    other = write_tsv(tmp_path / "other.tsv", TRAIN[:100])
    for asked in (
        training(work, out, "--teacher", work.run("transformer")),
        training(work, out, *teacher, *teacher),
        training(work, out, *teacher, *reverse),
        training(work, out, *teacher, "--valid", work.test),
        [other if word == work.train else word for word in training(work, out, *teacher)],
    ):
        error = error_of(command(*asked, status=1))
        assert "run.synthetic.jsonl: was made from other texts or by other runs" in error, asked
    assert not out.exists()
    out.with_name("run.synthetic.json").write_text("{")
    assert "is damaged" in error_of(command(*training(work, out, *teacher), status=1))
    out.with_name("run.synthetic.jsonl").unlink()
    command(*training(work, out, "--teacher", work.run("transformer")))
