"""The OpenAPI document: loading it, and telling in one message everything that is wrong with it.

`openapi-spec-validator` judges the document against the 3.1 meta-schema. Five faults that it does not find, but that
would surface later and obscurely, are looked for here: dangling `$ref`s, operations without a handler, unknown security
schemes, operations without a success response, and 3.0's `nullable`.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator

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

    def successes(self) -> dict[int, Mapping[str, Any]]:
        """Status → response object, for the 2xx answers; lowest first."""
        found = {int(code): body for code, body in self.raw["responses"].items() if code.startswith("2")}
        return dict(sorted(found.items()))


@dataclass(frozen=True)
class Document:
    """A document that was read from `path`; `raw` is its content with string keys, as written."""

    path: Path
    source: bytes
    raw: Mapping[str, Any]

    @classmethod
    def load(cls, path: Path) -> Document:
        """Read and check a document. Raises BrokenDocument with every fault found."""
        document = cls.read(path)
        if faults := document.faults():
            raise BrokenDocument(f"{path.name} is not a valid contract:\n" + "\n".join(f"  {line}" for line in faults))
        return document

    @classmethod
    def read(cls, path: Path) -> Document:
        """Read a document without judging more than that it is a YAML mapping."""
        source = path.read_bytes()
        try:
            raw = yaml.load(source, Loader=_Loader)  # a safe loader, chosen above
        except yaml.YAMLError as error:
            raise BrokenDocument(f"{path.name} is not YAML: {error}") from error
        if not isinstance(raw, dict):
            raise BrokenDocument(f"{path.name} must be a mapping, not {type(raw).__name__}")
        return cls(path, source, _with_string_keys(raw))

    @cached_property
    def json(self) -> bytes:
        return json.dumps(self.raw, ensure_ascii=False, separators=(",", ":")).encode()

    def resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a reference object to what it stands for; anything else is returned as it is."""
        while "$ref" in node:
            node = _target(self.raw, node["$ref"])
        return node

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

    def faults(self) -> list[str]:
        """Everything wrong with the document, one `place: what` each; empty if it can be served."""
        # The validator follows references itself and would fail on a dangling one without saying where it stands.
        if dangling := list(_dangling(self.raw, self.raw, "")):
            return dangling
        broken = [
            f"{'/'.join(map(str, error.absolute_path)) or '#'}: {error.message[:300]}"
            for error in OpenAPIV31SpecValidator(dict(self.raw)).iter_errors()
        ]
        if broken:
            return broken
        return [*_leftover_nullable(self.raw, ""), *self._operation_faults()]

    def _operation_faults(self) -> Iterator[str]:
        schemes = self.raw.get("components", {}).get("securitySchemes", {})
        for operation in self.operations():
            if len(operation.raw.get("tags", ())) != 1:
                yield f"{operation.place}: must have exactly one tag, which names its handler module"
            if "operationId" not in operation.raw:
                yield f"{operation.place}: has no operationId"
            if not operation.successes():
                yield f"{operation.place}/responses: has no success response (2xx)"
            for requirement in operation.raw.get("security", self.raw.get("security", ())):
                for name in requirement:
                    if name not in schemes:
                        yield f"{operation.place}/security: unknown security scheme '{name}'"

    def require_handlers(self, folder: Path) -> None:
        """Raise BrokenDocument unless every operation has an `async def` in `folder/<tag>.py`."""
        known: dict[str, dict[str, type[ast.AST]]] = {}
        faults = []
        for operation in self.operations():
            module = folder / f"{operation.tag}.py"
            if operation.tag not in known:
                known[operation.tag] = functions(module) if module.exists() else {}
            kind = known[operation.tag].get(operation.handler)
            if kind is None:
                faults.append(f"{operation.place}: no function '{operation.handler}' in {folder.name}/{module.name}")
            elif kind is not ast.AsyncFunctionDef:
                faults.append(f"{operation.place}: {folder.name}/{module.name}: '{operation.handler}' is not async")
        if faults:
            lines = "\n".join(f"  {line}" for line in faults)
            raise BrokenDocument(f"{self.path.name} has operations that nothing serves:\n{lines}")


def functions(module: Path) -> dict[str, type[ast.AST]]:
    """The top-level functions of a source file by name, with their kind of definition. Nothing is imported."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.name: type(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _with_string_keys(node: Any) -> Any:
    """YAML reads an unquoted `200:` as a number; JSON, and the validator, know only strings as keys."""
    if isinstance(node, dict):
        return {str(key): _with_string_keys(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_with_string_keys(value) for value in node]
    return node


def _target(root: Mapping[str, Any], reference: str) -> Any:
    node: Any = root
    if not reference.startswith("#/"):
        raise KeyError(reference)
    for part in reference[2:].split("/"):
        node = node[part.replace("~1", "/").replace("~0", "~")]
    return node


def _dangling(node: Any, root: Mapping[str, Any], place: str) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            try:
                _target(root, reference)
            except (KeyError, TypeError, IndexError):
                yield f"{place or '#'}: $ref to {reference}, which does not exist"
        for key, value in node.items():
            if key not in ("example", "examples", "default", "const", "enum"):
                yield from _dangling(value, root, f"{place}/{key}".lstrip("/"))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _dangling(value, root, f"{place}/{index}")


def _leftover_nullable(node: Any, place: str) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("nullable"), bool):
            yield f"{place}: 'nullable' is OpenAPI 3.0; in 3.1 write type: [..., 'null']"
        for key, value in node.items():
            if key not in ("example", "examples", "default", "const", "enum", "properties"):
                yield from _leftover_nullable(value, f"{place}/{key}".lstrip("/"))
            elif key == "properties" and isinstance(value, dict):
                for name, schema in value.items():
                    yield from _leftover_nullable(schema, f"{place}/properties/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leftover_nullable(value, f"{place}/{index}")
