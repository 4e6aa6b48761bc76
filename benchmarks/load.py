"""Load generation: keep-alive connections with one request in flight each.

The load is closed-loop (`rate`: as fast as the server responds) or open-loop (`paced`: at a fixed rate, where latency
includes the time that a request waits for its connection).

The client must not dominate the measurement. Requests are prepared bytes, and only the status and length of a response
are parsed. An unexpected status ends the run, because a server that answers errors is fast.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, cast

import uvloop

from benchmarks.servers import Address

T = TypeVar("T")
SHOWN_BYTES = 500
"""The number of bytes shown of an unexpected response."""
PATIENCE_SECONDS = 30
"""Timeout for the last responses of a round."""


class UnexpectedAnswer(Exception):
    """The response is not what the workload expects, or the server closed the connection."""


def request(method: str, path: str, body: bytes = b"") -> bytes:
    """The bytes of an HTTP/1.1 request with a JSON body, or without a body if it is empty."""
    head = f"{method} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body:
        head += f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + body


class _Connection(asyncio.Protocol):
    """Sends the next request when the last response is complete, until `deadline`."""

    def __init__(self, requests: Iterator[bytes], status: int, deadline: float) -> None:
        self.requests = requests
        self.expected = b"HTTP/1.1 %d " % status
        self.deadline = deadline
        self.latencies: list[float] = []
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = b""
        self._missing = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not derive from asyncio's
        self._begin()

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

    def _begin(self) -> None:
        self._send(time.perf_counter())

    def _send(self, due: float) -> None:
        self.due = due
        self.transport.write(next(self.requests))

    def _next(self) -> None:
        now = time.perf_counter()
        self.latencies.append(now - self.due)
        self._after(now)

    def _after(self, now: float) -> None:
        if now < self.deadline:
            self._send(now)
        else:
            self._finish()

    def _finish(self) -> None:
        if not self.finished.done():
            self.finished.set_result(None)
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(UnexpectedAnswer(f"the server closed the connection: {exc}"))

    def _fail(self, error: UnexpectedAnswer) -> None:
        if not self.finished.done():
            self.finished.set_exception(error)
            self.transport.close()


class _Paced(_Connection):
    """Sends a request every `interval` seconds from `first` on, or when the last response is complete if later."""

    def __init__(
        self, requests: Iterator[bytes], status: int, deadline: float, *, first: float, interval: float
    ) -> None:
        super().__init__(requests, status, deadline)
        self.planned = first
        self.interval = interval

    def _begin(self) -> None:
        self._wait()

    def _after(self, now: float) -> None:
        self.planned += self.interval
        if self.planned < self.deadline:
            self._wait()
        else:
            self._finish()

    def _wait(self) -> None:
        """Send at the planned time. The latency of a delayed request counts from its planned time."""
        early = self.planned - time.perf_counter()
        if early > 0:
            asyncio.get_running_loop().call_later(early, super()._begin)
        else:
            self._send(self.planned)


def content_length(head: bytes) -> int:
    """The content length in a response's headers. Raises UnexpectedAnswer without one."""
    start = head.find(b"content-length: ")
    if start < 0:
        raise UnexpectedAnswer(f"no content-length:\n{head.decode(errors='replace')}")
    end = head.find(b"\r\n", start)
    return int(head[start + 16 : end if end > 0 else None])


@dataclass(frozen=True)
class Round:
    """The result of a round: responses per second, and the latency of each request in seconds."""

    rate: float
    latencies: Sequence[float]


async def rate(address: Address, requests: Iterator[bytes], status: int, *, connections: int, seconds: float) -> Round:
    """Send as many requests as are answered in about `seconds`. Raises UnexpectedAnswer."""
    start = time.perf_counter()
    made = [_Connection(requests, status, start + seconds) for _ in range(connections)]
    return await _played(address, made, start, seconds)


async def paced(
    address: Address, requests: Iterator[bytes], status: int, *, connections: int, per_second: float, seconds: float
) -> Round:
    """Send `per_second` requests a second for `seconds`, round-robin over the connections. Raises UnexpectedAnswer."""
    start = time.perf_counter()
    made = [
        _Paced(requests, status, start + seconds, first=start + n / per_second, interval=connections / per_second)
        for n in range(connections)
    ]
    return await _played(address, made, start, seconds)


async def _played(address: Address, made: Sequence[_Connection], start: float, seconds: float) -> Round:
    for protocol in made:
        await _connect(address, protocol)
    async with asyncio.timeout(seconds + PATIENCE_SECONDS):
        await asyncio.gather(*(protocol.finished for protocol in made))
    latencies = [latency for protocol in made for latency in protocol.latencies]
    return Round(len(latencies) / (time.perf_counter() - start), latencies)


async def _connect(address: Address, protocol: _Connection) -> None:
    await asyncio.get_running_loop().create_connection(lambda: protocol, *address)


async def once(address: Address, sent: bytes) -> tuple[int, bytes]:
    """Send one request on a new connection; returns status and body."""
    reader, writer = await asyncio.open_connection(*address)
    try:
        writer.write(sent)
        head = await reader.readuntil(b"\r\n\r\n")
        return int(head.split(maxsplit=2)[1]), await reader.readexactly(content_length(head))
    finally:
        writer.close()


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine on a new uvloop."""
    return uvloop.run(work)
