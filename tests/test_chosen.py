"""What a run chooses by data and machine: the limit of search, the precision, which attention it reads."""

import pytest
import torch

from seqattn import hardware
from seqattn.alignment.reading import judge_readings, read_every_way
from seqattn.data.batching import Lengths
from seqattn.decoding.search import SearchOptions
from seqattn.hardware import autocast
from seqattn.runs.preparation import longest_ratio
from seqattn.runs.run import load_run

from runs import toy_data, train_toy


def test_the_length_limit_suffices_for_all_but_a_thousandth_of_the_training_pairs_and_a_quarter_more():
    extra = SearchOptions.max_extra
    usual = [Lengths(10, extra + 10)] * 500 + [Lengths(10, extra + 30)] * 1499
    assert longest_ratio(usual) == 1.25 * 3
    # The longest of 2,000 does not count, the second longest does.
    assert longest_ratio([*usual, Lengths(10, extra + 900)]) == 1.25 * 3
    assert longest_ratio([*usual[:-2], *[Lengths(10, extra + 900)] * 3]) == 1.25 * 90
    # Search may always propose as many ids as the source has.
    assert longest_ratio([Lengths(10, 2)] * 100) == 1.0


@pytest.mark.parametrize("faster", [True, False])
@pytest.mark.parametrize("precision", ["auto", "bf16", "fp32"])
def test_auto_multiplies_in_bf16_exactly_where_that_is_faster(monkeypatch, precision, faster):
    monkeypatch.setattr(hardware, "multiplies_bf16", lambda device: faster)
    expected = torch.bfloat16 if precision == "bf16" or (precision == "auto" and faster) else torch.float32
    with autocast(torch.device("cpu"), precision):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


@pytest.mark.parametrize("name", ["_is_avx512_bf16_supported", "_is_amx_tile_supported"])
def test_bf16_is_faster_on_a_cpu_that_has_instructions_for_it(monkeypatch, name):
    for each in ("_is_avx512_bf16_supported", "_is_amx_tile_supported"):
        monkeypatch.setattr(torch.cpu, each, lambda: False, raising=False)
    assert not hardware.multiplies_bf16(torch.device("cpu"))
    monkeypatch.setattr(torch.cpu, name, lambda: True)
    assert hardware.multiplies_bf16(torch.device("cpu"))
    assert not hardware.multiplies_bf16(torch.device("mps"))


def test_the_attention_that_a_run_reads_is_the_one_that_aligns_its_training_pairs_best(tmp_path):
    run = train_toy(tmp_path / "run", "transformer", max_updates=60, validate_every=30)
    judged = judge_readings(list(read_every_way(run.model, run.tokenizer, toy_data().train)))
    assert len(set(judged.values())) > 4
    assert judged[load_run(tmp_path / "run").config.alignment] == max(judged.values())
