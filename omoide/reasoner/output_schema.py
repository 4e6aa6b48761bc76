"""Check and normalize the JSON Schema of a structured answer: the supported subset and its normal form. Pure.

Every reasoner can fill a schema that `check` accepts: its root is an object, it is finite, and each node is explicit.
`resolved` returns the normal form that reasoners read, `enforced` the form that an answer must be valid against: it
requires the structure only. Lengths, ranges, patterns and formats are optional constraints.
"""

from __future__ import annotations

from typing import Any

from jsonschema_rs import Draft202012Validator

from omoide.core.errors import Unprocessable
from omoide.core.records import Json

MOST_DEPTH = 20
"""Maximum nesting of schemas; the root has depth 1."""
MOST_NODES = 500
"""Maximum number of schemas after all references are resolved."""

TYPES = frozenset({"string", "number", "integer", "boolean", "null", "object", "array"})
CHOICES = ("anyOf", "oneOf")
_DEFINITIONS = ("$defs", "definitions")
_STRUCTURE = ("type", "required", "enum")
_REFUSED = frozenset({
    "allOf", "not", "if", "then", "else", "patternProperties", "prefixItems", "additionalItems", "contains",
    "propertyNames", "dependentSchemas", "dependentRequired", "dependencies", "unevaluatedItems",
    "unevaluatedProperties", "contentSchema", "$dynamicRef", "$recursiveRef",
})  # fmt: skip
# Keywords that have no meaning in the resolved schema.
_DROPPED = frozenset({"$ref", "$schema", "$id", "$comment", "$anchor", "const", *_DEFINITIONS})


def check(schema: Json) -> None:
    """Raise Unprocessable, with a message that starts with `Invalid response_format: `, for an unsupported schema."""
    resolved(schema)


def resolved(schema: Json) -> Json:
    """Return the normal form: references inlined, additional properties forbidden, `const` replaced by `enum`.

    Optional properties become nullable. Unless the schema gives a default, it is null, or an empty list for lists,
    which the caller's own schema allows as well. Raises Unprocessable.
    """
    walk = _Walk(schema)
    root = walk.node(schema, "the root", 1, ())
    if root.get("type") != "object":
        raise _refused("its root must be an object")
    for keyword in _DEFINITIONS:
        for name, definition in _mapping(schema, keyword, "the root").items():
            if f"#/{keyword}/{name}" not in walk.met:
                walk.node(definition, f"{keyword}.{name}", 2, ())
    try:
        Draft202012Validator(enforced(root))
    except ValueError as error:
        raise _refused("it contains text that is not valid Unicode") from error
    return root


def literal(schema: Json) -> Json:
    """Return an accepted schema with its references inlined and otherwise unchanged."""
    return _Walk(schema, widens=False).node(schema, "the root", 1, ())


def enforced(node: Json) -> Json:
    """Reduce a resolved schema to its structure, without the optional constraints."""
    kept: Json = {key: node[key] for key in (*_STRUCTURE, "additionalProperties") if key in node}
    if "properties" in node:
        kept["properties"] = {name: enforced(each) for name, each in node["properties"].items()}
    if "items" in node:
        kept["items"] = enforced(node["items"])
    return kept | {key: [enforced(branch) for branch in node[key]] for key in CHOICES if key in node}


def types_of(node: Json) -> tuple[str, ...]:
    """Return the types of a resolved node; empty if it has no `type`."""
    given = node.get("type", ())
    return (given,) if isinstance(given, str) else tuple(given)


def permits_null(node: Json) -> bool:
    """Whether null is valid against a resolved node."""
    return (
        ("type" not in node or "null" in types_of(node))
        and ("enum" not in node or any(value is None for value in node["enum"]))
        and all(any(permits_null(branch) for branch in node[key]) for key in CHOICES if key in node)
    )


