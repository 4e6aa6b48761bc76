"""Compile operations with `x-mcp` into tools for language models.

x-mcp: a list of the tools that the operation serves
  set: core               the set that the tool belongs to: core or full
  name: recall            operations of the same name become one tool: see `choice` and `given`
  description: …          for models
  hints: {…}              annotations of MCP
  parameters: {query: {}} the arguments, wherever the operation takes them: keywords here replace those of the
                          document's schema, for models; the operation validates what it gets as ever. An argument that
                          the operation takes elsewhere or in another form: omoide/contract/tool_arguments.py
  required: [query]       arguments that must be given, besides those that the operation requires
  fixed: {…}              fields of the body that every call sends
  choice: {kind: peers}   the value of an argument that selects this operation
  given: peer_id          the argument that selects this operation by being there; without it, the one without `given`
  text: content           the field of the answer to show as text; default: all of it that says something, as JSON
  leave_out: [uid]        fields of the answer, at any depth but in metadata, that the result does not have
  done: Deleted.          what to show for an answer without content
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote, urlencode

from omoide.contract import tool_schemas
from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument
from omoide.contract.tool_arguments import DIRECTIVES, Argument, ArgumentFault, BodyBuilder, Taken, located, taken_by
from omoide.contract.tool_schemas import ResultSchemas

KEY = "x-mcp"
WORKSPACE = "workspace_id"
"""The argument that every tool of a workspace has, declared or not."""
RESULTS: Mapping[str, Any] = {"core": {"depth": 1, "is_terse": True}, "full": {"depth": 2, "is_terse": False}}
"""The sets of tools, and the schemas of their results: the core tools are always in front of a model."""
DONE = "Done."


@dataclass(frozen=True, slots=True)
class ToolRequest:
    """A request of the API."""

    method: str
    path: str
    query: str
    body: Any


@dataclass(frozen=True, slots=True)
class ToolOperation:
    """How one operation is called with a tool's arguments."""

    spec: OperationSpec
    arguments: Mapping[str, Argument]
    fixed: Mapping[str, Any]
    text: str | None
    left_out: frozenset[str] = frozenset()
    done: str = DONE

    def call(self, arguments: Mapping[str, Any]) -> ToolRequest:
        """The request for arguments that have everything the path needs. Raises ArgumentFault."""
        path, query, body = self.spec.path, dict[str, Any](), BodyBuilder(self.fixed)
        # What sends a whole object comes before what sets fields of it.
        for name, argument in sorted(self.arguments.items(), key=lambda item: len(item[1].steps)):
            if (value := arguments.get(name, arguments.get(argument.fallback or name))) is None:
                continue
            if argument.place == "path":
                if value == "" or isinstance(value, list | dict):
                    raise ArgumentFault(f"{name} must be an id.")
                path = path.replace(f"{{{argument.steps[0]}}}", quote(str(value), safe=""))
            elif argument.place == "query":
                query[argument.steps[0]] = _text(value)
            else:
                body.add(name, argument, value)
        is_sent = self.spec.body is not None and (not body.is_empty or bool(self.spec.body.get("required")))
        return ToolRequest(
            self.spec.method.upper(), path, urlencode(query, doseq=True), body.built() if is_sent else None
        )

    def name_of(self, location: tuple[str | int, ...]) -> str:
        """What an error of the operation is about, by the names of the arguments: `messages.0.peer_id`."""
        place, *steps = location
        matches = [
            (len(argument.steps), name, argument)
            for name, argument in self.arguments.items()
            if argument.place == place and argument.is_prefix_of(steps)
        ]
        if not matches:
            return ".".join(map(str, steps))
        length, name, argument = max(matches, key=lambda match: match[0])
        return ".".join([name, *map(str, argument.within(steps[length:]))])


