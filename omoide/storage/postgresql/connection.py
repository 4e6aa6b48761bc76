"""The transaction of this engine, and how values are converted.

Portable statements treat flags as integers, and numbers of any size as Python's: so a bool is sent as a bigint, and
`numeric` (what `sum` of bigints is) is read as int where it is whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Connection, Cursor
from psycopg.abc import AdaptContext, Buffer
from psycopg.adapt import Dumper, Loader
from psycopg.types.string import TextLoader

from omoide.storage.base import Transaction
from omoide.storage.postgresql.placeholders import bound, rewritten


class PostgresTransaction:
    """Runs portable statements on a connection in a transaction."""

    most_counted: int | None = None
    """Reads never run on the event loop, so pages may count any number of rows."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] | Mapping[str, Any] = (), /) -> StatementResult:
        """Run one statement. Raises psycopg.Error."""
        statement = rewritten(sql)
        return StatementResult(self.connection.execute(statement.sql.encode(), bound(statement, parameters)))

    def executemany(self, sql: str, parameters: Iterable[Sequence[Any]], /) -> StatementResult:
        """Run one statement for each of the sequences of parameters. Raises psycopg.Error."""
        statement = rewritten(sql)
        cursor = self.connection.cursor()
        cursor.executemany(statement.sql.encode(), [bound(statement, each) for each in parameters])
        return StatementResult(cursor)

    def lock(self, table: str, pk: int, /) -> None:
        """Lock a row until the end of the transaction; if it does not exist, do nothing."""
        key = "one" if table == "embedder" else "pk"
        self.execute(f"SELECT 1 FROM {table} WHERE {key} = ? FOR UPDATE", (pk,)).fetchone()

    def try_lock(self, table: str, pk: int, /) -> bool:
        """Lock a row unless another transaction holds it. Returns whether it is locked."""
        query = f"SELECT 1 FROM {table} WHERE pk = ? FOR UPDATE SKIP LOCKED"
        return self.execute(query, (pk,)).fetchone() is not None


class StatementResult:
    """The result of a statement, which psycopg has read whole."""

    lastrowid = None
    """See `dialect.insert_row`."""

    def __init__(self, cursor: Cursor[Any]) -> None:
        self._cursor = cursor

    @property
    def rowcount(self) -> int:
        return self._cursor.rowcount

    def fetchone(self) -> Any:
        return self._cursor.fetchone() if self._cursor.description else None

    def fetchall(self) -> list[Any]:
        return self._cursor.fetchall() if self._cursor.description else []

    def __iter__(self) -> Any:
        return iter(self._cursor) if self._cursor.description else iter(())

    def close(self) -> None:
        self._cursor.close()


def native(db: Transaction) -> Connection:
    """The connection behind a transaction of this engine."""
    assert isinstance(db, PostgresTransaction)
    return db.connection


class _FlagDumper(Dumper):
    """A bool as an integer."""

    oid = 20

    def dump(self, obj: bool) -> Buffer:
        return b"1" if obj else b"0"


class _WholeLoader(Loader):
    """`numeric` as int where it is whole."""

    def load(self, data: Buffer) -> int | float:
        text = bytes(data).decode()
        return int(text) if text.lstrip("-").isdigit() else float(text)


def adapt(context: AdaptContext) -> None:
    """Convert values as portable statements expect it."""
    adapters = context.adapters
    adapters.register_dumper(bool, _FlagDumper)
    adapters.register_loader("numeric", _WholeLoader)
    adapters.register_loader("jsonb", TextLoader)  # callers parse it


def configure(connection: Connection) -> None:
    """Prepare a connection of the pool."""
    adapt(connection)
    if _is_pooled(connection):
        connection.prepare_threshold = None  # the next transaction may run where nothing was prepared


def _is_pooled(connection: Connection) -> bool:
    """Whether a pooler is between: it gave the connection a process number of its own."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    return row is None or row[0] != connection.info.backend_pid
