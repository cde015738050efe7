"""A headless Chromium controlled with its DevTools protocol over two pipes, without further packages."""

from __future__ import annotations

import base64
import itertools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# A browser reads commands from its file 3 and answers on its file 4.
LAUNCH = """
import fcntl, os, sys
pipes = [fcntl.fcntl(int(number), fcntl.F_DUPFD, 10) for number in sys.argv[1:3]]
for place, pipe in enumerate(pipes, start=3):
    os.dup2(pipe, place)
os.execvp(sys.argv[3], sys.argv[3:])
"""
NAMES = ("chromium", "chromium-browser", "google-chrome")
KEYS = {
    "Tab": 9,
    "Enter": 13,
    "Escape": 27,
    "End": 35,
    "Home": 36,
    "ArrowLeft": 37,
    "ArrowUp": 38,
    "ArrowRight": 39,
    "ArrowDown": 40,
}


def find_chromium() -> str | None:
    """The program in the environment variable CHROMIUM, or one on the PATH."""
    if os.name != "posix":
        return None
    return os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)


class Browser:
    """One browser with one tab; a context manager."""

    def __init__(self, program: str, folder: Path) -> None:
        reads, self._commands = os.pipe()
        self._answers, writes = os.pipe()
        options = [
            *("--headless", "--remote-debugging-pipe", "--no-first-run", f"--user-data-dir={folder}"),
            *("--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars"),
            # The sandbox refuses to run as root, and often in containers; the pages are the project's own.
            "--no-sandbox",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-c", LAUNCH, str(reads), str(writes), program, *options],
            pass_fds=(reads, writes),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(reads)
        os.close(writes)
        self._numbers = itertools.count(1)
        self._rest = b""
        self._session: str | None = None
        self.messages: list[str] = []
        """Console messages of the page: errors, and what its policy blocked."""
        self.requests: list[str] = []
        """The requests of the page, the page itself first."""

    def __enter__(self) -> Browser:
        try:
            target = self._send("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for domain in ("Page", "Runtime", "Log", "Network"):
                self._send(f"{domain}.enable")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._commands)
        os.close(self._answers)
        self._process.terminate()
        self._process.wait()

    def open(self, page: Path | str, *, width: int = 1200, height: int = 800, dark: bool = False) -> None:
        """Show a file, or the page at an address, and wait until it is loaded."""
        self.messages, self.requests = [], []
        self._send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self._send("Emulation.setEmulatedMedia", features=[scheme, still])
        self._send("Page.navigate", url=page if isinstance(page, str) else page.as_uri())
        while self._receive().get("method") != "Page.loadEventFired":
            pass

    def run(self, script: str) -> Any:
        """The value of a JavaScript expression, or of its promise."""
        found = self._send("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, script: str) -> None:
        """Wait until a JavaScript expression is true."""
        look = f"const look = () => ({script}) ? done() : setTimeout(look, 10)"
        self.run(f"new Promise(done => {{ {look}; look() }})")

    def press(self, key: str) -> None:
        """Press and release a key."""
        names: dict[str, Any] = {"key": key, "code": key, "windowsVirtualKeyCode": KEYS[key]}
        typed = {"text": "\r"} if key == "Enter" else {}
        self._send("Input.dispatchKeyEvent", type="keyDown" if typed else "rawKeyDown", **typed, **names)
        self._send("Input.dispatchKeyEvent", type="keyUp", **names)
        self._settle()

    def type(self, text: str) -> None:
        """Type a text into what has the focus."""
        self._send("Input.insertText", text=text)
        self._settle()

    def medium(self, name: str) -> None:
        """Show the page as on another medium, such as `print`; the empty name ends that."""
        self._send("Emulation.setEmulatedMedia", media=name)

    def point(self, element: str, *, click: bool = False) -> None:
        """Move the mouse to the middle of the element that a JavaScript expression gives."""
        x, y = self.run(
            f"(() => {{ const e = {element}; e.scrollIntoView({{block: 'center', inline: 'center'}});"
            "const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2] })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased")[: 3 if click else 1]:
            button = "none" if kind == "mouseMoved" else "left"
            self._send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button=button, clickCount=1)
        self._settle()

    def picture(self, path: Path) -> None:
        """Write a PNG of the page."""
        path.write_bytes(base64.b64decode(self._send("Page.captureScreenshot")["data"]))

    def _settle(self) -> None:
        """Wait until the page has handled the last input and its effects."""
        self.run("new Promise(done => requestAnimationFrame(() => setTimeout(done)))")

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        while (answer := self._receive()).get("id") != number:
            pass
        assert "error" not in answer, answer["error"]
        result: dict[str, Any] = answer["result"]
        return result

    def _receive(self) -> dict[str, Any]:
        """The next message, after recording the page's requests and console messages."""
        while b"\0" not in self._rest:
            part = os.read(self._answers, 1 << 20)
            assert part, "the browser has ended"
            self._rest += part
        text, _, self._rest = self._rest.partition(b"\0")
        message: dict[str, Any] = json.loads(text)
        match message.get("method"):
            case "Log.entryAdded":
                self.messages.append(message["params"]["entry"]["text"])
            case "Runtime.exceptionThrown":
                self.messages.append(message["params"]["exceptionDetails"]["text"])
            case "Network.requestWillBeSent":
                self.requests.append(message["params"]["request"]["url"])
        return message


def find_axe() -> Path | None:
    """The program axe-core, which finds faults of accessibility."""
    root = Path(__file__).parent.parent
    places = [os.environ.get("AXE", ""), root / "node_modules" / "axe-core" / "axe.min.js"]
    return next((Path(place) for place in places if place and Path(place).is_file()), None)


NEEDS_AXE = pytest.mark.skipif(
    find_axe() is None, reason="needs axe-core in node_modules, or named by the variable AXE"
)


def violations(browser: Browser) -> list[Any]:
    """What axe-core finds wrong with the page, with some of the elements."""
    program = find_axe()
    assert program is not None
    browser.run(program.read_text(encoding="utf-8") + "; 0")
    found: list[Any] = browser.run(
        "axe.run(document, {resultTypes: ['violations']}).then(r => r.violations.map(v => "
        "[v.id, v.nodes.map(n => n.html.slice(0, 120) + n.failureSummary).slice(0, 3)]))"
    )
    return found
