"""The HTTP client that models are asked through: it reads no more of an answer than an answer may hold.

A provider may send without end, pack gigabytes into kilobytes or nest a hundred thousand lists, and the SDKs read all
that is sent. So the answer is read here: a whole one before the SDK sees it, a stream event by event. What is wrong
with it is noted in the `Reading` of the request, because each SDK makes an error of its own of what a client raises.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import httpx2
from pydantic_ai.models import create_async_httpx2_client

from omoide.inference import provider_failed as said
from omoide.inference.answer_limits import (
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
class Reading:
    """What became of the answer to one request. `fault` is one of `provider_failed.FAULTS`, empty for none."""

    has_begun: bool = False
    is_marked_done: bool = False
    """Whether a stream had the event `[DONE]`, with which those in OpenAI's format end."""
    fault: str = ""


_reading: ContextVar[Reading | None] = ContextVar("reading", default=None)


@contextmanager
def reading() -> Iterator[Reading]:
    """The requests that are made within the block are noted in what this gives, also while a stream is read later."""
    noted = Reading()
    token = _reading.set(noted)
    try:
        yield noted
    finally:
        _reading.reset(token)


def model_client(seconds: float, most_bytes: int) -> httpx2.AsyncClient:
    """A client that waits for bytes up to `seconds`, and reads up to `most_bytes` of an answer, packed or unpacked.

    Proxies of the environment are used. How long an answer may take as a whole is up to whoever asks.
    """
    client = create_async_httpx2_client(timeout=httpx2.Timeout(seconds, connect=min(seconds, CONNECT_SECONDS)))
    client.headers["Accept-Encoding"] = ACCEPTED_CODINGS

    async def limit(response: httpx2.Response) -> None:
        await _limit(response, most_bytes, _reading.get() or Reading())

    # A hook and not a transport of our own, with which the client would take no proxy from the environment.
    client.event_hooks = {**client.event_hooks, "response": [limit]}
    return client


async def _limit(response: httpx2.Response, most: int, noted: Reading) -> None:
    """Put what may be read in place of the response's stream: unpacked, and read already unless it is of events."""
    noted.has_begun = True
    coding = response.headers.pop("content-encoding", "")
    source = response.stream
    assert isinstance(source, httpx2.AsyncByteStream)
    if response.is_success and "json" not in response.headers.get("content-type", ""):
        response.stream = _Events(source, coding, most, noted)
        return
    try:
        if response.is_success:
            with _noted(noted):
                body = await whole(unpacked(source, coding, most))
        else:
            body = await _error_body(source, coding)
    finally:
        await source.aclose()
    response.stream = httpx2.ByteStream(body)


async def _error_body(source: httpx2.AsyncByteStream, coding: str) -> bytes:
    """Its beginning, or nothing of what is not fit to be parsed: the status says the most."""
    try:
        body = await beginning(unpacked(source, coding, MOST_ERROR_BYTES), MOST_ERROR_BYTES)
        check_json(body)
    except AnswerUnreadable:
        return b""
    return body.decode(errors="replace").encode()


class _Events(httpx2.AsyncByteStream):
    """A body that is read as it comes. Raises httpx2.ReadError for what goes beyond the limits."""

    def __init__(self, source: httpx2.AsyncByteStream, coding: str, most: int, noted: Reading) -> None:
        self._source = source
        self._coding = coding
        self._most = most
        self._noted = noted
        self._is_read = False

    async def __aiter__(self) -> AsyncIterator[bytes]:
        if self._is_read:  # by an SDK that lets what follows the end of the answer go by, to keep the connection
            async for data in self._source:
                yield data
            return
        self._is_read = True
        with _noted(self._noted):
            async for event in events(unpacked(self._source, self._coding, self._most)):
                if event.startswith(_DONE):
                    self._noted.is_marked_done = True
                yield event

    async def aclose(self) -> None:
        await self._source.aclose()


@contextmanager
def _noted(noted: Reading) -> Iterator[None]:
    """Within the block, a limit that is broken is noted and raised as an error that every SDK knows."""
    try:
        yield
    except AnswerTooLong:
        noted.fault = said.TOO_LONG
        raise httpx2.ReadError(noted.fault) from None
    except AnswerUnreadable:
        noted.fault = said.UNREADABLE
        raise httpx2.ReadError(noted.fault) from None
