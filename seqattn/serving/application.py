"""The web application: LibreTranslate's interface, attention, and figures for Prometheus."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seqattn.errors import InputError
from seqattn.serving.batcher import Batcher, BusyError, Engine, Work
from seqattn.serving.errors import RequestError
from seqattn.serving.languages import language_name
from seqattn.serving.metrics import CONTENT_TYPE, Metrics
from seqattn.serving.options import ServerOptions
from seqattn.serving.parameters import (
    TranslationRequest,
    check_key,
    check_length,
    number_of,
    parameters_of,
    text_of,
)
from seqattn.serving.playground import MOST_PREFIX, Playing, Scoring, playground
from seqattn.serving.served import Attending, Served, Translating, candidates_of

RETRY_AFTER = 1
"""Seconds."""
PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Of the playground; the policy of what it may load is in the page."""


def application(
    served: Sequence[Served], engines: Sequence[Engine], options: ServerOptions | None = None
) -> Starlette:
    """An ASGI application that translates with the runs: the first of those whose languages fit best.

    Every engine has all the runs. They compute while the application's lifespan lasts, which ends when what
    waits has been answered.
    """
    server = _Server(served, engines, options or ServerOptions())
    routes = [
        Route("/", server.playground, methods=["GET"]),
        Route("/playground/translate", server.play, methods=["POST"]),
        Route("/playground/score", server.score, methods=["POST"]),
        Route("/translate", server.translate, methods=["POST"]),
        Route("/detect", server.detect, methods=["GET", "POST"]),
        Route("/languages", server.languages, methods=["GET"]),
        Route("/frontend/settings", server.settings, methods=["GET"]),
        Route("/health", server.health, methods=["GET"]),
        Route("/attention", server.attention, methods=["GET", "POST"]),
        Route("/metrics", server.figures, methods=["GET"]),
    ]
    middleware = [
        Middleware(_Counting, server=server, known={route.path for route in routes}),
        Middleware(_Limited, most=_most_bytes(server.options), timeout=server.options.timeout),
    ]
    if server.options.origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=list(server.options.origins),
            allow_methods=["GET", "POST"],
            allow_headers=["Content-Type"],
        )
        middleware.insert(1, cors)
    return Starlette(
        routes=routes,
        middleware=middleware,
        exception_handlers={
            RequestError: _refused,
            InputError: _unusable,
            HTTPException: _no_such,
            Exception: _failed,
        },
        lifespan=server.lifespan,
    )


