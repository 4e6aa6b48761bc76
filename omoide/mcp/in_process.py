"""Call operations of an application in the same process, on behalf of a request that it has received."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from omoide.contract.tools import ToolRequest
from omoide.core import json_codec

PASSED_ON = (b"authorization", b"host", b"x-forwarded-for", b"x-request-id", b"idempotency-key")
"""Headers of the request that identify the caller, and the call."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The answer of an operation."""

    status: int
    body: bytes


async def call(app: ASGIApp, outer: Scope, made: ToolRequest) -> Answered:
    """Call the application as a client would, with the key and the address of the outer request."""
    body = b"" if made.body is None else json_codec.dumps(made.body)
    sent = [(b"content-type", b"application/json")] if made.body is not None else []
    headers = [(name, value) for name, value in outer["headers"] if name in PASSED_ON]
    scope = {
        **outer,
        "method": made.method,
        "path": unquote(made.path),
        "raw_path": made.path.encode(),
        "query_string": made.query.encode(),
        "headers": [*headers, *sent, (b"content-length", str(len(body)).encode())],
        "extensions": {},
    }
    scope.pop("path_params", None)
    return await _asked(app, scope, body)


async def _asked(app: ASGIApp, scope: Scope, body: bytes) -> Answered:
    status, parts, requests = 0, [], [body]

    async def receive() -> Message:
        if requests:
            return {"type": "http.request", "body": requests.pop(), "more_body": False}
        await asyncio.Event().wait()  # a caller that leaves cancels the whole call
        raise AssertionError

    async def send(message: Message) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
        else:
            parts.append(message.get("body", b""))

    await app(scope, receive, send)
    return Answered(status, b"".join(parts))
