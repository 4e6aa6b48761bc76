"""Conditions on a value in a JSON column, by its path of keys. They need the functions of `sql_functions`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omoide.storage.filters.clauses import SqlClause, SqlValue
from omoide.storage.filters.values import exact_number, json_parameter, text_form
from omoide.storage.sqlite.dialect import array, holds_casefolded, in_array, stored_json

_IS_LONG = "v.type = 'integer' AND typeof(v.value) = 'real'"
"""Whether a value is an integer beyond 64 bits, which SQLite returns as the nearest double."""

_VALUE = "iif(v.type IN ('object', 'array'), CAST(v.value AS BLOB), v.value)"
_TEXT = f"""CASE WHEN v.type = 'text' THEN v.value WHEN {_IS_LONG} THEN json_member(v.json, v.key)
    ELSE json_text(v.type, {_VALUE}) END"""
"""The text form of a value. Most values are strings, which need no function call."""

_AS_NUMBER = "CAST(? AS NUMERIC)"
"""A number bound as text, so that SQLite parses it and the stored JSON with the same routine: newer versions are off by
the last bit for numbers far from 1."""

_is_plain = re.compile(r"[A-Za-z0-9_.-]+").fullmatch
"""Keys that need no escapes in an SQLite path; versions of SQLite differ in how they escape."""


@dataclass(frozen=True, slots=True)
class JsonPath:
    """The path of a value in the document of a column. The keys are never empty.

    Each method returns the condition for the rows that have a value at this path for which it holds.
    """

    column: str
    keys: tuple[str, ...]

    def below(self, key: str) -> JsonPath:
        return JsonPath(self.column, (*self.keys, key))

    def is_null(self) -> SqlClause:
        return self._holds("v.type = 'null'")

    def is_not_null(self) -> SqlClause:
        return self._holds("v.type <> 'null'")

    def is_object(self) -> SqlClause:
        return self._holds("v.type = 'object'")

    def is_list_with(self, items: list[object]) -> SqlClause:
        """A list that contains all items."""
        return self._holds("v.type = 'array' AND json_contains(CAST(v.value AS BLOB), ?)", (json_parameter(items),))

    def equals(self, scalar: bool | float | str) -> SqlClause:
        """By JSON equality: 5 equals 5.0, and neither equals "5"."""
        if isinstance(scalar, bool):
            return self._is_scalar(f"'{text_form(scalar)}'", "?", int(scalar))
        if isinstance(scalar, str):
            return self._is_scalar("'text'", "?", scalar)
        if exact_number(scalar) is not None:
            return self._holds(
                "v.type IN ('integer', 'real') AND json_order(v.json, v.key, ?) = 0", (json_parameter(scalar),)
            )
        return self._is_scalar("'integer', 'real'", _AS_NUMBER, str(scalar))

    def compares_as_text(self, symbol: str, text: str) -> SqlClause:
        """By the text form."""
        return self._holds(f"{_TEXT} {symbol} ?", (text,))

    def compares_as_number(self, symbol: str, operand: float | str) -> SqlClause:
        """A number, or a numeric string."""
        if (number := exact_number(operand)) is not None:
            return self._holds(
                "v.type IN ('integer', 'real', 'text')"
                f" AND CASE WHEN typeof(v.value) = 'real' THEN json_order(v.json, v.key, ?) {symbol} 0"
                f" ELSE v.value {symbol} {_AS_NUMBER} AND v.value <= CAST('9e999' AS REAL) END",
                (json_parameter(number), str(operand)),
            )
        # Compared with a cast, SQLite converts numeric strings to numbers; other strings sort above all numbers.
        return self._holds(
            f"v.type IN ('integer', 'real', 'text') AND v.value {symbol} {_AS_NUMBER}"
            " AND v.value <= CAST('9e999' AS REAL)",
            (str(operand),),
        )

    def is_one_of(self, texts: list[str]) -> SqlClause:
        """By the text form."""
        return self._holds(f"{_TEXT} {in_array('text')}", (array(texts),))

    def contains(self, operand: object) -> SqlClause:
        """The text form contains the operand's text form, or the value is an array that contains the operand (or all
        items of an array operand), or an object that contains the operand."""
        return self._holds(
            f"({holds_casefolded(_TEXT)}"
            " OR v.type = 'array' AND json_contains(CAST(v.value AS BLOB), ?)"
            " OR v.type = 'object' AND json_contains(CAST(v.value AS BLOB), ?))",
            (
                text_form(operand).casefold(),
                json_parameter(operand if isinstance(operand, list) else [operand]),
                json_parameter(operand),
            ),
        )

    def _holds(self, predicate: str, params: Sequence[SqlValue] = ()) -> SqlClause:
        """The rows that have a value at this path for which the predicate on `v.type` and `v.value` is true."""
        names = [*(f"o{level}" for level in range(1, len(self.keys))), "v"]
        documents = [
            stored_json(self.column),
            *(f"iif({name}.type = 'object', {name}.value, NULL)" for name in names[:-1]),
        ]
        pairs = zip(documents, names, strict=True)
        sources = ", ".join(f"json_each({document}) AS {name}" for document, name in pairs)
        keys = " AND ".join(f"{name}.key = ?" for name in names)
        return SqlClause(f"EXISTS (SELECT 1 FROM {sources} WHERE {keys} AND {predicate})", (*self.keys, *params))

    def _is_scalar(self, types: str, value_sql: str, param: SqlValue) -> SqlClause:
        """The rows that have a value of one of these types at this path that equals `value_sql`, which has one `?`."""
        if not all(map(_is_plain, self.keys)):
            return self._holds(f"v.type IN ({types}) AND v.value = {value_sql}", (param,))
        # Equivalent and several times faster: SQLite caches the parsed document between json_extract calls.
        path = "$" + "".join(f'."{key}"' for key in self.keys)
        document = stored_json(self.column)
        sql = f"json_extract({document}, ?) = {value_sql} AND json_type({document}, ?) IN ({types})"
        return SqlClause(f"coalesce({sql}, FALSE)", (path, param, path))
