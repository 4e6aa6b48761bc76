"""Serve MCP at its addresses: middleware that answers these paths and passes everything else on.

The package `mcp` takes half a second and 65 MB to load, so it is loaded with the first request.
"""

from __future__ import annotations

import asyncio
from typing import Any

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omoide.asgi.cors import SameOriginGuard
from omoide.contract.body import Disconnected
from omoide.contract.document import Document
from omoide.contract.errors import Problem
from omoide.core.lazy_import import lazy_import
from omoide.core.settings import Settings
from omoide.mcp import address
from omoide.mcp.authorization import NO_KEY, ProtectedResource

with lazy_import("omoide.mcp.transport"):
    from omoide.mcp import transport

NOT_INSTALLED = "MCP needs the extra mcp on the server: pip install 'omoide[mcp]', and start it again"


class McpEndpoint:
    """The middleware. `resource` decides about keys; None if none is needed."""

    def __init__(
        self,
        app: ASGIApp,
        document: Document,
        resource: ProtectedResource | None,
        settings: Settings,
    ) -> None:
        self.app = app
        self.document = document
        self.settings = settings
        self.resource = resource
        self._checked = SameOriginGuard(self._answer, settings.own_origins, ("*",))
        self._served: transport.HttpTransport | None = None
        self._starting = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, self._until_shutdown(receive), send)
        elif scope["type"] == "http" and address.is_ours(address.path_of(scope)):
            await self._checked(scope, receive, send)
        elif scope["type"] == "http" and (metadata := self._metadata(scope)) is not None:
            await _send(200, metadata, send)
        else:
            await self.app(scope, receive, send)

    def _until_shutdown(self, receive: Receive) -> Receive:
        async def received() -> Message:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._served is not None:
                await self._served.stop()
            return message

        return received

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":  # the server sends nothing of its own accord
            await _refuse(405, "Method Not Allowed", send, (b"allow", b"POST"))
            return
        if self.resource is not None and (challenge := self.resource.challenge(scope)) is not None:
            await _refuse(401, NO_KEY, send, (b"www-authenticate", challenge))
            return
        try:
            served = await self._transport()
        except ModuleNotFoundError as error:
            if (error.name or "").partition(".")[0] not in ("mcp", "mcp_types"):
                raise
            await _refuse(501, NOT_INSTALLED, send)
            return
        extensions = {**scope["extensions"], address.KEY: address.address_of(scope)}
        try:
            await served.handle({**scope, "extensions": extensions}, receive, send)
        except Problem as problem:  # of the body
            await _refuse(problem.status, str(problem.detail), send)
        except Disconnected:
            pass

    def _metadata(self, scope: Scope) -> dict[str, Any] | None:
        """What RFC 9728 has clients ask for before they have a key; None for other requests."""
        if self.resource is None or scope["method"] not in ("GET", "HEAD"):
            return None
        path = self.resource.path_of(scope)
        return None if path is None or (path and not address.is_ours(path)) else self.resource.metadata(scope, path)

    async def _transport(self) -> transport.HttpTransport:
        async with self._starting:
            if self._served is None:
                load, settings = await asyncio.to_thread(_loaded), self.settings
                created = load(self.app, self.document, settings.mcp_tools, settings.max_body_bytes)
                await created.start()
                self._served = created
        return self._served


def _loaded() -> type[transport.HttpTransport]:
    return transport.HttpTransport


async def _refuse(status: int, detail: str, send: Send, *headers: tuple[bytes, bytes]) -> None:
    await _send(status, {"detail": detail}, send, *headers)


async def _send(status: int, value: dict[str, Any], send: Send, *headers: tuple[bytes, bytes]) -> None:
    body = orjson.dumps(value)
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
