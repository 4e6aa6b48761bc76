"""Validate the path, query and header parameters of an operation with a single call.

The types come from the generated Protocol, and so from the document. Query parameters are read into the operation's
record. All faults of a request are reported together. Repeated query keys become a list if the document declares an
array; otherwise the last one wins.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NotRequired
from urllib.parse import parse_qsl

from pydantic import TypeAdapter, ValidationError
from starlette.types import Scope
from typing_extensions import TypedDict

from omoide.contract import validation_errors
from omoide.contract.annotations import python_name
from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import Fault

QUERY = "query"
"""The handler's argument with the record of the query parameters."""

# No client sends this many; the rest is ignored before it costs anything.
MAX_QUERY_FIELDS = 2000


class Parameters:
    """Reads an operation's parameters. `hints` and `defaults` are those of its Protocol method."""

    def __init__(
        self, spec: OperationSpec, document: Document, hints: Mapping[str, Any], defaults: Mapping[str, Any]
    ) -> None:
        self.query: dict[str, str] = {}
        self.header: dict[bytes, str] = {}
        self.lists: set[str] = set()
        self.places: dict[tuple[str, ...], tuple[str, str]] = {}
        fields: dict[str, Any] = {}
        for parameter in spec.parameters:
            name, wire, where = python_name(parameter["name"]), parameter["name"], parameter["in"]
            if where == "query":
                self.places[QUERY, name] = (where, wire)
                self.query[wire] = name
                fields[QUERY] = hints[QUERY]
                if "array" in document.resolve(parameter.get("schema", {})).get("type", ()):
                    self.lists.add(wire)
                continue
            self.places[(name,)] = (where, wire)
            fields[name] = hints[name] if parameter.get("required") else NotRequired[hints[name]]
            if where == "header":
                self.header[wire.lower().encode()] = name
        self.defaults = {name: value for name, value in defaults.items() if name in fields}
        shape: Any = TypedDict("Parameters", fields)  # type: ignore[misc]  # dynamic, from the document
        self.validate = TypeAdapter(shape).validator.validate_python

    def read(self, scope: Scope, headers: Mapping[bytes, bytes]) -> tuple[dict[str, Any], list[Fault]]:
        """The handler's arguments and their faults; no arguments if there are faults."""
        raw = dict(scope["path_params"])
        if self.query:
            raw[QUERY] = self._read_query(scope["query_string"]) if scope["query_string"] else {}
        for wire, name in self.header.items():
            if wire in headers:
                raw[name] = headers[wire].decode("latin-1")
        try:
            return {**self.defaults, **self.validate(raw)}, []
        except ValidationError as error:
            return {}, self._placed(error)

    def _read_query(self, query: bytes) -> dict[str, Any]:
        raw: dict[str, Any] = {}
        for wire, value in parse_qsl(query.decode("latin-1"), keep_blank_values=True)[:MAX_QUERY_FIELDS]:
            if (name := self.query.get(wire)) is None:
                continue
            if wire in self.lists:
                raw.setdefault(name, []).append(value)
            else:
                raw[name] = value
        return raw

    def _placed(self, error: ValidationError) -> list[Fault]:
        found = validation_errors.of_pydantic(error, at="")
        for fault in found:
            _, *loc = fault["loc"]
            depth = 2 if loc[0] == QUERY else 1
            fault["loc"] = [*self.places[tuple(loc[:depth])], *loc[depth:]]
        return found
