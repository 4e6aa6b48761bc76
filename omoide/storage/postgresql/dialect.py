"""Fragments of SQL in PostgreSQL's spelling. `omoide.storage.dialect` says what each of them means."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import orjson
import psycopg

from omoide.storage.column_validation import MOST

IntegrityError = psycopg.IntegrityError

CASELESS_LIKE = "ILIKE"
ORDERED_JOIN = "JOIN"


def array(values: Collection[object]) -> list[object]:
    return [*values]


def unnest(type: str, alias: str, parameter: str = "?") -> str:
    items = f"unnest(CAST({parameter} AS {type}[])) WITH ORDINALITY AS item(value, place)"
    return f"(SELECT value, place - 1 AS key FROM {items}) {alias}"


def array_of_rows(rows: Collection[Sequence[int]]) -> str:
    return orjson.dumps([[*row] for row in rows]).decode()


def unnest_rows(alias: str, *columns: str) -> str:
    values = ", ".join(f"CAST(value ->> {at} AS bigint) AS {column}" for at, column in enumerate(columns))
    items = "jsonb_array_elements(CAST(? AS jsonb)) WITH ORDINALITY AS item(value, place)"
    return f"(SELECT place - 1 AS key, {values} FROM {items}) {alias}"


def in_array(type: str, parameter: str = "?") -> str:
    return f"= ANY(CAST({parameter} AS {type}[]))"


def for_update(alias: str) -> str:
    return f"FOR UPDATE OF {alias}"


def for_key_share(alias: str) -> str:
    return f"FOR KEY SHARE OF {alias}"


def skip_locked() -> str:
    return "FOR UPDATE SKIP LOCKED"


def insert_row(db: Any, statement: str, params: Sequence[Any]) -> int:
    return int(db.execute(f"{statement} RETURNING pk", params).fetchone()[0])


def use_index(name: str) -> str:
    return ""


def without_index(column: str) -> str:
    return column


def greatest(*values: str) -> str:
    return f"GREATEST({', '.join(map(_number, values))})"


def least(*values: str) -> str:
    return f"LEAST({', '.join(map(_number, values))})"


def _number(value: str) -> str:
    """The value with a type: a bare parameter is taken for text."""
    return f"CAST({value} AS bigint)" if value.startswith(("?", ":")) and " " not in value else value


def is_blob(value: str) -> str:
    return f"({value} IS NOT NULL)"


def is_integer(value: str) -> str:
    return f"({value} IS NOT NULL)"


def count_or_zero(column: str, most: int = MOST) -> str:
    return f"(CASE WHEN {column} BETWEEN 0 AND {most} THEN {column} ELSE 0 END)"


def byte_length(text: str) -> str:
    return f"octet_length({text})"


def holds_text(text: str, parameter: str = "?") -> str:
    return f"strpos({text}, {parameter}) > 0"


def holds_casefolded(text: str, parameter: str = "?") -> str:
    return f"strpos(omoide_casefold({text}), omoide_casefold({parameter})) > 0"


def holds_literally(text: str, parameter: str = "?") -> str:
    # Python's form of the parameter differs from the function's, so both sides get the latter.
    return f"strpos(omoide_literal({text}), omoide_literal({parameter})) > 0"


def json_or_null(column: str) -> str:
    return f"CAST({column} AS jsonb)"


stored_json = json_or_null


def json_holds(document: str, parameter: str) -> str:
    return f"jsonb_exists({document}, {parameter})"


def json_holds_any(document: str, parameter: str = "?") -> str:
    return f"jsonb_exists_any({document}, CAST({parameter} AS text[]))"


def json_holds_all(document: str, parameter: str = "?") -> str:
    return f"jsonb_exists_all({document}, CAST({parameter} AS text[]))"


def json_list_of(value: str) -> str:
    return f"jsonb_build_array({value})"


def json_members(document: str, keys: Collection[str]) -> str:
    listed = ", ".join(f"'{key}'" for key in keys)
    members = f"jsonb_each(CAST({document} AS jsonb)) WHERE key IN ({listed})"
    return f"(SELECT CAST(coalesce(jsonb_object_agg(key, value), '{{}}') AS text) FROM {members})"


def share_of(workspace: str) -> str:
    return f"GREATEST(coalesce({workspace}, 0), 0)"
