"""Scores equal sacrebleu's, error rates those of a table of edits; an exact match ignores spacing."""

import math
import re
import subprocess
import sys

import pytest
import sacrebleu
from hypothesis import given
from hypothesis import strategies as st

from seqattn.evaluation.scores import choose_bleu_tokenizer, join_references, score

HYPOTHESES = ["the cat sat on the mat .", "a dog barks loudly at night", "", "hello , world"]
REFERENCES = ["the cat sat on a mat .", "a dog barks loudly at night", "nothing here", "hello, world"]
FURTHER = [["the cat sat on the mat ."], [], ["not a thing", "nothing here"], ["hi world", "hello you"]]

texts = st.lists(st.sampled_from(["a", "b", "bc", "cab", "é"]), max_size=6).map(" ".join)
several = st.lists(st.tuples(texts, st.lists(texts, min_size=1, max_size=3)), min_size=1, max_size=5)
"""A hypothesis and its references, for each sentence."""


def edits(own, wanted):
    """The fewest insertions, deletions and substitutions, from the table of all prefixes."""
    row = list(range(len(wanted) + 1))
    for first, one in enumerate(own, start=1):
        above, row = row, [first]
        for at, other in enumerate(wanted):
            row.append(min(above[at + 1] + 1, row[at] + 1, above[at] + (one != other)))
    return row[-1]


def rectangular(references):
    """One stream for each reference, the last of a sentence repeated, which changes no score."""
    width = max(map(len, references))
    return [[each[min(at, len(each) - 1)] for each in references] for at in range(width)]


def test_figures_are_those_of_sacrebleu():
    found = score(HYPOTHESES, REFERENCES)
    assert found.bleu == sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], force=True).score
    assert found.chrf == sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score
    assert 0 < found.bleu < 100 and 0 < found.chrf < 100
    assert found.sentences == 4


@given(several)
def test_the_length_ratio_and_the_brevity_penalty_are_those_of_sacrebleu(rows):
    hypotheses, references = map(list, zip(*rows, strict=True))
    found = score(hypotheses, references, "13a")
    expected = sacrebleu.corpus_bleu(hypotheses, rectangular(join_references(references)), force=True)
    assert found.length_ratio == (expected.sys_len / expected.ref_len if expected.ref_len else None)
    assert found.brevity_penalty == expected.bp


def test_the_length_ratio_compares_words_of_hypotheses_with_those_of_references():
    found = score(["a b c"], ["a b c d"])
    assert found.length_ratio == 0.75
    assert found.brevity_penalty == pytest.approx(math.exp(1 - 4 / 3))
    longer = score(["a b c d e"], ["a b c d"])
    assert (longer.length_ratio, longer.brevity_penalty) == (1.25, 1)
    assert score(["a"], [""]).length_ratio is None


@pytest.mark.parametrize("tokenize", ["none", "char", "intl"])
def test_bleu_splits_words_as_requested(tokenize):
    found = score(HYPOTHESES, REFERENCES, tokenize)
    expected = sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], tokenize=tokenize, force=True).score
    assert found.bleu == expected
    assert f"tok:{tokenize}" in found.bleu_signature
    assert found.chrf == score(HYPOTHESES, REFERENCES).chrf


def test_signatures_record_how_the_figures_were_computed():
    found = score(HYPOTHESES, REFERENCES)
    assert "tok:13a" in found.bleu_signature
    assert f"version:{sacrebleu.__version__}" in found.bleu_signature
    assert "chars|" not in found.bleu_signature and "nc:6" in found.chrf_signature


def test_exact_match_counts_hypotheses_equal_to_their_reference():
    assert score(["a b", "c", "d", "e"], ["a b", "c", "x", "y"]).exact == 50
    assert score(["A"], ["a"]).exact == 0


def test_exact_match_ignores_spacing_and_unicode_composition():
    assert score(["cafe\u0301  au lait "], ["caf\u00e9 au lait"]).exact == 100
    assert score(["aulait"], ["au lait"]).exact == 0


@pytest.mark.parametrize(
    "reference", ["今日は天気がいいですね。", "我们明天去北京看朋友。", "สวัสดีครับ", "我们 明天 去 北京"]
)
def test_scripts_without_spaces_are_scored_by_characters(reference):
    assert choose_bleu_tokenizer([reference]) == "char"
    found = score([reference[:-2]], [reference])
    assert "tok:char" in found.bleu_signature
    expected = sacrebleu.corpus_bleu([reference[:-2]], [[reference]], tokenize="char", force=True).score
    assert found.bleu == expected > 0


@pytest.mark.parametrize("reference", ["the cat", "저는 빨간 자동차를 운전할 거예요.", "Привет, мир", ""])
def test_scripts_with_spaces_are_scored_by_words(reference):
    assert choose_bleu_tokenizer([reference]) == "13a"


def test_the_majority_of_the_references_decides():
    assert choose_bleu_tokenizer(["今日は天気がいいですね。", "ok"]) == "char"
    assert choose_bleu_tokenizer(["the word 今日 means today, and little else"]) == "13a"


@pytest.mark.parametrize(("hypotheses", "references"), [(["a"], ["a", "b"]), (["a", "b"], ["a"])])
def test_sides_of_unequal_length_are_refused(hypotheses, references):
    with pytest.raises(ValueError, match="hypotheses for"):
        score(hypotheses, references)


