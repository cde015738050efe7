"""Pictures in, text out: every command with runs that read images, as for texts."""

import io
import json
import random
import re
import shutil

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from rich.console import Console

import seqattn as library
from seqattn.alignment.pointing import read_boxes
from seqattn.alignment.reading import read_attention
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.data.pixels import Shape
from seqattn.decoding.search import length_penalty
from seqattn.errors import InputError
from seqattn.pictures.image_map import ImageMap
from seqattn.runs.folder import RunFolder
from seqattn.runs.run import load_run

from commands import error_of, interrupt_after, seqattn, setting, updates_of, weights_of
from documents import ROOT
from pictures import random_image

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (30, 60, 220), "white": (250, 250, 250)}
SIZE = 8
READING = setting(
    *(f"{name}={SIZE}" for name in ("image_height", "cell_height", "cell_width")),
    *(
        "width=32",
        "encoder.dropout=0",
        "batch_tokens=128",
        "warmup=4",
        "learning_rate=0.005",
        "precision=fp32",
    ),
    *("validate_every=20", "best_by=exact", "average=0"),
)
MODELS = {
    "grid+lstm": ("grid", "lstm", setting("hidden=24", "score=additive")),
    "patches+transformer": (
        *("patches", "transformer"),
        setting("heads=2", "feed_forward=24", "encoder_layers=1", "decoder_layers=2"),
    ),
}
ALL = pytest.mark.parametrize("name", list(MODELS))


def blocks(names):
    """A row of blocks of these colours: (SIZE, W, 3)."""
    row = np.array([COLOURS[name] for name in names], dtype=np.uint8)
    return np.repeat(np.repeat(row[None], SIZE, 0), SIZE, 1)


def drawn(count, seed):
    chance = random.Random(seed)
    return [tuple(chance.choices(list(COLOURS), k=chance.randint(1, 3))) for _ in range(count)]


class Pictures:
    """Corpora of rows of blocks, whose texts name the colours, and finished runs."""

    def __init__(self, path):
        self.path = path
        self.rows = drawn(24, 2)
        self.train = self.write("train", drawn(400, 1))
        self.test = self.write("test", self.rows)
        self.files = [path / "test" / f"{number}.png" for number in range(len(self.rows))]
        self.gold = path / "boxes.jsonl"
        boxes = [[[at, SIZE * at, 0, SIZE * at + SIZE, SIZE] for at in range(len(row))] for row in self.rows]
        self.gold.write_text("".join(f"{json.dumps(each)}\n" for each in boxes))
        for name in MODELS:
            seqattn(*self.training(name, self.run(name)), "--max-updates", 400)

    def write(self, name, rows):
        (self.path / name).mkdir()
        lines = []
        for number, row in enumerate(rows):
            Pillow.fromarray(blocks(row)).save(self.path / name / f"{number}.png")
            lines.append(f"{name}/{number}.png\t{' '.join(row)}\n")
        corpus = self.path / f"{name}.tsv"
        corpus.write_text("".join(lines))
        return corpus

    def run(self, name):
        return self.path / name

    def training(self, name, out, *more):
        encoder, decoder, options = MODELS[name]
        chosen = ("--encoder", encoder, "--decoder", decoder, *READING, *options)
        return ("train", "--train", self.train, *chosen, "--out", out, "--threads", 1, *more)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return Pictures(tmp_path_factory.mktemp("pictures"))


@ALL
def test_a_run_translates_the_images_that_are_named(pictures, name):
    wanted = [" ".join(row) for row in pictures.rows]
    found = seqattn("translate", pictures.run(name), *pictures.files).stdout.splitlines()
    assert sum(one == other for one, other in zip(found, wanted, strict=True)) >= 0.9 * len(wanted)
    listed = "".join(f"{path}\n" for path in pictures.files)
    assert seqattn("translate", pictures.run(name), input=listed).stdout.splitlines() == found
    (one,) = seqattn("translate", pictures.run(name), pictures.files[3]).stdout.splitlines()
    assert one == found[3]
    twice = seqattn("translate", pictures.run(name), pictures.run(name), *pictures.files).stdout.splitlines()
    assert twice == found


