"""Text to ids and back: only spacing is lost, and decoded text has no line breaks."""

from __future__ import annotations

import unicodedata
from collections import Counter
from itertools import product
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from seqattn.data.corpus import read_corpus
from seqattn.errors import InputError
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.learning import TokenizerOptions, take_inventory, train_side, train_tokenizer
from seqattn.text.normalising import composed, normalise
from seqattn.text.tokenizer import Side, Tokenizer

SOURCES = [
    f"{who} {verb} {what} ."
    for who in ("the girl", "my teacher", "a scientist", "nobody")
    for verb in ("reads", "writes", "forgot", "wanted to burn")
    for what in ("a book", "the newspaper", "seven letters", "an unreadable manuscript")
]
TARGETS = [
    f"{what} {verb}."
    for what in ("책을", "신문을", "편지 일곱 통을", "원고를")
    for verb in ("읽는다", "쓴다", "잊었다", "태우고 싶었다")
]
COMMANDS = ["walk twice", "jump left thrice and walk", "look", "turn left", "run and jump twice"] * 60
ACTIONS = ["I_WALK I_WALK", "I_TURN I_JUMP , I_WALK", "I_LOOK", 'I_TURN a,b "say"', "I_RUN I_JUMP <s>"] * 60

TOKENIZERS = {
    f"{pieces}-{'joint' if joint else 'separate'}": train_tokenizer(
        SOURCES, TARGETS, TokenizerOptions(pieces=pieces, joint=joint)
    )
    for pieces in ("unigram", "bpe")
    for joint in (True, False)
} | {"closed": train_tokenizer(COMMANDS, ACTIONS, TokenizerOptions(joint=False))}

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
near_text = st.text("thegirl wot책을\n\t ▁_é\u0301<>0x\u2028\u00a0\u3000", max_size=30)
sides = pytest.mark.parametrize(
    "side",
    [side for made in TOKENIZERS.values() for side in (made.source, made.target)],
    ids=[f"{name}-{side}" for name in TOKENIZERS for side in ("source", "target")],
)


@given(text | near_text)
@example("a\u0085b\u2028c\u2029d\re\vf\fg\x1ch")
@example("  two   spaces\t\tand tabs ")
@example("\ud800 alone")
def test_normalised_text_is_one_composed_line_and_normalising_is_idempotent(x):
    seen = normalise(x)
    assert len(seen.splitlines()) <= 1
    assert "\t" not in seen
    assert "  " not in seen
    assert seen == seen.strip(" ")
    assert "▁" not in seen
    assert unicodedata.is_normalized("NFC", seen)
    assert normalise(seen) == seen
    seen.encode("utf-8")


def test_normalising_keeps_everything_but_spacing():
    assert normalise("  Ein \u00a0Café\u3000 ist\nda\r\n") == "Ein \u00a0Café\u3000 ist da"
    assert normalise("Cafe\u0301 ﬁ Å") == "Café ﬁ Å"
    assert normalise("a▁b") == "a_b"


@sides
@given(x=text | near_text)
@example(x="")
@example(x="the girl")
@example(x="<s> </s> <unk> <0xEC> <0x0A> <pad>")
@example(x="never seen: 𓀀 😀 \x00\x07 \ufffd ⁇ \ue000\U0010ffff")
@example(x="a\u2028b\nc")
@example(x="▁▁ ▁the")
def test_decoding_encoded_text_gives_the_normalised_text(side, x):
    assert side.decode(side.encode(x)) == normalise(x)


@sides
@given(x=text | near_text)
def test_ids_are_in_range_and_end_in_eos(side, x):
    ids = side.encode(x)
    assert ids[-1] == EOS
    assert not {PAD, BOS, EOS, UNK} & set(ids[:-1])
    assert all(0 <= i < len(side) for i in ids)


@sides
@given(data=st.data())
def test_whatever_ids_are_decoded_the_text_is_one_line(side, data):
    bytes_too = st.integers(0, 259)
    ids = data.draw(st.lists(bytes_too | st.integers(0, len(side) - 1), max_size=20))
    decoded = side.decode(ids)
    assert len(decoded.splitlines()) <= 1
    assert decoded == normalise(decoded)


@sides
def test_a_line_break_spelled_in_bytes_is_not_decoded(side):
    newline = [side.processor.piece_to_id(f"<0x{byte:02X}>") for byte in "a\n\u2028b".encode()]
    assert side.decode(newline) == "a b"


