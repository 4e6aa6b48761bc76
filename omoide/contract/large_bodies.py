"""Large JSON bodies: how many values they may hold, and one at a time.

What reading a body costs depends on how many values it holds more than on its bytes. So the values of a large one are
counted before it is parsed, and the steps of reading it are taken for one request at a time, so that what other
requests wait for is one step and not one of each.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from weakref import WeakKeyDictionary

from omoide.contract.errors import TooManyValues

LARGE_BYTES = 65_536
"""Smaller bodies are read in a few milliseconds, whatever they hold."""

MAX_VALUES = 200_000
"""Values in one body, an object or array counting as `CONTAINER` of them."""

CONTAINER = 4
"""An object or array takes about as long to read as so many numbers."""

_SLICE = 262_144
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


@contextlib.asynccontextmanager
async def turn() -> AsyncIterator[None]:
    """Wait until no other large body is read by this event loop, and let other requests go first."""
    loop = asyncio.get_running_loop()
    async with _turns.setdefault(loop, asyncio.Lock()):
        await asyncio.sleep(0)
        yield


async def admit(body: bytes) -> None:
    """Raise TooManyValues for a JSON text that holds more than `MAX_VALUES` of them. It need not be JSON."""
    count, is_text, start = 0, False, 0
    while start < len(body):
        end = start + _SLICE
        part = body[start:end]
        if (len(part) - len(part.rstrip(b"\\"))) % 2:  # not between a backslash and what it escapes
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
