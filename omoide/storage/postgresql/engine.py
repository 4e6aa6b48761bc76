"""The connections to a PostgreSQL database.

Every read and write runs in a thread, on a connection of a pool; it waits for the server most of the time. Reads of
several statements see one snapshot (REPEATABLE READ). Writes are READ COMMITTED, so that a statement after a lock sees
what was committed before it; one that lost a race is run again. Nothing is kept in a session of the server, so that a
pooler may give each transaction another one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Concatenate, ParamSpec, TypeVar

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool, PoolTimeout

from omoide.core.database_location import DatabaseUrl
from omoide.core.errors import Unavailable
from omoide.core.offload import runs_in_threads
from omoide.storage.postgresql.connection import PostgresTransaction, configure
from omoide.storage.postgresql.errors import AGAIN, meaning, translate_error, translated
from omoide.storage.postgresql.long_read import SnapshotReader, opened_snapshot
from omoide.storage.postgresql.migrations import migrate

P = ParamSpec("P")
T = TypeVar("T")

CONNECTIONS = 16
"""Connections of a process at most."""

BEGIN_READ = b"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL jit = off"

TRIES = 8
"""How often a write runs that loses races."""


class Store:
    """Access to the database for one process. Open it with `Store.open`, close it with `close`."""

    def __init__(
        self, pool: ConnectionPool[Connection], url: DatabaseUrl, busy_timeout: float, durability: str
    ) -> None:
        # Settings of a session would reach other clients of a pooler, or be lost; these end with their transaction.
        begin = f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {int(busy_timeout * 1000)}"
        if durability != "full":
            begin += "; SET LOCAL synchronous_commit = off"
        self._begin_write = begin.encode()
        self.location = url
        self.busy_timeout = busy_timeout
        self.takes_writes = True
        self._pool = pool

    @classmethod
    def open(
        cls,
        url: DatabaseUrl,
        *,
        durability: str = "full",
        busy_timeout: float = 5.0,
        wal_limit_bytes: int = 0,
        known: object = None,
    ) -> Store:
        """Connect and migrate. The server limits its log itself. Raises Unavailable."""
        cls.prepare(url)
        pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            min_size=1,
            max_size=CONNECTIONS,
            timeout=busy_timeout,
            kwargs={"autocommit": True},
            configure=configure,
            open=True,
        )
        return cls(pool, url, busy_timeout, durability)

    @staticmethod
    def prepare(url: DatabaseUrl, *, durability: str = "full", busy_timeout: float = 5.0) -> None:
        """Create and migrate the tables as needed. Raises Unavailable."""
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                migrate(connection)
        except psycopg.Error as error:
            raise Unavailable(f"Cannot open the database: {str(error).splitlines()[0]}") from error

    async def read(
        self, fn: Callable[Concatenate[PostgresTransaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(transaction, …)` on one snapshot of the committed data and return its result."""
        return await self._in_thread(lambda: self._read(fn, *args, **kwargs))

    async def read_single(
        self, fn: Callable[Concatenate[PostgresTransaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `read`, for a function that runs one statement: it needs no transaction."""

        def work() -> T:
            with self._connected() as connection:
                return fn(PostgresTransaction(connection), *args, **kwargs)

        return await self._in_thread(work)

    read_offloaded = read
    read_page = read
    read_at_once = read

    @contextlib.asynccontextmanager
    async def long_read(self) -> AsyncIterator[SnapshotReader]:
        """Open one snapshot on a connection of its own, to read it in several steps."""
        connection = await self._in_thread(self._snapshot)
        try:
            yield SnapshotReader(connection)
        finally:
            await asyncio.to_thread(connection.close)

    async def write(
        self, fn: Callable[Concatenate[PostgresTransaction, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run `fn(transaction, …)` and return its result once its changes are committed."""
        try:
            result = await self._in_thread(lambda: self._write(fn, *args, **kwargs))
        except Unavailable:
            self.takes_writes = False
            raise
        self.takes_writes = True
        return result

    def log_size(self) -> tuple[int, int]:
        """The server limits its log itself."""
        return 0, 1

    def is_writable(self) -> bool:
        return True

    def close(self) -> None:
        self._pool.close()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        if not runs_in_threads():
            await asyncio.sleep(0)
            return work()
        return await asyncio.to_thread(work)

    def _snapshot(self) -> Connection:
        return opened_snapshot(self.location)

    def _read(self, fn: Callable[Concatenate[PostgresTransaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        with self._connected() as connection:
            connection.execute(BEGIN_READ)
            try:
                return fn(PostgresTransaction(connection), *args, **kwargs)
            finally:
                _end(connection, "ROLLBACK")

    def _write(self, fn: Callable[Concatenate[PostgresTransaction, P], T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        for attempt in range(TRIES):
            try:
                with self._pool.connection() as connection:
                    connection.execute(self._begin_write)
                    try:
                        result = fn(PostgresTransaction(connection), *args, **kwargs)
                    except BaseException:
                        _end(connection, "ROLLBACK")
                        raise
                    connection.execute("COMMIT")
                    return result
            except AGAIN as error:
                if attempt == TRIES - 1:
                    raise translate_error(error) from error
                time.sleep(0.001 * 2**attempt)
            except (psycopg.Error, PoolTimeout) as error:
                raise meaning(error) from error
        raise AssertionError

    @contextlib.contextmanager
    def _connected(self) -> Iterator[Connection]:
        with translated(), self._pool.connection() as connection:
            yield connection


def _end(connection: Connection, statement: str) -> None:
    with contextlib.suppress(psycopg.Error):
        connection.execute(statement)


@contextlib.contextmanager
def snapshot(url: DatabaseUrl, *, busy_timeout: float) -> Iterator[PostgresTransaction]:
    """One snapshot of the database, even while others write. Raises Unavailable."""
    with contextlib.closing(opened_snapshot(url)) as connection, translated():
        yield PostgresTransaction(connection)