@sides
@given(x=text | near_text)
@example(x="the girl reads never-seen 𓀀 words")
def test_ids_group_into_the_words_of_the_text(side, x):
    ids = side.encode(x)[:-1]
    groups = side.words(ids)
    assert [i for group in groups for i in group] == ids
    assert [side.decode(group) for group in groups] == [word for word in normalise(x).split(" ") if word]


@sides
def test_markers_are_not_decoded(side):
    ids = side.encode("the girl")
    assert side.decode([BOS, *ids, PAD, PAD]) == "the girl"
    assert side.decode([PAD, BOS, EOS]) == ""


@sides
def test_the_first_four_ids_are_the_markers(side):
    assert [side.processor.is_control(i) for i in (PAD, BOS, EOS)] == [True] * 3
    assert side.processor.unk_id() == UNK
    assert (PAD, BOS, EOS, UNK) == (0, 1, 2, 3)


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
@pytest.mark.parametrize("joint", [True, False])
def test_training_twice_gives_identical_bytes(pieces, joint):
    first = TOKENIZERS[f"{pieces}-{'joint' if joint else 'separate'}"]
    again = train_tokenizer(SOURCES, TARGETS, TokenizerOptions(pieces=pieces, joint=joint))
    assert again.source.model == first.source.model
    assert again.target.model == first.target.model


def test_unigram_and_bpe_differ():
    assert TOKENIZERS["unigram-joint"].source.model != TOKENIZERS["bpe-joint"].source.model


def test_a_joint_vocabulary_is_one_object_that_covers_both_sides():
    joint = TOKENIZERS["unigram-joint"]
    assert joint.joint
    assert joint.source is joint.target
    for line in ("the girl reads", "책을 읽는다"):
        assert not any(piece.startswith("<0x") for piece in joint.source.pieces(joint.source.encode(line)))


def test_separate_vocabularies_cover_one_side_each():
    separate = TOKENIZERS["unigram-separate"]
    assert not separate.joint
    assert separate.source.model != separate.target.model
    assert any(piece.startswith("<0x") for piece in separate.source.pieces(separate.source.encode("책을")))
    assert not any(
        piece.startswith("<0x") for piece in separate.target.pieces(separate.target.encode("책을"))
    )


def test_a_side_reloads_from_its_bytes():
    side = TOKENIZERS["bpe-joint"].source
    assert Side(side.model).encode("the girl reads 책을") == side.encode("the girl reads 책을")
    assert Tokenizer(side, side).joint


def test_frequent_words_become_single_pieces():
    side = train_tokenizer(SOURCES, TARGETS, TokenizerOptions(pieces="bpe", vocab_size=400)).source
    words = ["▁the", "▁girl", "▁reads", "▁a", "▁book", "▁."]
    assert side.pieces(side.encode("the girl reads a book .")[:-1]) == words


def test_a_closed_vocabulary_gives_one_piece_per_word():
    closed = TOKENIZERS["closed"]
    for side, lines in ((closed.source, COMMANDS), (closed.target, ACTIONS)):
        for line in set(lines):
            words = line.split()
            assert side.pieces(side.encode(line)[:-1]) == [f"▁{word}" for word in words]
    unseen = closed.source.encode("walked jumpy")[:-1]
    assert closed.source.decode(unseen) == "walked jumpy"


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
@pytest.mark.parametrize("words", ["a b c", "walk , run .", "1 22 333", "狗 猫", "x"])
def test_a_closed_vocabulary_keeps_the_spaces_between_unseen_words(pieces, words):
    side = train_side([[words] * 100], TokenizerOptions(pieces=pieces))
    for text in ("walk ran left", "b a c", "猫 龘 1, 2", words):
        assert side.decode(side.encode(text)) == text


def test_a_vocabulary_is_closed_when_there_are_few_frequent_words():
    assert take_inventory(["a b"] * 50).closed
    assert not take_inventory(["a b"] * 49).closed
    assert take_inventory([" ".join(f"w{n}" for n in range(200))] * 50).closed
    assert not take_inventory([" ".join(f"w{n}" for n in range(201))] * 60).closed


