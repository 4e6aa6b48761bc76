"""The database file, its connections, and group commit.

Reads run where they are called, on a connection that cannot write: what takes microseconds is not worth a thread. What
may take longer runs in a few threads beside the event loop, each with a connection of its own (`read_aside`). All
writes go to one writer thread. It begins as soon as no other process writes, runs whatever is in its queue by then or
comes meanwhile in one `BEGIN IMMEDIATE … COMMIT` with a savepoint for each, so that one failure hurts only its own
caller, and answers after the commit. That shares the cost of a flush among all who write at the same time, and the
flush does not stop the event loop.

Several processes may open the same file: WAL lets them read while one writes, and writers wait for one another up to
the busy timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide import clock
from omoide.aside import in_threads
from omoide.errors import OmoideError, StorageFull, Unavailable
from omoide.store.connection import Connection
from omoide.store.filters import functions
from omoide.store.migrations import migrate, turn
from omoide.store.read_only import refuse_unknown

__all__ = ["Connection", "Store", "as_omoide", "before_commit", "commit", "connect", "do_owed"]

P = ParamSpec("P")
T = TypeVar("T")


def before_commit(db: Connection, step: Callable[[Connection], None]) -> None:
    """Let a step be the last in the transaction that this write shares with others; a write that fails takes it back.

    Steps belong here that cost less when those of several writes are done together, outside of their savepoints. At
    once, where no others share the transaction.
    """
    if db.owed is None:
        step(db)
    else:
        db.owed.append(step)


def do_owed(db: Connection) -> None:
    """Do the steps now that would be done before the commit: for whoever needs to see what they do."""
    while db.owed:
        db.owed.pop(0)(db)


MAX_BATCH = 128
"""Writes that share one commit at the most, so that the first of them does not wait for ever."""

READERS = 4
"""Long reads that run at a time; more would only share the processor."""


BUSY_PAUSE_SECONDS = 0.0002
"""How long to wait before trying again to write while another process does; its transactions take milliseconds."""


OF_THE_FILE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""SQLite's codes for faults of the file, and not of what is done with it, that may pass."""

_MEANINGS = {
    sqlite3.SQLITE_READONLY: "The database cannot be written",
    sqlite3.SQLITE_IOERR: "The disk failed to read or write the database",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened",
    sqlite3.SQLITE_CORRUPT: "The database is damaged",
    sqlite3.SQLITE_NOTADB: "The database is damaged",
}

_NO_WAITING = "PRAGMA busy_timeout=0"
"""For the connection that writes: `_begin` waits."""


@dataclass(slots=True)
class _Write:
    work: Callable[[Connection], Any]
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None

    def settle(self) -> None:
        if self.future.cancelled():
            return
        if isinstance(self.error, StopIteration):  # which a future refuses to carry
            self.future.set_exception(RuntimeError("a write ended an iteration that nobody runs"))
        elif self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


def connect(path: Path, *, durability: str, busy_timeout: float) -> Connection:
    """A connection in WAL mode that begins no transaction by itself. Raises Unavailable if the file cannot be used."""
    try:
        connection = sqlite3.connect(
            path,
            isolation_level=None,
            timeout=busy_timeout,
            check_same_thread=False,
            cached_statements=512,
            factory=Connection,
        )
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'full' else 'NORMAL'}")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute("PRAGMA temp_store=MEMORY")
        functions.register(connection)
        connection.create_function("made_at", 1, clock.made_at, deterministic=True)
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot open the database {path}: {error}") from error
    return connection