def test_one_line_out_for_each_line_in(pictures):
    lines = f"{pictures.files[0]}\n\n{pictures.files[1]}\n"
    found = seqattn("translate", pictures.run("grid+lstm"), "-", input=lines).stdout.split("\n")
    assert len(found) == 4 and found[1] == "" and found[0] and found[2]


def test_an_archive_is_translated_image_by_image(pictures, tmp_path):
    rows = pictures.rows[:5]
    images = np.zeros((5, SIZE, 3 * SIZE, 3), np.uint8)
    for image, row in zip(images, rows, strict=True):
        image[:, : SIZE * len(row)] = blocks(row)
    path, texts = tmp_path / "five.npz", np.array([" ".join(row) for row in rows])
    np.savez(path, images=images, widths=np.array([SIZE * len(row) for row in rows]), texts=texts)
    run = pictures.run("grid+lstm")
    whole = seqattn("translate", run, path).stdout
    assert whole == seqattn("translate", run, *pictures.files[:5]).stdout
    assert seqattn("translate", run, f"{path}[3]").stdout == whole.splitlines(keepends=True)[3]
    assert "5 sentences" in seqattn("evaluate", run, "--test", path).stdout


def test_json_has_the_name_of_the_image_and_its_translations(pictures):
    result = seqattn(
        *("translate", pictures.run("grid+lstm"), pictures.files[0], "--nbest", 3, "--format", "jsonl"),
        "--attention",
    )
    record = json.loads(result.stdout)
    assert record["source"] == str(pictures.files[0]) and len(record["translations"]) == 3
    (attention,) = record["attention"]
    assert attention["source"] == [f"r1c{at + 1}" for at in range(len(pictures.rows[0]))]


def test_attention_is_drawn_below_each_translation(pictures):
    shown = seqattn("translate", pictures.run("grid+lstm"), pictures.files[0], "--attention").stdout
    assert shown.splitlines()[0] == " ".join(pictures.rows[0])
    assert "the image" in shown and "r1c1" in shown and "weight" in shown


@ALL
def test_a_run_is_evaluated_on_a_corpus_of_images(pictures, name, tmp_path):
    figures = json.loads(
        seqattn("evaluate", pictures.run(name), "--test", pictures.test, "--json", "-").stdout
    )
    assert figures["exact"] >= 90 and figures["cer"] < 10
    both = seqattn("evaluate", *map(pictures.run, MODELS), "--test", pictures.test, "--beam", 1)
    assert "exact match" in both.stdout


def test_systems_that_read_images_are_compared(pictures, tmp_path):
    systems = []
    for encoder, decoder, options in MODELS.values():
        own = ",".join(option for option in options if option != "--set")
        systems += ["--system", f"{decoder}:arch={encoder}+{decoder},{own}"]
    out, page = tmp_path / "compared", tmp_path / "report.html"
    command = (
        *("compare", "--train", pictures.train, "--test", pictures.test, "--out", out, "--no-baselines"),
        *(*systems, *READING, "--max-updates", 30, "--threads", 1),
    )
    shown = seqattn(*command, "--gold", pictures.gold, "--report", page).stdout
    assert "alignment error rate" in shown
    assert "lstm" in shown and "transformer" in shown and "exact match" in shown
    assert "test/0.png" in page.read_text(encoding="utf-8")
    assert seqattn("compare", out).stdout
    again = seqattn(*command)
    assert "finished" not in again.stderr


def test_systems_that_read_different_sources_are_not_compared(pictures, work, tmp_path):
    result = seqattn(
        *("compare", "--train", pictures.train, "--test", pictures.test, "--out", tmp_path / "x"),
        *("--system", "grid+lstm"),
        status=1,
    )
    assert "the systems read different sources: texts, colour images 32" in error_of(result)
    result = seqattn(
        *("compare", pictures.run("grid+lstm"), work.run("lstm"), "--test", pictures.test), status=1
    )
    assert "the systems read different sources" in error_of(result)


