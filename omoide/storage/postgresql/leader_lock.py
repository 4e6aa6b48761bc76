"""Leader election among workers: at most one leads, and another can take over as soon as it dies.

The leader holds a session-level advisory lock on a connection of its own. The server releases it when the connection
ends, however that happens.
"""

from __future__ import annotations

import contextlib

import psycopg

from omoide.core.database_location import DatabaseUrl
from omoide.storage.postgresql.errors import translate_error

KEY = 0x6F6D6C64
"""The advisory lock: "omld"."""


class LeaderLock:
    """The leader lock of one database."""

    def __init__(self, db: DatabaseUrl) -> None:
        self._db = db
        self._connection: psycopg.Connection | None = None

    def take(self) -> bool:
        """Try to become the leader; returns whether this process leads now. Raises Unavailable."""
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg.connect(self._db, autocommit=True)
            row = self._connection.execute("SELECT pg_try_advisory_lock(%s)", (KEY,)).fetchone()
        except psycopg.Error as error:
            raise translate_error(error) from error
        return bool(row and row[0])

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            self._connection.close()


def has_leader(db: DatabaseUrl) -> bool:
    """Whether any process is the leader for this database now."""
    query = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with contextlib.suppress(psycopg.Error), psycopg.connect(db, autocommit=True) as connection:
        return connection.execute(query, (KEY,)).fetchone() is not None
    return False
