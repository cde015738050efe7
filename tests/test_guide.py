"""Guided alignment: the goal that word links set for attention, and that attention learns it."""

import pytest
import torch

from seqattn.alignment.guide import between_ids
from seqattn.alignment.reading import read_attention
from seqattn.alignment.words import check_links, content_positions, pieces_of, words_of
from seqattn.data.batching import Example, collate
from seqattn.data.corpus import Pair
from seqattn.errors import InputError
from seqattn.models.base import Reading
from seqattn.training.guide import Guide, IdLinks, guided_reading
from seqattn.training.loop import Trainer
from seqattn.training.losses import alignment_loss, guided_loss, target_loss

from helpers import VARIANT_NAMES, VARIANTS, tiny_model
from runs import copy_examples, prose_tokenizer, toy_training


def example(source, target):
    tokenizer = prose_tokenizer()
    return Example(tokenizer.source.encode(source), tokenizer.target.encode(target))


def linked_ids(source, target, links):
    """The pieces that `between_ids` links, as texts."""
    pair = example(source, target)
    pieces = pieces_of(prose_tokenizer(), pair)
    return {(pieces.source[s], pieces.target[t]) for s, t in between_ids(prose_tokenizer(), pair, links)}


def test_a_word_link_links_each_piece_of_one_word_with_each_of_the_other():
    pair = example("the naïve fox", "wrote letters")
    words = words_of(prose_tokenizer(), pair)
    found = between_ids(prose_tokenizer(), pair, frozenset({(1, 0), (2, 1)}))
    expected = {
        (s, t)
        for s, source in enumerate(words.of_source[:-1])
        for t, target in enumerate(words.of_target)
        if (source, target) in {(1, 0), (2, 1)}
    }
    assert len(found) == len(set(found)) and set(found) == expected
    assert words.of_target.count(0) > 1


def test_punctuation_attached_to_a_word_is_not_part_of_its_links():
    one = frozenset({(0, 0)})
    plain = linked_ids("dog", "fox", one)
    assert plain and linked_ids("dog!", "fox.", one) == plain
    assert linked_ids("!", "fox", one) == {("▁!", piece) for _, piece in plain}


def test_a_word_of_only_punctuation_keeps_its_positions():
    side = prose_tokenizer().source
    for text, count in [("dog .", 2), ("dog.", 1), (". !", 2), ("dog .!", 2)]:
        ids = side.encode(text)[:-1]
        of = [word for word, group in enumerate(side.words(ids)) for _ in group]
        assert len({of[at] for at in content_positions(side, ids, of)}) == len(set(of)), text
        texts = [piece for at, piece in enumerate(side.pieces(ids)) if at in content_positions(side, ids, of)]
        assert ("." in "".join(texts)) == (text != "dog."), (text, count)


def test_the_goal_of_an_id_is_spread_evenly_over_its_links():
    links = IdLinks()
    for some in [[(0, 0), (2, 0), (1, 2)], [], [(3, 1)]]:
        links.append(some)
    assert len(links) == 3
    goal = links.goal([2, 0, 1], target=4, source=5)
    expected = torch.zeros(3, 4, 5)
    expected[0, 1, 3] = 1
    expected[1, 0, [0, 2]] = 0.5
    expected[1, 2, 1] = 1
    assert torch.equal(goal, expected)


@pytest.mark.parametrize("reading", [Reading(2, 1), Reading(1, 0), Reading(2, 3, True), Reading(1, 0, True)])
def test_the_alignment_loss_is_the_cross_entropy_of_the_reading(reading):
    torch.manual_seed(1)
    attention, goal = torch.rand(2, 2, 3, 4, 5).softmax(-1), torch.rand(2, 4, 5)
    layer = attention[:, reading.layer - 1]
    head = layer[:, reading.head - 1] if reading.head else (layer[:, 0] + layer[:, 1] + layer[:, 2]) / 3
    total = 0.0
    for b in range(2):
        for t in range(4):
            row = t + 1 if reading.consumed else t
            if row < 4:
                total -= sum(float(goal[b, t, s]) * float(head[b, row, s].log()) for s in range(5))
    assert float(alignment_loss(attention, goal, reading)) == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
def test_a_guide_with_weight_zero_does_not_change_the_loss_of_any_model_with_attention(architecture, options):
    model = tiny_model(architecture, **options)
    batch = collate(copy_examples(3))
    if options.get("score") == "none":
        with pytest.raises(InputError, match="no attention to guide"):
            model.require_attention("guide")
        return
    reading = guided_reading(model.require_attention())
    goal = torch.rand(3, batch.target.shape[1] - 1, batch.source.shape[1])
    with torch.inference_mode():
        plain = float(target_loss(model, batch, 0.1))
        unweighted, guided = (float(guided_loss(model, batch, goal, reading, w, 0.1)) for w in (0.0, 1.0))
    assert unweighted == pytest.approx(plain, rel=1e-5)
    assert guided > plain + 0.1


def mass_on_the_first(architecture, weight):
    """The mean attention to the first source id, after training with links to it from every target id."""
    examples, links = copy_examples(40), IdLinks()
    for one in examples:
        links.append([(0, t) for t in range(len(one.target) - 1)])
    model = tiny_model(architecture)
    guide = Guide(links, guided_reading(model.require_attention()))
    options = toy_training(max_updates=100, cooldown=0, guide_weight=weight, validate_every=1000)
    trainer = Trainer(model, examples, options, lambda _: pytest.fail("not reached"), guide)
    for event in trainer.run():
        if event.progress.update == 100:
            break
    seen = [guide.reading.apply(attention)[:, 0] for attention in read_attention(model, examples)]
    return float(torch.cat(seen).mean())


@pytest.mark.parametrize("architecture", ["lstm", "transformer"])
def test_attention_learns_the_links_of_its_guide_only_with_a_weight(architecture):
    assert mass_on_the_first(architecture, 5.0) > 0.75
    assert mass_on_the_first(architecture, 0.0) < 0.4


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([frozenset({(0, 0)})], "has 1 line for 2 pairs"),
        ([frozenset(), frozenset({(1, 3)})], "line 2: the link 1-3 is outside a pair of 2 and 3 words"),
        ([frozenset(), frozenset({(2, 2)})], "line 2: the link 2-2 is outside a pair of 2 and 3 words"),
        ([frozenset({(0, 0)}), frozenset()], "line 1: the link 0-0 is outside a pair of 0 and 1 words"),
    ],
)
def test_links_that_do_not_fit_the_pairs_are_an_error_with_their_line(lines, expected):
    pairs = [Pair(" ", "dog"), Pair("a  dog", "the dog ran ")]
    with pytest.raises(InputError, match=expected):
        check_links(lines, pairs, "some.links")


def test_links_of_the_last_words_fit():
    pairs = [Pair("", "dog"), Pair("a  dog", "the dog ran "), Pair("a dog ran", "the dog")]
    check_links([frozenset(), frozenset({(1, 2)}), frozenset({(2, 1)})], pairs, "some.links")