def test_finished_runs_are_compared(pictures):
    shown = seqattn("compare", *map(pictures.run, MODELS), "--test", pictures.test).stdout
    assert "grid+lstm" in shown and "patches+transformer" in shown


def test_a_training_resumes_exactly(pictures, tmp_path, monkeypatch):
    extra = setting("shift=1", "rotation=5", "brightness=0.2")
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    seqattn(*pictures.training("grid+lstm", whole, "--max-updates", 12, *extra))
    with monkeypatch.context() as patched:
        interrupt_after(patched, 5)
        seqattn(*pictures.training("grid+lstm", broken, "--max-updates", 12, *extra), status=130)
    seqattn("train", "--resume", "--out", broken, "--threads", 1)
    assert updates_of(broken) == list(range(1, 13))
    assert weights_of(broken) == weights_of(whole)


def test_resuming_with_other_images_is_refused(pictures, tmp_path):
    folder = tmp_path / "copy"
    folder.mkdir()
    shutil.copytree(pictures.path / "train", folder / "train")
    shutil.copy(pictures.train, folder / "train.tsv")
    corpus, run = folder / "train.tsv", tmp_path / "run"
    command = ["train", *pictures.training("grid+lstm", run)[3:]]
    seqattn(command[0], "--train", corpus, *command[1:], "--max-updates", 3)
    # The same images in another place are the same.
    seqattn("train", "--resume", "--out", run, "--train", pictures.train, "--max-updates", 5)
    Pillow.fromarray(blocks(["red", "blue"])).save(folder / "train" / "7.png")
    result = seqattn("train", "--resume", "--out", run, "--train", corpus, "--max-updates", 7, status=1)
    assert "the train corpus differs" in error_of(result)


def test_another_run_continues_from_the_weights(pictures, tmp_path):
    run = tmp_path / "run"
    seqattn(
        *("train", "--train", pictures.test, "--valid", pictures.train, "--init-from"),
        *(pictures.run("grid+lstm"), "--out", run, "--max-updates", 2),
    )
    assert load_run(run).config.architecture == "grid+lstm"


def test_a_teacher_describes_the_training_images(pictures, tmp_path, monkeypatch):
    run = tmp_path / "run"
    teach = pictures.training("patches+transformer", run, "--teacher", pictures.run("grid+lstm"))
    seqattn(*teach, "--max-updates", 2)
    record = RunFolder(run).read_config().data
    assert record.synthetic_pairs == record.train_pairs - record.synthetic_pairs > 100


def test_a_teacher_that_reads_something_else_is_refused_before_anything_is_read(work, pictures, tmp_path):
    grid, lstm = pictures.run("grid+lstm"), work.run("lstm")
    for teacher, asked, reads in (
        (grid, ("--train", work.train, "--arch", "lstm"), "colour images 8 pixels high"),
        (lstm, ("--train", pictures.train, "--encoder", "grid", "--decoder", "lstm"), "texts"),
    ):
        out = tmp_path / "run"
        refused = error_of(seqattn("train", *asked, "--teacher", teacher, "--out", out, status=1))
        assert f"{teacher}: reads {reads}" in refused and "the run to be trained" in refused


def test_a_run_is_described(pictures):
    shown = seqattn("info", pictures.run("grid+lstm")).stdout
    assert "colour images 8 pixels high in cells of 8 × 8" in shown
    assert re.search(r"tokenizer +unigram, target, \d+ pieces", shown)
    folder = pictures.run("grid+lstm")
    assert not (folder / "tokenizer.target.model").exists()
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "last",
        "metrics.jsonl",
        "model.safetensors",
        "tokenizer.model",
    ]