@given(several, st.sampled_from([("wer", str.split), ("cer", list)]))
def test_error_rates_are_the_edits_to_the_closest_references_by_their_lengths(rows, measure):
    field, split = measure
    hypotheses, references = map(list, zip(*rows, strict=True))
    made, length = 0, 0
    for own, wanted in zip(hypotheses, join_references(references), strict=True):
        pairs = [(edits(split(own), split(one)), -len(split(one))) for one in wanted]
        made, length = made + min(pairs)[0], length - min(pairs)[1]
    found = getattr(score(hypotheses, references), field)
    assert found == (pytest.approx(100 * made / length) if length else None)


@given(several)
def test_error_rates_and_exact_matches_do_not_depend_on_the_order_of_references(rows):
    hypotheses, references = map(list, zip(*rows, strict=True))
    one, other = score(hypotheses, references), score(hypotheses, [each[::-1] for each in references])
    assert (one.wer, one.cer, one.exact, one.bleu) == (other.wer, other.cer, other.exact, other.bleu)


@given(several)
def test_bleu_and_chrf_with_several_references_are_those_of_sacrebleu(rows):
    hypotheses, references = map(list, zip(*rows, strict=True))
    streams = rectangular(join_references(references))
    found = score(hypotheses, references)
    assert found.bleu == sacrebleu.corpus_bleu(hypotheses, streams, force=True).score
    assert found.chrf == sacrebleu.corpus_chrf(hypotheses, streams).score


def test_bleu_and_chrf_with_several_references_are_those_of_sacrebleus_own_command(tmp_path):
    references = join_references(REFERENCES, FURTHER)
    files = []
    for number, lines in enumerate([HYPOTHESES, *rectangular(references)]):
        files.append(tmp_path / str(number))
        files[-1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    options = ["-m", "bleu", "chrf", "--force", "-w", "6", "-f", "text"]
    printed = subprocess.run(
        [sys.executable, "-m", "sacrebleu", *files[1:], "-i", files[0], *options],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = score(HYPOTHESES, references)
    assert re.findall(r" = ([0-9.]{6,})", printed) == [f"{found.bleu:.6f}", f"{found.chrf:.6f}"]
    assert score(HYPOTHESES, REFERENCES).bleu < found.bleu < 100


@pytest.mark.parametrize(
    ("references", "nrefs", "count"),
    [
        (["a b", "c"], "1", 2),
        ([["a b", "a"], ["c", "d"]], "2", 4),
        ([["a b", "a", "b"], ["c"]], "var", 4),
        ([["a b", "a b"], ["c"]], "1", 2),
        ([["a b", ""], ["c"]], "1", 2),
    ],
)
def test_signatures_record_the_number_of_references(references, nrefs, count):
    found = score(["a", "c"], references)
    assert found.bleu_signature.startswith(f"nrefs:{nrefs}|")
    assert found.chrf_signature.startswith(f"nrefs:{nrefs}|")
    assert (found.sentences, found.references) == (2, count)


def test_an_exact_match_equals_any_of_the_references():
    assert score(["b", "d"], [["a", "b"], ["a", "b"]]).exact == 50


def test_rates_of_a_corpus_are_of_all_its_words_together():
    assert score(["x", "a b c"], ["y", "a b c"]).wer == 25
    assert score(["x", "abc"], ["y", "abc"]).cer == 25


def test_error_rates_of_phonemes_count_phonemes():
    assert score(["K AE1 T S"], ["K AE1 T"]).wer == pytest.approx(100 / 3)


def test_an_error_rate_may_exceed_100_and_is_unknown_for_empty_references():
    assert (score(["a b c"], ["x"]).wer, score(["abc"], ["x"]).cer) == (300, 300)
    for text in ("", "a"):
        assert (score([text], [""]).wer, score([text], [""]).cer) == (None, None)
    assert score(["a", ""], ["", "b"]).wer == 200


def test_the_closest_reference_has_the_fewest_edits_and_among_those_the_most_words():
    assert score(["a b c"], [["a x y z w v u", "b"]]).wer == 200
    assert score(["a"], [["b", "a c"]]).wer == score(["a"], [["a c", "b"]]).wer == 50


def test_error_rates_ignore_doubled_spaces_and_unicode_composition_but_count_spaces_between_words():
    same = score(["cafe\u0301  au lait "], ["caf\u00e9 au lait"])
    assert (same.wer, same.cer) == (0, 0)
    joined = score(["aulait"], ["au lait"])
    assert (joined.wer, joined.cer) == (100, pytest.approx(100 / 7))
    assert score(["a\u00a0b"], ["a b"]).wer == 100


def test_an_empty_reference_beside_others_is_none():
    assert score(["a"], [["", "a b c d"]]) == score(["a"], ["a b c d"])
    assert join_references(["", "x", " "], [["a"], ["", "y"], ""]) == [("a",), ("x", "y"), (" ",)]


def test_every_sentence_needs_a_reference():
    with pytest.raises(ValueError, match="no reference"):
        score(["a", "b"], [["a"], []])
    with pytest.raises(ValueError, match="references for 2 and 1 sentences"):
        join_references(["a", "b"], [["a"]])
