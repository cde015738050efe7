"""Characters that a model never saw: which they are, what it reads instead, and where they are put back."""

import json
from dataclasses import replace
from functools import partial

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.alignment.reading import read_as, usual_reading
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair
from seqattn.decoding.copying import Copying, put_back
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.models.base import Vocabulary
from seqattn.runs.ensemble import ensemble
from seqattn.runs.folder import RunFolder
from seqattn.runs.run import load_run
from seqattn.text.learning import TokenizerOptions, train_tokenizer
from seqattn.text.normalising import normalise
from seqattn.text.sentences import Splitting
from seqattn.text.unknown import Alphabet

from commands import BOTH, TRAIN, seqattn, setting, sizes
from helpers import tiny_model
from runs import prose_tokenizer, random_run, write_tsv

LATIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?;:'\"-"
ENGLISH = Alphabet(frozenset(LATIN))


@pytest.mark.parametrize(
    ("text", "read", "left_out"),
    [
        ("A dog runs.", "A dog runs.", []),
        ("A man named Жора plays.", "A man named plays.", ["Жора"]),
        ("Жора plays.", "plays.", ["Жора"]),
        ("We saw Жора.", "We saw.", ["Жора"]),
        ("We saw Łukasz's dog.", "We saw 's dog.", ["Łukasz"]),
        ("Łódź-based shops", "shops", ["Łódź-based"]),
        ("mail a♥b@c.de now", "mail now", ["a♥b@c.de"]),
        ("Жора Петров and Łukasz came.", "and came.", ["Жора Петров", "Łukasz"]),
        ("A dog 😀 runs.", "A dog runs.", ["😀"]),
        ("A dog runs😀!", "A dog runs!", ["😀"]),
        ("A dog runs ❤️.", "A dog runs.", ["❤️"]),
        ("A dog runs❤️", "A dog runs", ["❤️"]),
        ("A 👩‍👧 runs.", "A runs.", ["👩‍👧"]),
        ("A 大きい dog.", "A dog.", ["大きい"]),
        ("Press 3️⃣ now", "Press now", ["3⃣"]),
        ("Привет, мир!", "", ["Привет, мир!"]),
        ("😀", "", ["😀"]),
        ("… 😀 ！", "", ["… 😀 ！"]),
        ("Жора, come in.", "come in.", ["Жора,"]),
        ("Жора’s dog", "'s dog", ["Жора"]),
        ("It costs 10\u00a0€ today.", "It costs 10 today.", ["€"]),
        ("It costs €10, {name}.", "It costs,.", ["€10", "{name}"]),
        ("This is *very* good.", "This is very good.", ["*", "*"]),
        ("_Hello_ dogs~", "Hello dogs", ["_", "_", "~"]),
        ("Hello %s, @you (here)!", "Hello, here!", ["%s", "@you (", ")"]),
        ("We go\u00a0Жук home\u202fnow", "We go home now", ["Жук"]),
        ("A dog\u3000Жора\u00a0Петров\u2009runs.", "A dog runs.", ["Жора\u00a0Петров"]),
    ],
)
def test_words_with_unknown_letters_and_unknown_symbols_are_left_out(text, read, left_out):
    known = ENGLISH.known(text)
    assert known.text == read
    assert [one.text for one in known.left_out] == left_out


def test_of_a_script_without_spaces_only_the_unknown_characters_are_left_out():
    for unknown in ("龘", "𠮷"):
        known = Alphabet(frozenset("我喜欢这个字。")).known(f"我喜欢{unknown}这个字。")
        assert (known.text, [one.text for one in known.left_out]) == ("我喜欢这个字。", [unknown])


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("It’s a “dog” – yes…", 'It\'s a "dog" - yes...'),
        ("a\u00a0dog\u2009runs", "a dog runs"),
        ("a\u200b dog\ufeff \u202e", "a dog"),
        ("Ａ ｄｏｇ！", "A dog!"),
        ("ﬁne", "fine"),
        ("\x00a dog\x1b", "a dog"),
        ("a dog!\ufe0f", "a dog!"),
    ],
)
def test_characters_of_the_same_meaning_are_read_instead(text, read):
    assert ENGLISH.known(text) == (read, ())


