"""Whether `seqattn serve` withstands bad clients: random bodies, broken HTTP, long texts, slow senders.

    python benchmarks/hostile.py RUN [--requests 10000] [--clients 16] [--seed 1]

Among the requests are good ones, whose answers are compared with those that the server gave at first. Prints
how many answers had which status, how many good requests were answered wrongly, and the resident memory of
the server's processes together (Linux). The exit status is 1 if a good request was answered wrongly, an
answer was 5xx (but 503 and 504), or the server ended.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import socket
import string
import sys
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from server import memory, serving

PATHS = [
    "/translate",
    "/detect",
    "/attention",
    "/playground/translate",
    "/playground/score",
    "/languages",
    "/x",
]
TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=b",
    "",
    "x/y",
]
NAMES = ["q", "source", "target", "format", "alternatives", "translation", "prefix", "run", "api_key"]
USUAL: list[Any] = [
    "en",
    "de",
    "auto",
    "text",
    "html",
    0,
    1,
    -1,
    2**70,
    0.5,
    None,
    True,
    "",
    "\ud800",
    "\x00",
]
ALPHABET = string.printable + "äß한字\u202e\u200b\ufeff\U0001f600"
GOOD = ["A dog runs.", "Two men are talking.", "A woman in a red dress."]


def text(draw: random.Random, longest: int) -> str:
    return "".join(draw.choices(ALPHABET, k=draw.randrange(longest)))


def value(draw: random.Random, depth: int = 0) -> Any:
    kind = draw.randrange(8)
    if kind == 0 and depth < 4:
        return [value(draw, depth + 1) for _ in range(draw.randrange(4))]
    if kind == 1 and depth < 4:
        return {text(draw, 5): value(draw, depth + 1) for _ in range(draw.randrange(4))}
    return draw.choice(USUAL) if kind < 5 else text(draw, 60)


def message(path: str, body: bytes, kind: str = "application/json", method: str = "POST") -> bytes:
    """An HTTP request."""
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    )
    return (head + (f"Content-Type: {kind}\r\n" if kind else "") + "\r\n").encode() + body


def translation(q: Any, **more: Any) -> bytes:
    return message("/translate", json.dumps({"q": q, "source": "en", "target": "de", **more}).encode())


def random_json(draw: random.Random) -> bytes:
    given = {name: value(draw) for name in draw.sample(NAMES, draw.randrange(len(NAMES)))}
    if draw.random() < 0.7:
        given |= {"source": "en", "target": "de"}
    return message(draw.choice(PATHS), json.dumps(given).encode())


def random_bytes(draw: random.Random) -> bytes:
    begin = draw.choice([b"", b"q=", b'{"q":', b"--b\r\n", b"[[[[", b'{"q": "'])
    return message(draw.choice(PATHS), begin + draw.randbytes(draw.randrange(200)), draw.choice(TYPES))


def nested(draw: random.Random) -> bytes:
    return message("/translate", draw.choice([b"[", b'{"a":', b'{"q":[']) * draw.randrange(1, 50_000))


def long_text(draw: random.Random) -> bytes:
    length = draw.choice([9_990, 10_001, 300_000])
    unit = draw.choice(["a", "a ", "a. ", "word ", "\n", "한", "<b>", "&#x41;"])
    form = draw.choice(["text", "html"])
    return translation((unit * length)[: length // draw.choice([1, 1, 10])], format=form)


def many_texts(draw: random.Random) -> bytes:
    return translation([text(draw, 8) for _ in range(draw.randrange(800))])


def broken_http(draw: random.Random) -> bytes:
    whole = bytearray(translation("A dog.") if draw.random() < 0.5 else random_bytes(draw))
    for _ in range(draw.randrange(1, 6)):
        whole[draw.randrange(len(whole))] = draw.randrange(256)
    return bytes(whole[: draw.randrange(1, len(whole) + 1)])


KINDS: list[tuple[int, Callable[[random.Random], bytes]]] = [
    (30, random_json),
    (20, random_bytes),
    (5, nested),
    (1, long_text),
    (4, many_texts),
    (20, broken_http),
]


def exchange(
    where: tuple[str, int], data: bytes, part: int = 0, pause: float = 0, patience: float = 60
) -> bytes:
    """What the server answers to bytes, the first part of which is sent before a pause.

    Nothing if it hangs up, or goes on waiting for more.
    """
    with socket.create_connection(where, timeout=patience) as connection:
        try:
            connection.sendall(data[:part])
            time.sleep(pause)
            connection.sendall(data[part:])
            answer = b""
            while found := connection.recv(65536):
                answer += found
            return answer
        except OSError:
            return b""


def status_of(answer: bytes) -> str:
    found = re.match(rb"HTTP/1\.1 (\d+)", answer)
    return found[1].decode() if found else "no answer"


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


def attack(number: int, seed: int, where: tuple[str, int], expected: dict[str, bytes]) -> tuple[str, bool]:
    """The status of one request, and whether a good one was answered as it should be."""
    draw = random.Random(f"{seed}/{number}")
    if draw.random() < 0.2:
        line = draw.choice(GOOD)
        answer = exchange(where, translation(line))
        refused = status_of(answer) in ("503", "504")
        return f"good {status_of(answer)}", refused or body_of(answer) == expected[line]
    (kind,) = draw.choices([make for _, make in KINDS], [often for often, _ in KINDS])
    data = kind(draw)
    pause = draw.uniform(0.1, 3) if draw.random() < 0.05 else 0
    # What is broken may look unfinished.
    patience = 1 if kind is broken_http else 60
    return status_of(exchange(where, data, draw.randrange(len(data)), pause, patience)), True


def main() -> int:
    """Start a server, attack it, and print what it answered."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with serving(asked.run) as (process, where):
        expected = {line: body_of(exchange(where, translation(line))) for line in GOOD}
        print(f"at first: {memory(process.pid)} MiB")
        statuses: Counter[str] = Counter()
        wrong = 0
        with ThreadPoolExecutor(asked.clients) as pool:
            attacks = pool.map(lambda one: attack(one, asked.seed, where, expected), range(asked.requests))
            for done, (status, right) in enumerate(attacks, 1):
                statuses[status] += 1
                wrong += not right
                if done % max(1, asked.requests // 10) == 0:
                    print(f"after {done:,}: {memory(process.pid)} MiB", flush=True)
        alive = process.poll() is None
    for status, number in sorted(statuses.items()):
        print(f"{status}: {number:,}")
    print(f"{wrong} good requests answered wrongly; the server {'ran on' if alive else 'ended'}")
    failed = sum(number for status, number in statuses.items() if re.search(r"5(?!03|04)\d\d", status))
    return 1 if failed or wrong or not alive else 0


if __name__ == "__main__":
    sys.exit(main())
