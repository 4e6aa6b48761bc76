"""The database file and its connections.

Short reads run in the calling thread on a read-only connection: a read of microseconds is not worth a thread switch.
Reads that may take longer run in a thread pool, scheduled by lane (`read_offloaded`), on one of several connections
(`readers`). All writes go to one writer thread (`writer`).

Several processes may open the same file: WAL lets them read while one writes, and writers wait for each other up to the
busy timeout.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar
from urllib.parse import quote

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core import clock
from omoide.core.database_location import DatabaseLocation
from omoide.core.errors import IndexDamaged, Unavailable
from omoide.core.offload import offload, runs_in_threads
from omoide.fairness.thread_pool import resting
from omoide.storage.base import ManyRows
from omoide.storage.sqlite import fulltext_rebuild, long_read, sql_functions
from omoide.storage.sqlite.connection import Connection, is_unreadable, leniently
from omoide.storage.sqlite.database_files import refuse_as_database
from omoide.storage.sqlite.error_codes import translate_error
from omoide.storage.sqlite.long_read import SnapshotReader
from omoide.storage.sqlite.migrations import migrate, migration_lock
from omoide.storage.sqlite.open_files import FileIdentity, OpenFiles, expect, identity
from omoide.storage.sqlite.read_only import refuse_unknown
from omoide.storage.sqlite.reader_pool import Readers
from omoide.storage.sqlite.schema_objects import restore_indexes
from omoide.storage.sqlite.wal import LIMIT_BYTES, WriteAheadLog
from omoide.storage.sqlite.writer import Writer

__all__ = ["Connection", "Store", "connect"]

P = ParamSpec("P")
T = TypeVar("T")

COUNTED_ON_LOOP = 2_000
"""Rows counted on the event loop at most: a few tenths of a millisecond."""

_NO_WAITING = "PRAGMA busy_timeout=0"
"""For the writer connection: `group_commit.begin` does the waiting."""


def connect(path: Path, *, durability: str, busy_timeout: float, create: bool = True) -> Connection:
    """Open a connection in WAL mode and autocommit; `create` makes a missing file.

    Raises Unavailable if the file cannot be used.
    """
    try:
        connection = sqlite3.connect(
            path if create else f"file:{quote(str(path.absolute()))}?mode=rw",
            uri=not create,
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
        connection.execute("PRAGMA secure_delete=FAST")  # see `erasure`
        sql_functions.register(connection)
        connection.create_function("made_at", 1, _made_at, deterministic=True)
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot open the database {path}: {error}") from error
    return connection


def _made_at(id: object) -> int | None:
    """As `clock.created_at_of_id`, but None for an invalid id, so that a damaged one does not abort the statement."""
    try:
        return clock.created_at_of_id(id.decode() if isinstance(id, bytes) else str(id))
    except ValueError:
        return None


class Store:
    """Access to the database for one process. Open it with `Store.open`, close it with `close`."""

    def __init__(
        self,
        open_reader: Callable[[], Connection],
        open_writer: Callable[[], Connection],
        writer: Connection,
        path: Path,
        busy_timeout: float,
        wal_limit_bytes: int,
    ) -> None:
        self.path = self.location = path
        self.log = WriteAheadLog(path, wal_limit_bytes)
        self.takes_writes = True
        """Whether the database accepted the last write."""
        self.busy_timeout = busy_timeout
        self._open_reader = open_reader
        self._reader = open_reader()
        self._files = OpenFiles(path)
        self._idle = Readers(open_reader, self._files, first=runs_in_threads())
        self._writer = Writer(writer, open_writer, open_reader, self._files, self.log, busy_timeout)

    @classmethod
    def open(
        cls,
        location: DatabaseLocation,
        *,
        durability: str = "full",
        busy_timeout: float = 5.0,
        wal_limit_bytes: int = LIMIT_BYTES,
        known: FileIdentity | None = None,
    ) -> Store:
        """Open the file, creating and migrating it as needed; with `known`, only that very file.

        `busy_timeout` is in seconds. Raises as `_migrated`.
        """
        path = Path(location)
        writer = _migrated(path, durability, busy_timeout, known)

        def open_reader() -> Connection:
            reader = connect(path, durability=durability, busy_timeout=busy_timeout, create=False)
            reader.execute("PRAGMA query_only=ON")
            return reader

        open_writer = partial(_for_writing, path, durability, busy_timeout)
        return cls(open_reader, open_writer, writer, path, busy_timeout, wal_limit_bytes)

    @staticmethod
    def prepare(
        location: DatabaseLocation, *, durability: str = "full", busy_timeout: float = 5.0
    ) -> FileIdentity | None:
        """Create and migrate the file as needed, restore missing indexes, and close it; returns its identity.

        Raises as `_migrated`.
        """
        path = Path(location)
        is_new = not path.exists()
        with contextlib.closing(_migrated(path, durability, busy_timeout, None)) as db:
            if not is_new:
                with migration_lock(path):
                    restore_indexes(db)
        return identity(path)

    async def read(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, …)` on one snapshot of the committed data and return its result. It cannot write.

        For reads of microseconds: it runs on the event loop, without giving it up.
        """
        return self._read_here(fn, *args, **kwargs)

    def _read_here(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return _from_snapshot(self._reader, partial(fn, self._reader, *args, **kwargs))

    async def read_single(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, for a function that runs one statement and reads its whole result: it needs no transaction."""
        try:
            return fn(self._reader, *args, **kwargs)
        except sqlite3.Error:
            return self._read_here(fn, *args, **kwargs)  # which translates errors

    async def read_offloaded(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, but off the event loop (see `offload`): for reads that may take more than a millisecond.

        Raises Unavailable if the store was closed before it could begin.
        """
        if not runs_in_threads():
            await asyncio.sleep(0)
            return self._read_here(fn, *args, **kwargs)

        def work() -> T:
            if self.log.holds_readers():
                resting(self.log.hold_reader)
            return self._read_in_thread(fn, *args, **kwargs)

        try:
            return await offload(work)
        except IndexDamaged as error:
            await self._request_rebuild(error)
            raise

    async def read_page(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """As `read`, or as `read_offloaded` if `fn` counts more than `COUNTED_ON_LOOP` rows (see `rows.page`)."""
        self._reader.most_counted = COUNTED_ON_LOOP
        with contextlib.suppress(ManyRows):
            try:
                return self._read_here(fn, *args, **kwargs)
            finally:
                self._reader.most_counted = None
        return await self.read_offloaded(fn, *args, **kwargs)

    def long_read(self) -> contextlib.AbstractAsyncContextManager[SnapshotReader]:
        """Open one snapshot to read it in several steps. It is closed at the end of the context."""

        def open_connection() -> Connection:
            self._files.check()
            return self._open_reader()

        return long_read.opened(open_connection)

    async def read_at_once(
        self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read_offloaded`, but never queued or held back: for health checks."""
        if not runs_in_threads():
            return await self.read_offloaded(fn, *args, **kwargs)
        return await asyncio.to_thread(self._read_in_thread, fn, *args, **kwargs)

    def _read_in_thread(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        connection = self._idle.take()
        try:
            return _from_snapshot(connection, partial(fn, connection, *args, **kwargs))
        finally:
            self._idle.give_back(connection)

    async def write(self, fn: Callable[Concatenate[Connection, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `fn(connection, …)` and return its result once its changes are committed; rolled back if it raises.

        Raises what `fn` raises, and Unavailable or StorageFull if the database cannot take the write.
        """
        try:
            result = await self._writer.write(lambda connection: fn(connection, *args, **kwargs))
        except Unavailable as error:
            self.takes_writes = False
            if isinstance(error, IndexDamaged):
                await self._request_rebuild(error)
            raise
        self.takes_writes = True
        return result

    async def _request_rebuild(self, error: IndexDamaged) -> None:
        """Enqueue the rebuild of a damaged index, if the database accepts writes."""
        with contextlib.suppress(Unavailable):
            await self._writer.write(partial(fulltext_rebuild.request, fault=error.detail, now=clock.now()))

    def log_size(self) -> tuple[int, int]:
        """The size of the write-ahead log and its limit, in bytes."""
        return self.log.size(), self.log.limit_bytes

    def is_writable(self) -> bool:
        """Whether the files are writable now; a file system may become read-only at any time."""
        return all(os.access(path, os.W_OK) for path in (self.path, self.log.file))

    def close(self) -> None:
        """Finish the queued writes and close the file."""
        self._writer.stop()
        self._idle.close()
        self._reader.close()
        self._writer.close()


def _from_snapshot(connection: Connection, work: Callable[[], T]) -> T:
    connection.bounds.execute("BEGIN")
    try:
        try:
            return work()
        except sqlite3.OperationalError as error:
            if not is_unreadable(error):
                raise
            return leniently(connection, work)
    except sqlite3.Error as error:
        raise translate_error(error) from error
    finally:
        if connection.in_transaction:  # some errors end it
            connection.bounds.execute("ROLLBACK")


def _migrated(path: Path, durability: str, busy_timeout: float, known: FileIdentity | None) -> Connection:
    """A writer connection to the file, which is created or migrated as needed; with `known`, only to that very file.

    Raises Conflict if the path is a companion file of another database, and Unavailable.
    """
    refuse_as_database(path)
    try:
        with migration_lock(path):
            expect(path, known)
            refuse_unknown(path, busy_timeout=busy_timeout)
            writer = connect(path, durability=durability, busy_timeout=busy_timeout)
            try:
                migrate(sqlite_utils.Database(writer))
                writer.execute(_NO_WAITING)
            except sqlite3.Error as error:
                writer.close()
                raise translate_error(error) from error
            return writer
    except OSError as error:
        why = f"{error.filename}: {error.strerror}" if path.parent.is_dir() else f"there is no folder {path.parent}"
        raise Unavailable(f"Cannot open the database {path}: {why}") from error


def _for_writing(path: Path, durability: str, busy_timeout: float) -> Connection:
    """A writer connection to a file that is migrated already. Raises Unavailable."""
    writer = connect(path, durability=durability, busy_timeout=busy_timeout, create=False)
    writer.execute(_NO_WAITING)
    return writer
