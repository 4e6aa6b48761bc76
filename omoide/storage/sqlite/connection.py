"""The SQLite connection class of the storage layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.base import Transaction
from omoide.storage.column_validation import readable
from omoide.storage.sqlite.dialect import guarded

T = TypeVar("T")


class Connection(sqlite3.Connection):
    """A connection that holds the steps to run before its group commit."""

    most_counted: int | None = None
    """The number of rows that a page may count before it raises `ManyRows`; None: unlimited."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.bounds = self.cursor()
        """For statements that begin and end transactions: making a cursor for each takes a fifth of a short read."""

    wary: int = 0
    """The number of next writes that run in savepoints; see `group_commit`."""

    deferred: list[Callable[[Connection], None]] | None = None
    """None outside of a group commit, where there is no later point to run them."""

    def lock(self, table: str, pk: int, /) -> None:
        """Do nothing: the transaction of a write holds the database."""

    def try_lock(self, table: str, pk: int, /) -> bool:
        """Do nothing."""
        return True


def native(db: Transaction) -> Connection:
    """The connection that a transaction of this engine is."""
    assert isinstance(db, Connection)
    return db


def is_unreadable(error: BaseException) -> bool:
    """Whether the error is caused by stored text that is not UTF-8, or by invalid stored JSON."""
    signs = ("Could not decode to UTF-8", "malformed JSON")
    return isinstance(error, sqlite3.OperationalError) and any(sign in str(error) for sign in signs)


def leniently(connection: Connection, work: Callable[[], T]) -> T:
    """Run `work`, reading stored text that is not UTF-8 with U+FFFD, and invalid stored JSON as NULL.

    Statements are slower this way, so use it only after they have failed.
    """
    connection.text_factory = readable
    # Overrides the method on this instance only, so that other connections, and this one later, pay nothing.
    vars(connection)["execute"] = lambda sql, *params: sqlite3.Connection.execute(connection, guarded(sql), *params)
    try:
        return work()
    finally:
        del vars(connection)["execute"]
        connection.text_factory = str
