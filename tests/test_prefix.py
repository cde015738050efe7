"""Translations that begin with a given text: what is found, and that it is found again."""

from dataclasses import replace
from functools import cache
from itertools import product

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.decoding.beginnings import beginning_of
from seqattn.decoding.prefixes import Beginning
from seqattn.decoding.search import SamplingOptions, SearchOptions, beam_search, length_penalty, score_targets
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.errors import InputError
from seqattn.models.base import Vocabulary
from seqattn.runs.run import load_run
from seqattn.symbols import BOS, EOS
from seqattn.text.normalising import normalise

from commands import BOTH, TEST, error_of, seqattn
from helpers import random_source, tiny_model
from runs import prose_tokenizer

A, B, C = 4, 5, 6
SOURCES = [pair.source for pair in TEST]


def exactly(*ids, size):
    """The automaton of these ids."""
    after = torch.full((len(ids) + 1, size), -1, dtype=torch.int32)
    for place, id in enumerate(ids):
        after[place, id] = place + 1
    after[-1] = len(ids)
    return Beginning(after, torch.arange(len(ids) + 1).flip(0))


@pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid"])
@pytest.mark.parametrize("begin", [[A], [B, A], [C, C, B]], ids=str)
def test_a_wide_beam_finds_every_sequence_with_the_beginning_and_its_own_score(architecture, begin):
    model = tiny_model(architecture, vocabulary=Vocabulary(9, 7, shared=False), spread=2.0)
    source = random_source((4, 6), size=9)
    options = SearchOptions(beam=64, max_ratio=0.0, max_extra=5)
    found = beam_search(model, source, options, exactly(*begin, size=7))
    every = [
        [*begin, *words, EOS]
        for length in range(5 - len(begin))
        for words in product((A, B, C), repeat=length)
    ]
    for row in range(2):
        with torch.no_grad():
            totals = {
                tuple(ids): float(score_targets(model, source[row : row + 1], torch.tensor([[BOS, *ids]])))
                for ids in every
            }
        ranked = sorted(totals, key=lambda ids: -totals[ids] / length_penalty(len(ids), 1.0))
        assert [tuple(one.ids) for one in found[row]] == ranked
        for one in found[row]:
            assert one.log_probability == pytest.approx(totals[tuple(one.ids)], abs=1e-4)


@cache
def random_translator(architecture, prefix, **options):
    tokenizer = prose_tokenizer()
    size = len(tokenizer.target)
    model = tiny_model(architecture, vocabulary=Vocabulary(size, size, shared=True), spread=3.0)
    search = SearchOptions(beam=3, max_ratio=0.3, max_extra=3)
    return Translator(model, tokenizer, TranslationOptions(search, nbest=3, prefix=prefix, **options))


def begun(prefix):
    """What targets with the prefix begin with: its text as it is read, and a space if it ends in one."""
    text = normalise(prefix)
    return f"{text} " if text and prefix[-1].isspace() else text


PREFIXES = st.text(st.sampled_from("aeéßtqu 한국.▁x\u0301😀 "), max_size=8)


@given(PREFIXES, st.sampled_from(["lstm", "transformer"]), st.booleans())
def test_every_hypothesis_begins_with_the_prefix_whatever_it_is(prefix, architecture, sampling):
    drawn = {"sampling": SamplingOptions()} if sampling else {}
    try:
        translator = random_translator(architecture, prefix, **drawn)
        found = list(translator.translate(["the dog", "", "a fox jumps"]))
    except InputError as error:
        assert "too long" in str(error)
        return
    spellings = translator.tokenizer.target.spellings
    for translation in (found[0], found[2]):
        assert len(translation.candidates) == 3
        for candidate in translation.candidates:
            ids = candidate.hypotheses[0].ids
            written = b"".join(spellings[id] for id in ids)
            assert written.removeprefix(b" ").startswith(begun(prefix).encode())
            assert f"{candidate.text} ".startswith(begun(prefix))
            assert ids[-1] == EOS
    assert found[1].text == ""


@given(st.text(st.sampled_from("ae éß한😀."), min_size=1, max_size=10), st.data())
def test_the_automaton_accepts_exactly_the_pieces_of_texts_with_the_beginning(text, data):
    side = prose_tokenizer().target
    beginning = beginning_of(side, text)
    if beginning is None:
        assert not normalise(text)
        return
    ids = data.draw(st.lists(st.integers(4, len(side) - 1), max_size=4))
    for tried in (side.encode(text)[:-1], ids, [*side.encode(text)[:-1], *ids], side.encode(text + "e")[:-1]):
        place = 0
        for id in tried:
            place = int(beginning.after[place, id]) if place >= 0 else -1
        written = b"".join(side.spellings[id] for id in tried).removeprefix(b" ")
        wanted = begun(text).encode()
        assert (place == beginning.end) == written.startswith(wanted)
        assert (place >= 0) == (wanted.startswith(written) or written.startswith(wanted))
    assert all(beginning.after[place, EOS] == -1 for place in range(beginning.end))


@BOTH
def test_greedy_search_finds_its_translation_again_with_every_prefix_of_it(taught, architecture):
    run = load_run(taught.run(architecture))
    for source in SOURCES[:6]:
        best = run.translate(source, beam=1).candidates[0]
        for length in range(len(best.text) + 1):
            again = run.translate(source, beam=1, prefix=best.text[:length]).candidates[0]
            assert again.text == best.text
            assert again.hypotheses[0].ids == best.hypotheses[0].ids
            assert again.score == pytest.approx(best.score, abs=1e-5)