class _Walk:
    """Recursive normalization of one schema. `met` collects the resolved references.

    `widens` makes optional properties nullable and forbids additional properties.
    """

    def __init__(self, root: Json, *, widens: bool = True) -> None:
        self.met: set[str] = set()
        self._root = root
        self._widens = widens
        self._nodes = 0

    def node(self, given: Any, at: str, depth: int, through: tuple[str, ...]) -> Json:
        """Normalize a schema and its subschemas; `through` are the references on the path to it."""
        self._nodes += 1
        if self._nodes > MOST_NODES:
            raise _refused(f"it has more than {MOST_NODES} schemas")
        if depth > MOST_DEPTH:
            raise _refused(f"it is nested more than {MOST_DEPTH} deep")
        node, through = self._referred(given, at, through, is_root=depth == 1)
        result: Json = {key: value for key, value in node.items() if key not in _DROPPED}
        result |= _shape(node, at)
        if result.get("type") == "object" or "object" in types_of(result):
            result["properties"] = self._properties(result, at, depth + 1, through)
            if self._widens:
                result["additionalProperties"] = False
        if "items" in result:
            result["items"] = self.node(result["items"], f"{at}.items", depth + 1, through)
        for key in CHOICES:
            if key in result:
                branches = _list(result, key, at)
                result[key] = [
                    self.node(each, f"{at}.{key}.{index}", depth + 1, through) for index, each in enumerate(branches)
                ]
        return result

    def _referred(
        self, given: Any, at: str, through: tuple[str, ...], *, is_root: bool
    ) -> tuple[Json, tuple[str, ...]]:
        """Resolve `$ref`, with sibling keywords taking precedence over those of the target."""
        node = _plain(given, at, is_root=is_root)
        while "$ref" in node:
            reference = node["$ref"]
            if reference in through:
                raise _refused(f"{at} refers to itself, and recursion is not supported")
            through = (*through, reference)
            target = _plain(self._target(reference, at), at)
            node = target | {key: value for key, value in node.items() if key not in ("$ref", *_DEFINITIONS)}
            if "$ref" in target:
                node["$ref"] = target["$ref"]
        return node, through

    def _target(self, reference: Any, at: str) -> Any:
        if isinstance(reference, str):
            for keyword in _DEFINITIONS:
                name = reference.removeprefix(f"#/{keyword}/")
                definitions = _mapping(self._root, keyword, "the root")
                # A pointer writes ~1 for / and ~0 for ~.
                plain = name.replace("~1", "/").replace("~0", "~")
                if name != reference and plain in definitions:
                    self.met.add(f"#/{keyword}/{plain}")
                    return definitions[plain]
        raise _refused(f"{at} refers to something that is not among the definitions of the root")

    def _properties(self, node: Json, at: str, depth: int, through: tuple[str, ...]) -> Json:
        given = _mapping(node, "properties", at)
        required = node.get("required", [])
        if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
            raise _refused(f"required at {at} must be a list of names")
        if unknown := [name for name in required if name not in given]:
            raise _refused(f"required at {at} names {unknown[0]!r}, which is not among its properties")
        nodes = {name: self.node(each, f"{at}.{name}", depth, through) for name, each in given.items()}
        if not self._widens:
            return nodes
        return {name: each if name in required else _optional(each) for name, each in nodes.items()}


def _plain(given: Any, at: str, *, is_root: bool = False) -> Json:
    """Return the schema. Raises Unprocessable for keywords that are not supported at this level."""
    if not isinstance(given, dict):
        raise _refused(f"{at} must be a schema object")
    if refused := sorted(_REFUSED & given.keys()):
        raise _refused(f"{refused[0]} at {at} is not supported")
    if not is_root and any(key in given for key in _DEFINITIONS):
        raise _refused(f"definitions at {at} are not supported: they belong to the root")
    if not isinstance(given.get("additionalProperties", False), bool):
        raise _refused(f"additionalProperties at {at} may only be true or false")
    return given


def _shape(node: Json, at: str) -> Json:
    """Return `type` and `enum` of a schema, given or implied."""
    shape: Json = {}
    if "type" in node:
        named = [node["type"]] if isinstance(node["type"], str) else _list(node, "type", at)
        if not all(isinstance(name, str) and name in TYPES for name in named):
            raise _refused(f"type at {at} must be one or more of {', '.join(sorted(TYPES))}")
        shape["type"] = named[0] if len(named) == 1 else list(dict.fromkeys(named))
    elif "properties" in node or "items" in node:
        shape["type"] = "object" if "properties" in node else "array"
    if "const" in node or "enum" in node:
        values = [node["const"]] if "const" in node else _list(node, "enum", at)
        if not all(value is None or isinstance(value, str | int) for value in values):
            raise _refused(f"enum at {at} may only contain strings, integers, true, false and null")
        shape["enum"] = values
    return shape


def _optional(node: Json) -> Json:
    """Return the normal form of an optional property: nullable, with a default."""
    default: list[Json] | None = [] if node.get("type") == "array" and "enum" not in node else None
    wider = dict(node)
    if not permits_null(node):
        if "type" in node:
            wider["type"] = list(dict.fromkeys([*types_of(node), "null"]))
        if "enum" in node and not any(value is None for value in node["enum"]):
            wider["enum"] = [*node["enum"], None]
        for key in CHOICES:
            if key in node and not any(permits_null(branch) for branch in node[key]):
                wider[key] = [*node[key], {"type": "null"}]
    return {"default": default} | wider


def _mapping(node: Json, key: str, at: str) -> Json:
    value = node.get(key, {})
    if not isinstance(value, dict):
        raise _refused(f"{key} at {at} must be an object")
    return value


def _list(node: Json, key: str, at: str) -> list[Any]:
    value = node[key]
    if not isinstance(value, list) or not value:
        raise _refused(f"{key} at {at} must be a non-empty list")
    return value


def _refused(why: str) -> Unprocessable:
    return Unprocessable(f"Invalid response_format: {why}")
