"""Make an answer valid against the schema that the caller sent, wishes included, before it leaves. Pure.

Reasoners work with the normal form of a schema (`structured.resolved`), in which every property that is not required
may be null. In the caller's own schema it often may not: there a property that nothing is known about is left out.
"""

from __future__ import annotations

from typing import Any

from jsonschema_rs import Draft202012Validator

from omoide.reasoning.structured import CHOICES, enforced, literal
from omoide.records import Json


class Conforming:
    """A schema that `structured.check` has admitted, as its caller means it."""

    def __init__(self, schema: Json) -> None:
        self._root = literal(schema)
        self._validators: dict[int, Draft202012Validator] = {}

    def conformed(self, value: Json) -> Json:
        """The value without what the schema does not admit.

        Raises ValueError, with the first fault, if what remains is not valid.

        A property whose value is not valid becomes null where that is, else its default, and is left out where it is
        not required. An item of a list that is not valid is left out.
        """
        found: Json = self._cut(value, self._root)
        for fault in self._validator(self._root).iter_errors(found):
            place = "/".join(map(str, fault.instance_path)) or "the answer"
            raise ValueError(f"{place}: {fault.message}")
        return found

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
            if child is None:  # of a branch of this node
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
        found = self._validators.get(id(node))
        if found is None:
            try:
                found = Draft202012Validator(node, validate_formats=True)
            except ValueError:  # a wish that no validator understands, such as a broken pattern
                found = Draft202012Validator(enforced(node))
            self._validators[id(node)] = found
        return found
