"""Limits for the size and the values of a filter.

A filter that passes is safe for the compiler and for SQLite: all text is valid UTF-8 without NUL, all numbers fit into
a double, and the nesting is limited.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from omoide.core.errors import Unprocessable

MAX_INTEGER_BITS = 1023
"""Below 2**1023 every integer converts to a finite double."""


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """Maximum sizes of a filter."""

    conditions: int = 500
    """Entries of objects, and objects and arrays inside arrays, in the whole filter. The time to prepare a statement
    grows with the square of its terms: about 0.2 s at worst for this limit."""
    values: int = 10_000
    """Items of all arrays together."""
    logic_depth: int = 5
    """Levels of AND, OR and NOT below the root."""
    path_depth: int = 5
    """Keys in the path to a metadata value: the maximum depth of stored metadata."""
    json_depth: int = 64
    """Nested objects and arrays; more than the other limits allow."""


DEFAULT_LIMITS = FilterLimits()


def too_deep(limits: FilterLimits) -> Unprocessable:
    """The error for a filter that is nested too deeply."""
    return Unprocessable(f"Filter nesting exceeds maximum depth of {limits.logic_depth}")


def admit(filters: dict[str, object], limits: FilterLimits) -> None:
    """Check the size and the values of a filter. Raises `Unprocessable`."""
    conditions = values = 0
    waiting: list[tuple[dict[str, object] | list[object], int]] = [(filters, 1)]
    while waiting:
        container, depth = waiting.pop()
        members = container.values() if isinstance(container, dict) else container
        if isinstance(container, dict):
            conditions += len(container)
        else:
            values += len(container)
            conditions += sum(isinstance(member, dict | list) for member in container)
        if conditions > limits.conditions:
            raise Unprocessable(f"Filter exceeds maximum of {limits.conditions} conditions")
        if values > limits.values:
            raise Unprocessable(f"Filter exceeds maximum of {limits.values} array values")
        if depth > limits.json_depth:
            raise too_deep(limits)
        _admit_scalars(container)
        waiting += [(member, depth + 1) for member in members if isinstance(member, dict | list)]


def _admit_scalars(container: dict[str, object] | list[object]) -> None:
    if isinstance(container, dict):
        for key in container:
            if not isinstance(key, str):
                raise Unprocessable("Invalid filter configuration")
            _admit_text(key)
        container = list(container.values())
    for value in container:
        if isinstance(value, str):
            _admit_text(value)
        elif isinstance(value, int | float):
            _admit_number(value)
        elif value is not None and not isinstance(value, dict | list):
            raise Unprocessable(f"Invalid filter configuration: {type(value).__name__} is not a JSON value")


def _admit_text(text: str) -> None:
    if "\0" in text:
        raise Unprocessable("Filters must not contain NUL (0x00) characters")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise Unprocessable("Filters must not contain unpaired surrogates")


def _admit_number(number: int | float) -> None:
    if isinstance(number, int):
        if number.bit_length() > MAX_INTEGER_BITS:
            raise Unprocessable("Filter values must not hold integers beyond the range of a double")
    elif not math.isfinite(number):
        raise Unprocessable("Filter values must not hold NaN or Infinity")
