"""Serve MCP at `/mcp` and `/mcp/{workspace}`: middleware that answers these paths and passes everything else on.

The package `mcp` takes half a second and 65 MB to load, so it is loaded with the first request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omoide.asgi.cors import SameOriginGuard
from omoide.contract.document import Document
from omoide.core.lazy_import import lazy_import
from omoide.mcp.authorization import NO_KEY, ProtectedResource
from omoide.mcp.in_process import WORKSPACE

with lazy_import("omoide.mcp.transport"):
    from omoide.mcp import transport

PATH = "/mcp"
NOT_INSTALLED = "MCP needs another package on the server: pip install 'omoide[mcp]'"


class McpEndpoint:
    """The middleware. `resource` decides about keys; None if none is needed. Pages of `origins` may call it."""

    def __init__(
        self,
        app: ASGIApp,
        document: Document,
        resource: ProtectedResource | None,
        origins: Collection[str],
        max_body_bytes: int,
    ) -> None:
        self.app = app
        self.document = document
        self.max_body_bytes = max_body_bytes
        self.resource = resource
        self._checked = SameOriginGuard(self._answer, origins, ("*",))
        self._served: transport.HttpTransport | None = None
        self._starting = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self.app(scope, self._until_shutdown(receive), send)
        elif scope["type"] == "http" and _is_ours(_path(scope)):
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
        workspace = _workspace(scope)
        await served.handle({**scope, "extensions": {**scope["extensions"], WORKSPACE: workspace}}, receive, send)

    def _metadata(self, scope: Scope) -> dict[str, Any] | None:
        """What RFC 9728 has clients ask for before they have a key; None for other requests."""
        if self.resource is None or scope["method"] not in ("GET", "HEAD"):
            return None
        path = self.resource.path_of(scope)
        return None if path is None or (path and not _is_ours(path)) else self.resource.metadata(scope, path)

    async def _transport(self) -> transport.HttpTransport:
        async with self._starting:
            if self._served is None:
                created = (await asyncio.to_thread(_loaded))(self.app, self.document, self.max_body_bytes)
                await created.start()
                self._served = created
        return self._served


def _loaded() -> type[transport.HttpTransport]:
    return transport.HttpTransport


def _path(scope: Scope) -> str:
    """The path as it was sent, in which an id may contain an encoded slash."""
    raw: bytes = scope.get("raw_path") or scope["path"].encode()
    return raw.decode("latin-1")


def _is_ours(path: str) -> bool:
    return path == PATH or (path.startswith(f"{PATH}/") and path.rstrip("/").count("/") <= 2)


def _workspace(scope: Scope) -> str | None:
    """The workspace that the path names, else the header of the original's clients."""
    named = unquote(_path(scope)[len(PATH) :].strip("/"))
    header = dict(scope["headers"]).get(b"x-honcho-workspace-id", b"").decode("latin-1")
    return named or header or None


async def _refuse(status: int, detail: str, send: Send, *headers: tuple[bytes, bytes]) -> None:
    await _send(status, {"detail": detail}, send, *headers)


async def _send(status: int, value: dict[str, Any], send: Send, *headers: tuple[bytes, bytes]) -> None:
    body = orjson.dumps(value)
    fixed = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": [*fixed, *headers]})
    await send({"type": "http.response.body", "body": body})
