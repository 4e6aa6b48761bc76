"""Read and write JSON with exact integers, and replace lone surrogates, which JavaScript writes for a cut emoji.

orjson is the fastest library, but reads integers beyond 64 bits as floats and refuses to write them. So a text that may
contain one is read by pydantic-core's parser, and a value that contains one is written by Python's `json`.
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
"""Translation table: digits to `0`, `-` unchanged, every other byte to a space."""

_STRIDE = 6
_SAMPLES = b"0" * 3
"""Every sixth byte of 19 consecutive digits gives at least three digits in a row, which is rare without long
integers."""

_SURROGATE = re.compile(
    rb"(?<!\\)(?:\\\\)*+"  # escaped backslashes before it, so that the next one begins an escape
    rb"(?:\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a surrogate pair: one character
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2}))"  # a lone surrogate
)

_NO_BACKSLASH = re.compile(rb"[^\\]")

_LONGEST_ESCAPE = 12
"""Bytes of an escaped surrogate pair."""

_STRETCH = 262_144
"""Bytes that are searched at a time, so that other threads can run in between."""


def loads(text: bytes) -> Any:
    """Parse UTF-8 JSON with exact integers. The last of duplicate keys wins.

    Raises orjson.JSONDecodeError, a ValueError, for invalid JSON (NaN, Infinity and lone surrogates included) and for
    numbers beyond the range of a double. Raises ValueError for a text with long integers that is nested deeper than
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
    """Serialize a value as compact UTF-8 JSON. Raises TypeError or ValueError if it is not a JSON value."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else 0)
    except TypeError:  # an integer beyond 64 bits
        text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys, allow_nan=False)
        return text.encode()


class DuplicateKeys(ValueError):
    """The repair made keys of one object equal, so a value would be lost."""


def repair_surrogates(text: bytes) -> bytes:
    """Replace each escaped lone surrogate in a JSON text with the escape of U+FFFD. Raises DuplicateKeys."""
    if not any(sign in text for sign in (rb"\ud", rb"\uD")):
        return text
    parts: list[bytes] = []
    done = 0
    for start, end in _lone_surrogates(text):
        parts += (text[done:start], rb"\ufffd")
        done = end
    if not parts:
        return text
    result = b"".join((*parts, text[done:]))
    _reject_duplicate_keys(result)
    return result


def _lone_surrogates(text: bytes) -> Iterator[tuple[int, int]]:
    """The spans of escaped lone surrogates."""
    start = 0
    while start < len(text):
        end = start + _STRETCH
        if text[end - 1 : end] == b"\\":  # do not split a run of backslashes: its length decides what is escaped
            run = _NO_BACKSLASH.search(text, end)
            end = run.start() if run else len(text)
        following = end
        for match in _SURROGATE.finditer(text, start, end + _LONGEST_ESCAPE):
            if match.start() >= end:  # it may be cut off
                break
            if match[1]:
                yield match.span(1)
            following = max(end, match.end())
        start = following


def _reject_duplicate_keys(text: bytes) -> None:
    def look(pairs: list[tuple[str, Any]]) -> None:
        keys = [key for key, _ in pairs if "\ufffd" in key]
        if len(keys) > len(set(keys)):
            raise DuplicateKeys("Keys of one object differ in halves of characters only")

    try:
        json.loads(text, object_pairs_hook=look)
    except DuplicateKeys:
        raise
    except (ValueError, RecursionError):
        pass  # invalid JSON, which the caller's parser reports
