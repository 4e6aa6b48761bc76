"""Load and validate a document, reporting all faults in one message.

`openapi-spec-validator` checks it against the 3.1 meta-schema. More faults, which would surface late and obscurely,
are checked here: dangling `$ref`s, operations without a handler, unknown security schemes, operations without a success
response, 3.0's `nullable`, unknown keys inside schemas, and what MCP serves that does not fit its operation.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from omoide.contract import prompts, resources, schema_keywords, tools
from omoide.contract.document import Document, digest, target
from omoide.contract.errors import BrokenDocument


def load(path: Path, *, judged: str | None = None, twin: Path | None = None) -> Document:
    """Read and validate a document. Raises BrokenDocument with every fault found.

    `judged` is the digest of a document that was validated before: that document is not validated again, which takes
    longer than the rest of the start-up, and is read from `twin`, its copy as JSON, if there is one.
    """
    source = path.read_bytes()
    known = digest(source) == judged
    if known and twin is not None and twin.exists():
        return Document.of_twin(path, source, twin)
    document = Document.of(path, source)
    if not known and (found := faults(document)):
        raise BrokenDocument(f"{path.name} is not a valid contract:\n" + "\n".join(f"  {line}" for line in found))
    return document


def faults(document: Document) -> list[str]:
    """All faults of the document, each as `location: message`; empty if it can be served."""
    # Imported here because a start with a document that was validated before does not need it.
    from openapi_spec_validator import OpenAPIV31SpecValidator

    # The validator follows references itself and fails on a dangling one without reporting its location.
    if dangling := list(_dangling(document.raw, document.raw, "")):
        return dangling
    broken = [
        f"{'/'.join(map(str, error.absolute_path)) or '#'}: {error.message[:300]}"
        for error in OpenAPIV31SpecValidator(dict(document.raw)).iter_errors()
    ]
    if broken:
        # Inside a schema the validator's locations are relative to that schema; these are absolute.
        return list(_schema_faults(document.raw, "", document.raw.get("components", {}))) or broken
    unknown = schema_keywords.unknown_keys(document.raw)
    return [*_leftover_nullable(document.raw, ""), *unknown, *_operation_faults(document), *_mcp_faults(document)]


def _operation_faults(document: Document) -> Iterator[str]:
    schemes = document.raw.get("components", {}).get("securitySchemes", {})
    for operation in document.operations():
        if len(operation.raw.get("tags", ())) != 1:
            yield f"{operation.place}: must have exactly one tag, which names its handler module"
        if "operationId" not in operation.raw:
            yield f"{operation.place}: has no operationId"
        if not any(code.startswith("2") for code in operation.raw["responses"]):
            yield f"{operation.place}/responses: has no success response (2xx)"
        for requirement in operation.raw.get("security", document.raw.get("security", ())):
            for name in requirement:
                if name not in schemes:
                    yield f"{operation.place}/security: unknown security scheme '{name}'"


def _mcp_faults(document: Document) -> Iterator[str]:
    for compiled in (tools.compiled, resources.compiled_resources, resources.compiled_ids, prompts.compiled_prompts):
        try:
            compiled(document)
        except BrokenDocument as error:
            yield str(error)
        except KeyError as error:
            yield f"an x-mcp… of an operation lacks {error}"


def require_handlers(document: Document, folder: Path) -> None:
    """Raise BrokenDocument unless every operation has an `async def` in `folder/<tag>.py`."""
    known: dict[str, dict[str, type[ast.AST]]] = {}
    faults = []
    for operation in document.operations():
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
        raise BrokenDocument(f"{document.path.name} has operations without a handler:\n{lines}")


def functions(module: Path) -> dict[str, type[ast.AST]]:
    """The top-level functions of a source file: name → node type (sync or async). The file is not imported."""
    tree = ast.parse(module.read_text(encoding="utf-8"))
    return {node.name: type(node) for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def _dangling(node: Any, root: Mapping[str, Any], location: str) -> Iterator[str]:
    if isinstance(node, dict):
        reference = node.get("$ref")
        if isinstance(reference, str):
            try:
                target(root, reference)
            except (KeyError, TypeError, IndexError):
                yield f"{location or '#'}: $ref to {reference}, which does not exist"
        for key, value in node.items():
            if key not in ("example", "examples", "default", "const", "enum"):
                yield from _dangling(value, root, f"{location}/{key}".lstrip("/"))
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _dangling(value, root, f"{location}/{index}")


def _schema_faults(node: Any, location: str, components: Any) -> Iterator[str]:
    """Schemas that are not valid JSON Schema 2020-12, and defaults that are invalid in their own schema."""
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        inner = f"{location}/{key}".lstrip("/")
        if key == "schema" or location == "components/schemas":
            yield from _faults_of_schema(value, inner, components)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                yield from _schema_faults(item, f"{inner}/{index}", components)
        else:
            yield from _schema_faults(value, inner, components)


def _faults_of_schema(schema: Any, location: str, components: Any) -> Iterator[str]:
    meta = Draft202012Validator(Draft202012Validator.META_SCHEMA)
    found = [(error.absolute_path, error.message) for error in meta.iter_errors(schema)]
    yield from (f"{'/'.join([location, *map(str, path)])}: {message[:300]}" for path, message in found)
    if not found and isinstance(schema, dict):
        if "default" in schema and list(_refusals(schema, components)):
            yield f"{location}: the default {schema['default']!r} is not valid in its own schema"
        for name, inner in schema.get("properties", {}).items():
            yield from _faults_of_schema(inner, f"{location}/properties/{name}", components)


def _refusals(schema: dict[str, Any], components: Any) -> Iterator[Any]:
    yield from Draft202012Validator({**schema, "components": components}).iter_errors(schema["default"])


def _leftover_nullable(node: Any, location: str) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("nullable"), bool):
            yield f"{location}: 'nullable' is OpenAPI 3.0; in 3.1 write type: [..., 'null']"
        for key, value in node.items():
            if key not in ("example", "examples", "default", "const", "enum", "properties"):
                yield from _leftover_nullable(value, f"{location}/{key}".lstrip("/"))
            elif key == "properties" and isinstance(value, dict):
                for name, schema in value.items():
                    yield from _leftover_nullable(schema, f"{location}/properties/{name}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _leftover_nullable(value, f"{location}/{index}")
