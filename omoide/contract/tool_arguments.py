"""Where an operation takes the arguments of a tool, if its names or forms are others.

In `parameters` of `x-mcp`, among the keywords for models:
  sends: target                        the name of the operation's parameter or field; default: the argument's own
  sends: filters.observer_id           a field of an object in the body
  sends: 'conclusions[].observer_id'   a field of each item of a list in the body, which another argument sends
  sends: body                          the whole body
  else: peer_id                        the argument whose value is sent if this one is missing
  each_as: content                     a list of values, each of which is sent as an object with this field
  keyed_by: peer_id                    a list of objects, sent as one object: by this field, which they lose
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from omoide.contract.document import Document, OperationSpec
from omoide.contract.errors import BrokenDocument

DIRECTIVES = {"sends", "else", "each_as", "keyed_by"}
ITEMS = "[]"
"""The step of a location to each item of a list."""
Step = str | int


class ArgumentFault(Exception):
    """Arguments that cannot be sent to an operation. The message is for models."""


@dataclass(frozen=True, slots=True)
class Argument:
    """Where an operation takes an argument."""

    place: str
    """`path`, `query` or `body`."""
    steps: tuple[str, ...]
    fallback: str | None = None
    each_as: str | None = None
    keyed_by: str | None = None

    def is_prefix_of(self, location: Sequence[Step]) -> bool:
        """Whether a location in the request is in what this argument sends."""
        return len(self.steps) <= len(location) and all(
            step == found or (step == ITEMS and isinstance(found, int))
            for step, found in zip(self.steps, location, strict=False)
        )

    def within(self, location: Sequence[Step]) -> list[Step]:
        """A location in what it sends as one in its value."""
        return [step for n, step in enumerate(location) if n != 1 or step != self.each_as]

    def converted(self, name: str, value: Any) -> Any:
        """The value in the form in which the operation takes it. Raises ArgumentFault."""
        if (self.each_as or self.keyed_by) and not isinstance(value, list):
            raise ArgumentFault(f"{name} must be a list.")
        if self.each_as:
            return [item if isinstance(item, dict) else {self.each_as: item} for item in value]
        return _keyed(name, value, self.keyed_by) if self.keyed_by else value


@dataclass(frozen=True, slots=True)
class Taken:
    """What an operation takes somewhere."""

    place: str
    schema: Mapping[str, Any]
    required: bool


def taken_by(spec: OperationSpec, document: Document) -> dict[str, Taken]:
    """The parameters of an operation, and the fields of its body, by name; `body` is the whole one."""
    taken = {
        parameter["name"]: Taken(
            parameter["in"], {**_described(parameter), **parameter["schema"]}, parameter.get("required", False)
        )
        for parameter in spec.parameters
        if parameter["in"] in ("path", "query")
    }
    if spec.body is not None:
        body = _plain(next(iter(spec.body["content"].values()))["schema"], document)
        is_required = bool(spec.body.get("required"))
        taken["body"] = Taken("body", body, is_required)
        taken |= {name: _field(body, name, document, is_required) for name in body.get("properties", {})}
    return taken


def located(
    name: str, declared: Mapping[str, Any], taken: Mapping[str, Taken], document: Document
) -> tuple[Argument, Taken]:
    """Where a declared argument is sent, and what is taken there. Raises BrokenDocument if there is nothing."""
    sends = str(declared.get("sends", name))
    first, *others = sends.replace(ITEMS, f".{ITEMS}").split(".")
    if (found := taken.get(first)) is None:
        raise BrokenDocument(f"no parameter '{sends}'")
    for step in others:
        schema = _plain(found.schema, document)
        if step == ITEMS:
            found = Taken(found.place, schema["items"], found.required)
        elif step in schema.get("properties", {}) or schema.get("additionalProperties", not schema):
            found = _field(schema, step, document, found.required)
        else:
            raise BrokenDocument(f"no parameter '{sends}'")
    steps = () if sends == "body" else (first, *others)
    fallback = declared.get("else")
    argument = Argument(found.place, steps, fallback, declared.get("each_as"), declared.get("keyed_by"))
    return argument, Taken(found.place, found.schema, found.required and fallback is None)


class BodyBuilder:
    """The body of a request, put together from arguments."""

    def __init__(self, fixed: Mapping[str, Any]) -> None:
        self._body: Any = dict(fixed)
        self._for_items: list[tuple[Argument, Any]] = []

    @property
    def is_empty(self) -> bool:
        return bool(self._body == {})

    def add(self, name: str, argument: Argument, value: Any) -> None:
        """Put an argument's value where the operation takes it. Raises ArgumentFault."""
        value = argument.converted(name, value)
        if not argument.steps:
            self._body = value
        elif ITEMS in argument.steps:
            self._for_items.append((argument, value))
        else:
            _put(self._body, name, argument.steps, value)

    def built(self) -> Any:
        """The body; fields of items are set once there are items."""
        for argument, value in self._for_items:
            at = argument.steps.index(ITEMS)
            items = self._body
            for step in argument.steps[:at]:
                items = items.get(step, ())
            for item in items if isinstance(items, list) else ():
                _put(item, argument.steps[-1], argument.steps[at + 1 :], value)
        return self._body


def _put(target: dict[str, Any], name: str, steps: Sequence[str], value: Any) -> None:
    """Set a field below `target`. The objects on the way are copied: they are arguments of the caller."""
    *way, last = steps
    for passed, step in enumerate(way, 1):
        target[step] = copy.copy(target.get(step, {}))
        if not isinstance(target[step], dict):
            raise ArgumentFault(f"{'.'.join(way[:passed])} must be an object.")
        target = target[step]
    if target.get(last, value) != value:
        raise ArgumentFault(f"{'.'.join(steps)} must not differ from {name}: leave it out.")
    target[last] = value


def _keyed(name: str, items: list[Any], key: str) -> dict[str, Any]:
    keyed: dict[str, Any] = {}
    for n, item in enumerate(items):
        fields = dict(item) if isinstance(item, dict) else {key: item}
        if not isinstance(named := fields.pop(key, None), str):
            raise ArgumentFault(f"{name}.{n}.{key} is missing, or no text.")
        if named in keyed:
            raise ArgumentFault(f"{name} has {named!r} twice.")
        keyed[named] = fields
    return keyed


def _described(parameter: Mapping[str, Any]) -> dict[str, Any]:
    return {"description": parameter["description"]} if "description" in parameter else {}


def _plain(schema: Mapping[str, Any], document: Document) -> Mapping[str, Any]:
    """The schema without its reference, and without null as an alternative."""
    schema = document.resolve(schema)
    others = [each for each in schema.get("anyOf", ()) if each.get("type") != "null"]
    return document.resolve(others[0]) if len(others) == 1 else schema


def _field(schema: Mapping[str, Any], name: str, document: Document, is_required: bool) -> Taken:
    field = document.resolve(schema.get("properties", {}).get(name, {}))
    return Taken("body", field, is_required and name in schema.get("required", ()))
