"""Lines to translations: in order, one for each line, and how long lines are split."""

import time
from functools import cache
from itertools import pairwise
from threading import Thread

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqattn.decoding.search import SamplingOptions, SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.hardware import one_thread, side_by_side
from seqattn.models.base import Vocabulary
from seqattn.symbols import EOS
from seqattn.text.learning import TokenizerOptions, train_side
from seqattn.text.normalising import WORD_START, normalise

from helpers import tiny_model
from runs import PROSE, prose_tokenizer

SHORT = SearchOptions(beam=1, max_ratio=0.3, max_extra=3)
"""Models with random weights rarely end a sentence: the limit keeps targets short."""
LINES = [
    "the dog",
    "",
    "a fox jumps over the lazy dog",
    "   ",
    "bells",
    "she sells sea shells",
    "저는",
    "an owl",
]


@cache
def model_of(architecture):
    size = len(prose_tokenizer().source)
    return tiny_model(architecture, vocabulary=Vocabulary(size, size, shared=True), spread=3.0)


def translator(architecture="lstm", search=SHORT, **options):
    return Translator(model_of(architecture), prose_tokenizer(), TranslationOptions(search, **options))


def texts(found):
    return [translation.text for translation in found]


def test_one_thread_is_used_in_its_context_and_the_number_restored_after_an_error():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(KeyError), one_thread():
            assert torch.get_num_threads() == 1
            raise KeyError
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


BOTH = pytest.mark.parametrize("architecture", ["lstm", "transformer"])

