"""Lines of several sentences: where they are cut, how they are joined, and that every command does so."""

import gzip
import json
from collections import Counter
from dataclasses import replace
from itertools import pairwise, product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.data.corpus import Pair
from seqattn.decoding.search import SamplingOptions, SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.models.base import Vocabulary
from seqattn.runs import validation as validating
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Data, load_data, prepare
from seqattn.runs.records import DataRecord
from seqattn.runs.run import load_run
from seqattn.runs.validation import validation_of
from seqattn.text import sentences as dividing
from seqattn.text.learning import TokenizerOptions
from seqattn.text.normalising import normalise
from seqattn.text.sentences import Splitting, join, sentences, usual_number
from seqattn.training.schedule import TrainingOptions

from commands import BOTH, TEST, TRAIN, seqattn, sizes
from helpers import tiny_model
from runs import prose_tokenizer, random_run, write_tsv

SEARCH = SearchOptions(beam=3, max_ratio=0.5, max_extra=4)

EXAMPLES = [
    ("en", ["Dr. Smith has a dog.", "It weighs 3.5 kg.", "Mr. and Mrs. Lee have two!"]),
    ("en", ["Who came?", "Nobody..."]),
    ("en", ['"Come in!" she said.', "He came in."]),
    ("en", ["He lives in the U.S. with his cat.", "See www.example.com for more."]),
    ("en", ["one", "two"][:1]),
    ("de", ["Am 3. Mai kam Dr. Weiß, z. B. mit dem Rad.", "Das war gut."]),
    ("DE", ["Am 3. Mai kam er.", "Das war gut."]),
    ("ko", ["저는 학생입니다.", "당신은 누구세요?", "네!"]),
    ("ja", ["今日は寒い。", "家にいよう！"]),
    ("zh", ["今天很冷。", "你去吗？", "我不去。"]),
    ("ja", ["「はい。」と彼は言った。", "「行くよ。待って。」と言った。"]),
    ("zh", ["“你好。”他说。", "我不去。"]),
    ("zh", ["他说：“我不去。”然后他走了。", "我去。"]),
    ("fr-CA", ["L'hon. M. Smith parle.", "Oui."]),
    ("ko", ['"안녕. 잘 가."라고 말했다.', "그래."]),
    ("fr", ["M. Dupont et Mme. Durand sont là.", "L'hon. M. Smith parle.", "Oui."]),
    ("", ["An unknown language.", "It is read like English."]),
    ("tokens", ["a dog .", "a cat ."]),
]


@pytest.mark.parametrize(("language", "expected"), EXAMPLES)
def test_texts_are_divided_between_sentences(language, expected):
    space = "" if language in ("ja", "zh") else " "
    found = sentences(space.join(expected), language)
    assert [sentence.strip() for sentence in found] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1. Buy milk. 2. Buy bread.", ["1. Buy milk.", "2. Buy bread."]),
        ("Yes! 😀 No.", ["Yes!", "😀 No."]),
        ("Yes. [1]", ["Yes. [1]"]),
        ("1. 2. 3. 4.", ["1. 2. 3. 4."]),
        ("... !", ["... !"]),
    ],
)
def test_what_has_no_letter_is_no_sentence_of_its_own(text, expected):
    assert Splitting(1, "en").parts(text) == expected


texts = st.one_of(
    st.text(max_size=40),
    st.lists(
        st.sampled_from(
            [
                "A b.",
                "Dr.",
                "wow!",
                "ok",
                "5.",
                "…",
                "你好。",
                "네.",
                "“A.”",
                "(b.",
                "\t",
                "\u2028",
                "😀",
                "\x00",
            ]
        ),
        max_size=12,
    ).map(" ".join),
)


@given(texts, st.sampled_from(["en", "de", "ja", "ko", "xx", ""]))
def test_the_sentences_of_a_text_are_the_text_and_all_have_letters(text, language):
    found = sentences(text, language)
    assert "".join(found) == normalise(text)
    if len(found) > 1:
        assert all(any(map(str.isalpha, sentence)) for sentence in found)


@pytest.mark.parametrize("space", ["\u00a0", "\u1680", "\u2009", "\u202f", "\u3000"])
def test_other_spaces_divide_texts_as_plain_ones_do(space):
    for text in ("Take vitamin C .", "He has a dog. I see B .", "A . B. It is C ? D"):
        other = text.replace(" ", space)
        assert sentences(other, "en") == [one.replace(" ", space) for one in sentences(text, "en")]


@pytest.mark.parametrize(("language", "each"), EXAMPLES)
@given(data=st.data())
def test_a_text_has_the_same_sentences_however_long_its_stretches_are(language, each, data):
    text = ("" if language in ("ja", "zh") else " ").join(3 * each)
    whole = sentences(text, language)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(dividing, "STRETCH", data.draw(st.integers(1, len(text))))
        assert sentences(text, language) == whole


