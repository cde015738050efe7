"""The parameters of a request: JSON, a form, or the query, checked."""

from __future__ import annotations

import hmac
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request

from seqattn.serving.errors import RequestError
from seqattn.serving.options import ServerOptions
from seqattn.serving.passages import Passages, passages_of_html, passages_of_text

MOST_ALTERNATIVES = 20
MOST_FIELDS = 1000
"""Of a form."""
MOST_MARKUP = 20_000
"""Characters of HTML: the time to read what is not well-formed grows with their square."""


async def parameters_of(request: Request) -> dict[str, Any]:
    """The parameters of a request by name; those of the body precede those of the query.

    A name that a form or query has several times stands for a list. RequestError for a body of another kind,
    or one that ends early.
    """
    try:
        return await _parameters_of(request)
    except ClientDisconnect:
        raise RequestError(400, "Invalid request: the body is incomplete") from None


async def _parameters_of(request: Request) -> dict[str, Any]:
    found = _several(request.query_params.multi_items())
    if request.method != "POST":
        return found
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind == "application/x-www-form-urlencoded":
        # Starlette would take bytes that are not escaped, as curl sends them, for Latin-1.
        return found | _several(_fields((await request.body()).decode("utf-8", "replace")))
    if kind == "multipart/form-data":
        async with request.form(max_files=0, max_fields=MOST_FIELDS) as form:
            return found | _several([(name, value) for name, value in form.multi_items()])
    body = await request.body()
    return found | _object(body) if body else found


def _fields(body: str) -> list[tuple[str, str]]:
    try:
        return parse_qsl(body, keep_blank_values=True, max_num_fields=MOST_FIELDS)
    except ValueError:
        raise RequestError(400, f"Invalid request: more than {MOST_FIELDS:,} fields") from None


def _several(items: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, list[Any]] = {}
    for name, value in items:
        found.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise RequestError(400, "Invalid request: the body is not a JSON object")
    return found


def text_of(parameters: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """A parameter that is a text; RequestError when it is missing, without a default, or something else."""
    value = parameters.get(name)
    if value is None or value == "":
        if default is None:
            raise RequestError(400, f"Invalid request: missing {name} parameter")
        return default
    if not isinstance(value, str):
        raise RequestError(400, f"Invalid request: {name} is not a text")
    return _valid(value)


def number_of(parameters: Mapping[str, Any], name: str, most: int) -> int:
    """A parameter that is a whole number from 0, which is the default; RequestError otherwise."""
    value = parameters.get(name)
    if value is None or value == "":
        return 0
    digits = isinstance(value, str) and len(value) < 10 and value.isascii() and value.isdecimal()
    number = int(value) if digits else value
    if type(number) is not int or not 0 <= number <= most:
        raise RequestError(400, f"Invalid request: {name} is not a number from 0 to {most}")
    return number


def _valid(text: str) -> str:
    """The text without lone surrogates, which JSON can escape but no answer can contain."""
    return text.encode("utf-8", "replace").decode("utf-8")


@dataclass(frozen=True)
class TranslationRequest:
    """What is to be translated, and how."""

    texts: tuple[str, ...]
    several: bool
    """Whether a list was given: then the answer has lists too."""
    source: str
    """A code, or `auto`."""
    target: str
    markup: bool
    alternatives: int

    @staticmethod
    def of(parameters: Mapping[str, Any], options: ServerOptions) -> TranslationRequest:
        """From the parameters of a request; RequestError if one is missing, wrong or too long."""
        given = parameters.get("q")
        several = isinstance(given, list)
        texts: list[Any] = given if isinstance(given, list) else [given]
        if not texts or given in (None, ""):
            raise RequestError(400, "Invalid request: missing q parameter")
        if not all(isinstance(text, str) for text in texts):
            raise RequestError(400, "Invalid request: q is neither a text nor a list of texts")
        check_length(texts, options)
        form = text_of(parameters, "format", "text")
        if form not in ("text", "html"):
            raise RequestError(400, "Invalid request: format is neither text nor html")
        if form == "html" and sum(map(len, texts)) > MOST_MARKUP:
            raise RequestError(400, f"Invalid request: more than {MOST_MARKUP:,} characters of HTML")
        return TranslationRequest(
            tuple(map(_valid, texts)),
            several,
            text_of(parameters, "source"),
            text_of(parameters, "target"),
            form == "html",
            number_of(parameters, "alternatives", MOST_ALTERNATIVES),
        )

    def cut(self) -> list[Passages]:
        """Each text as passages to translate; RequestError for what is no HTML."""
        return [(passages_of_html if self.markup else passages_of_text)(text) for text in self.texts]


def check_length(texts: Sequence[str], options: ServerOptions) -> None:
    """RequestError when texts are longer together than a request may be; an empty one counts as one."""
    length = sum(max(1, len(text)) for text in texts)
    if length > options.max_characters:
        raise RequestError(
            400, f"Invalid request: {length:,} characters exceed the limit of {options.max_characters:,}"
        )


def check_key(parameters: Mapping[str, Any], options: ServerOptions) -> None:
    """RequestError when a key is needed and none of the server's is given."""
    if not options.api_keys:
        return
    given = parameters.get("api_key")
    if not isinstance(given, str) or not given:
        raise RequestError(403, "An API key is needed")
    wanted = _valid(given).encode()
    # All are compared, so that the time does not tell which is nearly right.
    matches = [hmac.compare_digest(wanted, key.encode()) for key in options.api_keys]
    if not any(matches):
        raise RequestError(403, "Invalid API key")