class _Server:
    """The runs of a server, its queue, and a method for each path."""

    def __init__(self, served: Sequence[Served], engines: Sequence[Engine], options: ServerOptions) -> None:
        self.served = list(served)
        self.engines = list(engines)
        self.options = options
        self.page = playground(served, options)
        self.batcher: Batcher | None = None
        self.metrics = Metrics(lambda: self.batcher.waiting if self.batcher else 0)

    @asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        self.batcher = Batcher(self.engines, self.options.max_waiting)
        try:
            yield
        finally:
            await asyncio.to_thread(self.batcher.close)

    async def compute(self, work: Work, item: Any) -> Any:
        """The result of an engine; RequestError when it has too much to do or takes too long."""
        assert self.batcher is not None
        try:
            future = self.batcher.submit(work, item)
        except BusyError:
            raise RequestError(503, "Too many requests are waiting", retry_after=RETRY_AFTER) from None
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), self.options.timeout)
        except TimeoutError:
            raise RequestError(504, f"No answer within {self.options.timeout:g} seconds") from None

    def find(self, source: str, target: str) -> Served:
        """The run that fits these languages best, the first of several; RequestError if there is none.

        RequestError too for the source `auto` when the runs that fit have several sources.
        """
        fitting = [one for one in self.served if one.fit(source, target)]
        if source == "auto" and len({one.source for one in fitting}) > 1:
            raise RequestError(400, "Languages are not detected here: name the source language")
        if not fitting:
            pairs = ", ".join(dict.fromkeys(f"{one.source} to {one.target}" for one in self.served))
            raise RequestError(400, f"These languages are not supported; supported: {pairs}")
        return max(fitting, key=lambda one: one.fit(source, target))

    async def translate(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        check_key(parameters, self.options)
        asked = TranslationRequest.of(parameters, self.options)
        run = self.find(asked.source, asked.target)
        # To find the texts of HTML may take long.
        cut = await asyncio.to_thread(asked.cut) if asked.markup else asked.cut()
        self.metrics.texts.inc(len(asked.texts))
        self.metrics.characters.inc(sum(map(len, asked.texts)))
        work = Translating(run.number, 1 + asked.alternatives, self.options.beam, self.options.length_penalty)
        found = await self.compute(work, [passage for one in cut for passage in one.texts])
        best, others = [], []
        for one in cut:
            own, found = found[: len(one.texts)], found[len(one.texts) :]
            first, *rest = map(one.join, candidates_of(own, 1 + asked.alternatives))
            best.append(first)
            others.append([text for text in dict.fromkeys(rest) if text != first])
        answer: dict[str, Any] = {"translatedText": best if asked.several else best[0]}
        if asked.alternatives:
            answer["alternatives"] = others if asked.several else others[0]
        if asked.source == "auto":
            detected = _undetected(run.source)
            answer["detectedLanguage"] = [detected] * len(best) if asked.several else detected
        return JSONResponse(answer)

    async def detect(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        check_key(parameters, self.options)
        check_length([text_of(parameters, "q")], self.options)
        return JSONResponse([_undetected(code) for code in dict.fromkeys(one.source for one in self.served)])

    async def languages(self, _: Request) -> Response:
        codes = dict.fromkeys([one.source for one in self.served] + [one.target for one in self.served])
        return JSONResponse(
            [
                {
                    "code": code,
                    "name": language_name(code),
                    "targets": list(dict.fromkeys(one.target for one in self.served if one.source == code)),
                }
                for code in codes
            ]
        )

    async def settings(self, _: Request) -> Response:
        first = self.served[0]
        return JSONResponse(
            {
                "charLimit": self.options.max_characters,
                "frontendTimeout": 500,
                "apiKeys": bool(self.options.api_keys),
                "keyRequired": bool(self.options.api_keys),
                "suggestions": False,
                "filesTranslation": False,
                "supportedFilesFormat": [],
                "language": {
                    "source": {"code": first.source, "name": language_name(first.source)},
                    "target": {"code": first.target, "name": language_name(first.target)},
                },
            }
        )

    async def health(self, _: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def attention(self, request: Request) -> Response:
        parameters = await parameters_of(request)
        check_key(parameters, self.options)
        text = text_of(parameters, "q")
        translation = text_of(parameters, "translation", "") or None
        check_length([text, translation or ""], self.options)
        run = self.find(text_of(parameters, "source"), text_of(parameters, "target"))
        found = await self.compute(
            Attending(run.number, self.options.beam, self.options.length_penalty), (text, translation)
        )
        return JSONResponse({"run": run.name, **found})

    async def playground(self, _: Request) -> Response:
        return HTMLResponse(self.page, headers=PAGE_HEADERS)

    async def play(self, request: Request) -> Response:
        run, text, prefix = await self._played(request, "prefix")
        if len(prefix) > MOST_PREFIX:
            raise RequestError(400, f"Invalid request: prefix has more than {MOST_PREFIX} characters")
        work = Playing(run.number, run.name, self.options.beam, self.options.length_penalty)
        return JSONResponse(await self.compute(work, (text, prefix)))

    async def score(self, request: Request) -> Response:
        run, text, translation = await self._played(request, "translation")
        work = Scoring(run.number, self.options.length_penalty)
        return JSONResponse(await self.compute(work, (text, translation)))

    async def _played(self, request: Request, name: str) -> tuple[Served, str, str]:
        """The run that a request of the playground names, its text and another parameter."""
        parameters = await parameters_of(request)
        check_key(parameters, self.options)
        text, other = text_of(parameters, "q"), text_of(parameters, name, "")
        check_length([text, other], self.options)
        return self.served[number_of(parameters, "run", len(self.served) - 1)], text, other

    async def figures(self, _: Request) -> Response:
        return Response(self.metrics.text(), headers={"content-type": CONTENT_TYPE})


def _undetected(code: str) -> dict[str, Any]:
    """A language in the form of a detection, with a confidence that says that nothing was detected."""
    return {"language": code, "confidence": 0.0}


def _most_bytes(options: ServerOptions) -> int:
    """The longest body in bytes: a form or JSON needs at most twelve for a character."""
    return 12 * options.max_characters + 2**16


def _error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    later = None if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return _error(error.status, error.message, later)


def _unusable(_: Request, error: Exception) -> Response:
    # The error itself may name files.
    return _error(400, "This text cannot be used")


def _no_such(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return _error(error.status_code, error.detail, dict(error.headers or {}))


def _failed(_: Request, error: Exception) -> Response:
    return _error(500, "The server failed to answer this request")


class _Limited:
    """Refuses bodies that are too long or too slow while they are read."""

    def __init__(self, app: ASGIApp, most: int, timeout: float) -> None:
        self.app = app
        self.most = most
        self.timeout = timeout

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        read = 0
        end = asyncio.get_running_loop().time() + self.timeout

        async def counted() -> Message:
            nonlocal read
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise RequestError(
                    408, f"The request did not arrive within {self.timeout:g} seconds"
                ) from None
            read += len(message.get("body", b""))
            if read > self.most:
                raise RequestError(413, f"Invalid request: more than {self.most:,} bytes")
            return message

        await self.app(scope, counted if scope["type"] == "http" else receive, send)


class _Counting:
    """Counts requests by path and status."""

    def __init__(self, app: ASGIApp, server: _Server, known: set[str]) -> None:
        self.app = app
        self.server = server
        self.known = known

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        start, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            # Others are not counted by name: anybody may invent any number of them.
            path = scope["path"] if scope["path"] in self.known else "other"
            self.server.metrics.answered(path, status, time.perf_counter() - start)
