"""What a GPU computes is what the CPU computes, and runs move between them. Skipped without a GPU."""

from __future__ import annotations

import pytest
import torch

import seqattn
from seqattn.data.batching import Batch
from seqattn.decoding.search import SearchOptions, beam_search
from seqattn.hardware import peak_memory, reset_peak_memory
from seqattn.models.mixture import Member, Mixture
from seqattn.runs.folder import RunFolder
from seqattn.training.losses import agreement_loss, target_loss

from commands import BOTH, TEST, setting, sizes
from commands import seqattn as command
from helpers import LENGTHS, VARIANT_NAMES, VARIANTS, random_rows, random_source, random_target, tiny_model

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

EVERY = pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
SENTENCES = [pair.source for pair in TEST]
GPU = torch.device("cuda")


def test_the_peak_of_memory_is_measured_anew():
    torch.ones(10**8, device=GPU)
    before = peak_memory(GPU)
    reset_peak_memory(GPU)
    assert peak_memory(GPU) <= before - 4 * 10**8


@EVERY
def test_losses_and_gradients_are_those_of_the_cpu(architecture, options):
    batch = Batch(random_source(), random_target())
    there = Batch(batch.source.to(GPU), batch.target.to(GPU))
    for loss in (
        lambda model, read: target_loss(model, read, smoothing=0.1),
        lambda model, read: agreement_loss(model, read, 1.0, smoothing=0.1),
    ):
        model, moved = (tiny_model(architecture, double=True, **options) for _ in range(2))
        # The backward pass of torch's LSTM needs training mode on a GPU; there is no dropout.
        model.train(), moved.to(GPU).train()
        expected, found = loss(model, batch), loss(moved, there)
        assert found.item() == pytest.approx(expected.item(), rel=1e-5)
        expected.backward(), found.backward()
        for (name, one), other in zip(model.named_parameters(), moved.parameters(), strict=True):
            assert (one.grad is None) == (other.grad is None), name
            if one.grad is not None:
                torch.testing.assert_close(other.grad.cpu(), one.grad, rtol=1e-4, atol=1e-5, msg=name)


@EVERY
def test_search_finds_the_hypotheses_and_the_attention_of_the_cpu(architecture, options):
    model = tiny_model(architecture, double=True, spread=2.0, **options)
    source, target = random_source(), random_target()
    searches = [SearchOptions(beam=beam, coverage_penalty=beta) for beam, beta in ((1, 0), (4, 0))]
    if model.attention_shape is not None:
        searches.append(SearchOptions(beam=4, coverage_penalty=0.2))

    def results(model, device):
        with torch.no_grad():
            found = [beam_search(model, source.to(device), search) for search in searches]
            attention = model.attend(source.to(device), target.to(device)) if model.attention_shape else ()
        hypotheses = [one for sentences in found for sentence in sentences for one in sentence]
        return hypotheses, [layer.cpu() for layer in attention]

    expected, weights = results(model, "cpu")
    found, there = results(model.to(GPU), GPU)
    assert [one.ids for one in found] == [one.ids for one in expected]
    assert [one.score for one in found] == pytest.approx([one.score for one in expected], abs=1e-4)
    for one, other in zip(there, weights, strict=True):
        torch.testing.assert_close(one, other)


def test_a_mixture_of_models_on_a_gpu_finds_the_hypotheses_of_the_cpu():
    models = [tiny_model(name, double=True, spread=2.0) for name in ("lstm", "transformer", "hybrid")]
    mixture, options = Mixture([Member(model) for model in models]), SearchOptions(beam=3)
    source = mixture.collator.stack(random_rows(LENGTHS, 13), 0)
    expected = beam_search(mixture, source, options)
    found = beam_search(Mixture([Member(model.to(GPU)) for model in models]), source.to(GPU), options)
    assert [[one.ids for one in beams] for beams in found] == [
        [one.ids for one in beams] for beams in expected
    ]


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@BOTH
def test_a_run_trained_on_a_gpu_translates_alike_there_and_on_the_cpu(
    work, tmp_path, architecture, precision
):
    out = tmp_path / "run"
    command(
        *("train", "--train", work.train, "--arch", architecture, "--out", out, "--device", "cuda"),
        *("--max-updates", 40, *sizes(architecture), "--precision", precision, *setting("ema=0.9")),
    )
    losses = [line.loss for line in RunFolder(out).metrics.read() if line.event == "updated"]
    assert losses[-1] < losses[0]
    here, there = (seqattn.load(out, device=device) for device in ("cpu", "cuda"))
    with torch.backends.cudnn.flags(allow_tf32=False):
        found, expected = there.translate(SENTENCES), here.translate(SENTENCES)
        for one, other in zip(found, expected, strict=True):
            assert str(one) == str(other)
            assert one.candidates[0].score == pytest.approx(other.candidates[0].score, abs=1e-3)
        assert list(there.align(TEST)) == list(here.align(TEST))
    shown = command("translate", out, "--device", "cuda", "--sample", input="\n".join(SENTENCES))
    assert len(shown.stdout.splitlines()) == len(SENTENCES)


@pytest.mark.parametrize(("first", "then"), [("cuda", "cuda"), ("cuda", "cpu"), ("cpu", "cuda")])
@BOTH
def test_training_resumes_on_a_gpu_and_from_one(work, tmp_path, architecture, first, then):
    start = ["train", "--train", work.train, "--arch", architecture, *sizes(architecture)]
    start += setting("ema=0.9", "dropout=0", "cooldown=0")
    command(*start, "--max-updates", 20, "--device", first, "--out", tmp_path / "whole")
    command(*start, "--max-updates", 12, "--device", first, "--out", tmp_path / "cut")
    command("train", "--resume", "--max-updates", 20, "--device", then, "--out", tmp_path / "cut")
    whole, cut = (
        [line.loss for line in RunFolder(tmp_path / name).metrics.read() if line.event == "updated"]
        for name in ("whole", "cut")
    )
    assert cut == pytest.approx(whole, rel=0.02)
