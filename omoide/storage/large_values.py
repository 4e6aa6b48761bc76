"""References to stored JSON objects that are too large to be read together with their row.

An object of more than `INLINE_BYTES` is neither loaded nor parsed when its row is read. The record holds a reference
instead, and the text is streamed when a response is sent (`value_pieces`). So the memory and the time to read a row do
not depend on the size of its objects.
"""

from __future__ import annotations

from omoide.core import config_merge, json_codec
from omoide.core.json_limits import too_large
from omoide.core.records import Change, Json
from omoide.storage.base import Transaction
from omoide.storage.dialect import byte_length, json_members

INLINE_BYTES = 4_096
"""The largest object that is read and parsed with its row."""

LARGE_BYTES = 131_072
"""Of a larger configuration, only the known settings are parsed."""

_KEY = "\0large"
"""No caller's object has this key, because NUL characters are removed from keys."""

_MARK = "\1"
"""Prefix of the placeholder that is selected for a large object, which is not valid JSON; the size in bytes follows."""

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


def stored_object(expression: str) -> str:
    """SQL for a JSON object, to be parsed by `rows.object_of`."""
    size = byte_length(expression)
    return f"CASE WHEN {size} > {INLINE_BYTES} THEN '{_MARK}' || {size} ELSE {expression} END"


def settings_in(expression: str) -> str:
    """SQL for a configuration; of a large one only the members that the server uses (sections, instructions, flags)."""
    known = json_members(expression, (*sorted(config_merge.SECTIONS), "custom_instructions", "observe_me"))
    return f"CASE WHEN {byte_length(expression)} > {LARGE_BYTES} THEN {known} ELSE {expression} END"


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


def after(db: Transaction, stored: Json, given: Json | None) -> Json:
    """The new value of a column: `stored` if `given` is None or equal, so that nothing needs to be written."""
    if given is None:
        return stored
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