def test_a_long_line_without_spaces_is_divided_at_once():
    # Minutes, if a step took the square of its length.
    assert len(sentences("今天很冷。你去吗？" * 80_000, "zh")) == 160_000
    assert sentences("冷" * 400_000, "zh") == ["冷" * 400_000]


@given(texts, st.integers(1, 5))
def test_parts_have_at_most_so_many_sentences_and_are_no_more_than_needed(text, most):
    found = sentences(text, "en")
    parts = Splitting(most, "en").parts(text)
    assert len(parts) == -(-len(found) // most)
    assert "".join(parts).replace(" ", "") == normalise(text).replace(" ", "")
    if len(found) <= most:
        assert parts == ([normalise(text)] if normalise(text) else [])


def test_parts_have_about_as_many_sentences_each():
    text = " ".join(f"Sentence {name}." for name in ["one", "two", "three", "four", "five", "six", "seven"])
    parts = Splitting(3, "en").parts(text)
    assert [part.count("Sentence") for part in parts] == [2, 2, 3]
    assert " ".join(parts) == text


def test_the_usual_number_of_sentences_is_that_of_95_percent():
    assert usual_number(Counter({1: 95, 7: 5})) == 1
    assert usual_number(Counter({1: 94, 2: 1, 7: 5})) == 2
    assert usual_number(Counter({1: 10, 3: 1})) == 3
    assert usual_number(Counter({0: 1})) == 0


@given(st.dictionaries(st.integers(0, 20), st.integers(1, 300), min_size=1))
def test_the_usual_number_is_the_smallest_that_suffices(counts):
    number = usual_number(Counter(counts))
    within = [sum(many for n, many in counts.items() if n <= limit) for limit in (number, number - 1)]
    assert within[0] >= 0.95 * sum(counts.values()) > within[1]


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["A dog.", "A cat."], "A dog. A cat."),
        (["A dog.", "", "A cat."], "A dog. A cat."),
        (["저는 가요.", "네."], "저는 가요. 네."),
        (["今天很冷。", "你去吗？"], "今天很冷。你去吗？"),
        (["家にいよう！", "はい。"], "家にいよう！はい。"),
        (["我有 iPhone。", "你呢？"], "我有 iPhone。你呢？"),
        (["今天 很 冷 。", "你 去 吗 ？"], "今天 很 冷 。 你 去 吗 ？"),
        (["วันนี้หนาว", "ไปไหม"], "วันนี้หนาว ไปไหม"),
        (["我用 Python.", "Tom 来了。", "好。"], "我用 Python. Tom 来了。好。"),
        (["Hello 王小明先生大人.", "Fine."], "Hello 王小明先生大人. Fine."),
        (["他说：“好。”", "Tom来了。"], "他说：“好。”Tom来了。"),
        ([], ""),
    ],
)
def test_parts_are_joined_as_the_script_does(parts, expected):
    assert join(parts) == expected


def translator(splitting, **options):
    size = len(prose_tokenizer().source)
    model = tiny_model("lstm", vocabulary=Vocabulary(size, size, shared=True), spread=3.0)
    return Translator(model, prose_tokenizer(), TranslationOptions(SEARCH, splitting=splitting, **options))


@given(st.lists(texts, max_size=4), st.integers(1, 3))
def test_every_line_gives_one_line_however_many_sentences_it_has(lines, most):
    found = list(translator(Splitting(most, "en")).translate(lines))
    assert [translation.source for translation in found] == lines
    for translation in found:
        assert "\n" not in translation.text and len(translation.text.splitlines()) <= 1
        assert translation.text == normalise(translation.text)


LINE = "the dog sells bells. a lazy fox jumps! she sells shells."
PARTS = ["the dog sells bells.", "a lazy fox jumps!", "she sells shells."]


def test_a_line_of_several_sentences_is_translated_like_its_sentences():
    (whole,) = translator(Splitting(1)).translate([LINE])
    alone = list(translator(None).translate(PARTS))
    assert whole.text == " ".join(one.text for one in alone)
    assert whole.pieces == tuple(piece for one in alone for piece in one.pieces)
    assert len({one.text for one in alone}) == 3
    best = whole.candidates[0]
    assert best.score == pytest.approx(sum(one.candidates[0].score for one in alone), abs=1e-4)
    (unsplit,) = translator(None).translate([LINE])
    assert len(unsplit.pieces) == 1 and unsplit.text != whole.text


