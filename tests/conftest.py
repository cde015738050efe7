"""Settings for all tests: one thread, reproducible hypothesis examples, runs shared by many tests."""

from __future__ import annotations

import os
import signal

import pytest
import torch
from hypothesis import HealthCheck, settings

from browser import Browser, find_chromium
from commands import Work, comparing, seqattn

torch.set_num_threads(1)
for name in ("SIGINT", "SIGHUP"):
    # A shell starts what it runs in the background deaf to them, and its programs stay so.
    if hasattr(signal, name) and signal.getsignal(getattr(signal, name)) is signal.SIG_IGN:
        signal.signal(getattr(signal, name), signal.default_int_handler)

settings.register_profile(
    "seqattn",
    deadline=None,
    max_examples=40,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "fuzz",
    settings.get_profile("seqattn"),
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "3000")),
    derandomize=False,
)
settings.load_profile("seqattn")


@pytest.fixture(scope="session")
def work(tmp_path_factory):
    return Work(tmp_path_factory.mktemp("work"))


@pytest.fixture(scope="session")
def taught(tmp_path_factory):
    """As `work`, trained for longer: different sentences have different translations."""
    often = ("batch_tokens=256", "validate_every=50", "warmup=20", "dropout=0", "label_smoothing=0")
    return Work(tmp_path_factory.mktemp("taught"), 250, *often)


@pytest.fixture(scope="session")
def compared(work, tmp_path_factory):
    """A comparison of two systems with two seeds, and what it printed."""
    out = tmp_path_factory.mktemp("compared") / "both"
    return out, seqattn(*comparing(work, out, "--seeds", "1,2", "--jobs", 2))


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    program = find_chromium()
    if program is None:
        pytest.skip("needs Chromium on the PATH, or named by the environment variable CHROMIUM")
    with Browser(program, tmp_path_factory.mktemp("browser")) as started:
        yield started
