"""A pool of read-only connections for reads off the event loop, one per concurrent read."""

from __future__ import annotations

import threading
from collections.abc import Callable

from omoide.core.errors import Unavailable
from omoide.fairness.thread_pool import checkpoint
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.open_files import OpenFiles

MOST_IDLE = 4
"""Idle connections that are kept open; each has a cache of several megabytes."""

STEPS = 5_000
"""Steps of SQLite's virtual machine between two checkpoints: a few tenths of a millisecond."""


class Readers:
    """The pool. With `first`, one connection is opened at once, which is available even if no other can be opened."""

    def __init__(self, open_reader: Callable[[], Connection], files: OpenFiles, *, first: bool) -> None:
        self._open_reader = open_reader
        self._files = files
        self._changed = threading.Condition()
        self._idle: list[Connection] = []
        self._taken = 0
        self._is_closed = False
        if first:
            self._idle.append(self._open())

    def take(self) -> Connection:
        """Take a connection, which must be given back. Raises Unavailable."""
        with self._changed:
            if self._is_closed:
                raise Unavailable("The database is closed")
            self._taken += 1
            if self._idle:
                return self._idle.pop()
        try:
            self._files.check()  # never open or create another file at the path
            return self._open()
        except Unavailable:
            return self._wait_for_one()
        except BaseException:
            self._end()
            raise

    def give_back(self, connection: Connection) -> None:
        self._end(connection)

    def _end(self, connection: Connection | None = None) -> None:
        """End a read; its connection is kept if fewer than `MOST_IDLE` are idle."""
        with self._changed:
            self._taken -= 1
            if connection is not None and len(self._idle) < MOST_IDLE:
                self._idle.append(connection)
                connection = None
            self._changed.notify_all()
        if connection is not None:
            connection.close()

    def close(self) -> None:
        """Wait for running reads, and fail the waiting ones."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._taken)
            for connection in self._idle:
                connection.close()
            self._idle.clear()

    def _open(self) -> Connection:
        connection = self._open_reader()
        connection.set_progress_handler(checkpoint, STEPS)  # long statements yield to other work
        return connection

    def _wait_for_one(self) -> Connection:
        """Wait for a connection to be given back. Raises Unavailable if the store is closed first."""
        with self._changed:
            self._changed.wait_for(lambda: self._idle or self._is_closed)
            if not self._is_closed:
                return self._idle.pop()
        self._end()
        raise Unavailable("The database is closed")
