"""Compile operations with `x-mcp` into tools for language models.

x-mcp:
  name: recall            operations of the same name become one tool: see `choice`
  description: …          for models
  hints: {…}              annotations of MCP
  parameters: {query: {}} the arguments shown, wherever the operation takes them: keywords here replace those of the
                          document's schema, for models; the operation validates what it gets as ever
  fixed: {…}              fields of the body that every call sends
  choice: {kind: peers}   the value of an argument that selects this operation
  text: content           the field of the answer to show as text; default: all of it, as JSON
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument

KEY = "x-mcp"
HIDDEN = {"example", "examples", "pattern"}
"""Keywords that help no model; the operation checks patterns."""


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A request of the API."""

    method: str
    path: str
    query: str
    body: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ToolOperation:
    """How one operation is called with a tool's arguments."""

    spec: OperationSpec
    places: Mapping[str, str]
    """Argument → `path`, `query` or `body`."""
    fixed: Mapping[str, Any]
    text: str | None

    def call(self, arguments: Mapping[str, Any]) -> ToolRequest:
        """The request for arguments that have everything the path needs."""
        given: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "body": dict(self.fixed)}
        for name, value in arguments.items():
            if value is not None or self.places[name] == "body":
                given[self.places[name]][name] = value
        path = self.spec.path
        for name, value in given["path"].items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = {name: _text(value) for name, value in given["query"].items()}
        body = (
            given["body"] if self.spec.body is not None and (given["body"] or self.spec.body.get("required")) else None
        )
        return ToolRequest(self.spec.method.upper(), path, urlencode(query, doseq=True), body)


@dataclass(frozen=True, slots=True)
class DeclaredTool:
    """A tool, with the operations that its `choice` selects from; the only key is None without a choice."""

    name: str
    description: str
    hints: Mapping[str, bool]
    choice: str | None
    operations: Mapping[str | None, ToolOperation]
    schema: Mapping[str, Any]
    """Of its arguments."""

    @property
    def is_repeatable(self) -> bool:
        """Whether the same call twice changes what one changes, if both have the same Idempotency-Key."""
        if self.hints.get("readOnlyHint") or self.hints.get("idempotentHint"):
            return True
        taken = ([parameter["name"] for parameter in each.spec.parameters] for each in self.operations.values())
        return all("Idempotency-Key" in names for names in taken)

    def schema_without(self, *names: str) -> dict[str, Any]:
        """The schema of its arguments for callers for whom these are known."""
        shown = {name: value for name, value in self.schema["properties"].items() if name not in names}
        return {**self.schema, "properties": shown, "required": [n for n in self.schema["required"] if n not in names]}


def compiled(document: Document) -> dict[str, DeclaredTool]:
    """The document's tools by name. Raises BrokenDocument for a declaration that names no parameter."""
    tools: dict[str, DeclaredTool] = {}
    for spec in document.operations():
        if (declared := spec.raw.get(KEY)) is not None:
            tool = _tool(spec, document, declared)
            tools[tool.name] = _joined(tools[tool.name], tool) if tool.name in tools else tool
    return tools


def _tool(spec: OperationSpec, document: Document, declared: Mapping[str, Any]) -> DeclaredTool:
    places, schemas, required = _arguments(spec, document)
    path_only = [parameter["name"] for parameter in spec.parameters if parameter["in"] == "path"]
    shown: dict[str, Any] = {"workspace_id": {}} if "workspace_id" in path_only else {}
    shown |= declared["parameters"]
    if unknown := [name for name in (*shown, *declared.get("fixed", ())) if name not in places]:
        raise BrokenDocument(f"{spec.place}/{KEY}: no parameter '{unknown[0]}'")
    properties = {name: _shown(schemas[name], replaced) for name, replaced in shown.items()}
    needed = [name for name in shown if name in required]
    choice, selected = next(iter(declared.get("choice", {}).items()), (None, None))
    if choice is not None:
        properties[choice] = {"type": "string", "enum": [selected]}
        needed.append(choice)
    operation = ToolOperation(
        spec, {name: places[name] for name in shown}, declared.get("fixed", {}), declared.get("text")
    )
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    return DeclaredTool(
        declared["name"], declared["description"], declared["hints"], choice, {selected: operation}, schema
    )


def _joined(first: DeclaredTool, second: DeclaredTool) -> DeclaredTool:
    """One tool from two operations, told apart by their choice."""
    if first.choice is None or first.choice != second.choice or set(first.operations) & set(second.operations):
        raise BrokenDocument(f"{KEY}: two operations named '{first.name}' need a choice between them")
    operations = {**first.operations, **second.operations}
    properties = {**second.schema["properties"], **first.schema["properties"]}
    properties[first.choice] = {"type": "string", "enum": [*operations]}
    schema = {**first.schema, "properties": properties}
    return DeclaredTool(first.name, first.description, first.hints, first.choice, operations, schema)


def _arguments(
    spec: OperationSpec, document: Document
) -> tuple[dict[str, str], dict[str, Mapping[str, Any]], set[str]]:
    """Where the operation takes each argument, its schema, and which are required."""
    taken = [parameter for parameter in spec.parameters if parameter["in"] in ("path", "query")]
    places = {parameter["name"]: str(parameter["in"]) for parameter in taken}
    schemas: dict[str, Mapping[str, Any]] = {
        parameter["name"]: {**_described(parameter), **parameter["schema"]} for parameter in taken
    }
    required: set[str] = {parameter["name"] for parameter in taken if parameter.get("required")}
    if spec.body is not None:
        body = document.resolve(next(iter(spec.body["content"].values()))["schema"])
        for name, schema in body.get("properties", {}).items():
            places[name], schemas[name] = "body", document.resolve(schema)
        required |= set(body.get("required", ()))
    return places, schemas, required


def _described(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": parameter["description"]} if "description" in parameter else {}


def _shown(schema: Mapping[str, Any], replaced: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in {**schema, **replaced}.items() if name not in HIDDEN}


def _text(value: Any) -> Any:
    """A query parameter's value: `true`, not `True`; lists are repeated."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
