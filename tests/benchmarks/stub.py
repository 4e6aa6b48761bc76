"""A server that benchmarks' clients call, in the process of the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from benchmarks.fairness import tenants
from benchmarks.fairness.tenants import Tenant
from benchmarks.servers import Address

Respond = Callable[[bytes, bytes], Awaitable[bytes]]
"""From the head and the body of a request to the bytes of its answer; b"" closes the connection."""
CONTENT_LENGTH = b"content-length: "


def answer(status: int = 200, body: bytes = b"{}", *, more: str = "") -> bytes:
    return f"HTTP/1.1 {status} X\r\ncontent-length: {len(body)}\r\n{more}\r\n".encode() + body


@asynccontextmanager
async def serving(respond: Respond) -> AsyncIterator[Address]:
    """The address of a server that answers one request after another on each connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = head.partition(CONTENT_LENGTH)[2].partition(b"\r\n")[0]
                body = await reader.readexactly(int(length or 0))
                if not (answered := await respond(head, body)):
                    return
                writer.write(answered)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    async with await asyncio.start_server(handle, "127.0.0.1", 0, limit=2**26) as server:
        yield server.sockets[0].getsockname()[:2]


def tenant(address: Address) -> Tenant:
    return tenants.tenant(address, "w", "127.0.0.1")
