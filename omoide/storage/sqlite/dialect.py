"""Fragments of SQL in SQLite's spelling. `omoide.storage.dialect` says what each of them means."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any

import orjson
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.column_validation import MOST

IntegrityError = sqlite3.IntegrityError

CASELESS_LIKE = "LIKE"
ORDERED_JOIN = "CROSS JOIN"


def array(values: Collection[object]) -> str:
    return orjson.dumps([*values]).decode()


def unnest(type: str, alias: str, parameter: str = "?") -> str:
    return f"json_each({parameter}) {alias}"


def array_of_rows(rows: Collection[Sequence[int]]) -> str:
    return orjson.dumps([[*row] for row in rows]).decode()


def unnest_rows(alias: str, *columns: str) -> str:
    values = ", ".join(f"value ->> {at} AS {column}" for at, column in enumerate(columns))
    return f"(SELECT key, {values} FROM json_each(?)) {alias}"


def in_array(type: str, parameter: str = "?") -> str:
    return f"IN (SELECT value FROM json_each({parameter}))"


def for_update(alias: str) -> str:
    return ""  # writes are serial


def for_key_share(alias: str) -> str:
    return ""  # writes are serial


def skip_locked() -> str:
    return ""  # writes are serial


def insert_row(db: Any, statement: str, params: Sequence[Any]) -> int:
    # RETURNING would take twice as long.
    return int(db.execute(statement, params).lastrowid or 0)


def use_index(name: str) -> str:
    return f"INDEXED BY {name}"


def without_index(column: str) -> str:
    return f"+{column}"


def greatest(*values: str) -> str:
    return f"max({', '.join(values)})"


def least(*values: str) -> str:
    return f"min({', '.join(values)})"


def is_blob(value: str) -> str:
    return f"typeof({value}) = 'blob'"


def is_integer(value: str) -> str:
    return f"typeof({value}) = 'integer'"


def count_or_zero(column: str, most: int = MOST) -> str:
    # An integer overflow in sum() aborts the whole statement.
    return f"iif({is_integer(column)} AND {column} BETWEEN 0 AND {most}, {column}, 0)"


# Since SQLite 3.43 the size of a text is available without loading it.
_SIZE = "octet_length({})" if sqlite3.sqlite_version_info >= (3, 43) else "length(CAST({} AS BLOB))"


def byte_length(text: str) -> str:
    return _SIZE.format(text)


def holds_text(text: str, parameter: str = "?") -> str:
    return f"instr({text}, {parameter}) > 0"


def holds_casefolded(text: str, parameter: str = "?") -> str:
    # As bytes, because Python's sqlite3 aborts the statement for text that is not UTF-8 before it calls a function.
    return f"instr(casefold(CAST({text} AS BLOB)), {parameter}) > 0"


def holds_literally(text: str, parameter: str = "?") -> str:
    return f"instr(literal_text(CAST({text} AS BLOB)), {parameter}) > 0"


def json_or_null(column: str) -> str:
    # SQLite's JSON functions abort the statement at the first invalid value.
    return f"iif(json_valid({column}), {column}, NULL)"


_STORED_JSON = "/*stored JSON*/"
_stored_json = re.compile(rf"([\w.]+){re.escape(_STORED_JSON)}")


def stored_json(column: str) -> str:
    return f"{column}{_STORED_JSON}"


def guarded(sql: str) -> str:
    """Rewrite a statement so that it tolerates damaged JSON: `stored_json` becomes `json_or_null`."""
    return _stored_json.sub(lambda found: json_or_null(found[1]), sql)


def json_holds(document: str, parameter: str) -> str:
    return f"{parameter} IN (SELECT value FROM json_each({document}))"


def json_holds_any(document: str, parameter: str = "?") -> str:
    return f"EXISTS (SELECT 1 FROM json_each({document}) item WHERE item.value {in_array('text', parameter)})"


def json_holds_all(document: str, parameter: str = "?") -> str:
    return (
        f"NOT EXISTS (SELECT value FROM json_each({parameter})"
        f" EXCEPT SELECT value FROM json_each({document}) WHERE type = 'text')"
    )


def json_list_of(value: str) -> str:
    return f"json_array({value})"


def json_members(document: str, keys: Collection[str]) -> str:
    member = "CASE type WHEN 'object' THEN json(value) WHEN 'true' THEN json('true') WHEN 'false' THEN json('false') "
    listed = ", ".join(f"'{key}'" for key in keys)
    return (
        f"(SELECT json_group_object(key, {member} ELSE value END) FROM json_each({json_or_null(document)})"
        f" WHERE key IN ({listed}))"
    )
