"""Make an answer valid against the schema that the caller sent, including lengths, ranges and formats. Pure.

Reasoners work with the normal form of a schema (`structured.resolved`), in which every optional property may be null.
The caller's own schema often does not allow null: an optional property without a value is then removed.
"""

from __future__ import annotations

from typing import Any

from jsonschema_rs import Draft202012Validator

from omoide.core.records import Json
from omoide.reasoner.output_schema import CHOICES, enforced, literal


class SchemaCoercion:
    """Validator for a caller's schema that `structured.check` has accepted."""

    def __init__(self, schema: Json) -> None:
        self._root = literal(schema)
        self._validators: dict[int, Draft202012Validator] = {}

    def conformed(self, value: Json) -> Json:
        """Return the value without its invalid parts. Raises ValueError with the first error if it is still invalid.

        An invalid property becomes null if null is valid, else its default; an optional one is removed otherwise.
        Invalid items of lists are removed.
        """
        result: Json = self._cut(value, self._root)
        for fault in self._validator(self._root).iter_errors(result):
            path = "/".join(map(str, fault.instance_path)) or "the answer"
            raise ValueError(f"{path}: {fault.message}")
        return result

    def _cut(self, value: Any, node: Json) -> Any:
        for key in CHOICES:
            for branch in node.get(key, ()):
                candidate = self._cut(value, branch)
                if self._is_valid(candidate, branch):
                    value = candidate
                    break
        if isinstance(value, dict):
            return self._object(value, node)
        if isinstance(value, list) and "items" in node:
            items = [self._cut(item, node["items"]) for item in value]
            return [item for item in items if self._is_valid(item, node["items"])]
        return value

    def _object(self, value: Json, node: Json) -> Json:
        kept: Json = {}
        for name, given in value.items():
            child = node.get("properties", {}).get(name)
            if child is None:  # defined by a branch of this node
                kept[name] = given
                continue
            candidates = [self._cut(given, child), None, *([child["default"]] if "default" in child else ())]
            is_required = name in node.get("required", ())
            valid = [each for each in candidates if self._is_valid(each, child)]
            if valid or is_required:
                kept[name] = (valid or candidates)[0]
        return kept

    def _is_valid(self, value: Any, node: Json) -> bool:
        return self._validator(node).is_valid(value)

    def _validator(self, node: Json) -> Draft202012Validator:
        validator = self._validators.get(id(node))
        if validator is None:
            try:
                validator = Draft202012Validator(node, validate_formats=True)
            except ValueError:  # a constraint that the validator rejects, such as a broken pattern
                validator = Draft202012Validator(enforced(node))
            self._validators[id(node)] = validator
        return validator
