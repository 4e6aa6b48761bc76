"""Rules for the callers' own JSON: metadata and free configuration. Pure.

Source of the first two limits: the public API's documented behaviour (100 top-level keys, objects nested at most 5
deep, the root counting as one, objects inside arrays not counted).
"""

from __future__ import annotations

from typing import Any

from omoide.errors import FieldFault, InvalidFields
from omoide.records import Json

MAX_KEYS = 100
MAX_DEPTH = 5
MAX_NESTING = 100
"""Arrays and objects inside each other. Writing a response fails beyond 255 levels, those around the value included."""


def checked_metadata(value: Json, *loc: str | int) -> Json:
    """The metadata without NUL characters. Raises InvalidFields at `loc` if it has too many keys or is too deep."""
    if len(value) > MAX_KEYS:
        raise InvalidFields([FieldFault(loc, f"Value error, Metadata exceeds maximum of {MAX_KEYS} top-level keys")])
    if depth(value) > MAX_DEPTH:
        raise InvalidFields([FieldFault(loc, f"Value error, Metadata nesting exceeds maximum depth of {MAX_DEPTH}")])
    return cleaned(value, *loc)


def cleaned(value: Json, *loc: str | int) -> Json:
    """The value without NUL characters. Raises InvalidFields at `loc` if it is nested too deeply."""
    try:
        found: Json = without_nul(value)
    except TooDeep:
        fault = f"Value error, arrays and objects are nested deeper than {MAX_NESTING} levels"
        raise InvalidFields([FieldFault(loc, fault)]) from None
    return found


class TooDeep(Exception):
    """A value is nested deeper than MAX_NESTING levels."""


def depth(value: Any) -> int:
    """How deep objects are nested, stopping one beyond the limit."""
    level, layer = 0, [value]
    while layer and level <= MAX_DEPTH:
        level += 1
        layer = [inner for item in layer for inner in item.values() if isinstance(inner, dict)]
    return level


def without_nul(value: Any, levels: int = MAX_NESTING) -> Any:
    """The same JSON with NUL characters removed from all texts and keys.

    Raises TooDeep if it has more than `levels` arrays and objects inside each other.
    """
    if isinstance(value, str):
        return value.replace("\x00", "") if "\x00" in value else value
    if isinstance(value, dict | list):
        if not levels:
            raise TooDeep
        if isinstance(value, list):
            return [without_nul(inner, levels - 1) for inner in value]
        return {without_nul(key): without_nul(inner, levels - 1) for key, inner in value.items()}
    return value
