"""Links by attention and a lexicon: EM over a corpus, and its effect on errors of attention."""

import math
import random
import re
from itertools import islice

import pytest
import torch

from seqattn.alignment.lexicon import (
    CONCENTRATION,
    FLOOR,
    ROUNDS,
    TENSION,
    TRANSLATIONS,
    links_by_lexicon,
    links_of_texts,
)
from seqattn.alignment.reading import as_links
from seqattn.data.corpus import Pair


def reference(pairs):
    """The same by loops over words."""
    weight = {}
    for _ in range(ROUNDS + 1):
        together, alone, links = {}, {}, []
        for source, target, scores in pairs:
            chosen = set()
            for t, right in enumerate(target):
                joint = [
                    (float(scores[t, s]) + FLOOR) * weight.get((left, right), 1.0)
                    for s, left in enumerate(source)
                ]
                for s, left in enumerate(source):
                    share = joint[s] / sum(joint)
                    together[left, right] = together.get((left, right), 0.0) + share
                    alone[left] = alone.get(left, 0.0) + share
                if source:
                    chosen.add((joint.index(max(joint)), t))
            links.append(frozenset(chosen))
        for (left, right), count in together.items():
            up, down = count + CONCENTRATION, alone[left] + CONCENTRATION * TRANSLATIONS
            weight[left, right] = math.exp(torch.tensor(up).digamma() - torch.tensor(down).digamma())
    return links


def random_pairs(count, seed, noise=1.5):
    """Each target word translates a source word, in another order; scores are noise around the truth."""
    chance, torch_chance = random.Random(seed), torch.Generator().manual_seed(seed)
    pairs, truth = [], []
    for _ in range(count):
        source = chance.sample(range(30), chance.randint(1, 6))
        order = chance.sample(range(len(source)), len(source))
        scores = torch.rand(len(source), len(source), generator=torch_chance) * noise
        scores[range(len(source)), order] += 0.5
        pairs.append(([f"s{w}" for w in source], [f"t{source[s]}" for s in order], scores.half().float()))
        truth.append(frozenset((s, t) for t, s in enumerate(order)))
    return pairs, truth


def test_the_links_equal_those_of_loops_over_words(monkeypatch):
    # With so much noise the lexicon decides as often as attention.
    pairs, _ = random_pairs(60, seed=2, noise=8.0)
    pairs.insert(7, ([], ["t1"], torch.zeros(1, 0)))
    pairs.insert(9, (["s1"], [], torch.zeros(0, 1)))
    expected = reference(pairs)
    assert list(links_by_lexicon(pairs)) == expected
    for cells in (3, 50):
        monkeypatch.setattr("seqattn.alignment.lexicon.AT_ONCE", cells)
        assert list(links_by_lexicon(pairs)) == expected


def test_only_links_that_are_asked_for_are_built(monkeypatch):
    pairs, _ = random_pairs(60, seed=2, noise=8.0)
    built = []
    monkeypatch.setattr(
        "seqattn.alignment.lexicon.as_links", lambda best: built.append(best) or as_links(best)
    )
    assert list(islice(links_by_lexicon(pairs), 3)) == reference(pairs)[:3]
    assert len(built) == 3


def test_occasional_errors_of_attention_are_corrected_by_the_corpus():
    pairs, truth = random_pairs(300, seed=2)
    alone = [frozenset((int(s), t) for t, s in enumerate(scores.argmax(1))) for _, _, scores in pairs]
    wrong = sum(len(found - right) for found, right in zip(alone, truth, strict=True))
    left = sum(len(found - right) for found, right in zip(links_by_lexicon(pairs), truth, strict=True))
    assert wrong > 100 and left < wrong / 10, (wrong, left)


@pytest.mark.parametrize("pairs", [[], [([], [], torch.zeros(0, 0))], [([], ["t"], torch.zeros(1, 0))]])
def test_without_words_there_are_no_links(pairs):
    assert list(links_by_lexicon(pairs)) == [frozenset() for _ in pairs]


def linked(*pairs):
    return list(links_of_texts([Pair(*pair) for pair in pairs], lambda share: None))


def texts(pairs):
    return [(" ".join(source), " ".join(target)) for source, target, _ in pairs]


def test_without_a_model_the_diagonal_of_a_pair_takes_the_place_of_attention():
    pairs, _ = random_pairs(60, seed=4)
    near = [
        (
            source,
            target,
            torch.tensor(
                [
                    [
                        math.exp(-TENSION * abs((s + 0.5) / len(source) - (t + 0.5) / len(target)))
                        for s in range(len(source))
                    ]
                    for t in range(len(target))
                ]
            ).half(),
        )
        for source, target, _ in pairs
    ]
    assert linked(*texts(pairs)) == list(links_by_lexicon(near))


def test_words_are_linked_to_their_translations_by_the_corpus_alone():
    pairs, truth = random_pairs(600, seed=3)
    found = linked(*texts(pairs))
    wrong = sum(len(one - right) for one, right in zip(found, truth, strict=True))
    assert wrong < 0.02 * sum(map(len, truth)), wrong
    # Words that never occur again are linked to what is in their place.
    assert linked(("a b c", "x y z")) == [{(0, 0), (1, 1), (2, 2)}]


def test_case_and_attached_punctuation_do_not_make_other_words():
    pairs = texts(random_pairs(80, seed=5)[0])
    written = [(f"\u201c{source.capitalize()}!\u201d", f"({target.upper()})?") for source, target in pairs]
    assert linked(*written) == linked(*pairs)
    # Symbols tell words apart, and punctuation between spaces is a word.
    assert linked(*((re.sub(r"\bs2\b", "s1+", source), target) for source, target in pairs)) == linked(*pairs)
    assert linked(*((re.sub(r"\bs2\b", "s1.", source), target) for source, target in pairs)) != linked(*pairs)
    assert linked(*((source.replace(" ", " , "), target) for source, target in pairs)) != linked(*pairs)
    scored, _ = random_pairs(60, seed=2, noise=8.0)
    shouted = [([f"{word.upper()}!" for word in source], target, scores) for source, target, scores in scored]
    assert list(links_by_lexicon(shouted)) == list(links_by_lexicon(scored))


def test_a_text_without_words_has_no_links():
    assert linked(("", "x y"), ("a b", " "), ("", ""), ("a", "x")) == [set(), set(), set(), {(0, 0)}]


def test_a_text_of_too_many_words_has_no_links(monkeypatch):
    monkeypatch.setattr("seqattn.alignment.lexicon.LONGEST", 2)
    assert linked(("a b", "x y"), ("a b c", "x"), ("a", "x y z")) == [{(0, 0), (1, 1)}, set(), set()]


def test_words_are_separated_by_spaces_alone():
    assert linked(("10\u00a0km  far", "\u3000x\u2003y z")) == [{(0, 0), (1, 1)}]
