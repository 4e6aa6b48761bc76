"""Fit a model's JSON output to a schema: drop unknown keys, fill in defaults and validate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from omoide.core.records import Json
from omoide.reasoner.output_schema import CHOICES, enforced
from omoide.reasoner.schema_coercion import SchemaCoercion


class Shape:
    """A schema from `structured.resolved`. With `conforming`, values are also valid against the caller's schema."""

    def __init__(self, resolved: Json, conforming: SchemaCoercion | None = None) -> None:
        self.resolved = resolved
        self._conforming = conforming
        self._validator = Draft202012Validator(enforced(resolved))

    def fitted(self, value: Any) -> Any:
        """Drop unknown keys, fill in defaults and validate. Raises ValueError with the first error."""
        fitted = trimmed(value, self.resolved)
        try:
            self._validator.validate(fitted)
        except ValidationError as fault:
            path = "/".join(map(str, fault.instance_path)) or "the answer"
            raise ValueError(f"{path}: {fault.message}") from fault
        return fitted if self._conforming is None else self._conforming.conformed(fitted)


def trimmed(value: Any, node: Json) -> Any:
    """Drop keys that the schema does not define and fill in defaults for missing ones."""
    for key in CHOICES:
        if key in node:
            value = _of_branches(value, node[key])
    if isinstance(value, dict) and "properties" in node:
        properties: Json = node["properties"]
        kept = {name: trimmed(value[name], each) for name, each in properties.items() if name in value}
        missing = (name for name, each in properties.items() if name not in value and "default" in each)
        return kept | {name: properties[name]["default"] for name in missing if name not in node.get("required", ())}
    if isinstance(value, list) and "items" in node:
        return [trimmed(each, node["items"]) for each in value]
    return value


def _of_branches(value: Any, branches: Sequence[Json]) -> Any:
    """Trim the value to the first branch that accepts it; unchanged if none does."""
    for branch in branches:
        candidate = trimmed(value, branch)
        if Draft202012Validator(enforced(branch)).is_valid(candidate):
            return candidate
    return value
