"""One thread that computes with the models; requests of one kind that wait are computed together."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, NamedTuple

MOST_TOGETHER = 64
"""Requests computed together."""

Work = Callable[[Sequence[Any]], Sequence[Any]]
"""Computes a result for each item, in order. Items of equal works are computed together."""


class BusyError(Exception):
    """Too many requests are waiting, or the worker has been closed."""


class _Task(NamedTuple):
    work: Work
    item: Any
    future: Future[Any]


class Worker:
    """A thread that works through a bounded queue, oldest first."""

    def __init__(self, most_waiting: int) -> None:
        self._most_waiting = most_waiting
        self._waiting: deque[_Task] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._run, name="models", daemon=True)
        self._thread.start()

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
            self._changed.notify()
        self._thread.join()

    def _run(self) -> None:
        while tasks := self._next():
            _compute([task for task in tasks if task.future.set_running_or_notify_cancel()])

    def _next(self) -> list[_Task]:
        """The oldest task with those of equal work; none once the worker is closed and nothing waits."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._closing)
            if not self._waiting:
                return []
            work = self._waiting[0].work
            together = [task for task in self._waiting if task.work == work][:MOST_TOGETHER]
            taken = set(map(id, together))
            self._waiting = deque(task for task in self._waiting if id(task) not in taken)
            return together


def _compute(tasks: Sequence[_Task]) -> None:
    """Give each task its result; if one fails, each is computed alone, and those that fail get the error."""
    if not tasks:
        return
    try:
        results = tasks[0].work([task.item for task in tasks])
    except Exception as error:
        if len(tasks) == 1:
            tasks[0].future.set_exception(error)
            return
        for task in tasks:
            _compute([task])
        return
    for task, result in zip(tasks, results, strict=True):
        task.future.set_result(result)
