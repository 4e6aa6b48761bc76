"""A small HTTP/1.1 client for load generation: keep-alive connections with one request in flight each.

Unlike `load.py` it accepts any status and chunked responses, because a server under overload refuses requests. Requests
are prepared bytes, and response bodies are kept only on request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools
import orjson

from benchmarks.servers import Address

BODY_SHOWN_BYTES = 300


class ConnectionLost(Exception):
    """The connection could not be opened, or closed before the response was complete."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A complete response: `size` is the length of its body in bytes, `body` is empty unless requested."""

    status: int
    size: int
    body: bytes = b""


def request(method: str, path: str, body: object = None, *, key: str = "", content_type: str = "") -> bytes:
    """The bytes of a request. A body other than bytes is sent as JSON; `key` is a bearer token."""
    content = b"" if body is None else body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"host": "localhost"}
    if key:
        headers["authorization"] = f"Bearer {key}"
    if content:
        headers |= {"content-type": content_type or "application/json", "content-length": str(len(content))}
    return _head(f"{method} {path} HTTP/1.1", headers) + content


def upload(path: str, fields: Mapping[str, str], file: bytes, *, key: str = "") -> bytes:
    """The bytes of a multipart request that sends `file` as plain text."""
    boundary = "omoide-benchmark-boundary"
    parts = [
        f'--{boundary}\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    disposition = 'content-disposition: form-data; name="file"; filename="a.txt"'
    parts.append(f"--{boundary}\r\n{disposition}\r\ncontent-type: text/plain\r\n\r\n")
    body = "".join(parts).encode() + file + f"\r\n--{boundary}--\r\n".encode()
    return request("POST", path, body, key=key, content_type=f"multipart/form-data; boundary={boundary}")


def _head(first: str, headers: Mapping[str, str]) -> bytes:
    return "\r\n".join([first, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode()


class PooledConnection(asyncio.Protocol):
    """A connection. `is_open` becomes false when it can take no further request."""

    def __init__(self) -> None:
        self.is_open = False
        self._pending: asyncio.Future[HttpAnswer] | None = None
        self._keep_body, self._size = False, 0
        self._chunks: list[bytes] = []
        self._parser = httptools.HttpResponseParser(self)

    async def exchange(self, sent: bytes, *, keep_body: bool = False) -> HttpAnswer:
        """Send a request and wait for the complete response. Raises ConnectionLost."""
        self._keep_body, self._chunks, self._size = keep_body, [], 0
        self._pending = asyncio.get_running_loop().create_future()
        self.transport.write(sent)
        return await self._pending

    def close(self) -> None:
        self.is_open = False
        self.transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's does not derive from asyncio's
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._end(ConnectionLost(f"not HTTP: {error}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(ConnectionLost(f"closed by the server: {exc or 'end of file'}"))

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._keep_body:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        answer = HttpAnswer(self._parser.get_status_code(), self._size, b"".join(self._chunks))
        if not self._parser.should_keep_alive():
            self.close()
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(answer)

    def _end(self, error: ConnectionLost) -> None:
        self.is_open = False
        self.transport.close()
        if self._pending is not None and not self._pending.done():
            self._pending.set_exception(error)


class Pool:
    """A pool of at most `size` connections to a server, opened on demand, from the local address `source` if given."""

    def __init__(self, address: Address, size: int, *, source: str = "") -> None:
        self.address = address
        self.source = source
        self._free = asyncio.Semaphore(size)
        self._idle: list[PooledConnection] = []

    async def exchange(self, sent: bytes, *, keep_body: bool = False, fresh: bool = False) -> HttpAnswer:
        """Send a request when a connection is free; `fresh` opens a new one for it. Raises ConnectionLost."""
        async with self._free:
            connection = await self._open() if fresh else await self._take()
            try:
                answer = await connection.exchange(sent, keep_body=keep_body)
            except BaseException:
                connection.close()
                raise
            if fresh:
                connection.close()
            elif connection.is_open:
                self._idle.append(connection)
            return answer

    async def expect(self, sent: bytes, *statuses: int) -> bytes:
        """The body of a response with one of these statuses. Raises RuntimeError for others, and ConnectionLost."""
        answer = await self.exchange(sent, keep_body=True)
        if answer.status not in statuses:
            first = sent.partition(b"\r\n")[0].decode(errors="replace")
            shown = answer.body[:BODY_SHOWN_BYTES].decode(errors="replace")
            raise RuntimeError(f"{first}: status {answer.status}: {shown}")
        return answer.body

    def close(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    async def _take(self) -> PooledConnection:
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                return connection
        return await self._open()

    async def _open(self) -> PooledConnection:
        local = (self.source, 0) if self.source else None
        try:
            _, connection = await asyncio.get_running_loop().create_connection(
                PooledConnection, *self.address, local_addr=local
            )
        except OSError as error:
            raise ConnectionLost(f"no connection: {error}") from error
        return connection