lines = st.one_of(
    st.text(max_size=30),
    st.text(st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp", "Cs"]), max_size=8),
    st.text(st.sampled_from("aäe\u0301ßЖ한국어中文語😀🏳\u200d\u202e▁_ "), max_size=20),
    st.sampled_from(["", " ", "\t", "\x00", "\u2028", "</s>", "<s>", "<pad>", "<0x0A>", "▁", "\ufeff"]),
)


@given(st.lists(lines, max_size=6))
def test_every_line_gets_one_translation_of_one_line(given_lines):
    found = list(translator(chunk=4).translate(given_lines))
    assert [translation.source for translation in found] == given_lines
    for line, translation in zip(given_lines, found, strict=True):
        assert translation.text == normalise(translation.text)
        assert len(translation.text.splitlines()) <= 1
        assert "\n" not in translation.text
        if not normalise(line):
            assert translation.text == "" and translation.pieces == ()
            assert [candidate.score for candidate in translation.candidates] == [0]


@BOTH
def test_a_line_of_two_thousand_words_is_translated_whole(architecture):
    line = "the lazy dog sells bells " * 400
    (found,) = translator(architecture).translate([line])
    ids = prose_tokenizer().source.encode(line)
    assert [i for part in found.pieces for i in part[:-1]] == ids[:-1]
    assert len(found.pieces) == len(found.candidates[0].hypotheses) > 4
    assert "\n" not in found.text


@BOTH
def test_order_is_kept_across_batches_and_chunks(architecture):
    alone = [next(translator(architecture).translate([line])) for line in LINES]
    assert len({found.pieces for found in alone}) == len({normalise(line) for line in LINES})
    for chunk in (1, 3, 1000):
        found = list(translator(architecture, chunk=chunk, batch_tokens=24).translate(LINES))
        assert [translation.source for translation in found] == LINES
        assert [translation.pieces for translation in found] == [translation.pieces for translation in alone]
        assert texts(found) == texts(alone)


@pytest.mark.parametrize("beam", [1, 3])
@BOTH
def test_translations_do_not_depend_on_the_batch(architecture, beam):
    search = SearchOptions(beam=beam, max_ratio=0.5, max_extra=4)
    small = list(translator(architecture, search, batch_tokens=1, nbest=beam).translate(LINES + PROSE))
    large = list(translator(architecture, search, batch_tokens=10_000, nbest=beam).translate(LINES + PROSE))
    assert texts(small) == texts(large)
    assert len(set(texts(small))) > len(LINES) // 2
    for left, right in zip(small, large, strict=True):
        assert [c.score for c in left.candidates] == pytest.approx(
            [c.score for c in right.candidates], abs=1e-4
        )


def test_no_more_lines_are_read_ahead_than_a_chunk():
    read = []

    def source():
        for number in range(10):
            read.append(number)
            yield "the dog"

    answers = translator(chunk=3).translate(source())
    for _ in range(3):
        next(answers)
    assert len(read) == 3
    next(answers)
    assert len(read) == 6


@BOTH
def test_n_best_candidates_are_distinct_and_ranked(architecture):
    search = SearchOptions(beam=4, max_ratio=0.5, max_extra=4)
    for found in translator(architecture, search, nbest=4).translate(["the lazy dog", "bells"]):
        scores = [candidate.score for candidate in found.candidates]
        assert len(scores) == 4
        assert scores == sorted(scores, reverse=True)
        assert len({tuple(c.hypotheses[0].ids) for c in found.candidates}) == 4
        assert found.text == found.candidates[0].text
        for candidate in found.candidates:
            assert candidate.text == prose_tokenizer().target.decode(candidate.hypotheses[0].ids)
            assert candidate.log_probability <= candidate.score < 0


@BOTH
def test_n_best_candidates_of_a_line_split_into_parts_are_ranked(architecture):
    search = SearchOptions(beam=3, max_ratio=0.5, max_extra=4)
    (found,) = translator(architecture, search, longest=12, nbest=3).translate(
        ["the lazy dog sells bells ; " * 4]
    )
    assert len(found.pieces) > 2
    scores = [candidate.score for candidate in found.candidates]
    assert scores == sorted(scores, reverse=True) and len(set(scores)) == 3
    for candidate in found.candidates:
        assert candidate.score == sum(hypothesis.score for hypothesis in candidate.hypotheses)
        assert len(candidate.hypotheses) == len(found.pieces)


def test_sampling_follows_its_seed_and_ranks_its_samples():
    search = SearchOptions(beam=4, max_ratio=0.5, max_extra=4)

    def drawn(seed):
        options = SamplingOptions(seed=seed)
        return list(translator(search=search, sampling=options, nbest=4).translate(["the lazy dog", "bells"]))

    assert texts(drawn(1)) == texts(drawn(1))
    assert texts(drawn(1)) != texts(drawn(2))
    for found in drawn(1):
        scores = [candidate.score for candidate in found.candidates]
        assert len(scores) == 4 and scores == sorted(scores, reverse=True)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(" ".join(PROSE).split(" ")), max_size=30), st.integers(2, 25))
def test_splitting_loses_no_id_and_keeps_every_part_within_the_limit(words, limit):
    side = prose_tokenizer().source
    ids = side.encode(" ".join(words))
    parts = translator()._cut(ids, limit)
    assert [i for part in parts for i in part[:-1]] == ids[:-1]
    assert all(part[-1] == EOS and EOS not in part[:-1] for part in parts)
    assert all(len(part) <= limit for part in parts)
    if len(ids) <= limit:
        assert parts == [ids]
    else:
        assert all(len(part) > 1 for part in parts)


@settings(max_examples=200)
@given(st.lists(st.sampled_from(" ".join(PROSE).split(" ")), min_size=1, max_size=30), st.integers(2, 25))
def test_words_are_split_only_if_one_alone_exceeds_the_limit(words, limit):
    side = prose_tokenizer().source
    parts = translator()._cut(side.encode(" ".join(words)), limit)
    for part, following in pairwise(parts):
        if not side.pieces(following)[0].startswith(WORD_START):
            assert len(part) == limit
            assert not any(piece.startswith(WORD_START) for piece in side.pieces(part[1:-1]))


