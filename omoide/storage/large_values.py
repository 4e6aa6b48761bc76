"""References to stored JSON objects that are too large to be read together with their row.

An object of more than `INLINE_BYTES` is neither loaded nor parsed when its row is read. The record holds a reference
instead, and the text is streamed when a response is sent (`value_pieces`). So the memory and the time to read a row do
not depend on the size of its objects.
"""

from __future__ import annotations

from typing import Any

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core import config_merge, json_codec
from omoide.core.json_limits import too_large
from omoide.core.records import Change, Json
from omoide.storage.base import Transaction
from omoide.storage.dialect import json_or_null

INLINE_BYTES = 4_096
"""The largest object that is read and parsed with its row."""

LARGE_BYTES = 131_072
"""Of a larger configuration, only the known settings are parsed."""

_KEY = "\0large"
"""No caller's object has this key, because NUL characters are removed from keys."""

_MARK = "\1"
"""Prefix of the placeholder that is selected for a large object, which is not valid JSON; the size in bytes follows."""

# Since SQLite 3.43 the size of a text is available without loading it.
_SIZE = "octet_length({})" if sqlite3.sqlite_version_info >= (3, 43) else "length(CAST({} AS BLOB))"

_LONGEST_FORM = 4
"""No compact JSON text is this many times as long as another compact text of the same value."""


class LargeValue:
    """Reference to an object in `column` of the row of `table` where `key` is `of`."""

    # Not a dataclass, because pydantic would serialise its fields into the response.
    __slots__ = ("column", "key", "of", "size", "table")

    def __init__(self, table: str, column: str, key: str, of: int | str, size: int) -> None:
        self.table, self.column, self.key, self.of = table, column, key, of
        self.size = size
        """In bytes."""


def size_of(expression: str) -> str:
    """SQL for the size of a text in bytes."""
    return _SIZE.format(expression)


def stored_object(expression: str) -> str:
    """SQL for a JSON object, to be parsed by `rows.object_of`."""
    size = size_of(expression)
    return f"iif({size} > {INLINE_BYTES}, '{_MARK}' || {size}, {expression})"


def settings_in(expression: str) -> str:
    """SQL for a configuration; of a large one only the members that the server uses (sections, instructions, flags)."""
    known = ", ".join(f"'{name}'" for name in (*sorted(config_merge.SECTIONS), "custom_instructions", "observe_me"))
    member = "CASE type WHEN 'object' THEN json(value) WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') "
    found = f"SELECT json_group_object(key, {member} ELSE value END) FROM json_each({json_or_null(expression)})"
    return f"iif({size_of(expression)} > {LARGE_BYTES}, ({found} WHERE key IN ({known})), {expression})"


def is_mark(value: object) -> bool:
    """Whether the value is the placeholder of a large object."""
    return type(value) is str and value.startswith(_MARK) and value[1:].isdecimal()


def reference(mark: str, table: str, column: str, key: str, of: int | str) -> Json:
    """A JSON object that refers to a stored one."""
    return {_KEY: LargeValue(table, column, key, of, int(mark[1:]))}


def referred(value: Json) -> LargeValue | None:
    """The reference that the object holds; None for an ordinary object."""
    found = value.get(_KEY) if len(value) == 1 else None
    return found if type(found) is LargeValue else None


def text_of(db: Transaction, value: Json) -> str:
    """The JSON text of an object, read from the database for a reference; `{}` if the row is missing or damaged."""
    large = referred(value)
    if large is None:
        return json_codec.dumps(value).decode() if value else "{}"
    row = db.execute(f"SELECT {large.column} FROM {large.table} WHERE {large.key} = ?", (large.of,)).fetchone()
    return row[0] if row and type(row[0]) is str else "{}"


def loaded(db: Transaction, value: Json) -> Json:
    """The object itself, read from the database for a reference."""
    if referred(value) is None:
        return value
    try:
        found = json_codec.loads(text_of(db, value).encode())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def after(db: Transaction, stored: Json, given: Json) -> Json:
    """The new value of a column: `stored` if it equals `given`, so that nothing needs to be written; else `given`."""
    large = referred(stored)
    if large is not None and large.size > _LONGEST_FORM * len(json_codec.dumps(given)):
        return given
    return stored if loaded(db, stored) == given else given


def merged(db: Transaction, stored: Json, change: Change) -> Json:
    """A configuration after a change; as `after`, `stored` itself if nothing changes.

    Raises Unprocessable as `config_merge.merge_config`, and InvalidFields if it grows beyond the limit of the change.
    """
    if change.configuration is None:
        return stored
    result = config_merge.merge_config(loaded(db, stored), change.configuration)
    size = len(json_codec.dumps(result))
    if change.max_bytes is not None and size > max(change.max_bytes, weight(stored)):
        raise too_large(size, change.max_bytes, ("body", "configuration"), "Configuration")
    return after(db, stored, result)


def weight(value: Json) -> int:
    """The size of an object as JSON, in bytes."""
    large = referred(value)
    if large is not None:
        return large.size
    return len(json_codec.dumps(value)) if value else 2


def open_blob(db: Transaction, large: LargeValue) -> Any:
    """Open the stored text for reading in pieces: an object with `read(bytes)`, `seek(to)`, `len()` and `close()`.

    None if the row does not exist. Raises sqlite3.Error if the value is neither text nor bytes.
    """
    row = db.execute(f"SELECT pk FROM {large.table} WHERE {large.key} = ?", (large.of,)).fetchone()
    if row is None:
        return None
    if hasattr(db, "blobopen"):
        return db.blobopen(large.table, large.column, row[0], readonly=True)
    pysqlite3: Any = db
    return pysqlite3.open_blob(large.table, large.column, row[0], True)
