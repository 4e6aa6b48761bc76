"""Limits on metadata and free-form configuration. Pure.

Source of the first two limits: the public API's documented behaviour (100 top-level keys, objects nested at most 5
deep, counting the root, not counting objects inside arrays).
"""

from __future__ import annotations

from typing import Any, TypeVar

from omoide.core import json_codec
from omoide.core.errors import FieldError, InvalidFields
from omoide.core.records import Json

T = TypeVar("T")
Location = tuple[str | int, ...]
"""Where a value is in the request or the file."""

MAX_KEYS = 100
MAX_DEPTH = 5
MAX_NESTING = 100
"""Nested arrays and objects. Serializing a response fails beyond 255 levels, including those around the value."""


def validate_metadata(value: Json, loc: Location, *, most: int | None = None) -> Json:
    """Validate metadata and remove NUL characters.

    Raises InvalidFields at `loc` if it has too many keys, is nested too deeply or takes more than `most` bytes.
    """
    if not value:
        return value
    if len(value) > MAX_KEYS:
        raise InvalidFields([FieldError(loc, f"Value error, Metadata exceeds maximum of {MAX_KEYS} top-level keys")])
    if depth(value) > MAX_DEPTH:
        raise InvalidFields([FieldError(loc, f"Value error, Metadata nesting exceeds maximum depth of {MAX_DEPTH}")])
    return cleaned(value, loc, most=most)


def cleaned(value: T, loc: Location, *, most: int | None = None, what: str = "Metadata") -> T:
    """Remove NUL characters from a JSON value.

    Raises InvalidFields at `loc` if it is nested too deeply or takes more than `most` bytes as compact JSON.
    """
    try:
        text = json_codec.dumps(value)
    except (TypeError, ValueError, RecursionError):
        raise _too_deep(loc) from None  # the only possible error for a value parsed from JSON
    if most is not None and len(text) > most:
        raise too_large(len(text), most, loc, what)
    if _NUL not in text and text.count(b"[") + text.count(b"{") <= MAX_NESTING:
        return value
    try:
        result: T = strip_nul(value)
    except TooDeep:
        raise _too_deep(loc) from None
    return result


def too_large(size: int, most: int, loc: Location, what: str) -> InvalidFields:
    """The error for an object of `size` bytes where `most` are allowed."""
    return InvalidFields([FieldError(loc, f"Value error, {what} exceeds the maximum of {most} bytes (it has {size})")])


_NUL = rb"\u0000"
"""A NUL character in JSON."""


def _too_deep(loc: Location) -> InvalidFields:
    fault = f"Value error, arrays and objects are nested deeper than {MAX_NESTING} levels"
    return InvalidFields([FieldError(loc, fault)])


class TooDeep(Exception):
    """A value is nested deeper than MAX_NESTING levels."""


def depth(value: Any) -> int:
    """The nesting depth of objects; stops at one above the limit."""
    level, layer = 0, [value]
    while layer and level <= MAX_DEPTH:
        level += 1
        layer = [inner for item in layer for inner in item.values() if isinstance(inner, dict)]
    return level


def strip_nul(value: Any, levels: int = MAX_NESTING) -> Any:
    """Remove NUL characters from all strings and keys.

    Raises TooDeep if more than `levels` arrays and objects are nested.
    """
    if isinstance(value, str):
        return value.replace("\x00", "") if "\x00" in value else value
    if isinstance(value, dict | list):
        if not levels:
            raise TooDeep
        if isinstance(value, list):
            return [strip_nul(inner, levels - 1) for inner in value]
        return {strip_nul(key): strip_nul(inner, levels - 1) for key, inner in value.items()}
    return value
