"""Read one snapshot in several steps, on a connection of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

import psycopg
from psycopg import Connection, IsolationLevel

from omoide.core.database_location import DatabaseUrl
from omoide.storage.postgresql.connection import PostgresTransaction, adapt
from omoide.storage.postgresql.errors import translated

T = TypeVar("T")


class SnapshotReader:
    """A connection that sees one snapshot."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._transaction = PostgresTransaction(connection)

    async def step(self, fn: Callable[[PostgresTransaction], T]) -> T:
        """Run `fn(transaction)` in a thread."""

        def work() -> T:
            with translated():
                return fn(self._transaction)

        return await asyncio.to_thread(work)


def opened_snapshot(url: DatabaseUrl) -> Connection:
    """A connection of its own that sees one snapshot. Raises Unavailable."""
    with translated():
        connection = psycopg.connect(url, autocommit=False)
    adapt(connection)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    connection.read_only = True
    return connection