def test_other_forms_lose_meaning_and_are_not_read_instead():
    assert ENGLISH.known("a dog™ ½ m²").text == "a dog"


def test_a_model_that_has_seen_no_capitals_reads_small_letters():
    assert Alphabet(frozenset("thehouse.")).known("The HOUSE.") == ("the house.", ())
    assert Alphabet(frozenset("thehouse.T")).known("The HOUSE.").text == "The."


def test_curly_quotes_are_kept_by_a_model_that_has_seen_them():
    assert Alphabet(frozenset("dogs’")).known("dog’s dog's") == ("dog’s dog’s", ())


texts = st.one_of(
    st.text(max_size=30),
    st.text(st.sampled_from("abZ'’.,! \tŁЖ한中😀❤\ufe0f\u200d\u0301\u00a0（—"), max_size=30),
)


@given(texts)
def test_nothing_unknown_is_read(text):
    known = ENGLISH.known(text)
    assert known.text in ENGLISH and known.text == normalise(known.text)
    assert not known.left_out or not known.text or all(one.text not in ENGLISH for one in known.left_out)
    assert ENGLISH.known(known.text) == (known.text, ())


@given(st.text(st.sampled_from("abZ'.,! ŁЖ한中😀★é"), max_size=30))
def test_what_is_left_out_completes_what_is_read(text):
    known = ENGLISH.known(text)
    read, whole, end = known.text.replace(" ", ""), "", 0
    for one in known.left_out:
        whole += read[end : one.at] + one.text
        end = one.at
    assert (whole + read[end:]).replace(" ", "") == normalise(text).replace(" ", "")


SOURCES = ["two dogs run in the snow.", "the dogs, the snow, run.", "in the snow two dogs run, two run."] * 20
GERMAN = ["zwei Hunde rennen im Schnee.", "Hunde, Schnee, rennen.", "im Schnee rennen zwei Hunde."] * 20
CHINESE = ["两只狗在雪里跑。", "两只狗跑。", "雪。", "狗在雪里。"] * 20


def restored(text, translation, links, targets=GERMAN, attention=True):
    """A translation of what is read of a text, with the rest put back.

    `links` are the source pieces that the target pieces attend to, by number.
    """
    tokenizer = train_tokenizer(SOURCES, targets, TokenizerOptions(vocab_size=320))
    known = Alphabet(frozenset("".join(SOURCES))).known(text)
    example = Example(tokenizer.source.encode(known.text), tokenizer.target.encode(translation))
    weights = torch.full((len(example.target) - 1, len(example.source)), 0.01)
    assert len(links) == len(weights)
    weights[range(len(links)), links] = 0.9
    return put_back(tokenizer, example, known.left_out, weights if attention else None)


SNOW = "zwei Hunde rennen im Schnee.", [0, 1, 2, 3, 5, 6]
SWAPPED = "im Schnee rennen zwei Hunde.", [3, 5, 2, 0, 1, 6]


