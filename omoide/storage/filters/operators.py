"""The operators of the filter language, and errors for operands that fit none of them."""

from __future__ import annotations

from collections.abc import Mapping

from omoide.core.errors import Unprocessable
from omoide.storage.filters.values import shown

ANYTHING = "*"
"""The wildcard operand, which matches everything."""

COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
SUBSTRING = frozenset({"contains", "icontains"})
OPERATORS = frozenset({*COMPARISONS, *SUBSTRING, "in", "ne"})


def has_operator(operand: Mapping[str, object]) -> bool:
    """Whether an object holds operators and is not a literal."""
    return not OPERATORS.isdisjoint(operand)


def check_operators(operand: Mapping[str, object]) -> None:
    """Raise `Unprocessable` for the first key that is not an operator."""
    for operator in operand:
        if operator not in OPERATORS:
            raise Unprocessable(f"Unsupported comparison operator: {shown(operator)}")


def no_operator(name: str, operand: Mapping[str, object]) -> Unprocessable:
    """The error for an object without any operator."""
    return Unprocessable(
        f"Invalid filter for column '{name}': unsupported operator(s) {shown(str(sorted(operand)))}. "
        f"Expected one of {sorted(OPERATORS)} or a scalar value."
    )


def no_null(operator: str) -> Unprocessable:
    """The error for an operator that does not accept null."""
    return Unprocessable(
        f"Operator '{operator}' does not accept null. "
        'Use {"ne": null} for a not-null check, or null on its own for a null check.'
    )


def no_list(operand: object) -> Unprocessable:
    """The error for an `in` operand that is not a list."""
    return Unprocessable(
        f"Invalid value for 'in' operator: {shown(operand)}. "
        f"Expected an iterable (list, tuple, set), got {type(operand).__name__}"
    )
