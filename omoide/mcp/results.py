"""Convert tools and answers of operations to the types of MCP."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from typing import Any

import mcp_types as types
import orjson
from mcp.server.context import ServerRequestContext
from starlette.requests import Request

from omoide.contract.tool_arguments import ArgumentFault
from omoide.contract.tool_schemas import LIST
from omoide.contract.tools import WORKSPACE, DeclaredTool, ToolOperation
from omoide.mcp import address
from omoide.mcp.address import Address
from omoide.mcp.headers import REPEATED
from omoide.mcp.in_process import Answered

NOTHING = "Nothing was found."
KINDS: Mapping[str, tuple[type, str]] = {
    "array": (list, "a list"),
    "object": (dict, "an object"),
    "string": (str, "text"),
}
OWN = frozenset(("metadata", "configuration"))
"""Fields whose content is the caller's own, and is returned as it is."""
NO_OBJECT = frozenset(("dict_type", "model_type", "model_attributes_type"))
"""Types of faults of what should be an object."""


def address_of(context: ServerRequestContext[dict[str, object], Request]) -> Address:
    """The address of the request."""
    assert context.request is not None
    called: Address = context.request.scope["extensions"][address.KEY]
    return called


def workspace_of(context: ServerRequestContext[dict[str, object], Request]) -> str | None:
    """The workspace that the request's address or header names."""
    return address_of(context).workspace


def was_sent_before(context: ServerRequestContext[dict[str, object], Request]) -> bool:
    """Whether the client repeats a call whose answer it has not received."""
    return context.request is not None and REPEATED in context.request.headers


def shown(tool: DeclaredTool, called: Address) -> types.Tool:
    """The tool as models see it; a workspace that is fixed is no argument, and one of the header need not be."""
    schema = dict(tool.schema) if called.fixed_workspace is None else tool.schema_without(WORKSPACE)
    if called.workspace is not None:
        schema["required"] = [name for name in schema["required"] if name != WORKSPACE]
    hints = types.ToolAnnotations.model_validate(tool.hints)
    return types.Tool(
        name=tool.name,
        description=tool.description,
        input_schema=schema,
        output_schema=dict(tool.output),
        annotations=hints,
    )


def arguments_of(tool: DeclaredTool, given: Mapping[str, Any] | None, called: Address) -> dict[str, Any]:
    """The arguments of a call, with the workspace of the address; null counts as not given. Raises ArgumentFault."""
    arguments = {name: value for name, value in (given or {}).items() if value is not None}
    known = tool.schema["properties"]
    if WORKSPACE in known and called.workspace is not None:
        named = arguments.setdefault(WORKSPACE, called.workspace)
        if named != called.fixed_workspace is not None:
            raise ArgumentFault(f"The tools at this address are about the workspace {called.fixed_workspace!r} only.")
    if missing := [name for name in tool.schema["required"] if arguments.get(name) in (None, "")]:
        raise ArgumentFault(f"Missing: {', '.join(missing)}.{_about_workspace(called) if WORKSPACE in missing else ''}")
    if unknown := [name for name in arguments if name not in known]:
        takes = ", ".join(shown(tool, called).input_schema["properties"]) or "no arguments"
        raise ArgumentFault(f"Unknown: {', '.join(unknown)}. {tool.name} takes {takes}.")
    for name, value in arguments.items():
        _check(name, value, known[name])
    return arguments


def _check(name: str, value: Any, schema: Mapping[str, Any]) -> None:
    """Raises ArgumentFault for what operations would not refuse, or not in terms of arguments."""
    kind, article = KINDS.get(schema.get("type", ""), (object, ""))
    if not isinstance(value, kind):
        raise ArgumentFault(f"{name} must be {article}.")
    if isinstance(value, int) and value < schema.get("minimum", value):
        raise ArgumentFault(f"{name} must be at least {schema['minimum']}.")


def _about_workspace(called: Address) -> str:
    path = address.PATH if called.tool_set is None else f"{address.PATH}/{called.tool_set}"
    return f" Give it as an argument, in the address ({path}/WORKSPACE), or in the header {address.HEADER}."


def result(operation: ToolOperation, answer: Answered) -> types.CallToolResult:
    """The answer, as text for models and structured; or what is wrong with the call."""
    if answer.status >= 400:
        return failed(reason(operation, answer))
    if not answer.body:
        return types.CallToolResult(content=[_content(operation.done)], structured_content={})
    value = _without(orjson.loads(answer.body), operation.left_out)
    structured = value if isinstance(value, dict) else {LIST: value}
    text = value.get(operation.text) if operation.text else _json(_telling(value))
    return types.CallToolResult(content=[_content(text or NOTHING)], structured_content=structured)


def _json(value: Any) -> str | None:
    return orjson.dumps(value).decode() if value else None


def _without(value: Any, names: Container[str]) -> Any:
    """The value without the fields of these names, at any depth."""
    if isinstance(value, list):
        return [_without(each, names) for each in value]
    if isinstance(value, dict):
        kept = ((name, each) for name, each in value.items() if name not in names)
        return {name: each if name in OWN else _without(each, names) for name, each in kept}
    return value


def _telling(value: Any) -> Any:
    """The value without fields that tell nothing: those that are null, or empty."""
    if isinstance(value, list):
        return [_telling(each) for each in value]
    if isinstance(value, dict):
        fields = ((name, each if name in OWN else _telling(each)) for name, each in value.items())
        return {name: each for name, each in fields if each is not None and (each or not isinstance(each, dict | list))}
    return value


def failed(reason: str) -> types.CallToolResult:
    """An error that the model sees."""
    return types.CallToolResult(content=[_content(reason)], is_error=True)


def _content(text: str) -> types.TextContent:
    return types.TextContent(type="text", text=text)


def reason(operation: ToolOperation, answer: Answered) -> str:
    """The detail of an error, with the names of the arguments."""
    try:
        detail = orjson.loads(answer.body)["detail"]
    except (ValueError, KeyError, TypeError):
        detail = f"The server answered {answer.status}."
    return detail if isinstance(detail, str) else "; ".join(_faults(operation, detail))


def _faults(operation: ToolOperation, detail: list[dict[str, Any]]) -> Iterator[str]:
    for found in detail:
        where = operation.name_of(tuple(found.get("loc", ()))) if found.get("loc") else ""
        said = str(found.get("msg")).removeprefix("Value error, ")
        if found.get("type") in NO_OBJECT:
            said = "Input should be an object"
        yield f"{where}: {said}" if where else said