@pytest.mark.parametrize(
    ("text", "translation", "expected"),
    [
        ("two dogs run 😀 in the snow.", SNOW, "zwei Hunde rennen 😀 im Schnee."),
        ("two dogs 😀 run in the snow.", SWAPPED, "im Schnee rennen zwei Hunde 😀."),
        ("two 😀 dogs run in the snow.", SWAPPED, "im Schnee rennen zwei 😀 Hunde."),
        ("Жора two dogs run in the snow.", SNOW, "Жора zwei Hunde rennen im Schnee."),
        ("two dogs run in the snow. 😀", SNOW, "zwei Hunde rennen im Schnee. 😀"),
        ("two dogs run in the snow 😀.", SNOW, "zwei Hunde rennen im Schnee 😀."),
        ("two dogs run in the snow😀.", SNOW, "zwei Hunde rennen im Schnee😀."),
        ("two dogs run in the snow 😀 .", SNOW, "zwei Hunde rennen im Schnee 😀."),
        ("two ★ dogs run ❤ in the snow.", SNOW, "zwei ★ Hunde rennen ❤ im Schnee."),
        ("two ★ dogs run ❤ in the snow.", SWAPPED, "im Schnee rennen ❤ zwei ★ Hunde."),
        ("Жора, two dogs run in the snow.", SNOW, "Жора, zwei Hunde rennen im Schnee."),
        ("two dogs\u00a0😀 run in the snow.", SWAPPED, "im Schnee rennen zwei Hunde\u00a0😀."),
        ("two\u202f★ dogs run\u3000❤ in the snow.", SNOW, "zwei\u202f★ Hunde rennen\u3000❤ im Schnee."),
        ("two dogs\u00a0Жора\u00a0run in the snow.", SNOW, "zwei Hunde\u00a0Жора rennen im Schnee."),
        ("two (dogs) run in the snow.", SNOW, "zwei (Hunde) rennen im Schnee."),
        ("two (dogs) run in the snow.", SWAPPED, "im Schnee rennen zwei (Hunde)."),
        ("two dogs run in the “snow”.", SNOW, "zwei Hunde rennen im “Schnee”."),
        ("two dogs “(run)” in the snow.", SNOW, "zwei Hunde “(rennen)” im Schnee."),
        ("(two dogs run in the snow.)", SNOW, "(zwei Hunde rennen im Schnee.)"),
        ("two dogs run [ in the snow ].", SNOW, "zwei Hunde rennen [ im Schnee ]."),
        ("two (dogs) run ★ in the snow.", SWAPPED, "im Schnee rennen ★ zwei (Hunde)."),
        ("two (dogs ★ run in the snow.", SNOW, "zwei (Hunde ★ rennen im Schnee."),
        ("two {dogs} dogs run in the snow.", SNOW, "zwei {dogs} Hunde rennen im Schnee."),
        ("two dogs run in %s the snow.", SNOW, "zwei Hunde rennen im %s Schnee."),
    ],
)
def test_what_was_left_out_is_put_after_the_translation_of_what_is_before_it(text, translation, expected):
    assert restored(text, *translation) == expected


@pytest.mark.parametrize("space", [" ", "\u00a0"])
def test_a_space_that_the_translation_has_is_not_doubled(space):
    assert restored(f"two dogs{space}€", "zwei Hunde\u00a0", [0, 1, 1, 1]) == "zwei Hunde\u00a0€"


def test_without_attention_the_place_in_the_target_is_that_in_the_source():
    text = "two dogs 😀 run in the snow."
    assert restored(text, *SWAPPED, attention=False) == "im Schnee 😀 rennen zwei Hunde."
    assert restored("😀 two dogs.", "zwei Hunde.", [0, 1, 2], attention=False) == "😀 zwei Hunde."


def test_a_target_of_a_script_without_spaces_is_divided_between_its_pieces():
    text = "two dogs Жора run in the snow."
    assert restored(text, "两只狗在雪里跑。", [0, 4, 2, 6], CHINESE) == "两只狗Жора在雪里跑。"
    text = "two dogs (run) in the snow."
    assert restored(text, "两只狗在雪里跑。", [0, 4, 2, 6], CHINESE) == "两只狗在雪里(跑)。"
    text = "two dogs 狗 run in the snow."
    assert restored(text, "两只狗在雪里跑。", [0, 1, 2, 6], CHINESE) == "两只狗在雪里狗跑。"


