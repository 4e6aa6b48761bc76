"""An answer as server-sent events: `data: ` and one JSON object each, the last with `done`, as in the public API.

What goes wrong before the first event is an error like any other. What goes wrong later is reported in an event without
`done`, after which the response breaks off: clients ignore `error` and stop at `done`, so an answer that is not whole
would look like one, but every client reports a response that broke off.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing

from handlers import shapes
from omoide.errors import OmoideError
from omoide.reasoning.asking import Answer
from omoide.records import Json

logger = logging.getLogger("omoide.chat")

PING = b": ping\n\n"
"""A comment, which clients pass over: somebody is still there."""
STOPPED = "The server is stopping: the answer is not complete"
UNEXPECTED = "An unexpected error occurred"

Came = asyncio.Queue[str | Exception | None]
"""Pieces, and after them what went wrong, or None."""


async def events(answer: Answer, keepalive_seconds: float, *, with_evidence: bool) -> AsyncIterator[bytes]:
    """The answer's pieces as they come, then the end; a sign of life whenever `keepalive_seconds` passed without one.

    Raises what goes wrong before the first of these, and ConnectionAbortedError after the event that reports what went
    wrong later. The work on the answer ends with the iterator.
    """
    # One place, so that no more is worked out than is taken; one task, because an answer may not change hands.
    came: Came = asyncio.Queue(1)
    work = asyncio.create_task(_hand_over(answer, came))
    has_begun = False
    last: Json = {"done": True}
    try:
        while (piece := await _within(keepalive_seconds, came)) is not None:
            yield PING if piece == "" else _event({"delta": {"content": piece}, "done": False})
            has_begun = True
        if with_evidence:
            last["evidence"] = shapes.evidence(answer.evidence).model_dump(mode="json")
    except asyncio.CancelledError:
        if has_begun:
            yield _broken(STOPPED)
        raise
    except Exception as error:
        if not has_begun:
            raise
        detail = _detail(error)
        yield _broken(detail)
        raise ConnectionAbortedError(detail) from None
    finally:
        work.cancel()
        await asyncio.wait((work,))
    yield _event(last)


async def _hand_over(answer: Answer, came: Came) -> None:
    end: Exception | None = None
    try:
        async with aclosing(answer.pieces) as pieces:
            async for piece in pieces:
                await came.put(piece)
    except Exception as error:
        end = error
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        end = RuntimeError("the work on an answer was cancelled by itself")  # whoever waits must hear of an end
        end.__cause__ = error
    await came.put(end)


async def _within(seconds: float, came: Came) -> str | None:
    """The next piece, the empty text if none comes in time, None at the end. Raises what went wrong."""
    try:
        async with asyncio.timeout(seconds):
            item = await came.get()
    except TimeoutError:
        return ""
    if isinstance(item, Exception):
        raise item
    return item


def _broken(detail: str) -> bytes:
    return _event({"error": {"detail": detail}, "done": False})


def _event(payload: Json) -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()


def _detail(error: Exception) -> str:
    """What a caller may know of an error."""
    if isinstance(error, OmoideError):
        return error.detail
    logger.error("unexpected error in a stream", exc_info=error)
    return UNEXPECTED
