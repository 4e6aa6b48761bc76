"""Serve MCP on stdin and stdout, by forwarding each message to a server."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading
from collections.abc import Callable

from omoide.mcp.http_upstream import HttpUpstream, Json, answered_id, refusal

logger = logging.getLogger("omoide.mcp")

DRAIN_SECONDS = 30
"""The longest that requests may take to complete once stdin has ended."""
CHUNK_BYTES = 65_536

NOT_JSON = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"Parse error: not valid JSON"}}'
NO_MESSAGE = b'{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Invalid request: no JSON-RPC message"}}'
CANCELLED = "notifications/cancelled"


class StdioBridge:
    """Forwards the lines of one file descriptor, and writes what comes back to another."""

    def __init__(self, upstream: HttpUpstream, reading: int, writing: int) -> None:
        self._upstream = upstream
        self._reading, self._writing = reading, writing
        self._lines: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._output: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._requests: dict[object, asyncio.Task[None]] = {}
        self._running: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Return once stdin has ended and its requests are answered. Raises BrokenPipeError if stdout is closed."""
        loop = asyncio.get_running_loop()

        def put(line: bytes | None) -> None:
            loop.call_soon_threadsafe(self._lines.put_nowait, line)

        threading.Thread(target=_read_lines, args=(self._reading, put), daemon=True).start()
        writer = asyncio.create_task(self._write())
        forwarding = asyncio.create_task(self._forward())
        await asyncio.wait([writer, forwarding], return_when=asyncio.FIRST_COMPLETED)
        answered = asyncio.create_task(self._drain())
        await asyncio.wait([writer, answered], return_when=asyncio.FIRST_COMPLETED)
        self._output.put_nowait(None)
        await writer

    async def _drain(self) -> None:
        if self._running:
            await asyncio.wait(self._running, timeout=DRAIN_SECONDS)

    async def _forward(self) -> None:
        while (line := await self._lines.get()) is not None:
            try:
                message = json.loads(line)  # orjson refuses half characters, about which the server has to say more
            except (ValueError, RecursionError):
                self._output.put_nowait(NOT_JSON)
                continue
            if not isinstance(message, dict):
                self._output.put_nowait(NO_MESSAGE)
            elif message.get("method") == CANCELLED:
                self._cancel(message)
            else:
                self._begin(message, line)

    def _begin(self, message: Json, line: bytes) -> None:
        task = asyncio.create_task(self._carry_out(message, line))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        if isinstance(id := message.get("id"), int | str):
            self._requests[id] = task
            task.add_done_callback(lambda _: self._requests.pop(id, None))

    def _cancel(self, message: Json) -> None:
        """Leave the request, which the server takes for a cancellation. It gets no answer."""
        params = message.get("params")
        id = params.get("requestId") if isinstance(params, dict) else None
        if isinstance(id, int | str) and (task := self._requests.get(id)) is not None:
            task.cancel()

    async def _carry_out(self, message: Json, line: bytes) -> None:
        try:
            async for answer in self._upstream.answers(message, line):
                self._output.put_nowait(answer)
        except Exception as error:
            logger.exception("a message could not be passed on")
            if answered_id(message) is not None:  # else its client would wait on
                self._output.put_nowait(refusal(message, f"Memory is not available: {error}"))

    async def _write(self) -> None:
        while (line := await self._output.get()) is not None:
            await asyncio.to_thread(_write_all, self._writing, line + b"\n")


def _read_lines(file: int, put: Callable[[bytes | None], None]) -> None:
    """Pass on the lines that are not empty, and None at the end. Reads the descriptor itself, because a thread that is
    blocked in a buffered reader aborts the interpreter's exit."""
    pending = bytearray()
    while chunk := os.read(file, CHUNK_BYTES):
        pending += chunk
        if b"\n" not in chunk:
            continue
        *lines, rest = pending.split(b"\n")
        pending = bytearray(rest)
        for line in lines:
            if stripped := bytes(line).strip():
                put(stripped)
    if stripped := bytes(pending).strip():
        put(stripped)
    put(None)


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
