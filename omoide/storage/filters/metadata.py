"""Compile one condition on a metadata column, which holds a JSON object.

A condition selects a value by a path of keys. A plain operand means JSON containment, an operator object compares the
value's text form or number. If the value is missing, only `ne` matches. Operators are recognised at every level of
objects; inside arrays everything is literal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from omoide.core.database_location import IS_POSTGRESQL
from omoide.core.errors import Unprocessable
from omoide.storage.filters.clauses import EVERY_ROW, NO_ROW, SqlClause, all_of, negated
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
from omoide.storage.filters.values import is_numeric, text_form

if TYPE_CHECKING or not IS_POSTGRESQL:
    from omoide.storage.sqlite.json_filters import JsonPath
else:
    from omoide.storage.postgresql.json_filters import JsonPath


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
            return place.is_object()
        _check_depth(place, limits)
        return all_of(_contained(place.below(key), value, limits) for key, value in part.items())
    if isinstance(part, list):
        return place.is_list_with(part)
    if part is None:
        return place.is_null()
    return place.equals(part if isinstance(part, bool | int | float) else text_form(part))


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
        return place.is_not_null() if operand is None else negated(_compared(place, operator, "=", operand))
    return _compared(place, operator, COMPARISONS[operator], operand)


def _compared(place: JsonPath, operator: str, symbol: str, operand: object) -> SqlClause:
    if isinstance(operand, bool) or (isinstance(operand, str) and not is_numeric(operand)):
        return place.compares_as_text(symbol, text_form(operand))
    if isinstance(operand, int | float | str):
        return place.compares_as_number(symbol, operand)
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
    return place.is_one_of(texts) if texts else NO_ROW


def _substring(place: JsonPath, operator: str, operand: object) -> SqlClause:
    if operand is None:
        raise no_null(operator)
    return place.contains(operand)
