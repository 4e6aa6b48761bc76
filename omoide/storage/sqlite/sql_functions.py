"""SQL functions, which every connection that runs a filter, a search or a write must have.

    index_text(text)                the text as it is indexed, see `core/index_text.py`
    literal_text(text)              the text as it is compared literally
    casefold(text)                  the text for caseless comparison, by Unicode
    json_text(type, value)          the text form of a row of json_each that is not a string
    json_contains(json, part)       whether a JSON value contains another
    json_member(json, key)          the text form of a member of an object or array
    json_order(json, key, number)   -1, 0 or 1: exact comparison of a numeric member with a number

All are deterministic, and return NULL or 0 for invalid arguments. Pass text as bytes (`CAST(… AS BLOB)`): if it is not
UTF-8, Python's sqlite3 would abort the statement before the function is called.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from omoide.core.index_text import index_text, literal_text
from omoide.storage.filters.values import text_form

PARSED_PARTS = 64
"""Parsed operands of containment cached per connection."""

MAX_VISITS = 1_000_000
"""Values that one containment check may visit, in less than a second: an SQLite interrupt cannot stop it."""


class FunctionConnection(Protocol):
    """The part of a `sqlite3` or `pysqlite3` connection that is used here."""

    def create_function(
        self, name: str, narg: int, func: Callable[..., Any], /, *, deterministic: bool = False
    ) -> object: ...


def register(connection: FunctionConnection) -> None:
    """Define the functions on a connection."""
    # A statement passes the same part for every row.
    part_of = lru_cache(maxsize=PARSED_PARTS)(_parsed)

    def json_contains(whole: object, part: object) -> int:
        if isinstance(whole, bytes):
            whole = whole.decode(errors="replace")
        if not isinstance(whole, str) or not isinstance(part, str):
            return 0
        try:
            return int(contains(_parsed(whole), part_of(part), _Visits()))
        except (ValueError, RecursionError):
            return 0

    def json_order(whole: object, key: object, operand: object) -> int | None:
        member = _member(whole, key)
        if isinstance(member, bool) or not isinstance(member, int | float) or not isinstance(operand, str):
            return None
        number: Any = part_of(operand)
        return int(member > number) - int(member < number)

    connection.create_function("index_text", 1, _of_text(index_text), deterministic=True)
    connection.create_function("literal_text", 1, _of_text(literal_text), deterministic=True)
    connection.create_function("casefold", 1, _of_text(str.casefold), deterministic=True)
    connection.create_function("json_text", 2, _json_text, deterministic=True)
    connection.create_function("json_contains", 2, json_contains, deterministic=True)
    connection.create_function("json_member", 2, _json_member, deterministic=True)
    connection.create_function("json_order", 3, json_order, deterministic=True)


class TooManyVisits(Exception):
    """SQLite reports it as an OperationalError about a user-defined function."""


class _Visits:
    def __init__(self) -> None:
        self.made = 0

    def add(self, count: int) -> None:
        self.made += count
        if self.made > MAX_VISITS:
            raise TooManyVisits


def contains(whole: object, part: object, visits: _Visits) -> bool:
    """JSON containment: objects by subset of their keys, arrays by presence of every element in any order, scalars by
    JSON equality (5 equals 5.0; neither equals "5", and true equals only true). Source: PostgreSQL's `jsonb @>`, less
    its exception that a top-level array contains a bare scalar. Raises TooManyVisits."""
    visits.add(1 + len(whole) if isinstance(whole, list) else 1)
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            key in whole and contains(whole[key], inner, visits) for key, inner in part.items()
        )
    if isinstance(part, list):
        return isinstance(whole, list) and _contains_all(whole, part, visits)
    return not isinstance(whole, dict | list) and _identity(whole) == _identity(part)


def _contains_all(whole: list[object], parts: list[object], visits: _Visits) -> bool:
    scalars = {_identity(item) for item in whole if not isinstance(item, dict | list)}
    containers = [item for item in whole if isinstance(item, dict | list)]
    return all(
        any(contains(item, part, visits) for item in containers)
        if isinstance(part, dict | list)
        else _identity(part) in scalars
        for part in parts
    )


def _identity(scalar: object) -> object:
    """A value that is equal only for equal JSON scalars: in Python, True equals 1."""
    return ("boolean", scalar) if isinstance(scalar, bool) else scalar


def _of_text(form: Callable[[str], str]) -> Callable[[object], str | None]:
    def of_text(text: object) -> str | None:
        if isinstance(text, bytes):
            text = text.decode(errors="replace")
        return form(text) if isinstance(text, str) else None

    return of_text


def _json_text(type_name: object, value: object) -> str | None:
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if type_name in ("object", "array") and isinstance(value, str):
        try:
            return text_form(json.loads(value))
        except (ValueError, RecursionError):
            return value
    if type_name in ("true", "false"):
        return str(type_name)
    return text_form(value) if isinstance(value, int | float) else None


def _json_member(whole: object, key: object) -> str | None:
    member = _member(whole, key)
    return None if member is None else text_form(member)


def _member(whole: object, key: object) -> object:
    """The member of a JSON object or array in text, or None."""
    if not isinstance(whole, str):
        return None
    try:
        container: Any = _parsed(whole)
        return container[key]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None


_parsed: Callable[[str], object] = json.JSONDecoder().decode
