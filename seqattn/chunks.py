"""Items in lists: of a fixed size, as they arrive, or one part of several equal ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from queue import Queue
from threading import Thread
from typing import NamedTuple, TypeVar

from seqattn.errors import InputError

Item = TypeVar("Item")


class _End(NamedTuple):
    """There is nothing more to read."""

    error: Exception | None


def in_chunks(items: Iterable[Item], size: int) -> Iterator[list[Item]]:
    """Lists of so many items, the last of fewer. An InputError is raised after the items before it."""
    found: list[Item] = []
    try:
        for item in items:
            found.append(item)
            if len(found) == size:
                yield found
                found = []
    except InputError:
        if found:
            yield found
        raise
    if found:
        yield found


def as_they_come(items: Iterable[Item], most: int) -> Iterator[list[Item]]:
    """What has arrived since the last list, in order: at least one item, which is waited for.

    Items are read in a thread, `most` of them ahead, which are also the most of a list. An error is raised
    after the items before it.
    """
    arrived: Queue[Item | _End] = Queue(most)

    def read() -> None:
        try:
            for item in items:
                arrived.put(item)
            arrived.put(_End(None))
        except Exception as error:
            arrived.put(_End(error))

    # A daemon, since a read that waits for input cannot be ended.
    Thread(target=read, daemon=True).start()
    while True:
        found: list[Item] = []
        item = arrived.get()
        while not isinstance(item, _End):
            found.append(item)
            if len(found) == most or arrived.empty():
                break
            item = arrived.get()
        if found:
            yield found
        if isinstance(item, _End):
            if item.error is not None:
                raise item.error
            return


@dataclass(frozen=True)
class Shard:
    """One of several parts that follow each other and make up the whole, their sizes alike within one."""

    number: int
    """From 1."""
    count: int

    def rows(self, total: int) -> range:
        """The part of so many rows that it is."""
        return range(total * (self.number - 1) // self.count, total * self.number // self.count)