def test_the_n_best_of_a_line_are_the_best_choices_of_translations_of_its_sentences():
    (whole,) = translator(Splitting(1), nbest=3).translate([LINE])
    alone = [one.candidates for one in translator(None, nbest=3).translate(PARTS)]
    every = {sum(one.score for one in some): " ".join(one.text for one in some) for some in product(*alone)}
    best = sorted(every, reverse=True)[:3]
    assert [candidate.text for candidate in whole.candidates] == [every[score] for score in best]
    assert [candidate.score for candidate in whole.candidates] == pytest.approx(best, abs=1e-4)
    assert all(len(candidate.hypotheses) == 3 for candidate in whole.candidates)


def test_the_samples_of_a_line_are_joined_as_they_were_drawn():
    search = replace(SEARCH, beam=40)
    options = TranslationOptions(search, SamplingOptions(temperature=2.0), 40, splitting=Splitting(1))
    (found,) = Translator(translator(None).model, prose_tokenizer(), options).translate([LINE])
    scores = torch.tensor([[part.score for part in one.hypotheses] for one in found.candidates])
    assert scores.shape == (40, 3) and scores.sum(1).diff().le(1e-6).all()
    # Sorted before they are joined, they would be almost perfectly correlated.
    assert scores.T.corrcoef()[0, 1] < 0.7


def test_a_sentence_that_is_too_long_is_cut_within_its_part():
    line = "the dog. " + "the lazy dog sells bells " * 10 + ". a fox."
    (found,) = translator(Splitting(1), longest=15).translate([line])
    ids = [prose_tokenizer().source.encode(part)[:-1] for part in Splitting(1).parts(line)]
    assert [i for piece in found.pieces for i in piece[:-1]] == [i for part in ids for i in part]
    assert found.pieces[0][:-1] == tuple(ids[0]) and found.pieces[-1][:-1] == tuple(ids[-1])
    assert max(map(len, found.pieces)) <= 15 and len(found.pieces) > 4


def prepared(sources, language="en", **options):
    pairs = tuple(Pair(source, "a") for source in sources)
    data = Data(pairs, pairs[:2], DataRecord(("x",), "y", sides=(language, "xx")))
    return prepare(data, TokenizerOptions(vocab_size=300), **{"max_length": 100, **options}).record


def test_the_run_records_how_many_sentences_its_sources_have():
    one, three = ["He is here."] * 50, ["He came. He saw. He left."]
    assert prepared(one).source_sentences == 1
    assert prepared(one[:15] + three).source_sentences == 3
    assert prepared(one + three).source_sentences == 1
    assert prepared(["Am 3. Mai kam er."] * 20, "de").source_sentences == 1


def test_sources_that_are_too_long_to_train_on_do_not_count():
    long = "He came. " * 40
    assert prepared(["He came."] * 5 + [long], max_length=1000).source_sentences == 40
    assert prepared([long, "He came. He saw."], max_length=60).source_sentences == 2


def test_a_sample_of_a_large_corpus_is_counted(monkeypatch):
    monkeypatch.setattr("seqattn.runs.preparation.MOST_COUNTED", 10)
    sources = (["He came."] * 9 + ["He came. He saw."]) * 10
    assert prepared(sources).source_sentences == 1
    assert prepared(sources[::-1]).source_sentences == 2


def test_swapped_data_are_in_the_language_of_the_target(tmp_path):
    for name, text in (("en", "He is here."), ("de", "Am 3. Mai kam er.")):
        with gzip.open(tmp_path / f"x.{name}.gz", "wt", encoding="utf-8") as file:
            file.write("".join(f"{text} {number}\n" for number in range(40)))
    data = load_data([f"{tmp_path / 'x.en.gz'},{tmp_path / 'x.de.gz'}"], None)
    assert (data.record.language, data.swapped().record.language) == ("en", "de")
    assert DataRecord(("pairs.tsv",), None).language == ""


def with_record(run, **values):
    """A run whose training data were recorded so."""
    folder = RunFolder(run)
    config = folder.read_config()
    folder.write_config(replace(config, data=replace(config.data, **values)))
    return run


@pytest.mark.parametrize(("recorded", "parts"), [(0, 4), (1, 4), (2, 2), (3, 2), (4, 1), (9, 1)])
def test_a_run_reads_as_many_sentences_at_once_as_it_was_trained_on(tmp_path, recorded, parts):
    random_run(tmp_path / "run", "lstm")
    run = load_run(with_record(tmp_path / "run", source_sentences=recorded))
    line = "the dog. a fox. the bells. an owl."
    assert len(run.translate(line).pieces) == parts
    assert len(run.translate(line, split=False).pieces) == 1


def test_a_record_of_no_number_of_sentences_is_refused(tmp_path):
    random_run(tmp_path / "run", "lstm")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    for value in (-1, "1", 1.5):
        config["data"]["source_sentences"] = value
        path.write_text(json.dumps(config))
        result = seqattn("translate", tmp_path / "run", input="a", status=1)
        assert "config.json" in result.stderr