def test_int8_reads_images_too(pictures):
    for name in MODELS:
        found = seqattn("translate", pictures.run(name), *pictures.files, "--precision", "int8").stdout
        right = [" ".join(row) for row in pictures.rows]
        assert sum(one == other for one, other in zip(found.splitlines(), right, strict=True)) > 18


# Attention.


@ALL
def test_the_image_is_shown_for_each_word(pictures, name):
    row = pictures.rows[0]
    shown = seqattn("align", pictures.run(name), pictures.files[0], " ".join(row)).stdout
    assert "the image" in shown and all(word in shown for word in row)
    assert len(re.findall(r"r1c\d+ +\d+ %|r1c\d+ \d+ %", shown)) == len(row)
    assert "weight  · <0.05" in shown
    both = seqattn("align", *map(pictures.run, MODELS), pictures.files[0]).stdout
    assert both.count("the image") == 2


def test_steps_show_the_image(pictures):
    shown = seqattn("align", pictures.run("grid+lstm"), pictures.files[0], "--step").stdout
    steps = shown.count("attends to")
    assert steps == shown.count("proposes") > len(pictures.rows[0])
    assert shown.count("r1c") == steps


def test_layers_and_heads_of_an_image_are_maps(pictures):
    run = pictures.run("patches+transformer")
    assert "layer 2" in seqattn("align", run, pictures.files[0], "--heads").stdout
    chosen = seqattn("align", run, pictures.files[0], "--layer", 2, "--head", 1).stdout
    assert "layer 2, head 1" in chosen
    cells = seqattn("align", run, pictures.files[0], "--self-attention", "encoder").stdout
    assert "r1c1" in cells and "counted" not in cells
    assert "there is no layer 9" in error_of(seqattn("align", run, pictures.files[0], "--layer", 9, status=1))


def test_attention_is_written_as_json(pictures):
    shown = seqattn("align", pictures.run("grid+lstm"), "--pairs", pictures.test, "--format", "jsonl").stdout
    records = list(map(json.loads, shown.splitlines()))
    assert [record["target"] for record in records] == [list(row) for row in pictures.rows]
    for record, row in zip(records, pictures.rows, strict=True):
        assert record["source"] == [f"r1c{at + 1}" for at in range(len(row))]
        assert np.allclose(np.sum(record["weights"], axis=1), 1, atol=1e-3)


def test_a_word_points_at_what_it_names(pictures):
    run = pictures.run("grid+lstm")
    command = ("align", run, "--pairs", pictures.test, "--gold", pictures.gold)
    share, right, words = re.fullmatch(
        r"pointing ([\d.]+) % \((\d+) of (\d+) words\)\n", seqattn(*command).stdout
    ).groups()
    assert int(words) == sum(map(len, pictures.rows))
    assert float(share) == pytest.approx(100 * int(right) / int(words), abs=0.006)
    assert float(share) > 80
    table = seqattn(*command, "--heads").stdout
    assert "pointing, %" in table and f"{float(share):.1f}*" in table


def test_pointing_is_measured_by_the_layer_head_and_step_that_are_asked_for(pictures):
    path = pictures.run("patches+transformer")
    command = ("align", path, "--pairs", pictures.test, "--gold", pictures.gold)
    run = library.load(path)
    pairs = run.read_pairs(pictures.test)
    asked = [run.asked_reading(1, 2, True), run.asked_reading(2, None, None)]
    found = run.point(pairs, read_boxes(pictures.gold, pairs), asked)
    assert len({one.right for one in found.values()}) == 2
    options = (["--layer", 1, "--head", 2, "--at", "consumed"], ["--layer", 2])
    for reading, more in zip(asked, options, strict=True):
        assert f"({found[reading].right:,} of " in seqattn(*command, *more).stdout
    assert "layer" in error_of(seqattn(*command, "--layer", 99, status=1))


