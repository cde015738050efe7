"""What a run chooses from its data: the criterion of the best weights, and how often it is validated."""

import json
from dataclasses import replace

import pytest
import torch

from seqattn.data.corpus import Pair
from seqattn.runs import choices
from seqattn.runs.choices import choose_criterion, choose_interval, choose_size, settle, training_speed
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Data, Prepared, prepare
from seqattn.runs.presets import compose
from seqattn.runs.records import DataRecord
from seqattn.text.learning import TokenizerOptions, take_inventory
from seqattn.training.schedule import TrainingOptions

from commands import PAIRS, seqattn, sizes
from runs import toy_data, write_tsv

NATURAL = take_inventory([f"word{number} and others" for number in range(20)])
OTHER = take_inventory(20 * [f"word{number} and others" for number in range(20)])


def of_pairs(pairs: int, distinct: int | None = None) -> Prepared:
    """Natural texts, as if there were so many pairs."""
    data = toy_data()
    record = replace(data.record, train_pairs=pairs)
    return replace(data, record=record, distinct=distinct or pairs, targets=NATURAL)


@pytest.mark.parametrize(
    ("references", "criterion"),
    [
        (["a dog runs fast", "a cat", "the bird sings a song"], "bleu"),
        (["a dog", "a cat runs", "bird"], "chrf"),
        (["dog", "cat", "a bird sings every morning"], "exact"),
        (["HH AH0 L OW1", "K AE1 T", "D AO1 G Z AA"], "bleu"),
        (["강아지가", "고양이가 달린다", "새가 노래한다"], "chrf"),
        (["狗跑得很快", "猫", "鸟唱一首歌"], "bleu"),
        (["狗", "猫", "鸟"], "exact"),
    ],
)
def test_the_criterion_is_bleu_unless_references_are_too_short_for_it(references, criterion):
    assert choose_criterion(references, closed=False) == criterion


def test_short_targets_of_few_frequent_words_are_judged_by_exact_match():
    data, asked = toy_data(), TrainingOptions(best_by="auto")
    phonemes = take_inventory(200 * ["HH AH0 L OW1", "K AE1 T S AH0", "D AO1 G Z AA"])
    assert settle(asked, replace(data, targets=phonemes)).best_by == "exact"
    assert choose_criterion([20 * "A ", 20 * "B "], closed=True) == "exact"
    assert choose_criterion([21 * "A ", 21 * "B "], closed=True) == "bleu"
    assert settle(asked, replace(data, targets=NATURAL)).best_by == "chrf"


@pytest.mark.parametrize(
    ("updates", "interval"), [(3, 100), (15, 150), (39, 390), (100, 400), (700, 700), (9000, 2000)]
)
def test_validations_are_an_epoch_apart_within_limits(updates, interval):
    data = toy_data()
    ids = sum(max(map(len, example)) for example in data.train)
    assert choose_interval(TrainingOptions(batch_tokens=1), data) == min(2000, ids)
    options = TrainingOptions(batch_tokens=ids, accumulate=1)
    many = replace(data, lengths=list(data.lengths) * updates)
    assert choose_interval(options, many) == interval
    one, two = (TrainingOptions(batch_tokens=ids, accumulate=count) for count in (1, 2))
    assert choose_interval(one, many, processes=2) == choose_interval(two, many)


def test_what_is_asked_for_is_not_chosen():
    asked = TrainingOptions(best_by="loss", validate_every=7)
    assert settle(asked, toy_data()) == asked


