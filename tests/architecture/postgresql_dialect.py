"""The fragments of `omoide.storage.dialect` in PostgreSQL's spelling, for `portable_statements`."""

from __future__ import annotations

from typing import Any

ORDERED_JOIN = "JOIN"
CASELESS_LIKE = "ILIKE"


def unnest(type: str, alias: str, parameter: str = "?") -> str:
    return f"unnest(CAST({parameter} AS {type}[])) WITH ORDINALITY AS {alias}(value, key)"


def unnest_rows(alias: str, *columns: str) -> str:
    values = ", ".join(f"CAST(value ->> {at} AS bigint) AS {column}" for at, column in enumerate(columns))
    items = "jsonb_array_elements(CAST(? AS jsonb)) WITH ORDINALITY AS item(value, key)"
    return f"(SELECT key, {values} FROM {items}) {alias}"


def in_array(type: str, parameter: str = "?") -> str:
    return f"= ANY(CAST({parameter} AS {type}[]))"


def use_index(name: str) -> str:
    return ""


def without_index(column: str) -> str:
    return column


def for_update(alias: str) -> str:
    return f"FOR UPDATE OF {alias}"


def greatest(*values: str) -> str:
    return f"GREATEST({', '.join(values)})"


def least(*values: str) -> str:
    return f"LEAST({', '.join(values)})"


def is_integer(value: str) -> str:
    return f"({value} IS NOT NULL)"


def count_or_zero(column: str, most: int = 0) -> str:
    return f"coalesce({column}, 0)"


def byte_length(text: str) -> str:
    return f"octet_length({text})"


def holds_text(text: str, parameter: str = "?") -> str:
    return f"strpos({text}, {parameter}) > 0"


def holds_casefolded(text: str, parameter: str = "?") -> str:
    return f"strpos(lower({text}), {parameter}) > 0"


def holds_literally(text: str, parameter: str = "?") -> str:
    return f"strpos(lower({text}), {parameter}) > 0"


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


def json_members(document: str, keys: Any) -> str:
    listed = ", ".join(f"'{key}'" for key in keys)
    members = f"jsonb_each(CAST({document} AS jsonb)) WHERE key IN ({listed})"
    return f"(SELECT CAST(jsonb_object_agg(key, value) AS text) FROM {members})"


def share_of(workspace: str) -> str:
    return f"coalesce({workspace}, 0)"


def not_sql(*given: Any) -> Any:
    raise NotImplementedError("only composes statements")


array = array_of_rows = insert_row = guarded = not_sql