JOINED = [f"{first.source}. {second.source}." for first, second in zip(TEST[::2], TEST[1::2], strict=True)]


@BOTH
def test_commands_translate_each_sentence_unless_told_otherwise(work, tmp_path, architecture):
    run, text = work.run(architecture), "".join(f"{line}\n" for line in JOINED)
    sentence = "".join(f"{pair.source}.\n" for pair in TEST)
    alone = seqattn("translate", run, "--no-split", input=sentence).stdout.splitlines()
    split = seqattn("translate", run, input=text).stdout.splitlines()
    assert split == [" ".join(pair) for pair in zip(alone[::2], alone[1::2], strict=True)]
    whole = seqattn("translate", run, "--no-split", input=text).stdout.splitlines()
    assert len(whole) == len(split) and whole != split

    test = write_tsv(tmp_path / "test.tsv", tuple(Pair(line, "x") for line in JOINED))
    for options, expected in (((), split), (("--no-split",), whole)):
        seqattn("evaluate", run, "--test", test, "--output", tmp_path / "out", *options)
        assert (tmp_path / "out").read_text().splitlines() == expected
    seqattn("compare", run, work.run("lstm"), "--test", test, "--json", tmp_path / "json")
    assert all(f'"{line}"' in (tmp_path / "json").read_text() for line in split)


@BOTH
def test_attention_is_shown_for_each_sentence(work, architecture):
    arguments = ("translate", work.run(architecture), "--attention", "--format", "jsonl", "--nbest", 2)
    (line,) = seqattn(*arguments, input="red dog. blue cat.\n").stdout.splitlines()
    found = json.loads(line)
    # The full stop is new to this model: it is put back into the text.
    assert [seen["source"][:-1] for seen in found["attention"]] == [["red", "dog"], ["blue", "cat"]]
    shown = [" ".join(seen["target"]) for seen in found["attention"]]
    assert found["translations"][0]["text"] == f"{shown[0]}. {shown[1]}."


def test_samples_of_a_line_of_several_sentences_follow_the_seed(work):
    def drawn(*more):
        options = ("--sample", "--format", "jsonl", "--nbest", 3, *more)
        return seqattn("translate", work.run("lstm"), *options, input="red dog. blue cat.\n").stdout

    assert drawn("--seed", 1) == drawn("--seed", 1) != drawn("--seed", 2)
    assert len(json.loads(drawn())["translations"]) == 3


def test_a_training_records_sentences_and_its_own_sources_are_never_cut(tmp_path):
    pairs = tuple(Pair(f"{a.source}. {b.source}.", a.target) for a, b in pairwise(TRAIN))
    corpus = write_tsv(tmp_path / "train.tsv", pairs)
    out = tmp_path / "run"
    seqattn("train", "--train", corpus, "--arch", "lstm", "--out", out, "--max-updates", 1, *sizes("lstm"))
    assert RunFolder(out).read_config().data.source_sentences == 2
    run = load_run(out)
    assert all(len(found.pieces) == 1 for found in run.translate([pair.source for pair in pairs[:20]]))


def test_of_a_long_validation_set_sentences_at_even_distances_are_translated(work, monkeypatch):
    monkeypatch.setattr(validating, "VALIDATED_SENTENCES", 6)
    monkeypatch.setattr(validating, "JUDGED_SENTENCES", 3)
    run = load_run(work.run("lstm"))
    pairs = tuple(Pair("red" if at % 2 else "blue", str(at)) for at in range(10))
    ready = prepare(Data(pairs, pairs, DataRecord(("x",), "y")), run.config.tokenizer, 100, run.tokenizer)
    validation = validation_of(ready, TrainingOptions(precision="fp32"), run.model.collator)(run.model)
    assert [target for _, _, target in validation.samples] == ["0", "1", "3", "5", "6", "8"]
    translated = [str(run.translate(source, beam=1)) for source, _, _ in validation.samples]
    assert [hypothesis for _, hypothesis, _ in validation.samples] == translated


def test_validation_in_training_does_not_split(work):
    run = load_run(work.run("lstm"))
    pairs = tuple(Pair(line, "x") for line in JOINED)
    data = Data(pairs, pairs, DataRecord(("x",), "y"))
    ready = prepare(data, run.config.tokenizer, 100, run.tokenizer)
    validation = validation_of(ready, TrainingOptions(precision="fp32"), run.model.collator)(run.model)
    search = SearchOptions(beam=1, max_ratio=ready.max_ratio)
    whole = Translator(run.model, run.tokenizer, TranslationOptions(search)).translate(JOINED[:8])
    assert [hypothesis for _, hypothesis, _ in validation.samples] == [found.text for found in whole]
