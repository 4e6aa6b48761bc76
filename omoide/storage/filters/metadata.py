"""Compile one condition on a metadata column, which holds a JSON object.

A condition selects a value by a path of keys. A plain operand means JSON containment, an operator object compares the
value's text form or number. If the value is missing, only `ne` matches. Operators are recognised at every level of
objects; inside arrays everything is literal.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from omoide.core.errors import Unprocessable
from omoide.storage.dialect import stored_json
from omoide.storage.filters.clauses import EVERY_ROW, NO_ROW, SqlClause, SqlValue, all_of, negated
from omoide.storage.filters.limits import FilterLimits
from omoide.storage.filters.operators import (
    ANYTHING,
    COMPARISONS,
    SUBSTRING,
    check_operators,
    has_operator,
    no_list,
    no_null,
)
from omoide.storage.filters.values import exact_number, is_numeric, json_parameter, text_form

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
    """The path of a value in the document of a column. The keys are never empty."""

    column: str
    keys: tuple[str, ...]

    def below(self, key: str) -> JsonPath:
        return JsonPath(self.column, (*self.keys, key))

    def holds(self, predicate: str, params: Sequence[SqlValue] = ()) -> SqlClause:
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

    def is_scalar(self, types: str, value_sql: str, param: SqlValue) -> SqlClause:
        """The rows that have a value of one of these types at this path that equals `value_sql`, which has one `?`."""
        if not all(map(_is_plain, self.keys)):
            return self.holds(f"v.type IN ({types}) AND v.value = {value_sql}", (param,))
        # Equivalent and several times faster: SQLite caches the parsed document between json_extract calls.
        path = "$" + "".join(f'."{key}"' for key in self.keys)
        document = stored_json(self.column)
        sql = f"json_extract({document}, ?) = {value_sql} AND json_type({document}, ?) IN ({types})"
        return SqlClause(f"coalesce({sql}, FALSE)", (path, param, path))


def metadata_condition(name: str, column: str, operand: object, limits: FilterLimits) -> SqlClause | None:
    """The clause for `{name: operand}` on a metadata column, or None if the operand is empty.

    Raises `Unprocessable` for an invalid operand.
    """
    if operand == ANYTHING:
        return EVERY_ROW
    if operand is None or isinstance(operand, list):
        return NO_ROW
    if not isinstance(operand, dict):
        kind = type(operand).__name__
        raise Unprocessable(f"Invalid filter for column '{name}': expected an object, an array or null, got {kind}")
    if not operand:
        return None
    if has_operator(operand):
        return _whole(name, column, operand, limits)
    return all_of(_condition(JsonPath(column, (key,)), value, limits) for key, value in operand.items())


def _whole(name: str, column: str, operand: dict[str, object], limits: FilterLimits) -> SqlClause:
    check_operators(operand)
    for operator in operand:
        if operator != "contains":
            raise Unprocessable(f"Operator '{operator}' is not supported on column '{name}', only on the keys below it")
    part = operand["contains"]
    if part == ANYTHING:
        return EVERY_ROW
    if not isinstance(part, dict):
        raise Unprocessable(
            f"Invalid value for 'contains' operator on column '{name}': expected an object, got {type(part).__name__}"
        )
    return all_of(_contained(JsonPath(column, (key,)), value, limits) for key, value in part.items())


def _condition(place: JsonPath, operand: object, limits: FilterLimits) -> SqlClause:
    """The clause for an operand under a key, with operators and wildcards."""
    if operand == ANYTHING:
        return EVERY_ROW
    if not isinstance(operand, dict) or not operand:
        return _contained(place, operand, limits)
    if has_operator(operand):
        check_operators(operand)
        return all_of(_operation(place, operator, value, limits) for operator, value in operand.items())
    _check_depth(place, limits)
    return all_of(_condition(place.below(key), value, limits) for key, value in operand.items())


def _contained(place: JsonPath, part: object, limits: FilterLimits) -> SqlClause:
    """The clause for a literal under a key: the value there contains it."""
    if isinstance(part, dict):
        if not part:
            return place.holds("v.type = 'object'")
        _check_depth(place, limits)
        return all_of(_contained(place.below(key), value, limits) for key, value in part.items())
    if isinstance(part, list):
        return place.holds("v.type = 'array' AND json_contains(CAST(v.value AS BLOB), ?)", (json_parameter(part),))
    return _scalar(place, part)


def _scalar(place: JsonPath, part: object) -> SqlClause:
    if part is None:
        return place.holds("v.type = 'null'")
    if isinstance(part, bool):
        return place.is_scalar(f"'{text_form(part)}'", "?", int(part))
    if isinstance(part, int | float):
        if exact_number(part) is not None:
            return place.holds(
                "v.type IN ('integer', 'real') AND json_order(v.json, v.key, ?) = 0", (json_parameter(part),)
            )
        return place.is_scalar("'integer', 'real'", _AS_NUMBER, str(part))
    return place.is_scalar("'text'", "?", text_form(part))


def _check_depth(place: JsonPath, limits: FilterLimits) -> None:
    if len(place.keys) >= limits.path_depth:
        raise Unprocessable(f"Metadata filter nesting exceeds maximum depth of {limits.path_depth}")


def _operation(place: JsonPath, operator: str, operand: object, limits: FilterLimits) -> SqlClause:
    if operand == ANYTHING:
        return EVERY_ROW
    if operator == "in":
        return _membership(place, operand)
    if operator in SUBSTRING:
        return _substring(place, operator, operand)
    if operator == "ne":
        return place.holds("v.type <> 'null'") if operand is None else negated(_compared(place, operator, "=", operand))
    return _compared(place, operator, COMPARISONS[operator], operand)


def _compared(place: JsonPath, operator: str, symbol: str, operand: object) -> SqlClause:
    if isinstance(operand, str) and not is_numeric(operand):
        return place.holds(f"{_TEXT} {symbol} ?", (operand,))
    if isinstance(operand, bool):
        return place.holds(f"{_TEXT} {symbol} ?", (text_form(operand),))
    if isinstance(operand, int | float | str):
        if (number := exact_number(operand)) is not None:
            return place.holds(
                "v.type IN ('integer', 'real', 'text')"
                f" AND CASE WHEN typeof(v.value) = 'real' THEN json_order(v.json, v.key, ?) {symbol} 0"
                f" ELSE v.value {symbol} {_AS_NUMBER} AND v.value <= CAST('9e999' AS REAL) END",
                (json_parameter(number), str(operand)),
            )
        # Compared with a cast, SQLite converts numeric strings to numbers; other strings sort above all numbers.
        return place.holds(
            f"v.type IN ('integer', 'real', 'text') AND v.value {symbol} {_AS_NUMBER}"
            " AND v.value <= CAST('9e999' AS REAL)",
            (str(operand),),
        )
    raise Unprocessable(
        f"Failed to build numeric comparison condition for operator {operator}: "
        f"expected a number, a string, true or false, got {type(operand).__name__}"
    )


def _membership(place: JsonPath, operands: object) -> SqlClause:
    if not isinstance(operands, list):
        raise no_list(operands)
    if ANYTHING in operands:
        return EVERY_ROW
    texts = [text_form(operand) for operand in operands if operand is not None]
    return place.holds(f"{_TEXT} IN (SELECT value FROM json_each(?))", (json_parameter(texts),)) if texts else NO_ROW


def _substring(place: JsonPath, operator: str, operand: object) -> SqlClause:
    """The text form contains the operand's text form, or the value is an array that contains the operand (or all items
    of an array operand), or an object that contains the operand."""
    if operand is None:
        raise no_null(operator)
    member = operand if isinstance(operand, list) else [operand]
    return place.holds(
        f"(instr(casefold(CAST({_TEXT} AS BLOB)), ?) > 0"
        " OR v.type = 'array' AND json_contains(CAST(v.value AS BLOB), ?)"
        " OR v.type = 'object' AND json_contains(CAST(v.value AS BLOB), ?))",
        (text_form(operand).casefold(), json_parameter(member), json_parameter(operand)),
    )
