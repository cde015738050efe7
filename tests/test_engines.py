"""Runs in a process of their own: what they answer, and what happens when it ends."""

import os
from dataclasses import dataclass

import pytest

from seqattn.errors import InputError
from seqattn.runs.run import load_run
from seqattn.serving.engines import Opening, processes
from seqattn.serving.errors import RequestError
from seqattn.serving.served import Attending, Translating, serve_runs

LANGUAGES = (("en", "de"),)
TRANSLATING = Translating(0, nbest=2, beam=3, length_penalty=1.0)
LINES = [["red dog", "one"], ["the red dog"]]


@dataclass(frozen=True)
class Ending:
    """Work that ends its process."""

    def __call__(self, runs, items):
        os._exit(3)


@dataclass(frozen=True)
class Failing:
    def __call__(self, runs, items):
        raise ZeroDivisionError("of this work")


@pytest.fixture(scope="module")
def engine(taught):
    with processes(Opening((taught.run("transformer"),), LANGUAGES), 1) as (engine,):
        yield engine


def test_a_process_computes_what_its_runs_compute_here(engine, taught):
    runs = [load_run(taught.run("transformer"))]
    assert engine.opened() == serve_runs(runs, LANGUAGES)
    assert engine(TRANSLATING, LINES) == TRANSLATING(runs, LINES)
    asked = [("red dog", None), ("red dog", "dog")]
    assert engine(Attending(0, 5, 1.0), asked) == Attending(0, 5, 1.0)(runs, asked)


def test_errors_arrive_with_the_place_where_they_were_raised(engine):
    with pytest.raises(ZeroDivisionError, match="of this work") as failed:
        engine(Failing(), [1])
    assert "test_engines.py" in "".join(failed.value.__notes__)
    with pytest.raises(RequestError) as refused:
        engine(Attending(0, 5, 1.0), [("red " * 5000, None)])
    assert refused.value.status == 400 and "more than 400" in refused.value.message


def test_a_process_that_ends_is_replaced_and_what_it_computed_refused(engine):
    before = engine(TRANSLATING, LINES)
    for _ in range(2):
        with pytest.raises(RequestError) as refused:
            engine(Ending(), [1])
        assert refused.value.status == 503 and refused.value.retry_after
    assert engine(TRANSLATING, LINES) == before


@pytest.mark.parametrize(
    ("name", "problem"), [("none", "does not exist"), ("lstm", "does not record the languages")]
)
def test_a_run_that_cannot_be_used_is_an_error_that_names_it(tmp_path, taught, name, problem):
    path = tmp_path / name if name == "none" else taught.run(name)
    with pytest.raises(InputError, match=problem) as found, processes(Opening((path,)), 1):
        pass
    assert found.value.path == str(path)