@BOTH
def test_beam_search_finds_nothing_worse_with_a_prefix_of_the_best(taught, architecture):
    run = load_run(taught.run(architecture))
    for source in SOURCES[:6]:
        best = run.translate(source).candidates[0]
        for length in range(0, len(best.text) + 1, 3):
            found = run.translate(source, nbest=5, prefix=best.text[:length])
            assert found.candidates[0].score >= best.score - 1e-5
            assert all(f"{one.text} ".startswith(best.text[:length]) for one in found.candidates)


@BOTH
def test_a_prefix_that_search_would_not_find_is_continued(taught, architecture):
    run = load_run(taught.run(architecture))
    for prefix, begins in [("zwei", "zwei"), ("bird bi", "bird bi"), ("red  cat", "red cat")]:
        found = run.translate(SOURCES, nbest=3, prefix=prefix)
        assert all(one.text.startswith(begins) for each in found for one in each.candidates)
        one = run.translate(SOURCES[3], nbest=3, prefix=prefix)
        assert [each.text for each in one.candidates] == [each.text for each in found[3].candidates]


@BOTH
@pytest.mark.parametrize("prefix", ["bird re ", "bird re\t", " bird  re  "])
def test_a_space_at_the_end_of_a_prefix_makes_its_last_word_a_whole_one(taught, architecture, prefix):
    run = load_run(taught.run(architecture))
    found = [one.text for each in run.translate(SOURCES, nbest=3, prefix=prefix) for one in each.candidates]
    assert {tuple(text.split(" ")[:2]) for text in found} == {("bird", "re")}
    within = [one.text for one in run.translate(SOURCES, prefix=prefix.rstrip())]
    assert any(text.startswith("bird red") for text in within)


def test_only_the_first_part_of_a_line_has_the_prefix(taught):
    run = load_run(taught.run("lstm"))
    both = TranslationOptions(run.search_options(), splitting=run.splitting)
    options = [both, replace(both, prefix="bird")]
    plain, found = (
        next(Translator(run.model, run.tokenizer, one).translate(["red dog. blue cat."])) for one in options
    )
    assert found.text.startswith("bird") and not plain.text.startswith("bird")
    parts = [one.candidates[0].hypotheses for one in (plain, found)]
    assert len(parts[0]) == 2 and parts[0][1].ids == parts[1][1].ids


def test_words_that_are_copied_are_not_put_into_the_prefix(taught):
    run = load_run(taught.run("lstm"))
    assert "Ω" in run.translate("Ω red").text
    assert run.translate("Ω red", prefix="red do").text.startswith("red do")


def test_a_prefix_may_be_longer_than_the_usual_limit_but_not_than_the_model(taught):
    run = load_run(taught.run("transformer"))
    long = " ".join(["red"] * 60)
    assert run.translate("cat", prefix=long).text.startswith(long)
    short = tiny_model("transformer", positions="learned", vocabulary=Vocabulary(9, 7, shared=False))
    with pytest.raises(InputError, match="too long for the 40 ids"):
        beam_search(short, random_source((4,), size=9), SearchOptions(), exactly(*[A] * 40, size=7))


def test_a_prefix_may_have_more_bytes_than_the_model_can_hold_pieces():
    side = prose_tokenizer().target
    model = tiny_model(
        "transformer",
        positions="learned",
        vocabulary=Vocabulary(len(side), len(side), shared=True),
        spread=3.0,
    )
    text = max((side.decode(range(start, start + 30)) for start in range(260, len(side) - 30)), key=len)
    beginning = beginning_of(side, text)
    assert beginning.end > 40 > beginning.remaining[0] == len(side.encode(text)) - 1
    found = beam_search(model, random_source((4, 6), size=len(side)), SearchOptions(beam=4), beginning)
    for each in found:
        assert len(each) == 4
        assert all(len(one.ids) <= 40 and side.decode(one.ids).startswith(text) for one in each)


@given(st.text("abÄ 😀", max_size=12).filter(str.strip))
def test_the_fewest_pieces_to_the_end_of_a_prefix_are_found(text):
    side = prose_tokenizer().target
    beginning = beginning_of(side, text)
    places, steps = {0}, 0
    while beginning.end not in places:
        places = {int(to) for place in places for to in beginning.after[place].unique() if to >= 0}
        steps += 1
    assert beginning.remaining[0] == steps


def test_a_long_prefix_is_read_in_little_time():
    side = prose_tokenizer().target
    assert beginning_of(side, "가" * 3000).end == 9001


def test_translate_takes_a_prefix(taught):
    run = taught.run("lstm")
    found = seqattn("translate", run, taught.source, "--prefix", "bird c", "--nbest", 2, "--format", "jsonl")
    assert found.stdout.count('"text": "bird c') == 2 * len(TEST)
    plain = seqattn("translate", run, taught.source).stdout
    assert seqattn("translate", run, taught.source, "--prefix", " ").stdout == plain
    both = seqattn(
        "translate", run, taught.run("transformer"), taught.source, "--prefix", "bird c", "--sample"
    )
    assert all(line.startswith("bird c") for line in both.stdout.splitlines())


def test_a_prefix_that_the_vocabulary_cannot_spell_is_an_error(taught, monkeypatch):
    from seqattn.text.tokenizer import Side

    own = Side.spellings.func
    without = property(lambda side: tuple(b"" if one == b"\xf0" else one for one in own(side)))
    monkeypatch.setattr(Side, "spellings", without)
    message = error_of(seqattn("translate", taught.run("lstm"), "--prefix", "😀", input="red\n", status=1))
    assert "lacks its characters" in message
