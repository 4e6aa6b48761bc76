"""List and call the tools of one set."""

from __future__ import annotations

from collections.abc import Mapping

import mcp_types as types
from mcp.server.context import ServerRequestContext
from starlette.requests import Request
from starlette.types import ASGIApp

from omoide.contract.tool_arguments import ArgumentFault
from omoide.contract.tools import DeclaredTool
from omoide.mcp import results
from omoide.mcp.in_process import call
from omoide.mcp.progress import with_progress

INSTRUCTIONS = {
    "core": "Long-term memory. Begin with `context`. Call `recall` before you answer anything that earlier "
    "conversations may decide, and `remember` with the messages of this one. Facts are derived from messages in the "
    "background; `status` says how much of that is pending.",
    "full": "Long-term memory. Peers (people and agents) talk in sessions; conclusions of a peer about a target are "
    "derived from their messages in the background (`get_queue_status`). Call `search`, or `chat` with a question, "
    "before you answer anything that earlier conversations may decide, and `add_messages_to_session` with the messages "
    "of this one.",
}
"""What clients tell models about each set."""
MAYBE_DONE = (
    "The server ended during this call, which may or may not have been carried out: look at what is stored before you "
    "call again."
)
Context = ServerRequestContext[dict[str, object], Request]


class ToolSet:
    """The tools that one address serves, by name."""

    def __init__(self, app: ASGIApp, tools: Mapping[str, DeclaredTool]) -> None:
        self.app = app
        self.tools = tools

    async def list(self, context: Context, params: types.PaginatedRequestParams | None) -> types.ListToolsResult:
        called = results.address_of(context)
        return types.ListToolsResult(tools=[results.shown(tool, called) for tool in self.tools.values()])

    async def call(self, context: Context, params: types.CallToolRequestParams) -> types.CallToolResult:
        if (tool := self.tools.get(params.name)) is None:
            return results.failed(f"There is no tool {params.name!r}; there are: {', '.join(self.tools)}.")
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