SPELLINGS = ["".join(letters) for letters in product("abdt", "eiou", "nrst", "aeo")]
SOUNDS = [" ".join(f"{letter}ː" for letter in word) for word in SPELLINGS]


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
@pytest.mark.parametrize("joint", [True, False])
@pytest.mark.parametrize("turned", [False, True])
def test_single_words_are_spelled_and_the_words_of_a_closed_side_whole(pieces, joint, turned):
    sides = (SOUNDS * 10, SPELLINGS * 10) if turned else (SPELLINGS * 10, SOUNDS * 10)
    tokenizer = train_tokenizer(*sides, TokenizerOptions(pieces=pieces, joint=joint))
    spellings, sounds = (tokenizer.texts, tokenizer.target)[:: -1 if turned else 1]
    for word in SPELLINGS:
        assert spellings.pieces(spellings.encode(word)[:-1]) in (["▁", *word], [f"▁{word[0]}", *word[1:]])
    for sound in SOUNDS:
        assert sounds.pieces(sounds.encode(sound)[:-1]) == [f"▁{one}" for one in sound.split()]
    for side, texts in ((spellings, SPELLINGS), (sounds, SOUNDS)):
        assert [side.decode(side.encode(text)) for text in texts] == texts


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
def test_the_alphabet_of_single_words_does_not_depend_on_how_much_there_is_of_the_other_side(pieces):
    words = ["".join(letters) for letters in product("абвгд", "еиоу", "нрст", "аео")]
    texts = [f"the {one} and the {other} see it" for one, other in product(SPELLINGS, SPELLINGS[:9])]
    side = train_tokenizer(words, texts, TokenizerOptions(pieces=pieces)).source
    assert all(
        side.pieces(side.encode(word)[:-1])[-4:] in ([*word], [f"▁{word[0]}", *word[1:]]) for word in words
    )
    many = [chr(0xAC00 + at) for at in range(7000)]
    side = train_tokenizer(many, texts, TokenizerOptions(pieces=pieces)).source
    assert not any("<0x" in piece for word in many for piece in side.pieces(side.encode(word)))


def test_rare_characters_of_single_words_are_pieces_too():
    words = [*SPELLINGS, "ñandú"]
    side = train_side([words], TokenizerOptions())
    assert side.pieces(side.encode("ñandú")[:-1])[-5:] == list("ñandú")


@pytest.mark.parametrize(
    ("texts", "spelled"),
    [
        (SPELLINGS, True),
        ([f"{word} {word}" for word in SPELLINGS], False),
        (["yes", "no"] * 50, False),
        (["가감", "가게", "가구"] * 10, True),
        (["あいかわらず", "あいこく"] * 10, True),
        ([f"今天{word}很冷，明天去{word}" for word in "的一是不了人我在有他"], False),
        (["CCO" * 15, "c1ccccc1", "N" * 40], True),
        (["ACGT" * 50] * 20, False),
        ([], False),
        (["", "word"], True),
    ],
)
def test_texts_of_one_word_are_spelled_unless_the_words_are_few_or_long(texts, spelled):
    inventory = take_inventory(texts)
    assert inventory.spelled == spelled
    assert not (inventory.spelled and inventory.natural)


def test_a_vocabulary_of_the_size_asked_for_has_longer_pieces_of_single_words_too():
    side = train_side([SPELLINGS * 10], TokenizerOptions(vocab_size=300))
    assert any(len(piece) > 2 and piece[0] != "<" for piece in side.pieces(range(len(side))))


def test_an_inventory_counts_words_and_characters():
    inventory = take_inventory(["ab a ab", "c"])
    assert inventory.words == {"ab": 2, "a": 1, "c": 1}
    assert (inventory.running, inventory.characters) == (4, "abc")


def test_most_words_of_a_real_text_are_one_piece():
    corpus = read_corpus(str(Path(__file__).parent.parent / "samples" / "en-ko" / "train.tsv"))
    sources, targets = zip(*corpus.pairs, strict=True)
    side = train_tokenizer(sources, targets, TokenizerOptions()).source
    words = Counter(word for text in sources[:500] for word in text.split())
    whole = sum(count for word, count in words.items() if len(side.words(side.encode(word)[:-1])[0]) == 1)
    # The full stop attached to the last word of a sentence is a separate piece.
    assert whole / words.total() > 0.7