def test_attention_over_an_image_is_that_of_the_last_layer_unless_another_is_asked_for(pictures):
    run = library.load(pictures.run("patches+transformer"))
    assert run.model.attention_shape.layers == 2
    widest = max(range(len(pictures.rows)), key=lambda at: len(pictures.rows[at]))
    seen = run.attention(pictures.files[widest])
    first, last = seen.heads.weights.mean(1)
    torch.testing.assert_close(seen.attention.weights, last)
    assert not torch.allclose(first, last, atol=1e-3)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{}", "line 2: is no list of boxes"),
        ("[[0, 1, 2, 3]]", r"line 2: \[0, 1, 2, 3\] is no box"),
        ('[["a", 1, 2, 3, 4]]', "is no box"),
        ("[[9, 1, 2, 3, 4]]", "a box is of word 9, but the text has 2 words"),
        ("[[1, 3, 2, 3, 4]]", r"the box \[1, 3, 2, 3, 4\] is empty"),
        ("nothing", "line 2: not JSON"),
    ],
)
def test_boxes_that_fit_no_text_are_refused(tmp_path, line, message):
    path = tmp_path / "boxes.jsonl"
    path.write_text(f"[]\n{line}\n")
    with pytest.raises(InputError, match=message):
        read_boxes(path, [Pair("a", "x"), Pair("b", "x y")])
    with pytest.raises(InputError, match="has 2 lines for 1 pair"):
        read_boxes(path, [Pair("a", "x")])


def test_a_box_of_an_empty_text_is_refused(tmp_path):
    path = tmp_path / "boxes.jsonl"
    path.write_text("[[0, 1, 2, 3, 4]]\n")
    with pytest.raises(InputError, match="a box is of word 0, but the text has 0 words"):
        read_boxes(path, [Pair("a", "")])


def test_what_makes_links_is_refused(pictures, work, tmp_path):
    run, test = pictures.run("grid+lstm"), pictures.test
    for extra in (["--format", "pharaoh"], ["--threshold", 0.5, "--format", "pharaoh"], ["--lexicon", test]):
        result = seqattn("align", run, "--pairs", test, *extra, status=2)
        assert "reads images, which have no words" in " ".join(result.stderr.split())
    assert "give --gold, or a --format" in " ".join(
        seqattn("align", run, "--pairs", test, status=2).stderr.split()
    )
    guided = pictures.training("grid+lstm", tmp_path / "g", "--guide", "self")
    assert "images have no words to guide" in error_of(seqattn(*guided, status=1))
    for out in (tmp_path / "g", tmp_path / "h"):
        more = ("--monolingual", test, *(("--reverse", work.run("lstm")) if out.name == "h" else ()))
        refused = seqattn(*pictures.training("grid+lstm", out, *more), status=1)
        assert "images can only be sources (leave out --swap and --monolingual)" in error_of(refused)
        assert not list(tmp_path.glob(f"{out.name}*"))
    swapped = pictures.training("grid+lstm", tmp_path / "g", "--swap")
    assert "images can only be sources" in error_of(seqattn(*swapped, status=1))
    mixed = seqattn("align", run, work.run("lstm"), pictures.files[0], status=1)
    assert "some of the runs read images, others texts" in error_of(mixed)
    mixed = seqattn("translate", run, work.run("lstm"), pictures.files[0], status=1)
    assert "has another target vocabulary" in error_of(mixed) or "reads other sources" in error_of(mixed)