def test_a_run_of_single_words_keeps_the_weights_with_most_exact_matches(tmp_path):
    words = [Pair(pair.source, pair.source.split()[0]) for pair in PAIRS]
    corpus = write_tsv(tmp_path / "words.tsv", words)
    result = seqattn(
        *("train", "--train", corpus, "--arch", "lstm", "--out", tmp_path / "run", "--max-updates", 160),
        *(*sizes("lstm"), "--set", "best_by=auto"),
    )
    assert "the best exact match in validation" in " ".join(result.stderr.split())
    assert "14 validation pairs are rough" in result.stderr and "±26 points" in result.stderr
    folder = RunFolder(tmp_path / "run")
    assert folder.read_config().training.best_by == "exact"
    validations = [line for line in folder.metrics.read() if line.event == "validated"]
    best = max(validations, key=lambda line: (line.exact, -line.loss))
    assert json.loads(json.dumps(folder.read_model()[1].exact)) == best.exact > 0
    assert folder.read_model()[1].loss == best.loss


def test_few_pairs_of_natural_text_are_told_from_those_that_rules_make():
    data = toy_data()
    cpu = torch.device("cpu")
    pairs = f"for {len(data.train)} pairs"
    assert choose_size("lstm", {}, replace(data, targets=OTHER), cpu) == ("tiny", pairs)
    for limit in ({}, {"max_minutes": 0.001}):
        found = choose_size("lstm", limit, replace(data, targets=NATURAL), cpu)
        assert found == ("low-resource", f"{pairs} of natural text")


def test_repeated_pairs_count_once_in_the_choice_of_a_size():
    data = of_pairs(1_000_000, distinct=25_000)
    assert choose_size("lstm", {}, data, torch.device("cpu")) == ("mini", "for 25,000 distinct pairs")


def test_repetitions_and_words_are_counted_in_training_pairs_alone():
    pairs = (*3 * (Pair("a", "one two"),), Pair("a", "three"), Pair("b", "three"))
    data = Data(pairs, (Pair("c", "four"),), DataRecord(("a",), None))
    assert data.distinct == 3
    assert data.targets.words == {"one": 1, "two": 1, "three": 2}


def test_a_corpus_given_twice_chooses_what_it_chooses_once():
    pairs = tuple(Pair(f"source {number}", f"the word{number} and others") for number in range(60))
    record = DataRecord(("a",), "b", train_fingerprint="a", valid_fingerprint="b")
    once, twice = (prepare(Data(count * pairs, pairs, record), TokenizerOptions(), 64) for count in (1, 2))
    assert (once.distinct, once.targets) == (twice.distinct, twice.targets)
    assert twice.record.train_pairs == 120
    asked = TrainingOptions(best_by="auto")
    assert settle(asked, once).best_by == settle(asked, twice).best_by
    preset, reason = choose_size("lstm", {}, twice, torch.device("cpu"))
    assert (preset, reason) == ("low-resource", "for 60 distinct pairs of natural text")


def test_pairs_that_are_left_out_for_their_length_are_not_counted():
    pairs = (*(Pair(f"{number} " + 90 * "a ", "b") for number in range(5)), *3 * (Pair("a", "b"),))
    record = DataRecord(("a",), "b", train_fingerprint="a", valid_fingerprint="b")
    assert prepare(Data(pairs, pairs[-1:], record), TokenizerOptions(), 64).distinct == 1


@pytest.mark.parametrize(
    ("word", "chosen"),
    [("word", "preset tiny for"), ("word{}", "preset tiny for"), ("the word{}", "preset low-resource for")],
)
def test_a_training_says_which_preset_it_chose_by_the_words_of_the_targets(tmp_path, word, chosen):
    pairs = [Pair(f"source {number}", word.format(number)) for number in range(60)]
    corpus = write_tsv(tmp_path / "pairs.tsv", pairs)
    result = seqattn(
        *("train", "--train", corpus, "--arch", "lstm", "--out", tmp_path / "run", "--max-updates", 1),
        *sizes("lstm"),
    )
    assert f"{chosen} 5" in result.stderr


@pytest.mark.parametrize(("once", "often", "natural"), [(29, 71, False), (30, 70, True), (60, 40, True)])
def test_text_is_natural_if_many_of_its_words_occur_once(once, often, natural):
    words = [f"rare{number}" for number in range(once)] + 9 * [f"often{number}" for number in range(often)]
    pairs = tuple(Pair("source", f"{word} {word}" if word[0] == "o" else f"{word} often0") for word in words)
    assert Data(pairs, (), DataRecord(("a",), None)).targets.natural == natural


