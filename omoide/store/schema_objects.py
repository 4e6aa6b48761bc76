"""Tables, indexes and triggers of the present schema, compared with those that a file has."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.store.connection import Connection
from omoide.store.migrations import migrate

logger = logging.getLogger("omoide.store")

WORDS = ("message_words", "conclusion_words")
"""The full-text tables, which SQLite accompanies by tables of its own."""


class SchemaObject(NamedTuple):
    type: str
    name: str
    table: str
    sql: str | None


@cache
def expected() -> Mapping[str, SchemaObject]:
    """Name → object of the schema that all migrations make together."""
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
    """What the present schema has and the file lacks."""
    there = _objects(db)
    return [each for name, each in expected().items() if name not in there]


def differences(db: Connection) -> Iterator[str]:
    """A line for each table, index or trigger that is missing or another than in the present schema."""
    there = _objects(db)
    for name, wanted in expected().items():
        found = there.get(name)
        if found is None:
            yield f"{wanted.type} {name} is missing"
        elif not _is_shadow(name) and _words(found.sql) != _words(wanted.sql):
            yield f"{wanted.type} {name} is not defined as it must be"
    for name, found in there.items():
        if name not in expected() and found.table in expected() and found.type == "trigger":
            yield f"trigger {name} on {found.table} is not one of Omoide's"


def restore_indexes(db: Connection) -> None:
    """Make again the indexes and triggers that a file of the present schema lacks: without one, statements fail or
    crawl, or jobs are overlooked.

    One that cannot be made, since rows contradict it, is logged and left out.
    """
    for each in missing(db):
        if each.type in ("index", "trigger") and each.sql:
            try:
                db.execute(each.sql)
                logger.warning("%s %s was missing and has been made again", each.type, each.name)
            except sqlite3.Error as error:
                message = "%s %s is missing and cannot be made: %s; see omoide check"
                logger.error(message, each.type, each.name, error)


def _is_shadow(name: str) -> bool:
    """Whether a table is one of those in which SQLite keeps a full-text index: versions define them differently."""
    return any(name.startswith(f"{words}_") for words in WORDS)


def _words(sql: str | None) -> list[str]:
    """A definition without its layout and quotes, in which versions of SQLite differ."""
    return re.findall(r"\w+|[^\w\s\"'`]", sql or "")
