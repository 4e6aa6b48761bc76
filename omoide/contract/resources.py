"""Compile operations with `x-mcp-resource` into resources of MCP, and lists with `x-mcp-ids` into lists of their ids.

x-mcp-resource:
  name: card
  title: Peer card        of one: "Peer card of alice"
  description: …          for clients and models
  uri: omoide://…/{peer_id}/card    a template whose variables are the operation's path parameters
  fixed: {…}              arguments that every read sends
x-mcp-ids: peer_id        the list's items have the values of this variable as their ids
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument
from omoide.contract.tool_arguments import located, taken_by
from omoide.contract.tools import ToolOperation, ToolRequest

RESOURCE, IDS = "x-mcp-resource", "x-mcp-ids"
LAST = "\U0010ffff"
"""The last character: no text that begins with a prefix comes after the prefix and this."""

_VARIABLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class DeclaredResource:
    """A kind of resource: the answers of one operation, under URIs that name its path parameters."""

    name: str
    title: str
    description: str
    uri: str
    variables: tuple[str, ...]
    operation: ToolOperation
    fixed: Mapping[str, Any]

    def read(self, values: Mapping[str, str]) -> ToolRequest:
        """The request for the resource with these values of its variables."""
        return self.operation.call({**self.fixed, **values})


@dataclass(frozen=True, slots=True)
class IdList:
    """A list whose items have the values of a variable as their ids."""

    operation: ToolOperation
    variables: tuple[str, ...]
    """The path parameters, which must be known to list."""

    def page(self, values: Mapping[str, str], page: int, size: int) -> ToolRequest:
        """The request for a page, the newest first."""
        return self.operation.call({**self._own(values), "reverse": True, "page": page, "size": size})

    def starting_with(self, values: Mapping[str, str], prefix: str, size: int) -> ToolRequest:
        """The request for the newest ids that begin with the prefix."""
        given = {**self._own(values), "reverse": True, "size": size}
        if prefix:
            given["filters"] = {"id": {"gte": prefix, "lt": prefix + LAST}}
        return self.operation.call(given)

    def _own(self, values: Mapping[str, str]) -> dict[str, Any]:
        return {name: values[name] for name in self.variables}


def compiled_resources(document: Document) -> list[DeclaredResource]:
    """The document's resources. Raises BrokenDocument for a declaration that does not fit its operation."""
    found = [_resource(spec, document) for spec in document.operations() if RESOURCE in spec.raw]
    for name in ("name", "uri"):
        values = [getattr(each, name) for each in found]
        if repeated := [value for value in values if values.count(value) > 1]:
            raise BrokenDocument(f"{RESOURCE}: two resources have the {name} '{repeated[0]}'")
    return found


def compiled_ids(document: Document) -> dict[str, IdList]:
    """The lists of ids by variable. Raises BrokenDocument for a list without pages or filters."""
    return {spec.raw[IDS]: _ids(spec, document) for spec in document.operations() if IDS in spec.raw}


def operation_of(
    spec: OperationSpec, document: Document, key: str, arguments: Mapping[str, Mapping[str, Any]]
) -> ToolOperation:
    """The operation, called with arguments by name. Raises BrokenDocument unless it takes each of them."""
    taken = taken_by(spec, document)
    try:
        places = {name: located(name, declared, taken, document)[0] for name, declared in arguments.items()}
    except BrokenDocument as error:
        raise BrokenDocument(f"{spec.place}/{key}: {error}") from error
    return ToolOperation(spec, places, {}, None)


def _resource(spec: OperationSpec, document: Document) -> DeclaredResource:
    declared = spec.raw[RESOURCE]
    fixed, variables = declared.get("fixed", {}), tuple(_VARIABLE.findall(declared["uri"]))
    if set(variables) != set(path_names(spec)):
        raise BrokenDocument(f"{spec.place}/{RESOURCE}: the variables of the uri are not the parameters of the path")
    operation = operation_of(spec, document, RESOURCE, {key: {} for key in [*variables, *fixed]})
    return DeclaredResource(
        declared["name"], declared["title"], declared["description"], declared["uri"], variables, operation, fixed
    )


def _ids(spec: OperationSpec, document: Document) -> IdList:
    variables = path_names(spec)
    operation = operation_of(
        spec, document, IDS, {key: {} for key in [*variables, "reverse", "page", "size", "filters"]}
    )
    return IdList(operation, variables)


def path_names(spec: OperationSpec) -> tuple[str, ...]:
    """The names of the operation's path parameters."""
    return tuple(parameter["name"] for parameter in spec.parameters if parameter["in"] == "path")
