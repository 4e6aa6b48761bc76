"""Find unknown keys inside schemas: misspelt ones, and those caused by an unquoted comma in YAML.

The JSON Schema meta-schema allows any additional key. Outside schemas, the objects of the OpenAPI 3.1 meta-schema are
closed and need no check here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

_META = "https://json-schema.org/draft/2020-12/meta/"
_OPENAPI_KEYS = frozenset({"discriminator", "example", "externalDocs", "xml"})
"""The base vocabulary of OpenAPI 3.1 (section 4.8.24, Schema Object)."""

_DATA = frozenset({"example", "examples"})
"""Keys whose values are data, not schemas."""

_SCHEMA = (
    *("additionalProperties", "contains", "contentSchema", "else", "if", "items", "not", "propertyNames", "then"),
    *("unevaluatedItems", "unevaluatedProperties"),
)
_SCHEMAS = ("allOf", "anyOf", "oneOf", "prefixItems")
_NAMED_SCHEMAS = ("$defs", "dependentSchemas", "patternProperties", "properties")


def unknown_keys(node: Any, location: str = "") -> Iterator[str]:
    """Yield `location: message` for each schema key that is in no vocabulary and is not an extension."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from unknown_keys(value, f"{location}/{index}")
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        inner = f"{location}/{key}".lstrip("/")
        if key == "schema" or location == "components/schemas":
            yield from _of_schema(value, inner)
        elif key not in _DATA and not key.startswith("x-"):
            yield from unknown_keys(value, inner)


def _of_schema(schema: Any, location: str) -> Iterator[str]:
    if not isinstance(schema, Mapping):  # true and false are schemas too
        return
    for key in schema:
        is_of_30 = key == "nullable" and isinstance(schema[key], bool)  # reported separately
        if key not in _keywords() and not key.startswith("x-") and not is_of_30:
            yield f"{location}: unknown key {key!r}; if it is part of a description, quote the description"
    for key in _SCHEMA:
        yield from _of_schema(schema.get(key), f"{location}/{key}")
    for key in _SCHEMAS:
        for index, inner in enumerate(schema.get(key, ())):
            yield from _of_schema(inner, f"{location}/{key}/{index}")
    for key in _NAMED_SCHEMAS:
        for name, inner in schema.get(key, {}).items():
            yield from _of_schema(inner, f"{location}/{key}/{name}")


@cache
def _keywords() -> frozenset[str]:
    """Every keyword of JSON Schema 2020-12 and of OpenAPI's base vocabulary."""
    vocabularies = [REGISTRY.contents(uri) for uri in REGISTRY if uri.startswith(_META)]
    return frozenset(key for each in vocabularies for key in each["properties"]) | _OPENAPI_KEYS