def test_long_lines_are_split_after_a_sentence_if_one_ends_late_enough():
    side = prose_tokenizer().source
    line = "she sells sea shells ; he sells bells the lazy dog jumps over the fox"
    first = side.encode("she sells sea shells ;")
    limit = len(first) + 6
    assert len(side.encode(line)) > limit
    parts = translator()._cut(side.encode(line), limit)
    assert side.decode(parts[0]) == "she sells sea shells ;"
    early = translator()._cut(side.encode("bells ; " + "the lazy dog " * 20), 40)
    assert len(early[0]) > 20


def test_long_lines_without_spaces_are_split_after_a_sentence():
    side = train_side([["今天很冷。", "「你去吗？」", "他来了！"]], TokenizerOptions(vocab_size=300))
    line = "今天很冷。" * 3 + "他说「今天很冷。」" * 9
    (first, *_) = side.cut(side.encode(line), 30)
    assert side.decode(first).endswith("。」")
    assert {side.decode(part)[-1] for part in side.cut(side.encode("今天很冷。" * 30), 22)} == {"。"}
    assert {side.decode(part)[-2:] for part in side.cut(side.encode("今天很冷。！" * 30), 22)} == {"。！"}


@given(st.integers(2, 25))
def test_characters_of_several_bytes_are_not_cut(limit):
    side = prose_tokenizer().source
    parts = side.cut(side.encode("𠮷" * 50), limit)
    if limit > 4:
        assert {side.decode(part).strip("𠮷") for part in parts} == {""}
    assert [i for part in parts for i in part[:-1]] == side.encode("𠮷" * 50)[:-1]


@BOTH
def test_no_part_exceeds_the_limit_of_the_model_or_of_the_options(architecture):
    model = tiny_model(
        architecture,
        vocabulary=Vocabulary(*[len(prose_tokenizer().source)] * 2, shared=True),
        **({"positions": "learned", "max_positions": 16} if architecture == "transformer" else {}),
    )
    limit = 16 if architecture == "transformer" else 20
    options = TranslationOptions(SearchOptions(beam=2, max_ratio=3.0), longest=20)
    (found,) = Translator(model, prose_tokenizer(), options).translate([" ".join(PROSE)])
    assert max(map(len, found.pieces)) <= limit
    ids = prose_tokenizer().source.encode(" ".join(PROSE))
    assert [i for part in found.pieces for i in part[:-1]] == ids[:-1]


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_parallel_batches_give_the_same_as_sequential_ones(architecture):
    found = []
    before = torch.get_num_threads()
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            translating = translator(architecture, SearchOptions(3, max_ratio=1), batch_tokens=24, nbest=3)
            found.append([line.candidates for line in translating.translate(PROSE)])
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for alone, beside in zip(*found, strict=True):
        assert [candidate.text for candidate in alone] == [candidate.text for candidate in beside]
        scores = [[candidate.score for candidate in candidates] for candidates in (alone, beside)]
        assert scores[0] == pytest.approx(scores[1], abs=1e-4)


def test_parallel_work_is_returned_in_order_and_ends_at_an_error():
    before = torch.get_num_threads()
    started = []

    def work(item):
        started.append(item)
        time.sleep(0.01 * (item % 3))
        if item == 5:
            raise ValueError(item)
        return item

    try:
        torch.set_num_threads(2)
        assert list(side_by_side(work, range(5))) == [0, 1, 2, 3, 4]
        with pytest.raises(ValueError, match="5"):
            list(side_by_side(work, range(1000)))
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert len(started) < 100


def test_parallel_work_does_not_change_the_thread_count_of_other_threads():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        inside, around = [], []

        def work(item):
            inside.append(torch.get_num_threads())
            time.sleep(0.01)
            return item

        for _ in side_by_side(work, range(6)):
            around.append(torch.get_num_threads())
            fresh = Thread(target=lambda: around.append(torch.get_num_threads()))
            fresh.start()
            fresh.join()
        assert inside == [1] * 6 and around == [2] * 12
    finally:
        torch.set_num_threads(before)


def test_little_work_side_by_side_ends_however_the_threads_take_turns():
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        for _ in range(300):
            assert list(side_by_side(abs, [-1, 2])) == [1, 2]
    finally:
        torch.set_num_threads(before)