def test_a_requested_vocab_size_is_used():
    for pieces in ("unigram", "bpe"):
        made = train_tokenizer(SOURCES, TARGETS, TokenizerOptions(pieces=pieces, vocab_size=315))
        assert len(made.source) == 315


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
def test_more_pieces_than_the_texts_yield_are_fewer_not_an_error(pieces):
    made = train_tokenizer(SOURCES, TARGETS, TokenizerOptions(pieces=pieces, vocab_size=20_000))
    assert 300 < len(made.source) < 20_000
    assert made.source.decode(made.source.encode("the girl")) == "the girl"


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
def test_an_impossible_vocab_size_is_an_input_error_with_a_remedy(pieces):
    with pytest.raises(InputError, match="vocabulary of 10 pieces cannot be learned") as caught:
        train_tokenizer(SOURCES, TARGETS, TokenizerOptions(pieces=pieces, vocab_size=10))
    assert "vocab_size" in caught.value.remedy


def test_no_text_at_all_is_an_input_error():
    with pytest.raises(InputError):
        train_tokenizer(["", " "], [""], TokenizerOptions())


def test_control_symbols_in_training_texts_are_text():
    symbols = ["<s>", "</s>", "<unk>", "<pad>", "<0x41>", "x<s>y", "a</s>"]
    texts = [f"{one} {other} {number}" for number in range(30) for one in symbols for other in symbols]
    for pieces in ("unigram", "bpe"):
        side = train_tokenizer(texts, texts, TokenizerOptions(pieces=pieces)).target
        for one in texts[:49]:
            ids = side.encode(one)
            assert side.decode(ids) == one and not {PAD, BOS, EOS, UNK} & set(ids[:-1])


@pytest.mark.parametrize("marks", ["\u0301\u0323", "\u0323\u0301\u0344\u0345", "\u05b0\u0301\u0591"])
def test_long_runs_of_combining_marks_are_composed_as_short_ones_are(marks):
    for count in (999, 1000, 5000):
        flood = f"xa{(marks * count)[:count]}e\u0301 {(marks * count)[:count]}\u1100\u1161"
        assert normalise(flood) == unicodedata.normalize("NFC", flood)


@given(st.lists(st.characters(categories=["Mn", "Ll", "Lo"]), max_size=12), st.integers(0, 100))
def test_long_texts_are_composed_as_unicode_says(characters, at):
    padded = "a" * at + " b" * 500 + "".join(characters)
    assert composed(padded) == unicodedata.normalize("NFC", padded)


@pytest.mark.parametrize("pieces", ["unigram", "bpe"])
def test_a_word_and_marks_without_end_are_learned_from_and_read(pieces):
    """With an algorithm that is quadratic in their length each would take an hour."""
    word, flood = "ab" * 250_000, "a" + "\u0301\u0323" * 100_000
    side = train_tokenizer([*SOURCES, word, flood], TARGETS, TokenizerOptions(pieces=pieces)).source
    assert side.decode(side.encode(word)) == word
    assert side.decode(side.encode(flood)) == normalise(flood)


def test_pieces_do_not_depend_on_where_a_long_text_is_cut():
    together = train_tokenizer([" ".join(SOURCES * 5)], TARGETS * 5, TokenizerOptions(vocab_size=330))
    apart = train_tokenizer(SOURCES * 5, TARGETS * 5, TokenizerOptions(vocab_size=330))
    assert together.source.pieces(range(330)) == apart.source.pieces(range(330))


def test_more_characters_than_a_usual_vocabulary_holds_are_all_in_it():
    characters = [
        chr(code) for code in (*range(0x3400, 0x4DC0), *range(0x4E00, 0xA000), *range(0xAC00, 0xC000))
    ]
    assert len(characters) > 32_000
    texts = ["".join(characters[at : at + 50]) for at in range(0, len(characters), 50)]
    assert len(train_tokenizer(texts, texts, TokenizerOptions()).source) > 32_000
    with pytest.raises(InputError, match="cannot be learned") as caught:
        train_tokenizer(texts, texts, TokenizerOptions(vocab_size=5000))
    assert caught.value.remedy == "raise vocab_size, or leave it out"


@pytest.mark.parametrize("size", [-1, 1_000_001, 2**31, 2**40])
def test_a_vocab_size_out_of_range_is_refused(size):
    with pytest.raises(ValueError, match="vocab_size must be between 0 and"):
        TokenizerOptions(vocab_size=size)
