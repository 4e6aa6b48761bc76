"""The OpenAPI document: its raw content, its operations, and its references resolved.

`checks` validates it, and loads the document to be served.
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

FORM_MEDIA = "multipart/form-data"
METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True)
class OperationSpec:
    """One operation of the document, with references to parameters and bodies resolved."""

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

    def query(self) -> list[Mapping[str, Any]]:
        """The query parameters."""
        return [parameter for parameter in self.parameters if parameter["in"] == "query"]

    def form(self) -> Mapping[str, Any] | None:
        """The schema of the form, possibly a reference; None if the body is not a form."""
        content = self.body["content"].get(FORM_MEDIA) if self.body else None
        return None if content is None else content["schema"]

    def returned(self) -> dict[int, Mapping[str, Any]]:
        """Status → response object of the responses that the handler returns: 2xx, and those marked `x-returned`."""
        responses = self.raw["responses"].items()
        found = {int(code): body for code, body in responses if code.startswith("2") or body.get("x-returned")}
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class Document:
    """A document read from `path`; `raw` is its content with string keys."""

    path: Path
    source: bytes
    raw: Mapping[str, Any]

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a document, checking only that it is a YAML mapping. Raises BrokenDocument."""
        return cls.of(path, path.read_bytes())

    @classmethod
    def of(cls, path: Path, source: bytes) -> Document:
        """Parse a document whose `source` was read from `path`. Raises BrokenDocument as `read` does."""
        try:
            raw = yaml.load(source, Loader=_Loader)  # a safe loader, chosen above
        except yaml.YAMLError as error:
            raise BrokenDocument(f"{path.name} is not YAML: {error}") from error
        if not isinstance(raw, dict):
            raise BrokenDocument(f"{path.name} must be a mapping, not {type(raw).__name__}")
        return cls(path, source, _with_string_keys(raw))

    @classmethod
    def of_twin(cls, path: Path, source: bytes, twin: Path) -> Document:
        """Load the document from `twin`, its copy as JSON, which takes a hundredth of the time."""
        return cls(path, source, orjson.loads(twin.read_bytes()))

    @cached_property
    def twin(self) -> str:
        """The content as JSON, to be stored next to the generated code."""
        return json.dumps(self.raw, ensure_ascii=False, indent=1) + "\n"

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the source, in hex."""
        return digest(self.source)

    @cached_property
    def json(self) -> bytes:
        return json.dumps(self.raw, ensure_ascii=False, separators=(",", ":")).encode()

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Resolve a reference object; anything else is returned unchanged."""
        while "$ref" in node:
            node = target(self.raw, node["$ref"])
        return node

    def closed(self, schema: Mapping[str, Any]) -> dict[str, Any]:
        """The schema with the components that it references, directly or not, so that it can be validated alone."""
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
    """SHA-256 of a document's source, in hex."""
    return hashlib.sha256(source).hexdigest()


def _references(node: Any) -> Iterator[str]:
    """Every `$ref` inside the node. What looks like one in an example or default is included, which is harmless."""
    if isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference
        node = [*node.values()]
    if isinstance(node, list):
        for value in node:
            yield from _references(value)


def _with_string_keys(node: Any) -> Any:
    """Convert keys to strings: YAML reads an unquoted `200:` as a number, which JSON and the validator do not allow."""
    if isinstance(node, dict):
        return {str(key): _with_string_keys(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_string_keys(value) for value in node]
    return node


def target(root: Mapping[str, Any], reference: str) -> Any:
    """Resolve a local reference. Raises KeyError, TypeError or IndexError if it is dangling or not local."""
    node: Any = root
    if not reference.startswith("#/"):
        raise KeyError(reference)
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node
