"""Read operations for a request of MCP: with its key, about its workspace, and with the errors of the protocol."""

from __future__ import annotations

from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from starlette.requests import Request
from starlette.types import ASGIApp

from omoide.contract.resources import IdList
from omoide.contract.tools import ToolOperation, ToolRequest
from omoide.mcp import results
from omoide.mcp.in_process import Answered, call

Context = ServerRequestContext[dict[str, object], Request]

WORKSPACE_ID = "workspace_id"
REFUSED = (401, 403, 404)
MOST_IDS = 100
"""Of a completion, as the protocol demands."""


async def read(app: ASGIApp, context: Context, operation: ToolOperation, made: ToolRequest) -> dict[str, Any]:
    """The operation's answer. Raises MCPError with the reason if there is none."""
    return _value(operation, await _answered(app, context, made))


async def page(app: ASGIApp, context: Context, ids: IdList, made: ToolRequest) -> dict[str, Any]:
    """A page of a list; an empty one for keys that may not list. Raises MCPError for other errors."""
    answer = await _answered(app, context, made)
    if answer.status in REFUSED:
        return {"items": [], "total": 0, "pages": 0}
    return _value(ids.operation, answer)


async def _answered(app: ASGIApp, context: Context, made: ToolRequest) -> Answered:
    assert context.request is not None
    return await call(app, context.request.scope, made)


def _value(operation: ToolOperation, answer: Answered) -> dict[str, Any]:
    if answer.status >= 400:
        is_ours = answer.status >= 500 or answer.status == 429
        reason = results.reason(operation, answer)
        raise MCPError(types.INTERNAL_ERROR if is_ours else types.INVALID_PARAMS, reason)
    value: dict[str, Any] = orjson.loads(answer.body)
    return value


async def completion(
    app: ASGIApp, context: Context, ids: IdList, given: dict[str, str], prefix: str
) -> types.CompleteResult:
    """The newest ids that begin with the prefix; none unless what the list needs to know is given."""
    if (workspace := results.workspace_of(context)) is not None:
        given = {WORKSPACE_ID: workspace, **given}
    if any(not given.get(name) for name in ids.variables):
        return none()
    found = await page(app, context, ids, ids.starting_with(given, prefix, MOST_IDS))
    values = [item["id"] for item in found["items"]]
    total = found["total"]
    return types.CompleteResult(completion=types.Completion(values=values, total=total, has_more=total > len(values)))


def none() -> types.CompleteResult:
    """A completion without values."""
    return types.CompleteResult(completion=types.Completion(values=[], total=0, has_more=False))
