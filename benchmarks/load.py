"""The load: connections that are kept alive, each with one request under way at any time.

The client must not be what is measured. Requests are bytes made elsewhere, an answer is read no further than its
status and its length, and nothing but the event loop stands between. A wrong status ends the run: a server that
answers errors is fast and worthless.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar, cast

import uvloop

from benchmarks.servers import Address

T = TypeVar("T")
SHOWN_BYTES = 500
"""How much of an unexpected answer is shown."""
PATIENCE_SECONDS = 30
"""How long the last answers of a round may take."""


class UnexpectedAnswer(Exception):
    """The server did not answer as the workload expects, or went away."""


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 request with a JSON body, or without one if it is empty."""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request as soon as the answer to the last one is complete, until `deadline`."""

    def __init__(self, requests: Iterator[bytes], status: int, deadline: float) -> None:
        self.requests = requests
        self.expected = b"HTTP/1.1 %d " % status
        self.deadline = deadline
        self.answered = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its class
        self.transport.write(next(self.requests))

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._missing -= len(data)
        else:
            data = self._head + data
            end = data.find(b"\r\n\r\n")
            if end < 0:
                self._head = data
                return
            self._head = b""
            if not data.startswith(self.expected):
                self._fail(UnexpectedAnswer(data[:SHOWN_BYTES].decode(errors="replace")))
                return
            self._missing = content_length(data[:end]) - (len(data) - end - 4)
        if self._missing == 0:
            self._next()

    def _next(self) -> None:
        self.answered += 1
        if time.perf_counter() < self.deadline:
            self.transport.write(next(self.requests))
        elif not self.finished.done():
            self.finished.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(UnexpectedAnswer(f"the server closed the connection: {exc}"))

    def _fail(self, error: UnexpectedAnswer) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)
            self.transport.close()


def content_length(head: bytes) -> int:
    """The length that a response's head declares. Raises UnexpectedAnswer if it has none."""
    start = head.find(b"content-length: ")
    if start < 0:
        raise UnexpectedAnswer(f"no content-length:\n{head.decode(errors='replace')}")
    end = head.find(b"\r\n", start)
    return int(head[start + 16 : end if end > 0 else None])


async def rate(address: Address, requests: Iterator[bytes], status: int, *, connections: int, seconds: float) -> float:
    """Requests answered per second over about `seconds`. Raises UnexpectedAnswer."""
    loop = asyncio.get_running_loop()
    start = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(requests, status, start + seconds), *address)
        for _ in range(connections)
    ]
    protocols = [protocol for _, protocol in made]
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(protocol.finished for protocol in protocols))
    return sum(protocol.answered for protocol in protocols) / (time.perf_counter() - start)


async def once(address: Address, sent: bytes) -> tuple[int, bytes]:
    """The status and the body of the answer to one request, on a connection of its own."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1]), await reader.readexactly(content_length(head))
    finally:
        writer.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a fresh uvloop."""
    return uvloop.run(work)
