"""A server on tiny runs, in this process."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from seqattn.runs.run import load_run
from seqattn.serving.application import application
from seqattn.serving.engines import local
from seqattn.serving.options import ServerOptions
from seqattn.serving.served import serve_runs


@contextmanager
def client_of(*runs: Any, languages: Any = (("en", "de"),), **options: Any) -> Iterator[TestClient]:
    """A client of a server that translates with runs, from their folders."""
    with TestClient(_application(runs, languages, options)) as client:
        yield client


@contextmanager
def address_of(*runs: Any, languages: Any = (("en", "de"),), **options: Any) -> Iterator[str]:
    """The address of such a server on a free port, which a browser can open."""
    config = uvicorn.Config(_application(runs, languages, options), log_level="warning")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


def _application(runs: Any, languages: Any, options: dict[str, Any]) -> Starlette:
    opened = [load_run(run) for run in runs]
    return application(serve_runs(opened, languages), [local(opened)], ServerOptions(**options))


def asking(q: Any, **more: Any) -> dict[str, Any]:
    """The parameters of a request for a translation."""
    return {"q": q, "source": "en", "target": "de", **more}
