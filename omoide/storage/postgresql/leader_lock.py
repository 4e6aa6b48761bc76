"""Leader election among workers: at most one leads, and another can take over as soon as it dies.

The leader holds an advisory lock on a connection of its own, in a transaction that stays open: a pooler then leaves the
connection to it. The transaction has no snapshot and changes nothing, so it does not hinder VACUUM. The server releases
the lock when the connection ends, however that happens.
"""

from __future__ import annotations

import contextlib

import psycopg
from psycopg.pq import TransactionStatus

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
            return _locked(self._connection)
        except psycopg.Error as error:
            self.close()
            raise translate_error(error) from error

    def close(self) -> None:
        """Release the lock."""
        if self._connection is not None:
            self._connection.close()


def _locked(connection: psycopg.Connection) -> bool:
    """Whether the connection has the lock, which is kept by leaving its transaction open."""
    leads = connection.info.transaction_status is TransactionStatus.INTRANS
    if not leads:
        connection.execute("BEGIN; SET LOCAL idle_in_transaction_session_timeout = 0")
    row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", (KEY,)).fetchone()
    leads = leads or bool(row and row[0])
    if not leads:
        connection.execute("ROLLBACK")
    return leads


def has_leader(db: DatabaseUrl) -> bool:
    """Whether any process is the leader for this database now."""
    query = """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"""
    with contextlib.suppress(psycopg.Error), psycopg.connect(db, autocommit=True) as connection:
        return connection.execute(query, (KEY,)).fetchone() is not None
    return False
