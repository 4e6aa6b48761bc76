"""Compare the tables, indexes and triggers of a file with the current schema."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.migrations import migrate

logger = logging.getLogger("omoide.storage")

WORDS = ("message_words", "conclusion_words")
"""The full-text tables; SQLite adds shadow tables for each."""


class SchemaObject(NamedTuple):
    type: str
    name: str
    table: str
    sql: str | None


@cache
def expected() -> Mapping[str, SchemaObject]:
    """Name → object of the schema after all migrations."""
    database = sqlite_utils.Database(memory=True)
    try:
        migrate(database)
        return _objects(database.conn)
    finally:
        database.close()


def _objects(db: sqlite3.Connection) -> dict[str, SchemaObject]:
    query = "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%'"
    return {row[1]: SchemaObject(*row) for row in db.execute(query)}


def missing(db: Connection) -> list[SchemaObject]:
    """Objects of the current schema that the file lacks."""
    there = _objects(db)
    return [each for name, each in expected().items() if name not in there]


def differences(db: Connection) -> Iterator[str]:
    """One line per table, index or trigger that is missing or differs from the current schema."""
    there = _objects(db)
    for name, wanted in expected().items():
        found = there.get(name)
        if found is None:
            yield f"{wanted.type} {name} is missing"
        elif not _is_shadow(name) and _words(found.sql) != _words(wanted.sql):
            yield f"{wanted.type} {name} has a different definition"
    for name, found in there.items():
        if name not in expected() and found.table in expected() and found.type == "trigger":
            yield f"trigger {name} on {found.table} is unknown"


def restore_indexes(db: Connection) -> None:
    """Recreate missing indexes and triggers of a file with the current schema: without them, statements fail or are
    slow, or jobs are overlooked.

    One that cannot be created because rows contradict it is logged and skipped.
    """
    for each in missing(db):
        if each.type in ("index", "trigger") and each.sql:
            try:
                db.execute(each.sql)
                logger.warning("%s %s was missing and has been recreated", each.type, each.name)
            except sqlite3.Error as error:
                message = "%s %s is missing and cannot be recreated: %s; see omoide check"
                logger.error(message, each.type, each.name, error)


def _is_shadow(name: str) -> bool:
    """Whether this is a shadow table of a full-text index; their definitions differ between versions of SQLite."""
    return any(name.startswith(f"{words}_") for words in WORDS)


def _words(sql: str | None) -> list[str]:
    """The tokens of a definition, without layout and quotes, in which versions of SQLite differ."""
    return re.findall(r"\w+|[^\w\s\"'`]", sql or "")
