"""The kind of connection that all of the store works with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.store.column_rules import guarded, readable

T = TypeVar("T")


class ManyRows(Exception):
    """There are more rows than may be counted on this connection."""


class Connection(sqlite3.Connection):
    """A connection that knows what is still to be done before the transaction of its writer is committed."""

    most_counted: int | None = None
    """How many rows a page may count before it raises `ManyRows`; None: any number."""

    owed: list[Callable[[Connection], None]] | None = None
    """None where no writer is at work, and nobody would do it."""


def is_unreadable(error: BaseException) -> bool:
    """Whether the error is that a stored text is not UTF-8, or stored JSON none."""
    signs = ("Could not decode to UTF-8", "malformed JSON")
    return isinstance(error, sqlite3.OperationalError) and any(sign in str(error) for sign in signs)


def leniently(connection: Connection, work: Callable[[], T]) -> T:
    """What `work` returns, reading U+FFFD where stored text is not UTF-8, and NULL where stored JSON is none.

    Statements take longer so: do it where they have failed.
    """
    connection.text_factory = readable
    # In place of the method: other connections, and this one later, pay nothing for it.
    vars(connection)["execute"] = lambda sql, *params: sqlite3.Connection.execute(connection, guarded(sql), *params)
    try:
        return work()
    finally:
        del vars(connection)["execute"]
        connection.text_factory = str
