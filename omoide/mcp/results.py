"""Convert tools and answers of operations to the types of MCP."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from omoide.contract.tools import DeclaredTool, ToolOperation
from omoide.mcp.headers import REPEATED
from omoide.mcp.in_process import WORKSPACE, Answered

DONE = "Done."


def workspace_of(context: ServerRequestContext[dict[str, object], Request]) -> str | None:
    """The workspace that the request's address or header fixes."""
    return None if context.request is None else context.request.scope["extensions"].get(WORKSPACE)


def was_sent_before(context: ServerRequestContext[dict[str, object], Request]) -> bool:
    """Whether the client repeats a call whose answer it has not received."""
    return context.request is not None and REPEATED in context.request.headers


def shown(tool: DeclaredTool, workspace: str | None) -> types.Tool:
    """The tool as models see it; a workspace that is fixed is no argument."""
    schema = dict(tool.schema) if workspace is None else tool.schema_without("workspace_id")
    hints = types.ToolAnnotations.model_validate(tool.hints)
    return types.Tool(name=tool.name, description=tool.description, input_schema=schema, annotations=hints)


def fault(tool: DeclaredTool, arguments: Mapping[str, Any]) -> str | None:
    """What keeps these arguments from being sent to an operation: one that is missing, unknown or no choice."""
    known = tool.schema["properties"]
    if missing := [name for name in tool.schema["required"] if arguments.get(name) in (None, "")]:
        return f"Missing: {', '.join(missing)}."
    if unknown := [name for name in arguments if name not in known]:
        return f"Unknown: {', '.join(unknown)}. {tool.name} takes {', '.join(known)}."
    if tool.choice and arguments[tool.choice] not in tool.operations:
        return f"{tool.choice} must be one of: {', '.join(map(str, tool.operations))}."
    return None


def result(operation: ToolOperation, answer: Answered) -> types.CallToolResult:
    """The answer, as text for models and structured; or what is wrong with the call."""
    if answer.status >= 400:
        return failed(_reason(answer))
    value = orjson.loads(answer.body) if answer.body else {}
    structured = value if isinstance(value, dict) else {"result": value}
    text = value.get(operation.text) if operation.text else orjson.dumps(value).decode()
    return types.CallToolResult(content=[_content(_said(text, answer))], structured_content=structured)


def failed(reason: str) -> types.CallToolResult:
    """An error that the model sees."""
    return types.CallToolResult(content=[_content(reason)], is_error=True)


def _said(text: str | None, answer: Answered) -> str:
    if not answer.body:
        return DONE
    return text or "Nothing was found."


def _content(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def _reason(answer: Answered) -> str:
    """The detail of an error, with the names of the arguments."""
    try:
        detail = orjson.loads(answer.body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"The server answered {answer.status}."
    return detail if isinstance(detail, str) else "; ".join(_faults(detail))


def _faults(detail: list[dict[str, Any]]) -> Iterator[str]:
    for found in detail:
        where = ".".join(str(part) for part in found.get("loc", ())[1:])
        yield f"{where}: {found.get('msg', '').removeprefix('Value error, ')}" if where else str(found.get("msg"))
