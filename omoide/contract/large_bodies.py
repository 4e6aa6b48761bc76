"""Limit the values in large JSON bodies, and process one large body at a time.

The cost of reading a body depends on its number of values more than on its bytes. So the values of a large body are
counted before it is parsed, and only one large body per event loop is processed at a time: other requests wait for one
step, not for one step of each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

from omoide.contract.errors import TooManyValues

LARGE_BYTES = 65_536
"""Smaller bodies are read in a few milliseconds, whatever they contain."""

MAX_VALUES = 200_000
"""Values in one body; an object or array counts as `CONTAINER` values."""

CONTAINER = 4
"""An object or array takes about as long to read as this many numbers."""

_SLICE = 262_144
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """Wait until this event loop processes no other large body, then yield to other requests once."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Lock()):
        await asyncio.sleep(0)
        yield


async def admit(body: bytes) -> None:
    """Raise TooManyValues if a JSON text holds more than `MAX_VALUES` values. Invalid JSON is accepted."""
    count, is_text, start = 0, False, 0
    while start < len(body):
        end = start + _SLICE
        part = body[start:end]
        if (len(part) - len(part.rstrip(b"\\"))) % 2:  # do not split an escape sequence
            end += 1
        part = body[start:end].replace(rb"\\", b"").replace(rb"\"", b"")
        quotes = part.count(b'"')
        if quotes > 4 * MAX_VALUES:
            raise TooManyValues(MAX_VALUES)
        pieces = part.split(b'"')
        outside = b"".join(pieces[is_text::2])
        is_text ^= quotes % 2 == 1
        count += outside.count(b",") + CONTAINER * (outside.count(b"[") + outside.count(b"{"))
        if count > MAX_VALUES:
            raise TooManyValues(MAX_VALUES)
        start = end
        await asyncio.sleep(0)
