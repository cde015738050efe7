"""A server on tiny runs, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

from seqattn.runs.run import load_run
from seqattn.serving.application import application
from seqattn.serving.options import ServerOptions
from seqattn.serving.served import serve_runs


@contextmanager
def client_of(*runs: Any, languages: Any = (("en", "de"),), **options: Any) -> Iterator[TestClient]:
    """A client of a server that translates with runs, from their folders."""
    served = serve_runs([load_run(run) for run in runs], languages)
    with TestClient(application(served, ServerOptions(**options))) as client:
        yield client


def asking(q: Any, **more: Any) -> dict[str, Any]:
    """The parameters of a request for a translation."""
    return {"q": q, "source": "en", "target": "de", **more}
