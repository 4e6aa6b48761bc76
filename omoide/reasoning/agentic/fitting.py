"""JSON of a model → an answer that has the shape which was asked for, or a fault that says where it has not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from omoide.reasoning.conforming import Conforming
from omoide.reasoning.structured import CHOICES, enforced
from omoide.records import Json


class Shape:
    """A schema that `structured.resolved` gave. With `conforming`, values also fit the schema that its caller sent."""

    def __init__(self, resolved: Json, conforming: Conforming | None = None) -> None:
        self.resolved = resolved
        self._conforming = conforming
        self._validator = Draft202012Validator(enforced(resolved))

    def fitted(self, value: Any) -> Any:
        """The value with unknown keys dropped and defaults filled in. Raises ValueError, with the first fault."""
        fitted = trimmed(value, self.resolved)
        try:
            self._validator.validate(fitted)
        except ValidationError as fault:
            place = "/".join(map(str, fault.instance_path)) or "the answer"
            raise ValueError(f"{place}: {fault.message}") from fault
        return fitted if self._conforming is None else self._conforming.conformed(fitted)


def trimmed(value: Any, node: Json) -> Any:
    """The value without keys that its schema does not know, and with defaults for those that it has left out."""
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
    """The value as the first branch has it that admits it; as it is where none does."""
    for branch in branches:
        candidate = trimmed(value, branch)
        if Draft202012Validator(enforced(branch)).is_valid(candidate):
            return candidate
    return value
