"""The HTTP client for model providers, with limits on the size of responses.

A provider may send endless data, compress gigabytes into kilobytes or nest a hundred thousand lists, and the SDKs read
all of it. So responses are read here: a whole one before the SDK sees it, a stream event by event. Faults are recorded
in the `ResponseState` of the request, because each SDK converts the client's exceptions to its own.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx2
from pydantic_ai.models import create_async_httpx2_client

from omoide.inference import errors as said
from omoide.inference.half_characters import joined, repaired
from omoide.inference.response_limits import (
    ACCEPTED_CODINGS,
    MOST_ERROR_BYTES,
    AnswerTooLong,
    AnswerUnreadable,
    beginning,
    check_json,
    events,
    unpacked,
    whole,
)

CONNECT_SECONDS = 5.0
_DONE = (b"data: [DONE]", b"data:[DONE]")


@dataclass
class ResponseState:
    """State of the response to one request. `fault` is one of `provider_failed.FAULTS`, or empty."""

    has_begun: bool = False
    is_marked_done: bool = False
    """Whether a stream had the event `[DONE]`, which ends streams in OpenAI's format."""
    fault: str = ""


_reading: ContextVar[ResponseState | None] = ContextVar("reading", default=None)


@contextmanager
def reading() -> Iterator[ResponseState]:
    """Record requests made within the block in the returned `ResponseState`, also while a stream is read later."""
    state = ResponseState()
    token = _reading.set(state)
    try:
        yield state
    finally:
        _reading.reset(token)


def model_client(seconds: float, most_bytes: int) -> httpx2.AsyncClient:
    """Create a client with a read time-out, and a limit of bytes for a response, compressed or decompressed.

    It uses proxies from the environment. The caller limits the total time of a response.
    """
    client = create_async_httpx2_client(timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)))
    client.headers["Accept-Encoding"] = ACCEPTED_CODINGS

    async def limit(response: httpx2.Response) -> None:
        await _limit(response, most_bytes, _reading.get() or ResponseState())

    # A hook, because with a custom transport the client would ignore proxies from the environment.
    client.event_hooks = {**client.event_hooks, "response": [limit]}
    return client


async def _limit(response: httpx2.Response, most: int, state: ResponseState) -> None:
    """Replace the response's stream with a limited, decompressed one; read at once unless it is an event stream."""
    state.has_begun = True
    coding = response.headers.pop("content-encoding", "")
    source = response.stream
    assert isinstance(source, httpx2.AsyncByteStream)
    if response.is_success and "json" not in response.headers.get("content-type", ""):
        response.stream = _Events(source, coding, most, state)
        return
    try:
        if response.is_success:
            with _noted(state):
                body = repaired(await whole(unpacked(source, coding, most)))
        else:
            body = await _error_body(source, coding)
    finally:
        await source.aclose()
    response.stream = httpx2.ByteStream(body)


async def _error_body(source: httpx2.AsyncByteStream, coding: str) -> bytes:
    """The beginning of an error body; empty if its JSON exceeds the limits, because the status says most."""
    try:
        body = await beginning(unpacked(source, coding, MOST_ERROR_BYTES), MOST_ERROR_BYTES)
        check_json(body)
    except AnswerUnreadable:
        return b""
    return body.decode(errors="replace").encode()


class _Events(httpx2.AsyncByteStream):
    """A body read incrementally. Raises httpx2.ReadError if it exceeds the limits."""

    def __init__(self, source: httpx2.AsyncByteStream, coding: str, most: int, state: ResponseState) -> None:
        self._source = source
        self._coding = coding
        self._most = most
        self._noted = state
        self._is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_read:  # an SDK drains the rest of the body to keep the connection alive
            async for data in self._source:
                yield data
            return
        self._is_read = True
        with _noted(self._noted):
            async for event in joined(events(unpacked(self._source, self._coding, self._most))):
                if event.startswith(_DONE):
                    self._noted.is_marked_done = True
                yield event

    async def aclose(self) -> None:
        await self._source.aclose()


@contextmanager
def _noted(state: ResponseState) -> Iterator[None]:
    """Within the block, record an exceeded limit and raise it as an exception that every SDK handles."""
    try:
        yield
    except AnswerTooLong:
        state.fault = said.TOO_LONG
        raise httpx2.ReadError(state.fault) from None
    except AnswerUnreadable:
        state.fault = said.UNREADABLE
        raise httpx2.ReadError(state.fault) from None
