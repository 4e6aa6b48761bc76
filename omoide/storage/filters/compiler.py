"""Compile the filter language: a JSON object becomes one parametrised WHERE clause. Pure.

    filter    := { field: condition, …, "AND"?: [filter, …], "OR"?: [filter, …], "NOT"?: [filter, …] }   all parts hold
    condition := scalar | null | "*" | [scalar, …] | { operator: operand, … }                            all parts hold

This module handles the logical operators; `columns` and `metadata` compile conditions, `fields` defines the fields and
`limits` the size limits. The clause needs the functions of `functions.register`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from omoide.core.errors import FieldError, InvalidFields, Unprocessable
from omoide.storage.filters.clauses import EVERY_ROW, SqlClause, all_of, any_of, negated
from omoide.storage.filters.columns import column_condition
from omoide.storage.filters.fields import FieldType, FilterFields
from omoide.storage.filters.limits import DEFAULT_LIMITS, FilterLimits, admit, too_deep
from omoide.storage.filters.metadata import metadata_condition
from omoide.storage.filters.values import shown


def _none_of(clauses: list[SqlClause]) -> SqlClause:
    return all_of(map(negated, clauses))


_LOGIC: Mapping[str, Callable[[list[SqlClause]], SqlClause]] = {"AND": all_of, "OR": any_of, "NOT": _none_of}


def compile_filters(filters: object, fields: FilterFields, limits: FilterLimits = DEFAULT_LIMITS) -> SqlClause | None:
    """The clause that keeps the rows that match the filter, or None if it matches all.

    `filters` is parsed JSON: an object, or null for no filter. The clause needs no brackets, as in `… WHERE w.pk = ?
    AND {clause.sql}`, and is true or false for every row. All values from the caller are in `clause.params`. Raises
    `Unprocessable` for a filter that violates a rule or a limit.
    """
    if filters is None:
        return None
    if not isinstance(filters, dict):
        raise InvalidFields([FieldError(("body", "filters"), "Input should be a valid dictionary", "dict_type")])
    admit(filters, limits)
    clause = _filter(filters, fields, 0, limits)
    return None if clause == EVERY_ROW else clause


def names_field(filters: object, name: str) -> bool:
    """Whether a filter that `compile_filters` has accepted uses the field, at any depth."""
    if not isinstance(filters, dict):
        return False
    branches = [branch for key in _LOGIC for branch in filters.get(key, ())]
    return name in filters or any(names_field(branch, name) for branch in branches)


def _filter(parts: dict[str, object], fields: FilterFields, depth: int, limits: FilterLimits) -> SqlClause | None:
    """The clause of one filter object; None if it is empty. An empty branch is left out of its OR or NOT, while a
    wildcard counts as true."""
    if depth > limits.logic_depth:
        raise too_deep(limits)
    clauses = [
        _logic(key, value, fields, depth, limits) if key in _LOGIC else _field(key, value, fields, limits)
        for key, value in parts.items()
    ]
    said = [clause for clause in clauses if clause is not None]
    return all_of(said) if said else None


def _logic(key: str, branches: object, fields: FilterFields, depth: int, limits: FilterLimits) -> SqlClause | None:
    if branches is None:
        raise Unprocessable(f"{key} operator cannot be None")
    if not isinstance(branches, list):
        raise Unprocessable(f"{key} operator must contain a list, got {type(branches).__name__}")
    clauses = [_branch(branch, fields, depth + 1, limits) for branch in branches]
    said = [clause for clause in clauses if clause is not None]
    return _LOGIC[key](said) if said else None


def _branch(branch: object, fields: FilterFields, depth: int, limits: FilterLimits) -> SqlClause | None:
    if not isinstance(branch, dict):
        raise Unprocessable("Invalid filter configuration")
    return _filter(branch, fields, depth, limits)


def _field(name: str, operand: object, fields: FilterFields, limits: FilterLimits) -> SqlClause | None:
    field = fields.by_name.get(name)
    if field is None:
        raise Unprocessable(f"Column '{shown(name)}' {fields.refusal} {fields.resource}")
    if field.kind is FieldType.METADATA:
        return metadata_condition(name, field.sql, operand, limits)
    return column_condition(name, field, operand)