def test_an_image_that_cannot_be_read_is_an_error(pictures, tmp_path):
    run = pictures.run("grid+lstm")
    for command in ("translate", "align"):
        assert "nothing.png: cannot be read" in error_of(seqattn(command, run, "nothing.png", status=1))
    bad = tmp_path / "bad.tsv"
    bad.write_text(f"{pictures.files[0]}\tred\nmissing.png\tblue\n")
    for command in (("evaluate", run, "--test", bad), ("align", run, "--pairs", bad, "--format", "html")):
        assert f"{bad}, line 2: the image {tmp_path / 'missing.png'} cannot be read" in error_of(
            seqattn(*command, status=1)
        )
    bad.write_text(f"{pictures.files[0]}\tred\n\tblue\n")
    assert "pair 2 names no image" in error_of(
        seqattn("align", run, "--pairs", bad, "--format", "html", status=1)
    )
    assert "2 sentences" in seqattn("evaluate", run, "--test", bad).stdout
    bad.write_text(f"{pictures.files[0]}\tred\nmissing.png\tblue\n")
    training = ["train", "--train", bad, *pictures.training("grid+lstm", tmp_path / "run")[3:]]
    assert "bad.tsv, line 2" in error_of(seqattn(*training, status=1))
    assert not (tmp_path / "run").exists()


def test_a_name_on_standard_input_is_the_place_of_its_error(pictures):
    result = seqattn(
        *("translate", pictures.run("grid+lstm")), input=f"{pictures.files[0]}\n\nnone.png\n", status=1
    )
    assert "standard input, line 3: the image none.png cannot be read: No such file" in error_of(result)


def test_an_output_never_replaces_an_image_that_standard_input_names(pictures, tmp_path):
    image = tmp_path / "image.png"
    shutil.copy(pictures.files[0], image)
    before = image.read_bytes()
    (tmp_path / "linked.png").symlink_to(image)
    for name in ("image.png", "linked.png"):
        asked = ("translate", pictures.run("grid+lstm"), "--output", image)
        told = seqattn(*asked, input=f"{pictures.files[1]}\n{tmp_path / name}\n", status=2)
        assert "image.png is also an input, which would be overwritten" in told.stderr
    assert image.read_bytes() == before and not list(tmp_path.glob("*.part"))


def test_the_output_does_not_overwrite_an_archive(pictures, tmp_path):
    path = tmp_path / "x.npz"
    np.savez(path, images=np.zeros((1, 8, 8, 3), np.uint8))
    before = path.read_bytes()
    result = seqattn(*("translate", pictures.run("grid+lstm"), f"{path}[0]", "--output", path), status=2)
    assert "would be overwritten" in " ".join(result.stderr.split()) and path.read_bytes() == before


def test_texts_are_not_read_from_archives_of_images(work, tmp_path):
    np.savez(tmp_path / "x.npz", images=np.zeros((1, 8, 8, 3), np.uint8), texts=np.array(["a"]))
    for command in (("check",), ("evaluate", work.run("lstm"), "--test")):
        refused = seqattn(*command, tmp_path / "x.npz", status=1)
        assert "is an archive of images, which texts are not read from" in error_of(refused)


@pytest.mark.parametrize(
    ("box", "message"),
    [
        ([0, -9, 0, -1, 4], "the box [0, -9, 0, -1, 4] of pair 1 is outside its image of"),
        ([0, 1e9, 0, 2e9, 4], "the box [0, 1000000000.0, 0, 2000000000.0, 4] of pair 1 is outside"),
        (None, "there is no box"),
    ],
)
def test_boxes_that_fit_no_image_are_refused(pictures, tmp_path, box, message):
    gold = tmp_path / "boxes.jsonl"
    gold.write_text("".join(f"{json.dumps([box] if box and not row else [])}\n" for row in range(24)))
    run = pictures.run("grid+lstm")
    for more in ((), ("--heads",)):
        refused = seqattn("align", run, "--pairs", pictures.test, "--gold", gold, *more, status=1)
        assert f"{gold}: {message}" in error_of(refused)


def with_learned_positions(pictures, run, columns, ids):
    """A run whose model has positions for so many columns of an image and ids of a target."""
    limits = setting(f"encoder.max_positions={columns}", f"decoder.max_positions={ids}")
    once = setting("positions=learned", "max_updates=1")
    seqattn(*pictures.training("patches+transformer", run), *limits, *once)
    return run


