"""Group commit: concurrent writes share one transaction and one fsync.

A write that fails must take back its own changes only. A savepoint for each write ensures that, but it copies every
page that the write changes. So writes run without savepoints until one fails; then the transaction is rolled back, and
its writes run again, each in a savepoint (a `Store` may run a write again).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import OmoideError
from omoide.fairness.lanes import BACKGROUND, Lane
from omoide.storage.sqlite.connection import Connection, is_unreadable, leniently
from omoide.storage.sqlite.error_codes import OF_THE_FILE, kind_of, translate_error

MAX_BATCH = 128
"""Maximum number of writes per commit, which bounds the wait of the first one."""

WARY_WRITES = 256
"""Writes that run in savepoints after one has failed, so that frequent failures do not make writes run twice."""

BUSY_PAUSE_SECONDS = 0.0002
"""Retry interval while another process writes; its transactions take milliseconds."""


def on_commit(db: Connection, step: Callable[[Connection], None]) -> None:
    """Run `step` once at the end of the group commit; it is discarded if this write rolls back.

    For steps that are cheaper when those of several writes run together, outside of their savepoints. Outside of a
    group commit the step runs at once.
    """
    if db.deferred is None:
        step(db)
    else:
        db.deferred.append(step)


def flush_deferred(db: Connection) -> None:
    """Run the deferred steps now, for a caller that needs to see their effects."""
    while db.deferred:
        db.deferred.pop(0)(db)


@dataclass(slots=True)
class Write:
    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    lane: Lane = BACKGROUND
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if isinstance(self.error, StopIteration):  # which a future does not accept
            self.future.set_exception(RuntimeError("a write raised StopIteration"))
        elif self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def begin(connection: Connection, busy_timeout: float) -> None:
    """Begin a write transaction, retrying for `busy_timeout` seconds while another process writes.

    SQLite's own busy handler sleeps for up to 0.1 s and would often lose against a process that writes a lot. Raises
    sqlite3.OperationalError after the timeout.
    """
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            connection.bounds.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)
        else:
            return


def commit(
    connection: Connection,
    writes: Iterator[Write],
    busy_timeout: float,
    *,
    before: Callable[[], None] = lambda: None,
    check: Callable[[], None] = lambda: None,
) -> tuple[list[Write], Exception | None]:
    """Run writes in one transaction, and store the result or error of each in its `Write`.

    `before` is called before the transaction begins and `check` before its commit; either may raise OmoideError.
    Returns the writes and, if the transaction failed, the reason.
    """
    connection.deferred = []
    batch: list[Write] = []
    try:
        try:
            before()
            begin(connection, busy_timeout)
        except (sqlite3.Error, OmoideError):
            batch.extend(writes)  # they have waited as long, so they fail as well
            raise
        _run(connection, writes, batch, busy_timeout)
        flush_deferred(connection)
        check()
        connection.bounds.execute("COMMIT")
    except Exception as error:
        # Nothing of the batch is stored. Writes that had failed before keep their own error.
        with contextlib.suppress(sqlite3.Error):  # without a transaction there is nothing to roll back
            connection.bounds.execute("ROLLBACK")
        for write in batch:
            write.error = write.error or (translate_error(error) if isinstance(error, sqlite3.Error) else error)
        return batch, error
    finally:
        connection.deferred = None
    return batch, None


def _run(connection: Connection, writes: Iterator[Write], batch: list[Write], busy_timeout: float) -> None:
    """Run the writes and append them to `batch`. Raises if the transaction failed as a whole."""
    for write in writes:
        batch.append(write)
        if connection.wary:
            connection.wary -= 1
            _run_in_savepoint(connection, write)
            continue
        try:
            write.result = write.work(connection)
        except BaseException:
            connection.wary = WARY_WRITES
            if connection.in_transaction:  # some errors end it
                connection.bounds.execute("ROLLBACK")
            connection.deferred = []
            begin(connection, busy_timeout)
            for each in batch:
                _run_in_savepoint(connection, each)


def _run_in_savepoint(connection: Connection, write: Write) -> None:
    connection.bounds.execute("SAVEPOINT work")
    deferred = list(connection.deferred or ())
    try:
        try:
            write.result = write.work(connection)
        except sqlite3.OperationalError as error:
            if not is_unreadable(error):
                raise
            connection.bounds.execute("ROLLBACK TO work")
            connection.deferred = list(deferred)
            write.result = leniently(connection, partial(write.work, connection))
    except BaseException as error:
        write.error = translate_error(error) if isinstance(error, sqlite3.Error) else error
        # A full disk may make SQLite roll back everything; a fault of the file affects every write.
        if not connection.in_transaction or (isinstance(error, sqlite3.Error) and kind_of(error) in OF_THE_FILE):
            raise
        connection.bounds.execute("ROLLBACK TO work")
        connection.deferred = deferred
    connection.bounds.execute("RELEASE work")


def answer(batch: list[Write]) -> None:
    """Wake the callers, once per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Write]] = {}
    for write in batch:
        by_loop.setdefault(write.loop, []).append(write)
    for loop, writes in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, writes)


def _settle(writes: list[Write]) -> None:
    for write in writes:
        write.settle()
