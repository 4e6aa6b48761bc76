"""Join or replace halves of characters in the JSON of responses, before an SDK reads it.

Some servers split a character outside the basic plane, such as an emoji, between two events of a stream, as escapes or
as bytes. Some SDKs refuse a text with half a character, and with it the whole answer.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterable, AsyncIterator

_BYTES = re.compile(rb"\xed([\xa0-\xbf])([\x80-\xbf])")
"""A surrogate in UTF-8, which does not allow it."""
_HIGH, _LOW = rb"\\u[dD][89abAB][0-9a-fA-F]{2}", rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
# Any other escape is skipped, so that `\\ud83d`, a backslash and letters, is none.
_ESCAPES = re.compile(rb"(?P<pair>%b%b)|(?P<half>%b|%b)|\\." % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)
_REPLACEMENT = rb"\ufffd"


def repaired(data: bytes) -> bytes:
    """Return JSON with U+FFFD for each half of a character. What is no half stays as it is, byte for byte."""
    return _ESCAPES.sub(_replaced, _escaped(data)) if _may_have_halves(data) else data


async def joined(events: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """Return events of a stream with whole characters: halves at the end of one text and the beginning of the next are
    joined, others become U+FFFD. An event that ends with a half is held until the next one."""
    held: bytes | None = None
    async for data in events:
        event = _escaped(data) if _may_have_halves(data) else data
        if held is not None:
            first, event = _moved(held, event)
            yield repaired(first)
        held = event if _ending_half(event) is not None else None
        if held is None:
            yield repaired(event)
    if held is not None:
        yield repaired(held)


def _may_have_halves(data: bytes) -> bool:
    return b"\\ud" in data or b"\\uD" in data or b"\xed" in data


def _escaped(data: bytes) -> bytes:
    """Return the data with escapes instead of surrogates in UTF-8."""
    return _BYTES.sub(lambda match: b"\\u%04x" % (0xD000 | (match[1][0] & 0x3F) << 6 | match[2][0] & 0x3F), data)


def _replaced(match: re.Match[bytes]) -> bytes:
    return _REPLACEMENT if match["half"] else match[0]


def _halves(data: bytes) -> list[re.Match[bytes]]:
    return [match for match in _ESCAPES.finditer(data) if match["half"]] if _may_have_halves(data) else []


def _ending_half(event: bytes) -> re.Match[bytes] | None:
    """The first half of a character at the end of a text."""
    halves = _halves(event)
    last = halves[-1] if halves else None
    return last if last and re.fullmatch(_HIGH, last[0]) and event[last.end() : last.end() + 1] == b'"' else None


def _moved(first: bytes, second: bytes) -> tuple[bytes, bytes]:
    """Move the half at the end of a text of the first event to the half with which a text of the second begins."""
    high, halves = _ending_half(first), _halves(second)
    low = next((each for each in halves if second[each.start() - 1 : each.start()] == b'"'), None)
    if high is None or low is None or not re.fullmatch(_LOW, low[0]):
        return first, second
    return (
        first[: high.start()] + first[high.end() :],
        second[: low.start()] + high[0] + second[low.start() :],
    )
