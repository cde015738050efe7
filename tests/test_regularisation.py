"""What keeps a model from overfitting: R-Drop, word dropout, sampled pieces, a moving mean of the weights."""

from dataclasses import replace

import pytest
import torch
from torch.distributions import Categorical, kl_divergence

from seqattn.data.batching import Batch, Limits, collate
from seqattn.data.corpus import Pair
from seqattn.data.encoding import encode, sample_pieces
from seqattn.models import build
from seqattn.models.base import Vocabulary
from seqattn.models.weights import weights
from seqattn.runs.experiment import Experiment
from seqattn.runs.preparation import Data, prepare
from seqattn.runs.records import DataRecord
from seqattn.symbols import BOS, EOS, PAD, UNK
from seqattn.text.learning import TokenizerOptions, train_tokenizer
from seqattn.training.events import Updated, Validated, Validation
from seqattn.training.loop import Trainer
from seqattn.training.losses import agreement_loss, read_ids, target_loss
from seqattn.training.schedule import TrainingOptions

from helpers import tiny_options
from pictures import SHAPE, random_image
from runs import PROSE, copy_examples, toy_training

EXAMPLES = copy_examples(12)
BATCH = collate(EXAMPLES)
BOTH = pytest.mark.parametrize("architecture", ["lstm", "transformer"])


def fresh(architecture, dropout=0.0):
    torch.manual_seed(1)
    return build(architecture, tiny_options(architecture, dropout=dropout), Vocabulary(12, 12, shared=True))


@BOTH
def test_without_dropout_both_predictions_agree_and_r_drop_adds_nothing(architecture):
    with torch.no_grad():
        model = fresh(architecture)
        expected = float(target_loss(model, BATCH, 0.1))
        assert float(agreement_loss(model, BATCH, 5.0, 0.1)) == pytest.approx(expected, rel=1e-5)


@BOTH
def test_r_drop_is_the_mean_loss_of_two_predictions_and_their_divergence_both_ways(architecture):
    model = fresh(architecture, dropout=0.3)
    with torch.no_grad():
        torch.manual_seed(5)
        found = float(agreement_loss(model, BATCH, 2.0))
        torch.manual_seed(5)
        logits = model(*(torch.cat([side, side]) for side in (BATCH.source, BATCH.target[:, :-1]))).logits
    first, second = (Categorical(logits=one) for one in logits.chunk(2))
    gold = BATCH.target[:, 1:]
    kept = gold != PAD
    expected = -sum(one.log_prob(gold)[kept].sum() for one in (first, second)) / 2
    apart = (kl_divergence(first, second) + kl_divergence(second, first))[kept].sum() / 2
    assert float(apart) > 0
    assert found == pytest.approx(float(expected + apart), rel=1e-4)


def test_padding_adds_nothing_to_r_drop():
    model = fresh("transformer").eval()
    wider = Batch(*(torch.nn.functional.pad(side, (0, 5), value=PAD) for side in BATCH))
    with torch.no_grad():
        assert float(agreement_loss(model, wider, 3.0)) == pytest.approx(
            float(agreement_loss(model, BATCH, 3.0)), rel=1e-5
        )


def test_word_dropout_replaces_its_share_of_what_is_read_and_nothing_special():
    torch.manual_seed(1)
    batch = collate(copy_examples(4000))
    source, target = read_ids(batch, 0.25)
    for read, own in ((source, batch.source), (target, batch.target[:, :-1])):
        changed = read != own
        special = (own == PAD) | (own == BOS) | (own == EOS)
        assert (read[changed] == UNK).all() and not changed[special].any()
        assert changed.sum() / (~special).sum() == pytest.approx(0.25, abs=0.02)
    assert all(map(torch.equal, read_ids(batch), (batch.source, batch.target[:, :-1])))