def translator(architecture="lstm", alphabet=ENGLISH, **options):
    size = len(prose_tokenizer().source)
    values = {"nbest": 1, "splitting": Splitting(1), **options}
    score = values.pop("score", None)
    model = tiny_model(
        architecture,
        vocabulary=Vocabulary(size, size, shared=True),
        spread=3.0,
        **({} if score is None else {"score": score}),
    )
    shape = model.attention_shape
    attend = None if shape is None else partial(read_as, model, reading=usual_reading(shape))
    search = SearchOptions(beam=2, max_ratio=0.5, max_extra=4)
    return Translator(
        model, prose_tokenizer(), TranslationOptions(search, copying=Copying(alphabet, attend), **values)
    )


def contains(text, part):
    return "".join(part.split()) in "".join(text.split())


@given(st.lists(texts, max_size=4))
def test_every_line_gives_one_line_with_what_was_left_out(lines):
    found = list(translator(nbest=2).translate(lines))
    assert [translation.source for translation in found] == lines
    for line, translation in zip(lines, found, strict=True):
        for candidate in translation.candidates:
            assert len(candidate.text.splitlines()) <= 1 and candidate.text == normalise(candidate.text)
            assert all(contains(candidate.text, one) for one in translation.unknown)
        assert translation.unknown == ENGLISH.unknown(translation.unknown)
        if normalise(line) in ENGLISH:
            assert translation.unknown == ""


@pytest.mark.parametrize("score", ["dot", "none"])
def test_what_the_model_reads_and_its_scores_are_those_of_the_rest(score):
    (copied,) = translator(score=score, nbest=2).translate(["the lazy Жора dog sells bells 😀."])
    (plain,) = translator(score=score, nbest=2).translate(["the lazy dog sells bells."])
    assert copied.pieces == plain.pieces and copied.unknown == "Жора😀" and plain.unknown == ""
    for one, other in zip(copied.candidates, plain.candidates, strict=True):
        assert one.hypotheses == other.hypotheses
        rest = one.text.replace("Жора", "").replace("😀", "")
        assert rest.split() == other.text.split() or contains(other.text, rest)
        assert contains(one.text, "Жора") and contains(one.text, "😀")


def test_a_text_of_which_nothing_can_be_read_is_copied():
    found = list(translator().translate(["Привет, мир! 😀", "the dog. Привет! the bells.", "😀"]))
    assert found[0].text == "Привет, мир! 😀" and found[0].pieces == () and found[0].candidates[0].score == 0
    assert " Привет! " in found[1].text and len(found[1].pieces) == 2
    assert found[2].text == "😀"


@pytest.mark.parametrize("space", ["\u00a0", "\u202f", "\u3000"])
def test_a_space_that_the_model_never_saw_is_read_as_an_ordinary_one_and_never_unknown(space):
    (found,) = translator().translate([f"the{space}Жора{space}Петров{space}lazy dog"])
    (plain,) = translator().translate(["the lazy dog"])
    assert found.pieces == plain.pieces and found.unknown == "ЖораПетв"
    assert f"Жора{space}Петров" in found.text


def test_parts_of_a_long_line_each_get_back_what_was_left_out_of_them():
    line = "Жора " + "the lazy dog sells bells " * 6 + "Łódź " + "she sells shells " * 8 + "😀"
    (found,) = translator(longest=20, splitting=None).translate([line])
    assert len(found.pieces) > 4
    assert found.text.startswith("Жора ") and found.text.endswith("😀")
    assert found.text.count("Łódź") == found.text.count("Жора") == 1
    before = found.text.index("Łódź") / len(found.text)
    assert 0.2 < before < 0.9


def test_the_run_records_the_characters_of_its_sources(tmp_path):
    corpus = write_tsv(tmp_path / "train.tsv", tuple(Pair(f"é{a.source}", f"Ж{a.target}") for a in TRAIN))
    out = tmp_path / "run"
    seqattn("train", "--train", corpus, "--arch", "lstm", "--out", out, "--max-updates", 1, *sizes("lstm"))
    characters = RunFolder(out).read_config().data.source_characters
    assert characters == "".join(sorted(set("é" + "".join(pair.source for pair in TRAIN))))
    assert load_run(out).translate("é Ж red").unknown == "Ж"

    more = write_tsv(tmp_path / "more.tsv", tuple(Pair(f"ñ{a.source}", a.target) for a in TRAIN))
    new = ("--init-from", out, "--out", tmp_path / "new", "--max-updates", 1, *setting("precision=fp32"))
    seqattn("train", "--train", more, *new)
    known = RunFolder(tmp_path / "new").read_config().data.source_characters
    assert set(known) == {*characters, "ñ"}


