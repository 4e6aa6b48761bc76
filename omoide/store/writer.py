"""The writer of a process: one connection, and one thread that runs all writes in group commits.

The thread begins as soon as no other process writes, runs whatever is in its queue by then or comes meanwhile in one
`BEGIN IMMEDIATE … COMMIT` with a savepoint for each, so that one failure affects only its own caller, and answers after
the commit. That shares the cost of a flush among all who write at the same time, and the flush does not stop the event
loop.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.aside import in_threads
from omoide.errors import StorageFull, Unavailable
from omoide.store.connection import Connection
from omoide.store.group_commit import MAX_BATCH, Write, answer, commit
from omoide.store.open_files import Displaced, OpenFiles
from omoide.store.sqlite_faults import OF_THE_FILE, kind_of
from omoide.store.wal import NoRoomToBegin, WriteAheadLog

T = TypeVar("T")


class Writer:
    """Runs the writes of one process: in a thread, or in the event loop of a process that only works (see `aside`).

    `open_writer` opens the connection again after a fault of the file, `open_reader` one that only reads.
    """

    def __init__(
        self,
        connection: Connection,
        open_writer: Callable[[], Connection],
        open_reader: Callable[[], Connection],
        files: OpenFiles,
        log: WriteAheadLog,
        busy_timeout: float,
    ) -> None:
        self.connection = connection
        self._open_writer = open_writer
        self._open_reader = open_reader
        self._files = files
        self._log = log
        self._busy_timeout = busy_timeout
        self._is_doubtful = False
        """Whether the connection may see the file as it was, and not as it is."""
        self._queue: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="omoide-writer", daemon=True)
        self._thread.start()

    async def write(self, work: Callable[[Connection], T]) -> T:
        """What `work` returns, once its changes are committed; if it raises, nothing of it is kept.

        Raises what `work` raises, and Unavailable or StorageFull if the database cannot take the write.
        """
        if not in_threads():
            await asyncio.sleep(0)
        if not self._thread.is_alive():
            raise Unavailable("The database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        write = Write(work, future, loop)
        if in_threads():
            self._queue.put(write)
        else:
            self._commit(iter([write]))
            write.settle()
            self._log.keep_small(self.connection)
        return await future

    def stop(self) -> None:
        """Finish what is queued. Call `close` after it."""
        self._queue.put(None)
        self._thread.join()

    def close(self) -> None:
        """Close the connection, which must be the last of the process."""
        try:
            self._files.check()
        except Displaced:
            self._save_what_is_committed()
        self.connection.close()

    def _run(self) -> None:
        pause: float | None = None
        while True:
            try:
                first = self._queue.get(timeout=pause)
            except queue.Empty:
                pause = self._log.keep_small(self.connection)
                continue
            if first is None:
                return
            answer(self._commit(self._and_following(first)))
            pause = self._log.keep_small(self.connection)

    def _commit(self, writes: Iterator[Write]) -> list[Write]:
        """Run them in one transaction; which these were."""
        if self._is_doubtful:
            self._reopen()
        before = partial(self._log.require_room, self.connection)
        batch, error = commit(self.connection, writes, self._busy_timeout, before=before, check=self._check_commit)
        self._is_doubtful = isinstance(error, sqlite3.Error) and kind_of(error) in OF_THE_FILE
        if isinstance(error, Displaced):
            self._save_what_is_committed()
        elif not isinstance(error, NoRoomToBegin) and any(isinstance(write.error, StorageFull) for write in batch):
            self._log.recover(self.connection, self._open_reader)
        return batch

    def _check_commit(self) -> None:
        self._files.check()
        self._log.require_room_to_commit(self.connection)

    def _save_what_is_committed(self) -> None:
        """Move the log into the file that is open: it may be elsewhere, and must not be mixed with one in its place."""
        if self._files.share_index():
            self._log.empty(self.connection)

    def _and_following(self, first: Write) -> Iterator[Write]:
        """A write, and those that wait when the one before has been run: what comes meanwhile shares the commit."""
        yield first
        for _ in range(MAX_BATCH - 1):
            try:
                following = self._queue.get_nowait()
            except queue.Empty:
                return
            if following is None:
                self._queue.put(None)
                return
            yield following

    def _reopen(self) -> None:
        """Look at the file anew: a connection that found it read-only, say, goes on to find it so for ever."""
        with contextlib.suppress(Unavailable, sqlite3.Error):
            self._files.check()
            connection = self._open_writer()
            self.connection.close()
            self.connection = connection
