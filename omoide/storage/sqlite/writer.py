"""The writer of a process: one connection and one thread that runs all writes in group commits.

The thread begins a transaction (`BEGIN IMMEDIATE`) as soon as no other process writes, runs the queued writes and those
that arrive meanwhile, each in its own savepoint so that a failure affects only its own caller, and notifies the callers
after the commit. Concurrent writes share the cost of one fsync, which does not block the event loop.

Writes are scheduled by lane (`omoide.fairness.fair_queue`), in order within a lane. A batch ends once its writes took
`BATCH_SECONDS`, so that a write of another lane waits for the running batch and for few writes of the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import StorageFull, Unavailable
from omoide.core.offload import runs_in_threads
from omoide.fairness.fair_queue import FairQueue
from omoide.fairness.lanes import current_work
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.error_codes import OF_THE_FILE, kind_of
from omoide.storage.sqlite.group_commit import MAX_BATCH, Write, answer, commit
from omoide.storage.sqlite.open_files import Displaced, OpenFiles
from omoide.storage.sqlite.wal import NoRoomToBegin, WriteAheadLog

T = TypeVar("T")

BATCH_SECONDS = 0.05
"""A batch takes no further write after this time. Small writes reach `MAX_BATCH` in half of it."""


class Writer:
    """Run the writes of one process: in a thread, or on the event loop in worker processes (see `aside`).

    `open_writer` reopens the connection after a fault of the file, `open_reader` opens a read-only one.
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
        """Whether the connection may have an outdated view of the file."""
        self._arrivals: queue.SimpleQueue[Write | None] = queue.SimpleQueue()
        """Writes that the thread has not received yet; None is the stop signal."""
        self._turns: FairQueue[Write] = FairQueue()
        """Waiting writes. Used by the thread only."""
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="omoide-writer", daemon=True)
        self._thread.start()

    async def write(self, step: Callable[[Connection], T]) -> T:
        """Run `step` and return its result once its changes are committed; if it raises, they are rolled back.

        Raises what `step` raises, and Unavailable or StorageFull if the database cannot take the write.
        """
        if not runs_in_threads():
            await asyncio.sleep(0)
        if not self._thread.is_alive():
            raise Unavailable("The database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        own = current_work.get()
        write = Write(step, future, loop, own.lane)
        if runs_in_threads():
            self._arrivals.put(write)
        else:
            self._commit(iter([write]))
            write.settle()
            self._log.keep_small(self.connection)
        result = await future
        if (turn := own.go_on()) is not None:
            await turn
        return result

    def stop(self) -> None:
        """Finish the queued writes. Call `close` afterwards."""
        self._arrivals.put(None)
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
        while not self._is_stopping:
            first = self._receive(pause)
            if first is not None:
                answer(self._commit(self._batch(first)))
            pause = self._log.keep_small(self.connection)
            while len(self._turns):
                answer(self._commit(self._batch()))
                pause = self._log.keep_small(self.connection)

    def _receive(self, timeout: float | None) -> Write | None:
        """Wait up to `timeout` seconds (None: forever) for a write. If several arrived, queue all and return None."""
        try:
            first = self._arrivals.get(timeout=timeout)
        except queue.Empty:
            return None
        if first is not None and self._arrivals.empty():
            return first
        self._admit(first)
        self._receive_more()
        return None

    def _receive_more(self) -> None:
        """Queue the writes that have arrived."""
        while not self._arrivals.empty():
            self._admit(self._arrivals.get_nowait())

    def _admit(self, write: Write | None) -> None:
        if write is None:
            self._is_stopping = True
        else:
            self._turns.put(write.lane, write)

    def _commit(self, writes: Iterator[Write]) -> list[Write]:
        """Run the writes in one transaction, and return them."""
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
        """Move the log into the open file, which may have been moved: the log must not be applied to a new file."""
        if self._files.share_index():
            self._log.empty(self.connection)

    def _batch(self, first: Write | None = None) -> Iterator[Write]:
        """The writes of one commit, each taken after the previous one has run; `first` arrived while none was
        waiting."""
        began = ended = time.perf_counter()
        if first is not None:
            yield first
            ended = time.perf_counter()
            if self._arrivals.empty():
                return
            self._turns.put(first.lane, first)  # others arrived meanwhile, so the time must be charged to this lane
            turn = self._turns.take()
            self._receive_more()
            if turn is not None:
                self._turns.done(turn, ended - began)
        self._receive_more()
        for _ in range(MAX_BATCH - 1):
            if ended - began > BATCH_SECONDS or not (turn := self._turns.take()):
                return
            try:
                yield turn.item
            finally:
                started, ended = ended, time.perf_counter()
                self._receive_more()  # before `done`: the time is not charged if no write is waiting
                self._turns.done(turn, ended - started)

    def _reopen(self) -> None:
        """Reopen the file: a connection that has seen it as read-only, for example, never recovers."""
        with contextlib.suppress(Unavailable, sqlite3.Error):
            self._files.check()
            connection = self._open_writer()
            self.connection.close()
            self.connection = connection
