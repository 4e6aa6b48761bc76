"""Stream an answer as server-sent events, in the public API's format: one JSON object each, the last with `done`.

A failure before the first event becomes a normal error response. A later one is reported in an event without `done`,
and the response is truncated: clients ignore `error` and stop at `done`, so a partial answer would look complete, but
every client reports a truncated response.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing

from omoide.core.errors import OmoideError
from omoide.core.records import Json
from omoide.generated import models
from omoide.reasoner.evidence import Evidence
from omoide.services.ask import Answer

logger = logging.getLogger("omoide.chat")

PING = b": ping\n\n"
"""A keep-alive: a comment, which clients ignore."""
STOPPED = "The server is stopping: the answer is not complete"
UNEXPECTED = "An unexpected error occurred"

Came = asyncio.Queue[str | Exception | None]
"""Pieces of the answer, then the exception that ended it, or None."""


async def events(
    answer: Answer, keepalive_seconds: float, shown: Callable[[Evidence], models.Evidence] | None
) -> AsyncIterator[bytes]:
    """Yield the answer's pieces as they arrive, then the end; a `PING` after every `keepalive_seconds` without a piece.
    The end has the evidence as it is `shown`, if it is.

    Raises a failure before the first event unchanged, and ConnectionAbortedError after the event that reports a later
    one. Closing the iterator cancels the work on the answer.
    """
    # A queue of size 1 applies back pressure. The answer is iterated in a single task, as its context requires.
    queue: Came = asyncio.Queue(1)
    work = asyncio.create_task(_hand_over(answer, queue))
    has_begun = False
    last: Json = {"done": True}
    try:
        while (piece := await _within(keepalive_seconds, queue)) is not None:
            yield PING if piece == "" else _event({"delta": {"content": piece}, "done": False})
            has_begun = True
        if shown is not None:
            last["evidence"] = shown(answer.evidence).model_dump(mode="json")
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


async def _hand_over(answer: Answer, queue: Came) -> None:
    end: Exception | None = None
    try:
        async with aclosing(answer.pieces) as pieces:
            async for piece in pieces:
                await queue.put(piece)
    except Exception as error:
        end = error
    except asyncio.CancelledError as error:
        if (task := asyncio.current_task()) is None or task.cancelling():
            raise
        end = RuntimeError("the work on an answer cancelled itself")  # or the reader would wait forever
        end.__cause__ = error
    await queue.put(end)


async def _within(seconds: float, queue: Came) -> str | None:
    """The next piece; an empty string after `seconds` without one, None at the end. Raises a queued exception."""
    try:
        async with asyncio.timeout(seconds):
            item = await queue.get()
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
    """The error detail that is safe to show to the caller."""
    if isinstance(error, OmoideError):
        return error.detail
    logger.error("unexpected error in a stream", exc_info=error)
    return UNEXPECTED
