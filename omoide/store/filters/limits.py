"""How large a filter may be, and which values may stand in one at all.

What passes here cannot upset anything behind it: no text that SQLite or UTF-8 cannot hold, no number that a double
cannot, no nesting that a recursion cannot follow. What the parts of a filter mean does not belong here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from omoide.errors import Unprocessable

MAX_INTEGER_BITS = 1023
"""Below 2**1023 every integer converts to a finite double."""


@dataclass(frozen=True, slots=True)
class FilterLimits:
    """Sizes that a filter must not pass."""

    conditions: int = 500
    """Parts of the whole filter: entries of objects, and objects and arrays inside arrays. SQLite takes time to prepare
    a statement that grows with the square of its terms: at worst about 0.2 s for as many as this."""
    values: int = 10_000
    """Members of all arrays together."""
    logic_depth: int = 5
    """Levels of AND, OR and NOT below the root."""
    path_depth: int = 5
    """Keys on the way to a metadata value: as deep as stored metadata goes."""
    json_depth: int = 64
    """Objects and arrays inside each other; above everything that the other limits allow."""


DEFAULT_LIMITS = FilterLimits()


def too_deep(limits: FilterLimits) -> Unprocessable:
    """The error for logical operators, or anything else, nested too deeply."""
    return Unprocessable(f"Filter nesting exceeds maximum depth of {limits.logic_depth}")


def admit(filters: dict[str, object], limits: FilterLimits) -> None:
    """Pass a filter whose size and values are bearable; raise `Unprocessable` for every other."""
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
