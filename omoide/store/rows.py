"""What the tables have in common: JSON columns, pages, and the selects that make records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, TypeVar

import orjson
from pydantic_core import from_json

from omoide import json_text
from omoide.clock import instant
from omoide.records import Json, Page, PageRequest, Peer, Session, Workspace
from omoide.store.database import Connection
from omoide.store.filters import Fields, compile_filters

T = TypeVar("T")
Row = tuple[Any, ...]


def to_text(value: Json) -> str:
    """The value as a JSON column holds it."""
    return json_text.dumps(value).decode() if value else "{}"


def from_text(text: str) -> Json:
    """The value of a JSON column, with every integer exact."""
    if text == "{}":
        return {}
    try:
        found: Json = from_json(text)
    except ValueError:  # nested deeper than that parser follows, as earlier versions stored it
        found = orjson.loads(text)
    return found


def insert(db: Connection, statement: str, params: Sequence[Any]) -> int:
    """Run an INSERT of one row and return its number."""
    return int(db.execute(statement, params).lastrowid or 0)


MOST_ROWS = 50
"""How many rows one statement inserts at the most: twice as many would save nothing more."""


def insert_all(db: Connection, into: str, values: Sequence[Row]) -> None:
    """INSERT rows, all as wide, `into` a table with its columns named.

    Few statements for many rows. Each one gives the interpreter to other threads and has to wait until it gets it back,
    which on a busy server costs more than the row does. Give flags as 0 and 1: for a bool pysqlite looks for an adapter
    each time, which takes as long as three rows.
    """
    start = 0
    while left := len(values) - start:
        # Powers of two below it, so that few different statements have to be prepared.
        count = MOST_ROWS if left >= MOST_ROWS else 1 << (left.bit_length() - 1)
        params = [value for row in values[start : start + count] for value in row]
        db.execute(_insertion(into, len(values[0]), count), params)
        start += count


@cache
def _insertion(into: str, width: int, count: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)}"


WORKSPACE = "w.pk, w.id, w.uid, w.metadata, w.configuration, w.created_at"
PEER = "p.pk, p.id, p.uid, w.id, p.metadata, p.configuration, p.created_at"
SESSION = "s.pk, s.id, s.uid, w.id, s.metadata, s.configuration, s.created_at, s.deleted_at IS NULL"


def workspace(row: Row) -> Workspace:
    pk, id, uid, metadata, configuration, created_at = row
    return Workspace(pk, id, uid, from_text(metadata), from_text(configuration), instant(created_at))


def peer(row: Row) -> Peer:
    pk, id, uid, workspace_id, metadata, configuration, created_at = row
    return Peer(pk, id, uid, workspace_id, from_text(metadata), from_text(configuration), instant(created_at))


def session(row: Row) -> Session:
    pk, id, uid, workspace_id, metadata, configuration, created_at, is_active = row
    return Session(
        pk, id, uid, workspace_id, from_text(metadata), from_text(configuration), instant(created_at), bool(is_active)
    )


def filtered(source: str, params: Sequence[Any], filters: Json | None, fields: Fields) -> tuple[str, Sequence[Any]]:
    """A source that ends in a WHERE clause, and its parameters, less the rows that the filter drops.

    Raises Unprocessable for a bad filter.
    """
    clause = compile_filters(filters, fields)
    return (source, params) if clause is None else (f"{source} AND {clause.sql}", (*params, *clause.params))


def page(
    db: Connection,
    columns: str,
    source: str,
    params: Sequence[Any],
    *,
    order: Sequence[str],
    request: PageRequest,
    make: Callable[[Row], T],
) -> Page[T]:
    """One page of `SELECT columns source`, ordered by the expressions in `order`, newest first if reversed."""
    (total,) = db.execute(f"SELECT count(*) {source}", params).fetchone()
    if request.offset >= total:
        return Page([], total, request)
    direction = " DESC" if request.reverse else ""
    ordering = ", ".join(f"{expression}{direction}" for expression in order)
    rows = db.execute(
        f"SELECT {columns} {source} ORDER BY {ordering} LIMIT ? OFFSET ?", (*params, request.size, request.offset)
    )
    return Page([make(row) for row in rows], total, request)
