"""Several processes train one model as one process does with larger updates."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from seqattn.runs.folder import RunFolder

from commands import BOTH, error_of, seqattn, setting, sizes

pytestmark = pytest.mark.skipif(not torch.distributed.is_available(), reason="this torch has no distributed")

TOGETHER = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]


def together(*arguments, **options):
    """Start two processes over gloo, as a user does."""
    words = [*TOGETHER, "-m", "seqattn", *map(str, arguments)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **options
    )


def finished(process, status=0):
    output, errors = process.communicate(timeout=300)
    assert (process.returncode == 0) == (status == 0), errors
    assert output == ""
    return errors


def updated(run):
    return [line for line in RunFolder(run).read_metrics() if line.event == "updated"]


def validated(run):
    return [line for line in RunFolder(run).read_metrics() if line.event == "validated"]


@BOTH
def test_two_processes_train_as_one_with_twice_the_batches_in_an_update(work, tmp_path, architecture):
    how = [
        "--train",
        work.train,
        "--arch",
        architecture,
        *sizes(architecture),
        *setting("dropout=0", "ema=0.9"),
    ]
    errors = finished(together("train", *how, "--max-updates", 20, "--out", tmp_path / "two"))
    # Only the first process speaks.
    assert errors.count("Written to") == 1
    seqattn("train", *how, "--max-updates", 20, *setting("accumulate=2"), "--out", tmp_path / "one")
    one, two = (RunFolder(tmp_path / name) for name in ("one", "two"))
    for expected, found in zip(updated(one.path), updated(two.path), strict=True):
        assert (found.update, found.epoch, found.tokens) == (expected.update, expected.epoch, expected.tokens)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    for expected, found in zip(validated(one.path), validated(two.path), strict=True):
        assert (found.update, found.bleu, found.chrf) == (expected.update, expected.bleu, expected.chrf)
        assert found.loss == pytest.approx(expected.loss, abs=1e-5)
    (expected, _), (found, _) = one.read_last(), two.read_last()
    for name, tensor in expected.items():
        if name.startswith(("weights.", "mean.")):
            torch.testing.assert_close(found[name], tensor, rtol=0, atol=1e-5)