def test_a_run_without_a_record_knows_the_characters_of_its_vocabulary(tmp_path):
    random_run(tmp_path / "run", "lstm")
    run = load_run(tmp_path / "run")
    assert run.config.data.source_characters == ""
    assert run.translate("the quick café 저는 운전할 Жора dog").unknown == "Жора"


WARNING = "characters that this model never learned"


@BOTH
def test_translate_says_at_the_end_which_characters_are_unknown(work, architecture):
    run = work.run(architecture)
    lines = "red dog\nred Жора dog\n\nblue cat 😀\nред\n"
    result = seqattn("translate", run, input=lines)
    answers = result.stdout.split("\n")
    assert len(answers) == 6 and "Жора" in answers[1] and answers[3].endswith("😀") and answers[4] == "ред"
    (warning,) = result.stderr.splitlines()
    assert warning.startswith(f"3 lines with {WARNING}") and warning.endswith("the first is line 2.")
    assert "Ж, о, р, а, 😀, е, д;" in warning
    assert seqattn("translate", run, input="red dog\n").stderr == ""


def test_at_most_ten_unknown_characters_are_named_and_legibly(work):
    result = seqattn("translate", work.run("lstm"), input="red \u0301 x\u202e😀\u200d😀\x1b[0m\n")
    assert "◌\u0301" in result.stderr and "∅" not in result.stderr
    assert "\x1b" not in result.output and "\u202e" not in result.output
    result = seqattn("translate", work.run("lstm"), input="red абвгдежзиклмн\n")
    assert "а, б, в, г, д, е, ж, з, и, к and 3 more;" in result.stderr
    assert result.stderr.startswith("1 line with")


def test_the_attention_of_a_line_shows_what_the_model_reads(work):
    arguments = ("translate", work.run("lstm"), "--attention", "--format", "jsonl")
    result = seqattn(*arguments, input="red Жора dog\n😀\n")
    first, second = map(json.loads, result.stdout.splitlines())
    assert first["attention"][0]["source"] == ["red", "dog", "</s>"]
    assert "Жора" in first["translations"][0]["text"]
    assert second.get("attention", []) == [] and second["translations"][0]["text"] == "😀"


def test_a_damaged_record_of_characters_is_refused(tmp_path):
    random_run(tmp_path / "run", "lstm")
    path = tmp_path / "run" / "config.json"
    config = json.loads(path.read_text())
    config["data"]["source_characters"] = ["a"]
    path.write_text(json.dumps(config))
    assert "config.json" in seqattn("translate", tmp_path / "run", input="a", status=1).stderr


def test_runs_together_read_what_all_of_them_can_and_show_where_the_rest_belongs(tmp_path):
    for name, characters in (("lstm", "adelogrt."), ("transformer", "adelogrtb.")):
        random_run(tmp_path / name, name)
        folder = RunFolder(tmp_path / name)
        config = folder.read_config()
        record = replace(config.data, source_characters=characters, source_sentences=len(characters) - 7)
        folder.write_config(replace(config, data=record))
    both = ensemble([tmp_path / "lstm", tmp_path / "transformer"])
    assert both.splitting == Splitting(2)
    (found,) = both.translate(["a dog. 😀 a blot. a rat."])
    assert found.unknown == "😀b" and "😀" in found.text and "blot" in found.text
    assert len(found.pieces) == 2
    (alone,) = load_run(tmp_path / "transformer").translate(["a dog. 😀 a blot. a rat."])
    assert alone.unknown == "😀"
