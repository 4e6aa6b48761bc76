"""SQL for tests that look at stored rows, or change them, where the storage layer has no function for that.

Every function takes the connection first, as those of the storage layer do: `store.read(sql.count, "messages")`. A test
of another engine replaces this module. Tests of SQLite itself use its connections directly.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # as the storage layer: one library has its locks

from tests import postgresql

Values = Sequence[object] | Mapping[str, object]


class Executes(Protocol):
    def execute(self, statement: str, values: Any = ..., /) -> Any: ...


def rows(db: Executes, query: str, values: Values = ()) -> list[Any]:
    return [*db.execute(query, values)]


def row(db: Executes, query: str, values: Values = ()) -> Any:
    """Return the first row; None if there is none."""
    return db.execute(query, values).fetchone()


def column(db: Executes, query: str, values: Values = ()) -> list[Any]:
    """Return the first column of all rows."""
    return [each[0] for each in db.execute(query, values)]


def value(db: Executes, query: str, values: Values = ()) -> Any:
    """Return the first column of the first row, which must exist."""
    return db.execute(query, values).fetchone()[0]


def count(db: Executes, table: str, where: str = "1 = 1", values: Values = ()) -> int:
    return int(value(db, f"SELECT count(*) FROM {table} WHERE {where}", values))


def change(db: Executes, statement: str, values: Values = ()) -> int:
    """Run a statement, and return the number of changed rows."""
    return int(db.execute(statement, values).rowcount)


def make_due(db: Executes) -> int:
    """Make all jobs due now, and return their number."""
    return change(db, "UPDATE jobs SET due_at = 0")


@contextlib.contextmanager
def opened(database: Path) -> Iterator[Any]:
    """Open the database of a running server; every statement is a transaction of its own."""
    if postgresql.IS_USED:
        with postgresql.connected(database) as transaction:
            yield transaction
        return
    with contextlib.closing(sqlite3.connect(database, isolation_level=None, timeout=30)) as db:
        yield db


@contextlib.contextmanager
def transaction(db: Executes) -> Iterator[None]:
    db.execute("BEGIN")
    yield
    db.execute("COMMIT")


@contextlib.contextmanager
def locked(database: Path) -> Iterator[None]:
    """Hold the write lock, as another process does that does not finish its transaction."""
    with opened(database) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")
