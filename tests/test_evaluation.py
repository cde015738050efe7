"""Scores equal sacrebleu's, and an exact match ignores spacing."""

import pytest
import sacrebleu

from seqattn.evaluation.scores import choose_bleu_tokenizer, score

HYPOTHESES = ["the cat sat on the mat .", "a dog barks loudly at night", "", "hello , world"]
REFERENCES = ["the cat sat on a mat .", "a dog barks loudly at night", "nothing here", "hello, world"]


def test_figures_are_those_of_sacrebleu():
    found = score(HYPOTHESES, REFERENCES)
    assert found.bleu == sacrebleu.corpus_bleu(HYPOTHESES, [REFERENCES], force=True).score
    assert found.chrf == sacrebleu.corpus_chrf(HYPOTHESES, [REFERENCES]).score
    assert 0 < found.bleu < 100 and 0 < found.chrf < 100
    assert found.sentences == 4


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
