"""Convert JSON Schema fragments to the Python annotations of the generated Protocols. Pure.

A named schema becomes the generated model of that name; anything else is inlined. Constraints become
`Annotated[…, Field(…)]`, so the compiled operation can validate parameters from the Protocol alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

SCALARS = {"string": "str", "integer": "int", "number": "float", "boolean": "bool", "null": "None"}
CONSTRAINTS = {
    "minimum": "ge",
    "maximum": "le",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "minLength": "min_length",
    "maxLength": "max_length",
    "pattern": "pattern",
    "minItems": "min_length",
    "maxItems": "max_length",
}
_COMPONENT = "#/components/schemas/"


class Annotations:
    """Annotations for one document: `classes` maps a component's name to its generated class."""

    def __init__(self, schemas: Mapping[str, Any], classes: Mapping[str, str]) -> None:
        self.schemas = schemas
        self.classes = classes

    def of(self, schema: Mapping[str, Any], *, constrained: bool = True) -> str:
        """The annotation for a schema; without its constraints for hand-written code."""
        bare = self._bare(schema, constrained)
        limits = ", ".join(f"{CONSTRAINTS[key]}={schema[key]!r}" for key in CONSTRAINTS if key in schema)
        return f"Annotated[{bare}, Field({limits})]" if limits and constrained else bare

    def _bare(self, schema: Mapping[str, Any], constrained: bool) -> str:
        if "$ref" in schema:
            return self._named(schema["$ref"], constrained)
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return " | ".join(self.of(branch, constrained=constrained) for branch in schema[union])
        kinds = schema.get("type", "any")
        kinds = [kinds] if isinstance(kinds, str) else kinds
        return " | ".join(self._of_type(kind, schema, constrained) for kind in kinds)

    def _named(self, reference: str, constrained: bool) -> str:
        name = reference.removeprefix(_COMPONENT)
        if name in self.classes:
            return f"models.{self.classes[name]}"
        return self.of(self.schemas[name], constrained=constrained)

    def _of_type(self, kind: str, schema: Mapping[str, Any], constrained: bool) -> str:
        if kind == "array":
            items = schema.get("items", {})
            return f"list[{self.of(items, constrained=constrained)}]"
        if kind == "object":
            values = schema.get("additionalProperties")
            inner = self.of(values, constrained=constrained) if isinstance(values, dict) else "Any"
            return f"dict[str, {inner}]"
        if kind == "string" and is_file(schema):
            return "UploadFile"
        if kind == "string" and schema.get("format") == "date-time":
            return "datetime"
        return SCALARS.get(kind, "Any")


def is_file(schema: Mapping[str, Any]) -> bool:
    """Whether a form field carries the bytes of a file."""
    return schema.get("contentMediaType") == "application/octet-stream" or schema.get("format") == "binary"


def python_name(name: str) -> str:
    """The Python argument name of a parameter: `Idempotency-Key` → `idempotency_key`."""
    return re.sub(r"\W", "_", name).lower()