class Store:
    """One process's access to the database. Open it with `Store.open`, close it with `close`."""

    def __init__(
        self,
        open_reader: Callable[[], Connection],
        open_writer: Callable[[], Connection],
        writer: Connection,
        path: Path,
        busy_timeout: float,
    ) -> None:
        self.path = path
        self.takes_writes = True
        """Whether the last write that somebody waited for could be stored."""
        self.busy_timeout = busy_timeout
        self._open_reader = open_reader
        self._open_writer = open_writer
        self._reader = open_reader()
        self._idle: queue.SimpleQueue[Connection] = queue.SimpleQueue()
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="omoide-reader")
        self._writer = writer
        self._is_doubtful = False
        """Whether the connection may see the file as it was, and not as it is."""
        self._queue: queue.SimpleQueue[_Write | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="omoide-writer", daemon=True)
        self._thread.start()

    @classmethod
    def open(cls, path: Path, *, durability: str = "full", busy_timeout: float = 5.0) -> Store:
        """Open the file, create and migrate it as needed. `busy_timeout` is in seconds. Raises Unavailable."""
        writer = _migrated(path, durability, busy_timeout)

        def open_reader() -> Connection:
            reader = connect(path, durability=durability, busy_timeout=busy_timeout)
            reader.execute("PRAGMA query_only=ON")
            return reader

        return cls(open_reader, partial(_for_writing, path, durability, busy_timeout), writer, path, busy_timeout)

    @staticmethod
    def prepare(path: Path, *, durability: str = "full", busy_timeout: float = 5.0) -> None:
        """Create and migrate the file as needed, and leave nothing open. Raises Unavailable."""
        _migrated(path, durability, busy_timeout).close()

    def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(connection, …)` returns, from one snapshot of what is committed. It cannot write."""
        return _from_snapshot(self._reader, partial(fn, self._reader, *args, **kwargs))

    async def read_aside(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, beside the event loop (see `aside`): for what may take more than a millisecond."""
        if not in_threads():
            await asyncio.sleep(0)
            return self.read(fn, *args, **kwargs)

        def work() -> T:
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._open_reader()
            try:
                return _from_snapshot(connection, partial(fn, connection, *args, **kwargs))
            finally:
                self._idle.put(connection)

        return await asyncio.get_running_loop().run_in_executor(self._readers, work)

    async def write(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """What `fn(connection, …)` returns, once its changes are committed; if it raises, nothing of it is kept.

        Raises what `fn` raises, and Unavailable or StorageFull if the database cannot take the write.
        """
        if not in_threads():
            await asyncio.sleep(0)
        if not self._thread.is_alive():
            raise Unavailable("The database is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        write = _Write(lambda connection: fn(connection, *args, **kwargs), future, loop)
        if in_threads():
            self._queue.put(write)
        else:
            self._commit(iter([write]))
            write.settle()
        try:
            result = await future
        except Unavailable:
            self.takes_writes = False
            raise
        self.takes_writes = True
        return result

    def close(self) -> None:
        """Finish what is queued and close the file."""
        self._queue.put(None)
        self._thread.join()
        self._readers.shutdown()
        while not self._idle.empty():
            self._idle.get().close()
        self._reader.close()
        self._writer.close()

    def _run(self) -> None:
        while (first := self._queue.get()) is not None:
            _answer(self._commit(self._and_following(first)))

    def _commit(self, writes: Iterator[_Write]) -> list[_Write]:
        """Run them in one transaction; which these were."""
        if self._is_doubtful:
            self._reopen()
        batch, fault = commit(self._writer, writes, self.busy_timeout)
        self._is_doubtful = fault in OF_THE_FILE
        return batch

    def _and_following(self, first: _Write) -> Iterator[_Write]:
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
            writer = self._open_writer()
            self._writer.close()
            self._writer = writer


def _from_snapshot(connection: Connection, work: Callable[[], T]) -> T:
    connection.execute("BEGIN")
    try:
        return work()
    except sqlite3.Error as error:
        raise as_omoide(error) from error
    finally:
        if connection.in_transaction:  # some faults end it
            connection.execute("ROLLBACK")


def _migrated(path: Path, durability: str, busy_timeout: float) -> Connection:
    """A connection for writing to the file, which is made or migrated as needed. Raises Unavailable."""
    try:
        with turn(path):
            refuse_unknown(path, busy_timeout=busy_timeout)
            writer = connect(path, durability=durability, busy_timeout=busy_timeout)
            try:
                migrate(sqlite_utils.Database(writer))
                writer.execute(_NO_WAITING)
            except sqlite3.Error as error:
                writer.close()
                raise as_omoide(error) from error
            return writer
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise Unavailable(f"Cannot open the database {path}: {why}") from error


def _for_writing(path: Path, durability: str, busy_timeout: float) -> Connection:
    """A connection for writing to a file that is migrated. Raises Unavailable."""
    writer = connect(path, durability=durability, busy_timeout=busy_timeout)
    writer.execute(_NO_WAITING)
    return writer


def _begin(connection: Connection, busy_timeout: float) -> None:
    """Begin to write as soon as no other process does; for so many seconds it is tried.

    SQLite's own waiting sleeps ever longer, up to a tenth of a second, and would often come late where another process
    writes much. Raises sqlite3.OperationalError when the time is over.
    """
    deadline = time.monotonic() + busy_timeout
    while True:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(BUSY_PAUSE_SECONDS)
        else:
            return


def commit(connection: Connection, writes: Iterator[_Write], busy_timeout: float) -> tuple[list[_Write], int | None]:
    """Run writes in one transaction, putting each one's result or error where it belongs.

    The writes that were taken and, if they failed as a whole, SQLite's code for the reason (see `kind_of`).
    """
    connection.owed = []
    batch: list[_Write] = []
    try:
        try:
            _begin(connection, busy_timeout)
        except sqlite3.Error:
            batch.extend(writes)  # they have waited as long
            raise
        for write in writes:
            batch.append(write)
            _run_in_savepoint(connection, write)
        do_owed(connection)
        connection.execute("COMMIT")
    except Exception as error:
        # Nothing of the batch is on disk. Those that had failed by themselves keep their own reason.
        with contextlib.suppress(sqlite3.Error):  # without a transaction there is nothing to take back
            connection.execute("ROLLBACK")
        for write in batch:
            write.error = write.error or (as_omoide(error) if isinstance(error, sqlite3.Error) else error)
        return batch, kind_of(error) if isinstance(error, sqlite3.Error) else None
    finally:
        connection.owed = None
    return batch, None


def _run_in_savepoint(connection: Connection, write: _Write) -> None:
    connection.execute("SAVEPOINT work")
    owed = list(connection.owed or ())
    try:
        write.result = write.work(connection)
    except BaseException as error:
        write.error = as_omoide(error) if isinstance(error, sqlite3.Error) else error
        # A full disk may make SQLite roll back everything; what is wrong with the file is so for every write.
        if not connection.in_transaction or (isinstance(error, sqlite3.Error) and kind_of(error) in OF_THE_FILE):
            raise
        connection.execute("ROLLBACK TO work")
        connection.owed = owed
    connection.execute("RELEASE work")


def _answer(batch: list[_Write]) -> None:
    """Wake the callers, once per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Write]] = {}
    for write in batch:
        by_loop.setdefault(write.loop, []).append(write)
    for loop, writes in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, writes)


def _settle(writes: list[_Write]) -> None:
    for write in writes:
        write.settle()


def kind_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code; SQLITE_ERROR for what is not SQLite's own."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def as_omoide(error: sqlite3.Error) -> OmoideError:
    """What a fault of the database means to a caller."""
    kind = kind_of(error)
    # Where the journal's index cannot grow, SQLite speaks of its size and not of the disk.
    if kind == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        return StorageFull("There is no room left to store this")
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("The database is locked by another process")
    return Unavailable(f"{_MEANINGS.get(kind, 'The database cannot be used')}: {error}")
