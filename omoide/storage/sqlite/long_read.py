"""Read one snapshot in several steps, each in a thread, while the event loop does other things in between."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.offload import offload
from omoide.fairness.thread_pool import checkpoint
from omoide.storage.column_validation import readable
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.error_codes import translate_error
from omoide.storage.sqlite.reader_pool import STEPS

T = TypeVar("T")


class SnapshotReader:
    """A connection that sees one snapshot. While it is open, the write-ahead log keeps all that is written."""

    def __init__(self, connection: Connection) -> None:
        connection.text_factory = readable
        connection.set_progress_handler(checkpoint, STEPS)
        self._connection = connection
        self._lock = threading.Lock()

    async def step(self, fn: Callable[[Connection], T]) -> T:
        """Run `fn(connection)` in a thread, scheduled by lane. Raises as `Store.read` does."""
        return await offload(self._run, fn)

    def _run(self, fn: Callable[[Connection], T]) -> T:
        with self._lock:
            try:
                if not self._connection.in_transaction:
                    self._connection.execute("BEGIN")
                return fn(self._connection)
            except sqlite3.Error as error:
                raise translate_error(error) from error

    def close(self) -> None:
        """Abort the step that is running, wait for its end, and close the connection."""
        self._connection.interrupt()
        with self._lock:
            self._connection.close()


@contextlib.asynccontextmanager
async def opened(open_connection: Callable[[], Connection]) -> AsyncIterator[SnapshotReader]:
    """Open a snapshot on a connection of its own. Raises Unavailable."""
    reader = SnapshotReader(await offload(open_connection))
    try:
        yield reader
    finally:
        await asyncio.to_thread(reader.close)
