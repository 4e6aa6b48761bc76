"""Stub servers in separate processes: a hanging provider, and a baseline that responds at once."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any

import uvloop

from benchmarks.servers import Address

Handle = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[Any, Any, None]]
BODY = b'{"items":[{}]}'
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
START_SECONDS = 20.0
READ_BYTES = 65_536


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read and never respond, like a hanging provider."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(READ_BYTES):
            pass
    writer.close()


async def answer_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each request with the same short response; for sequential requests without large bodies."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(READ_BYTES):
            writer.write(ANSWER)
    writer.close()


@contextmanager
def running(handle: Handle) -> Iterator[Address]:
    """Run a server with this connection handler until the block ends; yields its address."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs, handle), daemon=True)
    process.start()
    try:
        if not ours.poll(START_SECONDS):
            raise TimeoutError("the stub server did not start")
        address: Address = ours.recv()
        yield address
    finally:
        process.kill()
        process.join()


def _serve(pipe: Connection, handle: Handle) -> None:
    async def serve() -> None:
        server = await asyncio.start_server(handle, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[:2])
        await server.serve_forever()

    uvloop.run(serve())
