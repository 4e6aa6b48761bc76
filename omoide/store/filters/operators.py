"""The operators of the filter language, and the sentences for operands that fit none of them.

What an operator does to a column or a metadata key does not belong here.
"""

from __future__ import annotations

from collections.abc import Mapping

from omoide.errors import Unprocessable
from omoide.store.filters.values import shown

ANYTHING = "*"
"""The operand that constrains nothing."""

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
SUBSTRING = frozenset({"contains", "icontains"})
OPERATORS = frozenset({*COMPARISONS, *SUBSTRING, "in", "ne"})


def has_operator(operand: Mapping[str, object]) -> bool:
    """Whether an object is meant as operators, and not as a literal."""
    return not OPERATORS.isdisjoint(operand)


def check_operators(operand: Mapping[str, object]) -> None:
    """Raise `Unprocessable` for the first key that is no operator."""
    for operator in operand:
        if operator not in OPERATORS:
            raise Unprocessable(f"Unsupported comparison operator: {shown(operator)}")


def no_operator(name: str, operand: Mapping[str, object]) -> Unprocessable:
    """The error for an object that has no operator at all."""
    return Unprocessable(
        f"Invalid filter for column '{name}': unsupported operator(s) {shown(str(sorted(operand)))}. "
        f"Expected one of {sorted(OPERATORS)} or a scalar value."
    )


def no_null(operator: str) -> Unprocessable:
    """The error for an operator to which null means nothing."""
    return Unprocessable(
        f"Operator '{operator}' does not accept null. "
        'Use {"ne": null} for a not-null check, or null on its own for a null check.'
    )


def no_list(operand: object) -> Unprocessable:
    """The error for an `in` that lists nothing."""
    return Unprocessable(
        f"Invalid value for 'in' operator: {shown(operand)}. "
        f"Expected an iterable (list, tuple, set), got {type(operand).__name__}"
    )
