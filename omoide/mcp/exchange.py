"""Answer one request of MCP: as JSON or as a stream of events, and only as long as its client waits.

A client that closes the connection stops the work. Clients of older protocols keep it open and send a notification with
another request instead; they are recognized by a session id, which is a random number and refers to nothing: without it
one client could stop the work of another, since all count their requests from 1.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Coroutine
from typing import Any

from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Message, Receive, Scope, Send

from omoide.contract import body as bodies
from omoide.core import json_codec

SESSION, VERSION = b"mcp-session-id", b"mcp-protocol-version"
CANCELLED = "notifications/cancelled"
Call = tuple[bytes, bytes]
"""Session id and request id, as JSON."""
Handle = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]


class Exchanges:
    """The requests in progress. `as_json` and `as_events` answer them."""

    def __init__(self, as_json: Handle, as_events: Handle, max_body_bytes: int) -> None:
        self._as_json, self._as_events = as_json, as_events
        self._max_body_bytes = max_body_bytes
        self._calls: dict[Call, Exchange] = {}

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Raises what reading the body does: Problem, and Disconnected."""
        headers = dict(scope["headers"])
        body, message = _parsed(await bodies.read(headers, receive, self._max_body_bytes))
        params = message.get("params")
        params = params if isinstance(params, dict) else {}
        exchange = Exchange(send, starts_session=message.get("method") == "initialize")
        handle = self._as_events if _wants_events(headers, params) else self._as_json
        call = None
        if (session := headers.get(SESSION)) is not None:
            if message.get("method") == CANCELLED:
                self._cancel((session, json_codec.dumps(params.get("requestId"))))
            elif "id" in message:
                call = (session, json_codec.dumps(message["id"]))
                self._calls[call] = exchange
        try:
            await exchange.run(handle(scope, _replayed(body), exchange.send), receive)
        finally:
            if call is not None and self._calls.get(call) is exchange:
                del self._calls[call]

    def _cancel(self, call: Call) -> None:
        if (exchange := self._calls.get(call)) is not None:
            exchange.cancelled.set()


class Exchange:
    """One request and its answer."""

    def __init__(self, send: Send, *, starts_session: bool) -> None:
        self.cancelled = asyncio.Event()
        self._send = send
        self._starts_session = starts_session
        self._has_begun = self._is_complete = False

    async def send(self, message: Message) -> None:
        """Send a part of the answer."""
        if message["type"] == "http.response.start":
            self._has_begun = True
            if self._starts_session and message["status"] == 200:
                session = (SESSION, secrets.token_hex(16).encode())
                message = {**message, "headers": [*message["headers"], session]}
        elif not message.get("more_body"):
            self._is_complete = True
        await self._send(message)

    async def run(self, work: Coroutine[Any, Any, None], receive: Receive) -> None:
        """Await the work, or stop it when the client leaves or cancels. Raises what it raises."""
        tasks = working, leaving, cancelling = (
            asyncio.create_task(work),
            asyncio.create_task(_departure(receive)),
            asyncio.create_task(self.cancelled.wait()),
        )
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if self._is_complete:  # what follows is not to be interrupted
                await asyncio.wait([working])
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        if not working.cancelled():
            working.result()
        elif _is_done(cancelling) and not _is_done(leaving):
            await self._end()

    async def _end(self) -> None:
        """Answer a cancelled request with nothing."""
        if not self._has_begun:
            await self._send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"0")]})
        await self._send({"type": "http.response.body", "body": b""})


def _is_done(task: asyncio.Task[Any]) -> bool:
    """Whether the task ended by itself."""
    return task.done() and not task.cancelled()


async def _departure(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _parsed(body: bytes) -> tuple[bytes, dict[str, Any]]:
    """The body, with lone surrogates replaced as in requests of the API, and its value; empty if it is no object."""
    try:
        value = json_codec.loads(body)
    except ValueError:
        try:
            repaired = json_codec.repair_surrogates(body)
            value = json_codec.loads(repaired)
        except ValueError:  # the error is for the protocol's own parser to explain
            return body, {}
        body = repaired
    return body, value if isinstance(value, dict) else {}


def _wants_events(headers: dict[bytes, bytes], params: dict[str, Any]) -> bool:
    """Whether to answer with events. A client of the newest protocol gets JSON even then, unless there is something to
    notify it of or it has to wait long."""
    if b"text/event-stream" not in headers.get(b"accept", b"").lower():
        return False
    version = headers.get(VERSION, HANDSHAKE_PROTOCOL_VERSIONS[0].encode()).decode("latin-1")
    if version not in HANDSHAKE_PROTOCOL_VERSIONS:
        return True
    meta = params.get("_meta")
    return isinstance(meta, dict) and "progressToken" in meta


def _replayed(body: bytes) -> Receive:
    unread = [body]

    async def receive() -> Message:
        if unread:
            return {"type": "http.request", "body": unread.pop(), "more_body": False}
        await asyncio.Event().wait()  # a client that leaves cancels the whole request
        raise AssertionError

    return receive