def test_many_epochs_are_told_in_whole_numbers(monkeypatch):
    data = toy_data()
    ids = sum(map(sum, data.lengths))
    many = of_pairs(25_000)
    monkeypatch.setattr("seqattn.runs.choices.training_speed", lambda *_: 2500 * ids / 60)
    size = choose_size("lstm", {"max_minutes": 1}, many, torch.device("cpu"))
    assert size.reason == "for 25,000 pairs: about 2,500 epochs in 1 minute here"


def test_a_time_limit_that_allows_few_epochs_chooses_a_smaller_preset(monkeypatch):
    data = toy_data()
    ids = sum(map(sum, data.lengths))
    many = of_pairs(1_000_000)
    asked = []

    def speed(architecture, model, training, prepared, device):
        asked.append(model.encoder.width)
        # A minute of preset base is an epoch, of small three, of mini twelve.
        return {512: 1, 256: 3, 128: 12}[model.encoder.width] * ids / 60

    monkeypatch.setattr(choices, "training_speed", speed)
    cpu = torch.device("cpu")
    assert choose_size("lstm", {}, many, cpu) == ("base", "for 1,000,000 pairs") and not asked
    for minutes, preset, epochs in ((8, "base", "8"), (3, "small", "9"), (0.2, "mini", "2.4")):
        size = choose_size("transformer", {"max_minutes": minutes}, many, cpu)
        assert size.preset == preset and f"about {epochs} epochs in {minutes} minutes here" in size.reason
    eight = choose_size("transformer", {"max_minutes": 1}, many, cpu, processes=8)
    assert eight == ("base", "for 1,000,000 pairs: about 8 epochs in 1 minute here")
    asked.pop()
    hurried = choose_size("lstm", {"max_minutes": 0.01}, many, cpu)
    least = "for 1,000,000 pairs: mini would have only about 0.12 epochs in 0.01 minutes here"
    assert hurried == ("tiny", least)
    assert asked == [512, 512, 256, 512, 256, 128, 512, 256, 128]


@pytest.mark.parametrize("targets", [NATURAL, OTHER], ids=["natural", "other"])
def test_of_many_pairs_more_do_not_choose_a_smaller_preset_in_the_same_time(monkeypatch, targets):
    data, cpu = toy_data(), torch.device("cpu")
    ids, sizes = sum(map(sum, data.lengths)), ["low-resource", "tiny", "regular", "mini", "small", "base"]
    for minutes in (1, 100, 300, 1000, 100_000):
        chosen = []
        for pairs in (300_000, 600_000, 1_000_000, 3_000_000, 30_000_000):

            def speed(architecture, model, training, prepared, device, pairs=pairs):
                # So many pairs a second, whatever the corpus.
                return {512: 20, 256: 150, 128: 600}[model.encoder.width] * ids / pairs

            monkeypatch.setattr(choices, "training_speed", speed)
            of_size = replace(of_pairs(pairs), targets=targets)
            found = choose_size("lstm", {"max_minutes": minutes}, of_size, cpu).preset
            chosen.append(sizes.index(found))
        assert chosen == sorted(chosen), (minutes, chosen)


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_the_speed_of_training_is_measured(architecture):
    model, _, training = compose(
        architecture, "tiny", {"width": 16, "batch_tokens": 128, "precision": "fp32"}
    )
    assert training_speed(architecture, model, training, toy_data(), torch.device("cpu")) > 10


def test_a_size_for_which_memory_does_not_suffice_has_no_speed():
    model, _, training = compose("lstm", "tiny", {"width": 16, "hidden": 1024, "batch_memory": 1})
    assert training_speed("lstm", model, training, toy_data(), torch.device("cpu")) == 0
