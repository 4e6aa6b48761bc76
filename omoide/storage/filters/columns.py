"""Compile one condition on an ordinary column: ids, text, numbers, times, booleans, id lists and links.

Unset columns (NULL) are equal only to null, differ from everything else, and match no comparison and no containment.
Metadata columns are compiled in `metadata`.
"""

from __future__ import annotations

from omoide.core.errors import Unprocessable
from omoide.storage.dialect import array, holds_casefolded, in_array, json_holds_all, stored_json
from omoide.storage.filters.clauses import EVERY_ROW, NO_ROW, SqlClause, SqlValue, all_of, negated
from omoide.storage.filters.fields import FieldType, FilterField
from omoide.storage.filters.operators import (
    ANYTHING,
    COMPARISONS,
    SUBSTRING,
    check_operators,
    has_operator,
    no_list,
    no_null,
    no_operator,
)
from omoide.storage.filters.values import integer_bounds, microseconds, shown, text_form

_INTEGERS = (FieldType.BOOLEAN, FieldType.DATETIME, FieldType.NUMBER)


def column_condition(name: str, field: FilterField, operand: object) -> SqlClause:
    """The clause for `{name: operand}`. Raises `Unprocessable` if the operand does not fit the column."""
    if operand == ANYTHING:
        return EVERY_ROW
    if isinstance(operand, dict):
        if not has_operator(operand):
            raise no_operator(name, operand)
        check_operators(operand)
        return all_of(_operation(name, field, operator, value) for operator, value in operand.items())
    if isinstance(operand, list) and field.kind is not FieldType.TEXT_ARRAY:
        return _membership(name, field, operand)
    return _equality(name, field, operand)


def _operation(name: str, field: FilterField, operator: str, operand: object) -> SqlClause:
    if operand == ANYTHING:
        return EVERY_ROW
    if operator == "in":
        if not isinstance(operand, list | dict):
            raise no_list(operand)
        return _membership(name, field, list(operand))
    if operator == "ne":
        return _difference(name, field, operand)
    if operand is None:
        raise no_null(operator)
    if field.kind is FieldType.LINK:
        raise Unprocessable(f"Operator '{operator}' does not apply to column '{name}'. Use a value, a list, in or ne.")
    if operator in SUBSTRING:
        return _containment(name, field, operator, operand)
    return _comparison(name, field, operator, operand)


def _equality(name: str, field: FilterField, operand: object) -> SqlClause:
    if field.kind is FieldType.LINK:
        return negated(SqlClause(field.linked)) if operand is None else _membership(name, field, [operand])
    if operand is None:
        return SqlClause(f"{field.sql} IS NULL")
    value = _value(name, field, operand)
    return (
        NO_ROW
        if value is None
        else SqlClause(f"{field.sql} {'IS NOT DISTINCT FROM' if field.nullable else '='} ?", (value,))
    )


def _difference(name: str, field: FilterField, operand: object) -> SqlClause:
    if field.kind is FieldType.LINK:
        return negated(_equality(name, field, operand))
    if operand is None:
        return SqlClause(f"{field.sql} IS NOT NULL")
    value = _value(name, field, operand)
    return EVERY_ROW if value is None else SqlClause(f"{field.sql} IS DISTINCT FROM ?", (value,))


def _membership(name: str, field: FilterField, operands: list[object]) -> SqlClause:
    if ANYTHING in operands:
        return EVERY_ROW
    values = [value for operand in operands if (value := _value(name, field, operand)) is not None]
    if not values:
        return NO_ROW
    if field.kind is FieldType.LINK:
        return SqlClause(f"{field.sql} IN ({field.holders})", (array(values),))
    return _set_and(field, f"{field.sql} {in_array('bigint' if field.kind in _INTEGERS else 'text')}", array(values))


def _comparison(name: str, field: FilterField, operator: str, operand: object) -> SqlClause:
    if field.kind is FieldType.NUMBER:
        floor, ceiling = integer_bounds(operand)
        value: SqlValue = floor if operator in ("gt", "lte") else ceiling
    else:
        value = _typed(name, field, operand)
    return _set_and(field, f"{field.sql} {COMPARISONS[operator]} ?", value)


def _containment(name: str, field: FilterField, operator: str, operand: object) -> SqlClause:
    if field.kind is FieldType.TEXT_ARRAY and operator == "contains":
        return _array_containment(name, field, operand)
    if field.kind not in (FieldType.TEXT, FieldType.ENUM):
        raise Unprocessable(f"Operator '{operator}' requires a text column, but '{name}' is {field.kind}")
    return _set_and(field, holds_casefolded(field.sql), text_form(operand).casefold())


def _array_containment(name: str, field: FilterField, operand: object) -> SqlClause:
    wanted = operand if isinstance(operand, list) else [operand]
    for item in wanted:
        if not isinstance(item, str):
            raise _mistyped(name, "a string", item)
    if field.holders:
        items = {*wanted}
        return SqlClause(f"{field.sql} IN ({field.holders})", (array(items), len(items))) if items else EVERY_ROW
    return SqlClause(f"({field.sql} IS NOT NULL AND {json_holds_all(stored_json(field.sql))})", (array(wanted),))


def _set_and(field: FilterField, sql: str, value: SqlValue) -> SqlClause:
    return SqlClause(f"coalesce({sql}, FALSE)" if field.nullable else sql, (value,))


def _value(name: str, field: FilterField, operand: object) -> SqlValue | None:
    """The operand as the column stores it; None if its type is right but no row can have this value."""
    if field.kind is FieldType.NUMBER:
        floor, ceiling = integer_bounds(operand)
        return floor if floor == ceiling and isinstance(floor, int) else None
    return _typed(name, field, operand)


def _typed(name: str, field: FilterField, operand: object) -> str | int:
    if field.kind is FieldType.DATETIME:
        return microseconds(operand)
    if field.kind is FieldType.BOOLEAN:
        if not isinstance(operand, bool):
            raise _mistyped(name, "true or false", operand)
        return int(operand)
    if field.kind is FieldType.TEXT_ARRAY:
        raise Unprocessable(
            f'Invalid filter for column \'{name}\': it is an array. Use null, {{"ne": null}} or {{"contains": …}}.'
        )
    if field.kind is FieldType.ENUM and operand not in field.values:
        raise Unprocessable(
            f"Invalid value for column '{name}': {_quoted(operand)}. Expected one of {list(field.values)}"
        )
    if not isinstance(operand, str):
        raise _mistyped(name, "a string", operand)
    return operand


def _mistyped(name: str, expected: str, operand: object) -> Unprocessable:
    return Unprocessable(f"Invalid value for column '{name}': expected {expected}, got {type(operand).__name__}")


def _quoted(operand: object) -> str:
    return f"'{shown(operand)}'" if isinstance(operand, str) else shown(operand)