@dataclass(frozen=True, slots=True)
class DeclaredTool:
    """A tool, with the operations of which a call selects one."""

    set: str
    name: str
    description: str
    hints: Mapping[str, bool]
    choice: str | None
    operations: Mapping[str | None, ToolOperation]
    """By the value of the choice, or by the argument that selects them; None: the one without."""
    schema: Mapping[str, Any]
    """Of its arguments."""
    output: Mapping[str, Any]
    """The schema of its structured results."""

    def selected(self, arguments: Mapping[str, Any]) -> ToolOperation:
        """The operation that these arguments select. Raises ArgumentFault."""
        key = self._key(arguments)
        operation = self.operations[key]
        if other := [name for name in arguments if name not in operation.arguments and name != self.choice]:
            raise ArgumentFault(f"{', '.join(other)}: not with {f'{self.choice} ' if self.choice else ''}{key}.")
        return operation

    def _key(self, arguments: Mapping[str, Any]) -> str | None:
        if self.choice:
            value = arguments[self.choice]
            if not isinstance(value, str) or value not in self.operations:
                raise ArgumentFault(f"{self.choice} must be one of: {', '.join(map(str, self.operations))}.")
            return value
        given = [name for name in self.operations if name is not None and name in arguments]
        if len(given) > 1:
            raise ArgumentFault(f"Give only one of: {', '.join(given)}.")
        return given[0] if given else None

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


def compiled(document: Document) -> dict[str, dict[str, DeclaredTool]]:
    """The document's tools by set and name. Raises BrokenDocument for a declaration that names no parameter."""
    sets: dict[str, dict[str, DeclaredTool]] = {name: {} for name in RESULTS}
    for spec in document.operations():
        for declared in spec.raw.get(KEY, ()):
            if declared["set"] not in sets:
                raise BrokenDocument(f"{spec.place}/{KEY}: no set '{declared['set']}'")
            tools, tool = sets[declared["set"]], _tool(spec, document, declared)
            tools[tool.name] = _joined(tools[tool.name], tool) if tool.name in tools else tool
    return sets


def _tool(spec: OperationSpec, document: Document, declared: Mapping[str, Any]) -> DeclaredTool:
    taken = taken_by(spec, document)
    shown: dict[str, dict[str, Any]] = {WORKSPACE: {}} if WORKSPACE in taken else {}
    shown |= declared["parameters"]
    if unknown := [name for name in declared.get("fixed", ()) if name not in taken]:
        raise BrokenDocument(f"{spec.place}/{KEY}: no parameter '{unknown[0]}'")
    try:
        places = {name: located(name, keywords, taken, document) for name, keywords in shown.items()}
    except BrokenDocument as error:
        raise BrokenDocument(f"{spec.place}/{KEY}: {error}") from error
    properties = {name: _shown(places[name][1], shown[name], document) for name in shown}
    needed = [name for name in shown if places[name][1].required or name in declared.get("required", ())]
    choice, selected = next(iter(declared.get("choice", {}).items()), (None, declared.get("given")))
    if choice is not None:
        properties[choice] = {"type": "string", "enum": [selected]}
        needed.append(choice)
    arguments = {name: argument for name, (argument, _) in places.items()}
    left_out = frozenset(declared.get("leave_out", ()))
    shape = (declared.get("text"), left_out, declared.get("done", DONE))
    operation = ToolOperation(spec, arguments, declared.get("fixed", {}), *shape)
    schema = {"type": "object", "properties": properties, "required": needed, "additionalProperties": False}
    results = ResultSchemas(document, left_out=left_out, **RESULTS[declared["set"]])
    named = (declared["set"], declared["name"], declared["description"], declared["hints"])
    return DeclaredTool(*named, choice, {selected: operation}, schema, results.of(spec))


def _joined(first: DeclaredTool, second: DeclaredTool) -> DeclaredTool:
    """One tool from two operations, of which a call selects one."""
    if first.choice != second.choice or set(first.operations) & set(second.operations):
        raise BrokenDocument(f"{KEY}: two operations named '{first.name}' need a choice between them")
    operations = {**first.operations, **second.operations}
    properties = {**first.schema["properties"], **second.schema["properties"], **first.schema["properties"]}
    if first.choice is not None:
        properties[first.choice] = {"type": "string", "enum": [*operations]}
    required = [name for name in first.schema["required"] if name in second.schema["required"]]
    schema = {**first.schema, "properties": properties, "required": required}
    return replace(first, operations=operations, schema=schema, output=tool_schemas.either(first.output, second.output))


def _shown(taken: Taken, declared: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The schema that models see: the operation's, with the keywords that the declaration replaces."""
    replaced = {name: value for name, value in declared.items() if name not in DIRECTIVES}
    schema = tool_schemas.argument(taken.schema, document)
    if "type" in replaced:
        schema = {"description": schema["description"]} if "description" in schema else {}
    return {**schema, **replaced}


def _text(value: Any) -> Any:
    """A query parameter's value: `true`, not `True`; lists are repeated."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value
