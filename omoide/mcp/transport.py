"""The HTTP transport of MCP: stateless, so that every process can answer every request."""

from __future__ import annotations

import asyncio
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
from omoide.contract.tool_arguments import ArgumentFault
from omoide.mcp import results
from omoide.mcp.exchange import Exchanges
from omoide.mcp.in_process import call
from omoide.mcp.progress import with_progress
from omoide.mcp.prompts import Prompts
from omoide.mcp.resources import Resources

INSTRUCTIONS = (
    "Long-term memory. Call `recall` before you answer anything that earlier conversations may decide, and `remember` "
    "with the messages of this one. Facts are derived from messages in the background; `status` says how far that is."
)
MAYBE_DONE = (
    "The server ended during this call, which may or may not have been carried out: look at what is stored before you "
    "call again."
)
logging.getLogger("mcp").setLevel(logging.WARNING)  # it logs every request
Context = ServerRequestContext[dict[str, object], Request]


class HttpTransport:
    """Serves the tools of a document by calling the application."""

    def __init__(self, app: ASGIApp, document: Document, default_set: str, max_body_bytes: int) -> None:
        self.app = app
        self.default_set = default_set
        self.tools = tools.compiled(document)
        ids = compiled_ids(document)
        self._resources, self._prompts = Resources(app, document, ids), Prompts(app, document, ids)
        server = Server[dict[str, object]](
            "omoide",
            version=version("omoide"),
            instructions=INSTRUCTIONS,
            on_list_tools=self._list,
            on_call_tool=self._call,
            on_list_resources=self._resources.list,
            on_list_resource_templates=self._resources.templates,
            on_read_resource=self._resources.read,
            on_list_prompts=self._prompts.list,
            on_get_prompt=self._prompts.get,
            on_completion=self._complete,
        )
        # Hosts and origins were checked by omoide/asgi/cors.py.
        unchecked = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self._managers = [
            StreamableHTTPSessionManager(
                server,
                json_response=is_json,
                stateless=True,
                security_settings=unchecked,
                max_request_body_size=max_body_bytes,
            )
            for is_json in (True, False)
        ]
        as_json, as_events = self._managers
        self.exchanges = Exchanges(as_json.handle_request, as_events.handle_request, max_body_bytes)
        self._stopping = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the task in which requests are served; `stop` ends it."""
        ready = asyncio.Event()

        async def run() -> None:
            as_json, as_events = self._managers
            async with as_json.run(), as_events.run():
                ready.set()
                await self._stopping.wait()

        self._running = asyncio.create_task(run())
        await ready.wait()

    async def stop(self) -> None:
        self._stopping.set()
        if self._running is not None:
            await self._running

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.exchanges.answer(scope, receive, send)

    def _tools(self, context: Context) -> dict[str, tools.DeclaredTool]:
        """The tools at the address of the request."""
        return self.tools[results.address_of(context).tool_set or self.default_set]

    async def _list(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        called = results.address_of(context)
        return types.ListToolsResult(tools=[results.shown(tool, called) for tool in self._tools(context).values()])

    async def _call(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        known = self._tools(context)
        if (tool := known.get(params.name)) is None:
            return results.failed(f"There is no tool {params.name!r}; there are: {', '.join(known)}.")
        if results.was_sent_before(context) and not tool.is_repeatable:
            return results.failed(MAYBE_DONE)
        try:
            arguments = results.arguments_of(tool, params.arguments, results.address_of(context))
            operation = tool.selected(arguments)
            request = operation.call(arguments)
        except ArgumentFault as fault:
            return results.failed(str(fault))
        assert context.request is not None
        work = call(self.app, context.request.scope, request)
        return results.result(operation, await with_progress(context, work))

    async def _complete(self, context: Context, params: types.CompleteRequestParams) -> types.CompleteResult:
        given = dict(params.context.arguments or {}) if params.context else {}
        if isinstance(params.ref, types.PromptReference):
            return await self._prompts.complete(context, params.ref.name, params.argument, given)
        return await self._resources.complete(context, params.ref.uri, params.argument, given)
