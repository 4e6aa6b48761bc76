"""Schemas of the document in the form in which tools list them: self-contained, and as short as they can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omoide.contract.document import Document, OperationSpec

HIDDEN = frozenset(("example", "examples", "title", "pattern", "minLength", "maxLength"))
"""Keywords of arguments that help no model; the operation checks texts."""
LIST = "result"
"""The field of a structured result that holds a list: structured results are objects."""
ANY_OBJECT = {"type": "object"}
Schema = Mapping[str, Any]


def argument(schema: Schema, document: Document) -> dict[str, Any]:
    """The schema of an argument. It does not offer null, which counts as not given."""
    shown = _without_references(schema, document)
    others = [each for each in shown.get("anyOf", ()) if each != {"type": "null"}]
    if len(others) == 1:
        shown = {**others[0], **{name: value for name, value in shown.items() if name != "anyOf"}}
    if isinstance(kinds := shown.get("type"), list):
        kept = [kind for kind in kinds if kind != "null"]
        shown["type"] = kept[0] if len(kept) == 1 else kept
    return shown


def _without_references(schema: Schema, document: Document) -> dict[str, Any]:
    if (reference := schema.get("$ref")) is not None:
        others = {name: value for name, value in schema.items() if name != "$ref"}
        return _without_references({**document.resolve({"$ref": reference}), **others}, document)
    return {name: _keyword(name, value, document) for name, value in schema.items() if name not in HIDDEN}


def _keyword(keyword: str, value: Any, document: Document) -> Any:
    if keyword == "properties":
        return {name: _without_references(each, document) for name, each in value.items()}
    if keyword in ("anyOf", "oneOf", "allOf"):
        return [_without_references(each, document) for each in value]
    is_schema = isinstance(value, dict) and keyword != "default"
    return _without_references(value, document) if is_schema else value


@dataclass(frozen=True, slots=True)
class ResultSchemas:
    """Makes schemas of structured results: names and types of what the document's answers have.

    Clients may put them in front of a model, so objects that are within more than `depth` others are any objects, and
    with `is_terse` it is not said which fields are always there, or can be null.
    """

    document: Document
    depth: int
    is_terse: bool
    left_out: frozenset[str]
    """Fields that results do not have."""

    def of(self, spec: OperationSpec) -> dict[str, Any]:
        """The schema of an operation's results."""
        answers = [answer for status, answer in spec.raw["responses"].items() if status.startswith("2")]
        content = self.document.resolve(answers[0]).get("content", {})
        if "application/json" not in content:
            return ANY_OBJECT
        schema = self.document.resolve(content["application/json"]["schema"])
        if schema.get("type") == "array":
            return {"type": "object", "properties": {LIST: self._shown(schema, self.depth - 1)}}
        return self._shown(schema, self.depth)

    def _shown(self, schema: Schema, depth: int) -> dict[str, Any]:
        schema = self._merged(self.document.resolve(schema))
        if "anyOf" in schema:
            return self._alternatives([self._shown(each, depth) for each in schema["anyOf"]])
        kind = schema.get("type")
        if isinstance(kind, list) and self.is_terse:
            return {}
        shown: dict[str, Any] = {} if kind is None else {"type": kind}
        if "properties" in schema and depth > 0:
            kept = {name: each for name, each in schema["properties"].items() if name not in self.left_out}
            shown["properties"] = {name: self._shown(each, depth - 1) for name, each in kept.items()}
            if "required" in schema and not self.is_terse:
                shown["required"] = [name for name in schema["required"] if name not in self.left_out]
        if "items" in schema and (items := self._shown(schema["items"], depth)) not in ({}, ANY_OBJECT):
            shown["items"] = items
        return shown

    def _alternatives(self, options: Sequence[dict[str, Any]]) -> dict[str, Any]:
        if self.is_terse:
            return {}
        first, *others = options
        if others == [{"type": "null"}] and isinstance(first.get("type"), str):
            return {**first, "type": [first["type"], "null"]}
        return {"anyOf": [*options]}

    def _merged(self, schema: Schema) -> Schema:
        """The schema of objects that fit several, in one."""
        if "allOf" not in schema:
            return schema
        properties: dict[str, Any] = {}
        required: list[str] = []
        for part in map(self.document.resolve, schema["allOf"]):
            properties |= part.get("properties", {})
            required += part.get("required", ())
        return {"type": "object", "properties": properties, "required": required}


def either(first: Schema, second: Schema) -> dict[str, Any]:
    """A schema of objects of which each fits one of two schemas, in one if possible."""
    if first == second:
        return dict(first)
    if not (first.get("type") == second.get("type") == "object" and "properties" in first and "properties" in second):
        return {"anyOf": [dict(first), dict(second)]}
    properties = {**first["properties"], **second["properties"]}
    for name in first["properties"].keys() & second["properties"].keys():
        properties[name] = _either_field(first["properties"][name], second["properties"][name])
    required = [name for name in first.get("required", ()) if name in second.get("required", ())]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _either_field(first: Schema, second: Schema) -> dict[str, Any]:
    if first.get("type") == second.get("type") == "array" and "items" in first and "items" in second:
        return {"type": "array", "items": either(first["items"], second["items"])}
    return either(first, second)
