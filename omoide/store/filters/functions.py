"""SQL functions that filters need and SQLite lacks; every connection that runs a filter must have them.

    casefold(text)                  the text for caseless comparison, by Unicode and not only by ASCII
    json_text(type, value)          the text form of a row of json_each that is no string
    json_contains(json, part)       whether a JSON value contains another

All are deterministic, and answer NULL or 0 for what they were not made for. Stored JSON is taken to be valid and
without unpaired surrogates, which SQLite could not hand over as text.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import lru_cache
from typing import Any, Protocol

from omoide.store.filters.values import INT64, text_form

PARSED_PARTS = 64
"""Operands of containment that a connection keeps in parsed form."""

MAX_VISITS = 1_000_000
"""Values that one containment looks at, for less than a second: an interrupt of SQLite does not reach inside."""


class Connection(Protocol):
    """What is used of a connection of `sqlite3` or `pysqlite3`."""

    def create_function(
        self, name: str, narg: int, func: Callable[..., Any], /, *, deterministic: bool = False
    ) -> object: ...


def register(connection: Connection) -> None:
    """Define the functions on a connection."""
    # One statement asks for the same part in every row.
    part_of = lru_cache(maxsize=PARSED_PARTS)(_parsed)

    def json_contains(whole: object, part: object) -> int:
        if not isinstance(whole, str) or not isinstance(part, str):
            return 0
        try:
            return int(contains(_parsed(whole), part_of(part), _Visits()))
        except (ValueError, RecursionError):
            return 0

    connection.create_function("casefold", 1, _casefold, deterministic=True)
    connection.create_function("json_text", 2, _json_text, deterministic=True)
    connection.create_function("json_contains", 2, json_contains, deterministic=True)


class TooManyVisits(Exception):
    """SQLite passes it on as an OperationalError about a user-defined function."""


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
    """A value that is equal for equal JSON scalars only: to Python, True would equal 1."""
    return ("boolean", scalar) if isinstance(scalar, bool) else scalar


def _casefold(text: object) -> str | None:
    return text.casefold() if isinstance(text, str) else None


def _json_text(type_name: object, value: object) -> str | None:
    if type_name in ("object", "array") and isinstance(value, str):
        try:
            return text_form(json.loads(value))
        except (ValueError, RecursionError):
            return value
    if type_name in ("true", "false"):
        return str(type_name)
    return text_form(value) if isinstance(value, int | float) else None


def _integer(digits: str) -> int | float:
    """A JSON integer, as a double beyond 64 bits, as SQLite has it."""
    number = float(digits)
    exact = int(digits) if abs(number) <= INT64.stop else INT64.stop
    return exact if exact in INT64 else number


_parsed: Callable[[str], object] = json.JSONDecoder(parse_int=_integer).decode
