"""Streamed responses, such as server-sent events, and cancellation of work when the client disconnects.

A response starts only when the first bytes are available, so an earlier error becomes a normal error response.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # code is generated where it is not installed
    from starlette.types import Receive, Send

logger = logging.getLogger("omoide.contract")

EVENTS = "text/event-stream"
MEDIA_TYPES = (EVENTS, "application/jsonl")
"""Types of bodies that a handler returns piece by piece."""
HEADERS = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),  # nginx would buffer events otherwise
]


async def send_stream(pieces: AsyncIterator[bytes], status: int, send: Send, media: str = EVENTS) -> None:
    """Send the pieces as they arrive, after the `headers` of the iterator, if it has any. Raises what it raises.

    After ConnectionAbortedError from the iterator the response is not completed: the server closes the connection, and
    the client sees that the stream was truncated.
    """
    try:
        first = await anext(pieces, b"")
        headers = [(b"content-type", media.encode()), *HEADERS, *getattr(pieces, "headers", ())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": first, "more_body": True})
        try:
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        except ConnectionAbortedError as reason:
            logger.warning("stream aborted: %s", reason)
        else:
            await send({"type": "http.response.body", "body": b""})
    finally:
        if (close := getattr(pieces, "aclose", None)) is not None:
            await close()


async def while_connected(receive: Receive, work: Coroutine[Any, Any, None]) -> None:
    """Await the work, or cancel it when the client disconnects. The request's body must have been read.

    Raises what the work raises.
    """
    working, leaving = asyncio.ensure_future(work), asyncio.ensure_future(_departure(receive))
    try:
        await asyncio.wait((working, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (working, leaving):
            task.cancel()
        await asyncio.wait((working, leaving))
    if not working.cancelled():
        working.result()


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
