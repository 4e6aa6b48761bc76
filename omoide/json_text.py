"""Read and write JSON without changing a number, and repair the text that JavaScript makes of a cut emoji.

orjson, which is fastest, reads integers beyond 64 bits as floats and refuses to write them. So a text that may hold one
is read by pydantic-core's parser, and a value that holds one is written by Python's `json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import orjson
from pydantic_core import from_json

_LONG_INTEGER = b"0" * 20
_LONG_NEGATIVE = b"-" + b"0" * 19
_DIGITS = bytes(48 if 48 <= code < 58 else code if code == 45 else 32 for code in range(256))
"""Maps every digit to `0`, keeps `-`, and makes a space of everything else."""

_STRIDE = 6
_SAMPLES = b"0" * 3
"""Of 19 digits in a row every sixth byte gives at least three in a row. Few texts without long integers do."""

_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*+"  # what precedes: escaped backslashes, so that the next one begins an escape
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair of surrogates: one character
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"  # one without its partner
)

_NO_BACKSLASH = re.compile(rb"[^\\]")

_LONGEST_ESCAPE = 12
"""Bytes of a pair of surrogates."""

_STRETCH = 262_144
"""Bytes that are looked through at a time: other threads can run in between."""


def loads(text: bytes) -> Any:
    """The value of a JSON text in UTF-8, with every integer exact. Of duplicate keys the last one counts.

    Raises orjson.JSONDecodeError, a ValueError, for what is not JSON (NaN, Infinity and lone surrogates are not) and
    for numbers beyond the range of a double. Raises ValueError where a text with long integers is nested deeper than
    200 levels.
    """
    value = orjson.loads(text)
    if len(text) < len(_LONG_INTEGER):
        return value
    if text[::_STRIDE].translate(_DIGITS).find(_SAMPLES) >= 0:  # `in` takes twice as long
        digits = text.translate(_DIGITS)
        if _LONG_INTEGER in digits or _LONG_NEGATIVE in digits:
            return from_json(text)
    return value


def dumps(value: Any, *, sort_keys: bool = False) -> bytes:
    """A JSON value as compact UTF-8. Raises TypeError or ValueError for what is not a JSON value."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else 0)
    except TypeError:  # an integer beyond 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys, allow_nan=False)
        return text.encode()


class SameKeys(ValueError):
    """Keys of one object became the same by the repair, so that a value would be lost."""


def repaired(text: bytes) -> bytes:
    """A JSON text with the escape of U+FFFD in place of each escaped surrogate that has no partner.

    Raises SameKeys.
    """
    if not any(sign in text for sign in (rb"\ud", rb"\uD")):
        return text
    parts: list[bytes] = []
    done = 0
    for start, end in _lone_surrogates(text):
        parts += (text[done:start], rb"\ufffd")
        done = end
    if not parts:
        return text
    found = b"".join((*parts, text[done:]))
    _refuse_same_keys(found)
    return found


def _lone_surrogates(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the escapes of surrogates without a partner are."""
    start = 0
    while start < len(text):
        end = start + _STRETCH
        if text[end - 1 : end] == b"\\":  # after all backslashes that follow: how many there are decides
            run = _NO_BACKSLASH.search(text, end)
            end = run.start() if run else len(text)
        following = end
        for found in _SURROGATE.finditer(text, start, end + _LONGEST_ESCAPE):
            if found.start() >= end:  # which may be cut
                break
            if found[1]:
                yield found.span(1)
            following = max(end, found.end())
        start = following


def _refuse_same_keys(text: bytes) -> None:
    def look(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs if "\ufffd" in key]
        if len(keys) > len(set(keys)):
            raise SameKeys("Keys of one object differ in halves of characters only")

    try:
        json.loads(text, object_pairs_hook=look)
    except SameKeys:
        raise
    except (ValueError, RecursionError):
        pass  # not JSON, which whoever reads it will say
