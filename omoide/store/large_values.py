"""Stored JSON objects that are too large to be read together with their row.

An object of more than `INLINE_BYTES` is neither loaded nor parsed when its row is read. The record holds a reference in
its place, and the text is read in pieces when an answer is sent (`value_pieces`). So neither the memory nor the time
that a row takes depends on how large its objects are.
"""

from __future__ import annotations

from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide import configuration, json_text
from omoide.metadata import too_large
from omoide.records import Change, Json
from omoide.store.column_rules import json_or_null
from omoide.store.connection import Connection

INLINE_BYTES = 4_096
"""The largest object that is read and parsed with its row."""

LARGE_BYTES = 131_072
"""A configuration that is larger is not parsed as a whole to work with its settings."""

_KEY = "\0large"
"""No object of a caller has this key, because NUL characters are removed from keys."""

_MARK = "\1"
"""What a large object is selected as begins with this, which is not JSON; its size in bytes follows."""

# SQLite from 3.43 on knows the size of a text without loading it.
_SIZE = "octet_length({})" if sqlite3.sqlite_version_info >= (3, 43) else "length(CAST({} AS BLOB))"

_LONGEST_FORM = 4
"""No form of a JSON value is so many times as long as another one that is written without blanks."""


class LargeValue:
    """Where an object is stored: in `column` of the row of `table` whose `key` has the value `of`."""

    # Not a dataclass, whose fields pydantic would write into the answer.
    __slots__ = ("column", "key", "of", "size", "table")

    def __init__(self, table: str, column: str, key: str, of: int | str, size: int) -> None:
        self.table, self.column, self.key, self.of = table, column, key, of
        self.size = size
        """In bytes."""


def size_of(expression: str) -> str:
    """SQL for the size of a text in bytes."""
    return _SIZE.format(expression)


def stored_object(expression: str) -> str:
    """SQL for a JSON object, to be read by `object_of` of `rows`."""
    size = size_of(expression)
    return f"iif({size} > {INLINE_BYTES}, '{_MARK}' || {size}, {expression})"


def settings_in(expression: str) -> str:
    """SQL for a configuration, of a large one only what the server reads: its sections, instructions and flags."""
    known = ", ".join(f"'{name}'" for name in (*sorted(configuration.SECTIONS), "custom_instructions", "observe_me"))
    member = "CASE type WHEN 'object' THEN json(value) WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') "
    found = f"SELECT json_group_object(key, {member} ELSE value END) FROM json_each({json_or_null(expression)})"
    return f"iif({size_of(expression)} > {LARGE_BYTES}, ({found} WHERE key IN ({known})), {expression})"


def is_mark(value: object) -> bool:
    """Whether this was selected in place of a large object."""
    return type(value) is str and value.startswith(_MARK) and value[1:].isdecimal()


def reference(mark: str, table: str, column: str, key: str, of: int | str) -> Json:
    """An object that stands for a stored one."""
    return {_KEY: LargeValue(table, column, key, of, int(mark[1:]))}


def referred(value: Json) -> LargeValue | None:
    """What the object refers to; None if it is an ordinary one."""
    found = value.get(_KEY) if len(value) == 1 else None
    return found if type(found) is LargeValue else None


def text_of(db: Connection, value: Json) -> str:
    """The JSON text of an object, which is read if it is a reference; `{}` where the row is gone or damaged."""
    large = referred(value)
    if large is None:
        return json_text.dumps(value).decode() if value else "{}"
    row = db.execute(f"SELECT {large.column} FROM {large.table} WHERE {large.key} = ?", (large.of,)).fetchone()
    return row[0] if row and type(row[0]) is str else "{}"


def loaded(db: Connection, value: Json) -> Json:
    """The object itself, which is read if it is a reference."""
    if referred(value) is None:
        return value
    try:
        found = json_text.loads(text_of(db, value).encode())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def after(db: Connection, stored: Json, given: Json) -> Json:
    """What a column holds once `given` replaces it: `stored` where that says the same, so that nothing is written."""
    large = referred(stored)
    if large is not None and large.size > _LONGEST_FORM * len(json_text.dumps(given)):
        return given
    return stored if loaded(db, stored) == given else given


def merged(db: Connection, stored: Json, change: Change) -> Json:
    """A configuration after a change, as `after` says.

    Raises Unprocessable as `configuration.patched`, and InvalidFields where it grows beyond what the change admits.
    """
    if change.configuration is None:
        return stored
    result = configuration.patched(loaded(db, stored), change.configuration)
    size = len(json_text.dumps(result))
    if change.max_bytes is not None and size > max(change.max_bytes, weight(stored)):
        raise too_large(size, change.max_bytes, "body", "configuration", what="Configuration")
    return after(db, stored, result)


def weight(value: Json) -> int:
    """How many bytes of JSON an object takes."""
    large = referred(value)
    if large is not None:
        return large.size
    return len(json_text.dumps(value)) if value else 2


def open_blob(db: Connection, large: LargeValue) -> Any:
    """The stored text, to be read in pieces: a context manager with `read(bytes)`, `seek(to)` and `len()`.

    None where the row is gone. Raises sqlite3.Error where the value is neither text nor bytes.
    """
    row = db.execute(f"SELECT pk FROM {large.table} WHERE {large.key} = ?", (large.of,)).fetchone()
    if row is None:
        return None
    if hasattr(db, "blobopen"):
        return db.blobopen(large.table, large.column, row[0], readonly=True)
    pysqlite3: Any = db
    return pysqlite3.open_blob(large.table, large.column, row[0], True)
