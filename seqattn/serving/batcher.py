"""Requests of one kind that wait at the same time are computed together (dynamic batching)."""

from __future__ import annotations

import math
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

from seqattn.runs.run import Run

MOST_TOGETHER = 64
"""Requests computed together."""

PAUSE = 0.005
"""Seconds without a further request after which an engine waits no longer for a full share."""

Work = Callable[[Sequence[Run], Sequence[Any]], Sequence[Any]]
"""Computes with the runs a result for each item, in order. Items of equal works are computed together."""
Engine = Callable[[Work, Sequence[Any]], Sequence[Any]]
"""Has the runs, and gives the results of a work on items, one call at a time."""


class BusyError(Exception):
    """Too many requests are waiting, or the batcher has been closed."""


class _Task(NamedTuple):
    work: Work
    item: Any
    future: Future[Any]


class Batcher:
    """A bounded queue, through which engines work side by side, oldest first."""

    def __init__(self, engines: Sequence[Engine], most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._waiting: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._computing = 0
        # Engines take tasks one after another: two that collect at once would each get half a batch.
        self._turn = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(engine,), name="models", daemon=True)
            for engine in engines
        ]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """The number of items that wait."""
        return len(self._waiting)

    def submit(self, work: Work, item: Any) -> Future[Any]:
        """The future result of an item, or its exception; BusyError when too many items wait.

        An item whose future is cancelled while it waits is not computed.
        """
        future: Future[Any] = Future()
        with self._changed:
            if self._closing or len(self._waiting) >= self._most_waiting:
                raise BusyError
            self._waiting.append(_Task(work, item, future))
            self._changed.notify()
        return future

    def close(self) -> None:
        """Accept nothing more, and return once everything that waits has its result."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _run(self, engine: Engine) -> None:
        while tasks := self._next():
            _compute(engine, [task for task in tasks if task.future.set_running_or_notify_cancel()])
            with self._changed:
                self._computing -= len(tasks)

    def _next(self) -> list[_Task]:
        """The oldest task and others of equal work; none once the batcher is closed and nothing waits."""
        with self._turn, self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return []
            while len(self._waiting) < self._share() and not self._closing and self._changed.wait(PAUSE):
                pass
            work = self._waiting[0].work
            together = [task for task in self._waiting if task.work == work][: self._share()]
            taken = set(map(id, together))
            self._waiting = deque(task for task in self._waiting if id(task) not in taken)
            self._computing += len(together)
            return together

    def _share(self) -> int:
        """How many tasks an engine computes together: its part of all that are not done."""
        unfinished = len(self._waiting) + self._computing
        return min(MOST_TOGETHER, math.ceil(unfinished / len(self._threads)))


def _compute(engine: Engine, tasks: Sequence[_Task]) -> None:
    """Give each task its result; if one fails, each is computed alone, and those that fail get the error."""
    if not tasks:
        return
    try:
        results = engine(tasks[0].work, [task.item for task in tasks])
    except Exception as error:
        if len(tasks) == 1:
            tasks[0].future.set_exception(error)
            return
        for task in tasks:
            _compute(engine, [task])
        return
    for task, result in zip(tasks, results, strict=True):
        task.future.set_result(result)
