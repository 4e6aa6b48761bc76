"""The OpenAPI document as everybody reads it: raw, with its operations laid out and references followed.

Whether it is any good is decided in `checks`, which is also where a document that will be served is loaded.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson
import yaml

from omoide.contract.errors import BrokenDocument

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class OperationSpec:
    """One operation as the document has it, with references to parameters and bodies followed."""

    path: str
    method: str
    raw: Mapping[str, Any]
    parameters: tuple[Mapping[str, Any], ...]
    body: Mapping[str, Any] | None

    @property
    def place(self) -> str:
        return f"paths/{self.path}/{self.method}"

    @property
    def tag(self) -> str:
        return str(self.raw["tags"][0])

    @property
    def handler(self) -> str:
        """The name of the function in the tag's handler module."""
        return str(self.raw.get("x-handler", self.raw["operationId"]))

    def returned(self) -> dict[int, Mapping[str, Any]]:
        """Status → response object, for what the handler returns: the 2xx answers, and others marked `x-returned`."""
        responses = self.raw["responses"].items()
        found = {int(code): body for code, body in responses if code.startswith("2") or body.get("x-returned")}
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class Document:
    """A document that was read from `path`; `raw` is its content with string keys, as written."""

    path: Path
    source: bytes
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a document without judging more than that it is a YAML mapping."""
        return cls.of(path, path.read_bytes())

    @classmethod
    def of(cls, path: Path, source: bytes) -> Document:
        """The document whose text has been read from `path` already. Raises BrokenDocument as `read` does."""
        try:
            raw = yaml.load(source, Loader=_Loader)  # a safe loader, chosen above
        except yaml.YAMLError as error:
            raise BrokenDocument(f"{path.name} is not YAML: {error}") from error
        if not isinstance(raw, dict):
            raise BrokenDocument(f"{path.name} must be a mapping, not {type(raw).__name__}")
        return cls(path, source, _with_string_keys(raw))

    @classmethod
    def of_twin(cls, path: Path, source: bytes, twin: Path) -> Document:
        """The same from its `twin`, which holds in JSON what the text says: read in a hundredth of the time."""
        return cls(path, source, orjson.loads(twin.read_bytes()))

    @cached_property
    def twin(self) -> str:
        """The content as JSON, to be kept beside the document."""
        return json.dumps(self.raw, ensure_ascii=False, indent=1) + "\n"

    @cached_property
    def digest(self) -> str:
        """What tells this document from every other, to the letter."""
        return digest(self.source)

    @cached_property
    def json(self) -> bytes:
        return json.dumps(self.raw, ensure_ascii=False, separators=(",", ":")).encode()

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference object to what it stands for; anything else is returned as it is."""
        while "$ref" in node:
            node = target(self.raw, node["$ref"])
        return node

    def closed(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema together with the components that it leads to: all that a validator needs of the document."""
        components: dict[str, dict[str, Any]] = {}
        unread: list[Any] = [schema]
        while unread:
            for reference in _references(unread.pop()):
                _, section, name = reference.removeprefix("#/").split("/")[:3]
                if name not in components.setdefault(section, {}):
                    components[section][name] = found = self.raw["components"][section][name]
                    unread.append(found)
        return {**schema, "components": components}

    def operations(self) -> Iterator[OperationSpec]:
        """Every operation, in the order of the document."""
        for path, item in self.raw.get("paths", {}).items():
            for method in METHODS:
                if method in item:
                    raw = item[method]
                    given = [*item.get("parameters", ()), *raw.get("parameters", ())]
                    merged = {(p["in"], p["name"]): p for p in map(self.resolve, given)}
                    body = self.resolve(raw["requestBody"]) if "requestBody" in raw else None
                    yield OperationSpec(path, method, raw, tuple(merged.values()), body)


def digest(source: bytes) -> str:
    """What tells a document's text from every other."""
    return hashlib.sha256(source).hexdigest()


def _references(node: Any) -> Iterator[str]:
    """Every `$ref` within, and whatever looks like one in an example or default, which does no harm."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        node = [*node.values()]
    if isinstance(node, list):
        for value in node:
            yield from _references(value)


def _with_string_keys(node: Any) -> Any:
    """YAML reads an unquoted `200:` as a number; JSON, and the validator, know only strings as keys."""
    if isinstance(node, dict):
        return {str(key): _with_string_keys(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_string_keys(value) for value in node]
    return node


def target(root: Mapping[str, Any], reference: str) -> Any:
    """What a reference within the document stands for. Raises KeyError, TypeError or IndexError if there is nothing."""
    node: Any = root
    if not reference.startswith("#/"):
        raise KeyError(reference)
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node