def test_an_image_with_more_columns_than_a_model_learned_is_named(pictures, tmp_path):
    run = with_learned_positions(pictures, tmp_path / "learned", 4, 64)
    Pillow.fromarray(blocks(["red"] * 5)).save(tmp_path / "wide.png")
    for command in ((), ("--attention",)):
        refused = seqattn("translate", run, pictures.files[0], tmp_path / "wide.png", *command, status=1)
        assert "wide.png: has 5 positions, more than the 4 that this model can hold" in error_of(refused)


def test_an_image_may_have_more_cells_than_its_target_may_have_ids(pictures, tmp_path):
    run = with_learned_positions(pictures, tmp_path / "short", 64, 8)
    Pillow.fromarray(blocks(["red"] * 40)).save(tmp_path / "wide.png")
    assert len(seqattn("translate", run, tmp_path / "wide.png").stdout.splitlines()) == 1
    seen = load_run(run).attention(tmp_path / "wide.png", "red")
    assert load_run(run).model.longest.target == 8 < len(seen.source)


def test_settings_of_images_are_named_as_they_are_set(pictures, tmp_path):
    for wrong in ("image_height=0", "image_height=5000", "cell_width=0"):
        command = pictures.training("grid+lstm", tmp_path / "run", "--set", wrong)
        name = wrong.partition("=")[0]
        assert f"encoder.{name} must be between 1 and 4096" in error_of(seqattn(*command, status=1))


def test_the_output_does_not_overwrite_an_image(pictures):
    before = pictures.files[0].read_bytes()
    result = seqattn(
        *("translate", pictures.run("grid+lstm"), pictures.files[0], "--output", pictures.files[0]), status=2
    )
    assert "would be overwritten" in " ".join(result.stderr.split())
    assert pictures.files[0].read_bytes() == before


# Python.


def test_python_takes_files_and_arrays(pictures):
    run = library.load(pictures.run("grid+lstm"))
    row = pictures.rows[0]
    one = run.translate(pictures.files[0])
    assert str(one) == " ".join(row) and one.source == str(pictures.files[0])
    assert str(run.translate(blocks(row))) == " ".join(row)
    several = run.translate([pictures.files[0], str(pictures.files[1]), blocks(row)])
    assert [str(found) for found in several] == [str(run.translate(path)) for path in pictures.files[:2]] + [
        " ".join(row)
    ]
    assert [str(found) for found in run.translate(np.stack([blocks(row)] * 2))] == [" ".join(row)] * 2
    pairs = [(blocks(row), " ".join(row)) for row in pictures.rows]
    assert run.evaluate(pairs).scores.exact == run.evaluate(pictures.test).scores.exact
    assert run.score(blocks(row), " ".join(row)) > run.score(blocks(row), "red red red red red")
    found = library.compare([run, run], pairs)
    assert found.metric


def test_a_coverage_penalty_counts_every_cell_of_an_image(pictures):
    run = library.load(pictures.run("grid+lstm"))
    # Wider than in training: the last cells get little attention.
    for row in (["red", "blue"], ["red", "green", "blue"] * 3):
        found = run.translate(blocks(row), nbest=3, coverage_penalty=0.3)
        (image,) = found.pieces
        for candidate in found.candidates:
            (one,) = candidate.hypotheses
            (weights,) = read_attention(run.model, [Example(image, one.ids)])
            received = run.reading.weights(weights).sum(0)
            expected = one.log_probability / length_penalty(len(one.ids), 1.0)
            expected += 0.3 * float(received.clamp(max=1).log().sum())
            assert one.score == pytest.approx(expected, abs=1e-3)


