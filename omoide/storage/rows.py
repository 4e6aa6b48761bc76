"""Helpers for all tables: JSON columns, pagination, and making records of rows.

A damaged value affects only its own row: `reader` replaces it as `column_validation` defines, and logs it once. For
valid rows this costs one comparison of the types of their values.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain
from typing import Any, Generic, TypeVar

import orjson
from pydantic_core import from_json

from omoide.core import json_codec
from omoide.core.clock import valid
from omoide.core.records import Json, Page, PageRequest, Peer, Session, Workspace
from omoide.storage import column_validation
from omoide.storage.base import ManyRows, Transaction
from omoide.storage.column_validation import Rule
from omoide.storage.filters import FilterFields, compile_filters
from omoide.storage.large_values import is_mark, reference, stored_object

logger = logging.getLogger("omoide.storage")

T = TypeVar("T")
Row = tuple[Any, ...]


def to_text(value: Json) -> str:
    """Serialise a value for a JSON column."""
    return json_codec.dumps(value).decode() if value else "{}"


def from_text(text: str) -> Json:
    """Parse the object in a JSON column, with exact integers. Raises ValueError for anything else."""
    if text == "{}":
        return {}
    try:
        found = from_json(text)
    except ValueError:  # nested deeper than that parser supports, as stored by earlier versions
        found = orjson.loads(text)
    if type(found) is not dict:
        raise ValueError("not a JSON object")
    return found


def object_of(text: str, table: str, column: str, key: str, value: int | str) -> Json:
    """As `from_text`, but returns a reference for a large object: to this column of the row where `key` is `value`."""
    try:
        found = from_json(text)
    except ValueError:
        return reference(text, table, column, key, value) if is_mark(text) else from_text(text)
    if type(found) is not dict:
        raise ValueError("not a JSON object")
    return found


def texts_from(text: str) -> list[str]:
    """Parse a stored JSON list of strings. Raises ValueError for anything else."""
    values = orjson.loads(text)
    if type(values) is not list or any(type(value) is not str for value in values):
        raise ValueError("not a list of texts")
    return values


MOST_LOGGED = 1_000
"""Maximum number of damaged values that a process logs."""
_logged: set[tuple[str, object]] = set()


def mended(columns: Sequence[str], row: Row) -> Row:
    """The row with invalid values replaced. `columns` are `table.column`, or "" for computed values."""
    rules = _rules((*columns,))
    if all(rule is None or rule.admits(value) or is_mark(value) for rule, value in zip(rules, row, strict=True)):
        return row
    values = []
    for column, rule, value in zip(columns, rules, row, strict=True):
        if rule is None or rule.admits(value) or is_mark(value):
            values.append(value)
        else:
            _log_once(columns, row, column, rule)
            values.append(rule.mend(value))
    return (*values,)


def mender(column: str) -> Callable[[Any], Any]:
    """A function that returns a value of this `table.column`, or its replacement if it is invalid."""
    (rule,) = _rules((column,))

    def mend(value: Any) -> Any:
        return value if rule is None or rule.admits(value) else mended([column], (value,))[0]

    return mend


@cache
def _rules(columns: tuple[str, ...]) -> tuple[Rule | None, ...]:
    return (*(column_validation.rule_of(column) if column else None for column in columns),)


def _log_once(columns: Sequence[str], row: Row, column: str, rule: Rule) -> None:
    """Log a damaged value once per process, identified by the first id of its table in the row."""
    table = column.partition(".")[0]
    pairs = zip(columns, row, strict=True)
    known_by = next((value for name, value in pairs if name == f"{table}.id" and name != column), row[0])
    message = "damaged: %s of %.100r is not %s; a replacement value is used; see omoide check"
    log_once((column, known_by), message, (column, known_by, rule.what))


def log_once(about: tuple[str, object], message: str, values: Row) -> None:
    """Log a warning about damage, whose values are formatted into the message, once per process."""
    if about not in _logged and len(_logged) < MOST_LOGGED:
        _logged.add(about)
        logger.warning(message, *values)


def reader(columns: Sequence[str], make: Callable[[Row], T]) -> Callable[[Row], T]:
    """A function that makes a record of a selected row, whose columns are given as in `mended`.

    `make` is called with a row, or with a repaired one if a value has an invalid type, if a count is out of range, or
    if `make` raises ValueError or OverflowError.
    """
    rules = _rules((*columns,))
    sound: set[tuple[type, ...]] = set()
    counts = [
        (at, rule)
        for at, rule in enumerate(rules)
        if rule and rule in (column_validation.COUNT, column_validation.POSITION)
    ]

    def read(row: Row) -> T:
        types = (*map(type, row),)
        if types not in sound and all(
            rule is None or type_ in rule.types for rule, type_ in zip(rules, types, strict=True)
        ):
            sound.add(types)
        if types in sound and (not counts or all(rule.admits(row[at]) for at, rule in counts)):
            try:
                return make(row)
            except (ValueError, OverflowError):
                pass
        return make(mended(columns, row))

    return read


MOST_ROWS = 50
"""Maximum number of rows per statement; twice as many would not be faster."""


FEW_ROWS = 8
"""Up to this number, each count of rows has its own statement, which is prepared once."""


def insert_all(db: Transaction, into: str, values: Sequence[Row], ending: str = "") -> None:
    """INSERT rows of equal length `into` a table, given with its column names. `ending` follows, as ON CONFLICT.

    Uses few statements, because each one releases the GIL and waits to get it back, which costs more than a row on a
    busy server. Pass flags as 0 and 1, and omit columns that are None in all rows, because pysqlite looks up an adapter
    for each bool or None, which takes half as long as a row.
    """
    start = 0
    while left := len(values) - start:
        # Powers of two below the maximum, so that few different statements are prepared.
        count = left if left <= FEW_ROWS else MOST_ROWS if left >= MOST_ROWS else 1 << (left.bit_length() - 1)
        params = [*chain.from_iterable(values[start : start + count])]
        db.execute(_insertion(into, len(values[0]), count, ending), params)
        start += count


@cache
def _insertion(into: str, width: int, count: int, ending: str) -> str:
    row = f"({', '.join('?' * width)})"
    return f"INSERT INTO {into} VALUES {', '.join([row] * count)} {ending}"


def _owned(alias: str) -> str:
    return f"{stored_object(f'{alias}.metadata')}, {stored_object(f'{alias}.configuration')}"


WORKSPACE = f"w.pk, w.id, w.uid, {_owned('w')}, w.created_at"
PEER = f"p.pk, p.id, p.uid, w.id, {_owned('p')}, p.created_at"
SESSION = f"s.pk, s.id, s.uid, w.id, {_owned('s')}, s.created_at, s.deleted_at IS NULL"


def _values(table: str, pk: int, metadata: str, configuration: str, created_at: int) -> tuple[Json, Json, int]:
    return (
        {} if metadata == "{}" else object_of(metadata, table, "metadata", "pk", pk),
        {} if configuration == "{}" else object_of(configuration, table, "configuration", "pk", pk),
        valid(created_at),
    )


def _workspace(row: Row) -> Workspace:
    pk, id, uid, metadata, configuration, created_at = row
    return Workspace(pk, id, uid, *_values("workspaces", pk, metadata, configuration, created_at))


def _peer(row: Row) -> Peer:
    pk, id, uid, workspace_id, metadata, configuration, created_at = row
    return Peer(pk, id, uid, workspace_id, *_values("peers", pk, metadata, configuration, created_at))


def _session(row: Row) -> Session:
    pk, id, uid, workspace_id, metadata, configuration, created_at, is_active = row
    values = _values("sessions", pk, metadata, configuration, created_at)
    return Session(pk, id, uid, workspace_id, *values, bool(is_active))


def _columns(table: str) -> list[str]:
    owned = [f"{table}.{name}" for name in ("uid", "metadata", "configuration", "created_at")]
    return ["", f"{table}.id", owned[0], *([] if table == "workspaces" else ["workspaces.id"]), *owned[1:]]


workspace = reader(_columns("workspaces"), _workspace)
peer = reader(_columns("peers"), _peer)
session = reader([*_columns("sessions"), ""], _session)


def filtered(
    source: str, params: Sequence[Any], filters: Json | None, fields: FilterFields
) -> tuple[str, Sequence[Any]]:
    """Append a filter to a source that ends in a WHERE clause; returns the source and its parameters.

    Raises Unprocessable for a bad filter.
    """
    clause = compile_filters(filters, fields)
    return (source, params) if clause is None else (f"{source} AND {clause.sql}", (*params, *clause.params))


def _count(db: Transaction, source: str, params: Sequence[Any]) -> int:
    if db.most_counted is None:
        return int(db.execute(f"SELECT count(*) {source}", params).fetchone()[0])
    limited = f"SELECT count(*) FROM (SELECT 1 {source} LIMIT ?) counted"
    (total,) = db.execute(limited, (*params, db.most_counted + 1)).fetchone()
    if total > db.most_counted:
        raise ManyRows
    return int(total)


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What `page` lists: the rows of `SELECT columns source`, ordered by the expressions in `order`."""

    columns: str
    source: str
    params: Sequence[Any]
    order: Sequence[str]
    make: Callable[[Row], T]


def page(db: Transaction, listing: Listing[T], request: PageRequest) -> Page[T]:
    """One page of a listing, in descending order if reversed.

    Raises ManyRows if the transaction may not count that many rows.
    """
    total = _count(db, listing.source, listing.params)
    if request.offset >= total:
        return Page([], total, request)
    direction = " DESC" if request.reverse else ""
    ordering = ", ".join(f"{expression}{direction}" for expression in listing.order)
    rows = db.execute(
        f"SELECT {listing.columns} {listing.source} ORDER BY {ordering} LIMIT ? OFFSET ?",
        (*listing.params, request.size, request.offset),
    )
    return Page([listing.make(row) for row in rows], total, request)
