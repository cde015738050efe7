"""Runs in a process of their own: what they answer, and what happens when it ends."""

import os
from dataclasses import dataclass

import pytest

from seqattn.errors import InputError
from seqattn.runs.run import load_run
from seqattn.serving.batcher import Batcher
from seqattn.serving.engines import Opening, local, processes
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


@dataclass(frozen=True)
class Panicking:
    """Work that fails as a library in Rust does: its exceptions are no `Exception` and cannot be pickled."""

    def __call__(self, runs, items):
        raise type("PanicException", (BaseException,), {})("index out of range")


@dataclass(frozen=True)
class Naming:
    """Work that tells its process."""

    def __call__(self, runs, items):
        return [os.getpid() for _ in items]


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


def test_a_panic_of_a_library_is_an_error_of_its_request_and_ends_neither_a_process_nor_a_thread(engine):
    before = engine(Naming(), [1])
    with pytest.raises(RuntimeError, match="PanicException: index out of range") as failed:
        engine(Panicking(), [1])
    assert "test_engines.py" in "".join(failed.value.__notes__)
    assert engine(Naming(), [1]) == before

    batcher = Batcher([local([])], most_waiting=2)
    with pytest.raises(RuntimeError, match="PanicException: index out of range"):
        batcher.submit(Panicking(), 1).result(timeout=60)
    assert batcher.submit(Naming(), 1).result(timeout=60) == os.getpid()
    batcher.close()


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_asks_a_process_to_end_is_no_error_of_a_request(ending):
    def work(runs, items):
        raise ending

    with pytest.raises(ending):
        local([])(work, [1])


def test_a_process_that_ends_is_replaced_and_what_it_computed_refused(engine):
    before = engine(TRANSLATING, LINES)
    for _ in range(2):
        with pytest.raises(RequestError) as refused:
            engine(Ending(), [1])
        assert refused.value.status == 503 and refused.value.retry_after
    assert engine(TRANSLATING, LINES) == before


def test_a_process_that_ended_while_it_waited_costs_no_request(engine):
    before = engine(TRANSLATING, LINES)
    waiting = engine._started.process
    waiting.kill()
    waiting.join()
    assert engine(TRANSLATING, LINES) == before


@pytest.mark.parametrize(
    ("name", "problem"), [("none", "does not exist"), ("lstm", "does not record the languages")]
)
def test_a_run_that_cannot_be_used_is_an_error_that_names_it(tmp_path, taught, name, problem):
    path = tmp_path / name if name == "none" else taught.run(name)
    with pytest.raises(InputError, match=problem) as found, processes(Opening((path,)), 1):
        pass
    assert found.value.path == str(path)