def test_python_shows_attention_over_an_image(pictures, tmp_path):
    run = library.load(pictures.run("grid+lstm"))
    row = pictures.rows[0]
    seen = run.attention(blocks(row))
    assert isinstance(seen, ImageMap) and seen.target == list(row)
    assert seen.weights.shape == (len(row), len(row))
    assert repr(seen) == f"ImageMap({seen.run!r}: {seen.described}, {len(row)} × {len(row)})"
    assert seen._repr_html_().startswith('<img alt="attention" src="data:image/svg+xml;base64,')
    for name in ("a.svg", "a.html"):
        seen.save(tmp_path / name)
        assert (tmp_path / name).stat().st_size > 1000
    boxes = read_boxes(pictures.gold, run.read_pairs(pictures.test))
    assert run.point(run.read_pairs(pictures.test), boxes)[run.reading].words == sum(map(len, pictures.rows))


def test_the_example_of_the_page_runs(pictures, tmp_path, monkeypatch, capsys):
    page = (ROOT / "docs" / "images.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", page, flags=re.S)
    (tmp_path / "runs").mkdir()
    shutil.copytree(pictures.run("grid+lstm"), tmp_path / "runs" / "shapes")
    for name, path in zip(("one.png", "two.png"), pictures.files, strict=False):
        shutil.copy(path, tmp_path / name)
    images = np.stack([blocks(["red", "blue"]), blocks(["blue", "white"])])
    np.savez(tmp_path / "test.npz", images=images, texts=np.array(["red blue", "blue white"]))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "docs/images.md", "exec"), {})
    output = capsys.readouterr().out
    assert " ".join(pictures.rows[0]) in output and "torch.Size" in output


def test_half_blocks_are_as_bright_as_the_attention():
    from seqattn_cli.views.images import DARKEST, half_blocks, lit, picture

    shape = Shape(4, True, 2, 2)
    image = random_image(3, 1, shape)
    lines = picture(image, 80, True)
    assert [line.plain for line in lines] == ["▀" * 6] * 2
    spans = [span.style for span in lines[0].spans]
    assert tuple(spans[0].color.triplet) == tuple(image.pixels[:, 0, 0])
    assert tuple(spans[5].bgcolor.triplet) == tuple(image.pixels[:, 1, 5])
    weights = [0.1, 0.5, 0.0, 0.2, 0.2, 0.0]
    assert len(lit(image, shape, weights, 80, True, 1)) == 1
    lines = lit(image, shape, weights, 80, True)
    for row, column, share in ((0, 0, 0.2), (1, 0, 1.0), (0, 1, 0.0), (1, 1, 0.4), (0, 2, 0.4), (1, 2, 0.0)):
        span = [span.style for span in lines[row].spans][2 * column]
        wanted = image.pixels[:, 2 * row, 2 * column] * (DARKEST + (1 - DARKEST) * share)
        assert np.abs(np.array(span.color.triplet) - wanted).max() <= 1
    plain = lit(image, shape, weights, 80, False)
    assert [line.plain for line in plain] == ["░░··▒▒", "▓▓▒▒··"]
    console = Console(file=io.StringIO(), width=40, color_system="truecolor", force_terminal=True)
    console.print(*half_blocks(np.full((3, 2, 3), 7.0)))
    assert "38;2;7;7;7;48;2;7;7;7" in console.file.getvalue()


def test_wide_images_fit_the_width():
    from seqattn_cli.views.images import picture

    shape = Shape(32, False, 8, 8)
    for width in (20, 60, 119):
        for columns in (1, 4, 40):
            for colour in (True, False):
                lines = picture(random_image(columns, 1, shape), width, colour)
                assert max(line.cell_len for line in lines) <= width


def test_an_image_that_a_corpus_names_is_not_overwritten(pictures, tmp_path):
    image = tmp_path / "one.png"
    shutil.copy(pictures.files[0], image)
    test = tmp_path / "test.tsv"
    test.write_text("one.png\tred\n")
    before = image.read_bytes()
    run = pictures.run("grid+lstm")
    for command in (
        ("evaluate", run, "--test", test, "--json"),
        ("evaluate", run, "--test", test, "--output"),
        ("compare", run, "--test", test, "--json"),
        ("translate", run, image, "--output"),
    ):
        assert "is also an input" in seqattn(*command, image, status=2).stderr
        assert image.read_bytes() == before
