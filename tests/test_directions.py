"""A run's direction: which side it translates from, by --swap and by the file names of its corpora."""

import json
import shutil

import pytest

import seqattn
from seqattn.alignment.links import format_pharaoh, turned
from seqattn.data.corpus import side_names
from seqattn.errors import InputError
from seqattn.runs.folder import RunFolder

from commands import TEST, TRAIN, error_of, sizes
from commands import seqattn as command


@pytest.mark.parametrize(
    ("argument", "names"),
    [
        ("train.en,train.de", ("en", "de")),
        ("a/b.c/train.en.gz,d/train.de.gz", ("en", "de")),
        ("simple.train.src.gz,simple.train.tgt.gz", None),
        ("train.en.GZ,train.de.gz", ("en", "de")),
        ("train.,train.de", None),
        ("test_2016_flickr.en.gz,test_2016_flickr.de.gz", ("en", "de")),
        ("source.txt,target.txt", None),
        ("de-train.txt,en-train.txt", ("de", "en")),
        ("train.en,valid.de", None),
        ("train.en,train.de.txt", None),
        ("train.en,train.en", None),
        ("train.tsv", None),
        ("a,b,c", None),
    ],
)
def test_names_of_sides_are_the_parts_in_which_two_file_names_differ(argument, names):
    assert side_names(argument) == names


def write_texts(folder, name, pairs):
    """A corpus as two texts, of sides aa and bb."""
    for at, side in enumerate(("aa", "bb")):
        (folder / f"{name}.{side}").write_text("".join(f"{pair[at]}\n" for pair in pairs))
    return f"{folder / name}.aa,{folder / name}.bb"


@pytest.fixture(scope="module")
def there_and_back(work, tmp_path_factory):
    """A folder with a run for each direction, and the corpora as two texts."""
    folder = tmp_path_factory.mktemp("directions")
    train, test = write_texts(folder, "train", TRAIN), write_texts(folder, "test", TEST)
    shutil.copy(work.test, folder / "test.tsv")
    how = ("train", "--train", train, "--valid", test, "--arch", "lstm", *sizes("lstm"), "--max-updates", 24)
    command(*how, "--out", folder / "there")
    command(*how, "--swap", "--out", folder / "back")
    return folder


@pytest.mark.parametrize(("name", "words"), [("there", "from aa to bb"), ("back", "from bb to aa")])
def test_config_info_and_card_show_the_direction_by_its_names(there_and_back, name, words):
    run = there_and_back / name
    assert words in command("info", run).stdout
    assert words in (run / "README.md").read_text()
    sides = tuple(words.split()[1::2])
    assert RunFolder(run).read_config().data.sides == sides


def test_without_names_info_shows_source_and_target(work):
    assert "from source to target" in command("info", work.run("lstm")).stdout


def test_corpora_that_name_their_sides_in_different_orders_are_refused(there_and_back, work, tmp_path):
    folder = there_and_back
    there, back = f"{folder}/train.aa,{folder}/train.bb", f"{folder}/test.bb,{folder}/test.aa"
    how = ("--arch", "lstm", "--out", tmp_path / "run")
    for more in (["--valid", back], ["--train", back]):
        message = error_of(command("train", "--train", there, *more, *how, status=1))
        assert "is from aa to bb, but" in message or "is from bb to aa, but" in message
    assert not (tmp_path / "run").exists()


def figures(run, test):
    return json.loads(command("evaluate", run, "--test", test, "--json", "-").stdout)["translations"]


def test_evaluate_reads_a_corpus_in_the_direction_of_the_run(there_and_back):
    folder = there_and_back
    aa, bb = f"{folder}/test.aa", f"{folder}/test.bb"
    for name, source in (("there", 0), ("back", 1)):
        expected = [
            str(one) for one in seqattn.load(folder / name).translate([pair[source] for pair in TEST])
        ]
        for test in (f"{aa},{bb}", f"{bb},{aa}", folder / "test.tsv"):
            assert figures(folder / name, test) == expected


def test_links_of_a_corpus_follow_its_own_direction_in_either_reading(there_and_back, tmp_path):
    folder = there_and_back
    run = seqattn.load(folder / "back")
    found = run.align([pair.swapped() for pair in TEST])
    expected = [format_pharaoh(turned(links)) for links in found]
    asked = ("align", folder / "back", "--pairs", folder / "test.tsv")
    result = command(*asked)
    assert result.stdout.splitlines() == expected and "from target to source" in result.stderr
    (tmp_path / "gold").write_text("".join(f"{line}\n" for line in expected))
    assert command(*asked, "--gold", tmp_path / "gold").stdout.startswith("AER 0.00 %")
    judged = command(*asked, "--gold", tmp_path / "gold", "--heads").stdout
    assert "0.0*" in judged


def test_both_directions_give_the_same_links_from_either_side(there_and_back):
    folder = there_and_back
    one = command("align", folder / "there", "--reverse", folder / "back", "--pairs", folder / "test.tsv")
    other = command("align", folder / "back", "--reverse", folder / "there", "--pairs", folder / "test.tsv")
    union = [
        command(
            "align",
            folder / a,
            "--reverse",
            folder / b,
            "--pairs",
            folder / "test.tsv",
            "--symmetrize",
            "union",
        )
        for a, b in (("there", "back"), ("back", "there"))
    ]
    assert union[0].stdout == union[1].stdout
    assert len(one.stdout.splitlines()) == len(other.stdout.splitlines()) == len(TEST)


def test_a_reverse_run_of_the_same_direction_is_refused(there_and_back, work):
    asked = ("align", there_and_back / "there", "--pairs", work.test, "--reverse")
    message = error_of(command(*asked, there_and_back / "there", status=1))
    assert "translates in the same direction" in message and "--swap" in message
    message = error_of(
        command(
            "align", work.run("lstm"), "--pairs", work.test, "--reverse", work.run("transformer"), status=1
        )
    )
    assert "translates in the same direction" in message


def test_compare_follows_the_direction_and_refuses_mixed_ones(there_and_back):
    folder = there_and_back
    test = f"{folder}/test.aa,{folder}/test.bb"
    for name, source in (("there", 0), ("back", 1)):
        (found,) = seqattn.compare([folder / name], test, beam=2).systems[0].members
        expected = seqattn.load(folder / name).translate([pair[source] for pair in TEST], beam=2)
        assert list(found.hypotheses) == list(map(str, expected))
        shown = command("compare", folder / name, "--test", test).stdout
        assert "test BLEU" in shown
    runs = (folder / "there", folder / "back")
    with pytest.raises(InputError, match="cannot be translated in one direction by all runs"):
        seqattn.compare(runs, test)
    message = error_of(command("compare", *runs, "--test", test, status=1))
    assert "there from aa to bb" in message and "back from bb to aa" in message
