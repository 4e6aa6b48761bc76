"""The HTTP transport of MCP: stateless, so that every process can answer every request."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib.metadata import version

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel.server import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.server.transport_security import TransportSecuritySettings
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.contract import tools
from omoide.contract.document import Document
from omoide.contract.resources import compiled_ids
from omoide.mcp import address
from omoide.mcp.exchange import Exchanges
from omoide.mcp.prompts import Prompts
from omoide.mcp.resources import Resources
from omoide.mcp.tool_set import INSTRUCTIONS, ToolSet

logging.getLogger("mcp").setLevel(logging.WARNING)  # it logs every request
Context = ServerRequestContext[dict[str, object], Request]


class HttpTransport:
    """Serves the sets of tools of a document by calling the application."""

    def __init__(self, app: ASGIApp, document: Document, default_set: str, max_body_bytes: int) -> None:
        self._default_set = default_set
        ids = compiled_ids(document)
        self._resources, self._prompts = Resources(app, document, ids), Prompts(app, document, ids)
        self._managers: list[StreamableHTTPSessionManager] = []
        self._exchanges = {
            name: self._exchanges_of(self._server(name, ToolSet(app, known)), max_body_bytes)
            for name, known in tools.compiled(document).items()
        }
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def _server(self, name: str, known: ToolSet) -> Server[dict[str, object]]:
        return Server[dict[str, object]](
            "omoide",
            version=version("omoide"),
            instructions=INSTRUCTIONS[name],
            on_list_tools=known.list,
            on_call_tool=known.call,
            on_list_resources=self._resources.list,
            on_list_resource_templates=self._resources.templates,
            on_read_resource=self._resources.read,
            on_list_prompts=self._prompts.list,
            on_get_prompt=self._prompts.get,
            on_completion=self._complete,
        )

    def _exchanges_of(self, server: Server[dict[str, object]], max_body_bytes: int) -> Exchanges:
        # Hosts and origins were checked by omoide/asgi/cors.py.
        unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        as_json, as_events = (
            StreamableHTTPSessionManager(
                server,
                json_response=is_json,
                stateless=True,
                security_settings=unchecked,
                max_request_body_size=max_body_bytes,
            )
            for is_json in (True, False)
        )
        self._managers += [as_json, as_events]
        return Exchanges(as_json.handle_request, as_events.handle_request, max_body_bytes)

    async def start(self) -> None:
        """Start the task in which requests are served; `stop` ends it."""
        ready = asyncio.Event()

        async def run() -> None:
            async with contextlib.AsyncExitStack() as stack:
                for manager in self._managers:
                    await stack.enter_async_context(manager.run())
                ready.set()
                await self._stopping.wait()

        self._running = asyncio.create_task(run())
        await ready.wait()

    async def stop(self) -> None:
        self._stopping.set()
        if self._running is not None:
            await self._running

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        called: address.Address = scope["extensions"][address.KEY]
        await self._exchanges[called.tool_set or self._default_set].answer(scope, receive, send)

    async def _complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        given = dict(params.context.arguments or {}) if params.context else {}
        if isinstance(params.ref, types.PromptReference):
            return await self._prompts.complete(context, params.ref.name, params.argument, given)
        return await self._resources.complete(context, params.ref.uri, params.argument, given)