def test_word_dropout_leaves_sources_that_are_not_ids_and_what_is_to_be_predicted():
    batch = Batch(SHAPE.stack([random_image(5), random_image(3)], 0), BATCH.target[:2])
    before = batch.target.clone()
    source, _ = read_ids(batch, 0.5)
    assert source is batch.source and torch.equal(batch.target, before)


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
def test_sampled_pieces_spell_the_same_texts_and_differ_by_epoch_alone(kind):
    tokenizer = train_tokenizer(PROSE, PROSE, TokenizerOptions(pieces=kind, vocab_size=400))
    pairs = [Pair(text, other) for text in PROSE for other in PROSE]
    examples = list(encode(tokenizer, pairs))

    def drawn(seed, share=1.0, longest=1000):
        return list(sample_pieces(tokenizer, examples, share, 0.5, Limits(longest, None), seed))

    first, other = drawn("1 0"), drawn("1 1")
    assert first == drawn("1 0") != other
    for one, pair in zip(first, examples, strict=True):
        for side, ids, own in zip((tokenizer.source, tokenizer.target), one, pair, strict=True):
            assert side.decode(ids) == side.decode(own) and ids[-1] == EOS
    assert drawn("1 0", share=0.0) == examples
    some = drawn("1 0", share=0.5)
    kept = sum(one.source == own.source for one, own in zip(some, examples, strict=True))
    assert 0 < kept < len(examples)
    longest = max(len(side) for example in examples for side in example)
    limited = drawn("1 0", longest=longest)
    assert max(len(one.source) for one in limited) <= longest < max(len(one.target) for one in limited)


def test_training_with_sampled_pieces_reads_others_in_every_epoch(tmp_path, monkeypatch):
    read = []
    own = Trainer._update

    def update(trainer, group):
        texts = [side for rows in group for row in rows for side in trainer._examples[row]]
        read.append((trainer.progress.epoch, texts))
        return own(trainer, group)

    monkeypatch.setattr(Trainer, "_update", update)
    pairs = tuple(Pair(text, other) for text in PROSE for other in PROSE)
    tokenizer = TokenizerOptions(vocab_size=400)
    record = DataRecord(("prose",), "prose")
    data = prepare(Data(pairs[5:], pairs[:5], record), tokenizer, 256)
    how = toy_training(subword_sampling=1.0, max_updates=40, batch_tokens=256, validate_every=1000)
    model = tiny_options("lstm")
    list(Experiment.start(tmp_path / "run", data, "lstm", model, tokenizer, how, torch.device("cpu")).run())
    by_epoch = {}
    for epoch, sides in read:
        by_epoch.setdefault(epoch, []).extend(sides)
    first, second = by_epoch[0], by_epoch[1]
    spelled = [sorted(map(data.tokenizer.source.decode, sides)) for sides in (first, second)]
    assert spelled[0] == spelled[1] and sorted(first) != sorted(second)


def test_the_moving_mean_of_the_weights_is_what_is_validated_and_kept():
    means, shown = [], []
    model = fresh("lstm")
    options = TrainingOptions(
        learning_rate=1e-2, warmup=2, batch_tokens=64, validate_every=3, max_updates=6, ema=0.8, average=0
    )

    def validate(judged):
        shown.append({name: tensor.clone() for name, tensor in weights(judged).items()})
        return Validation(1.0, len(shown), 0.0, 0.0, ())

    trainer = Trainer(model, EXAMPLES, replace(options, precision="fp32"), validate)
    mean = {name: tensor.clone() for name, tensor in weights(model).items()}
    for event in trainer.run():
        if isinstance(event, Updated):
            update = event.progress.update
            decay = 0.0 if update == 1 else min(0.8, (1 + update) / (10 + update))
            now = weights(trainer.model)
            mean = {name: decay * kept + (1 - decay) * now[name] for name, kept in mean.items()}
        elif isinstance(event, Validated):
            means.append(mean)
            assert any(not torch.equal(mean[name], now) for name, now in weights(trainer.model).items())
    assert len(shown) == len(means) == 2
    for found, expected in zip([*shown, trainer.best], [*means, means[-1]], strict=True):
        for name, tensor in expected.items():
            torch.testing.assert_close(found[name], tensor, rtol=1e-4, atol=1e-6)
