"""Schemas of the document in the form in which tools list them: without references, and without what helps no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from omoide.contract.document import Document

HIDDEN = {"example", "examples", "pattern", "title"}
"""Keywords that help no model; the operation checks patterns."""
NAMED = {"properties", "$defs"}
"""Keywords whose keys are names."""


def dereferenced(schema: Mapping[str, Any], document: Document) -> dict[str, Any]:
    """The schema with what it references in place of references, and without what is hidden.

    A schema within itself is any object.
    """
    return _shown(schema, document, ())


def _shown(schema: Mapping[str, Any], document: Document, above: tuple[str, ...]) -> dict[str, Any]:
    if (reference := schema.get("$ref")) is not None:
        if reference in above:
            return {"type": "object"}
        others = {name: value for name, value in schema.items() if name != "$ref"}
        return _shown({**document.resolve({"$ref": reference}), **others}, document, (*above, reference))
    return {name: _value(name, value, document, above) for name, value in schema.items() if name not in HIDDEN}


def _value(keyword: str, value: Any, document: Document, above: tuple[str, ...]) -> Any:
    if keyword in NAMED:
        return {name: _shown(each, document, above) for name, each in value.items()}
    if isinstance(value, dict) and keyword != "default":
        return _shown(value, document, above)
    if isinstance(value, list) and keyword in ("anyOf", "oneOf", "allOf"):
        return [_shown(each, document, above) for each in value]
    return value
