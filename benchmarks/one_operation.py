"""A document with only POST session, its request, and a handler without a store.

The handler takes the generated request model and returns the generated response model, so that all stacks do the same
work around it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import orjson
from starlette.types import Scope

from omoide.asgi.app import document_path
from omoide.contract.document import Document
from omoide.core.auth import Keyring, Principal
from omoide.generated import models

PATH = "/v3/workspaces/{workspace_id}/sessions"
TAG = "one_operation"
SECRET = "a secret for benchmarks, long enough for HS256"
CREATED_AT = datetime(2026, 1, 1, 12, 30, 15, 250_000, tzinfo=UTC)
BODY = orjson.dumps(
    {"id": "first", "metadata": {"channel": "web", "turns": 12}, "peers": {"alice": {}, "bob": {"observe_me": True}}}
)


async def get_or_create_session(_: object, *, workspace_id: str, body: models.SessionCreate) -> models.Session:
    """The handler, called by the contract."""
    return models.Session(
        id=body.id,
        uid="V1StGXR8_Z5jdHi6B-myT",
        is_active=True,
        workspace_id=workspace_id,
        metadata=body.metadata or {},
        configuration={},
        created_at=CREATED_AT,
    )


def document(*others: tuple[str, str]) -> Document:
    """Omoide's document with only this operation and `others`: (path, tag, which names the handlers' module)."""
    whole = Document.read(document_path())
    paths = {}
    for path, tag in ((PATH, TAG), *others):
        item = whole.raw["paths"][path]
        paths[path] = {"parameters": item.get("parameters", []), "post": {**item["post"], "tags": [tag]}}
    return Document(whole.path, b"", {**whole.raw, "paths": paths})


def scope(path: str = PATH.replace("{workspace_id}", "demo"), query: bytes = b"", body: bytes = BODY) -> Scope:
    """A new ASGI scope of a POST request with a key for the workspace."""
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "server": ("127.0.0.1", 8000),
        "client": ("127.0.0.1", 50_000),
        "scheme": "http",
        "method": "POST",
        "root_path": "",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query,
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"accept", b"application/json"),
            (b"authorization", f"Bearer {KEY}".encode()),
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
        ],
    }


KEY = Keyring(SECRET).mint(Principal(workspace="demo"), now=1_760_000_000_000_000)


def version_3_0(whole: Document) -> dict[str, Any]:
    """The operation in OpenAPI 3.0, which stock Connexion requires. The caller adds `operationId`."""
    schemas = whole.raw["components"]["schemas"]
    reached: dict[str, Any] = {}
    waiting = ["SessionCreate", "Session"]
    while waiting:
        if (name := waiting.pop()) not in reached:
            reached[name] = _nullable(schemas[name])
            waiting += _references(reached[name])
    operation = whole.raw["paths"][PATH]["post"]
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/SessionCreate"}}}
    answer = {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}
    view = {
        "parameters": [p for p in operation["parameters"] if p["in"] == "path"],
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "The session.", "content": answer}},
        "security": [{"key": []}],
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "One operation", "version": "1"},
        "paths": {PATH: {"post": view}},
        "components": {"schemas": reached, "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
    }


def _nullable(node: Any) -> Any:
    """Convert 3.1's `anyOf: [X, null]` and `type: [X, null]` in a schema to 3.0's `nullable`."""
    if isinstance(node, list):
        return [_nullable(inner) for inner in node]
    if not isinstance(node, dict):
        return node
    result = {key: _nullable(inner) for key, inner in node.items() if key not in ("example", "examples")}
    null = {"type": "null"}
    if null in result.get("anyOf", ()):
        (kept,) = (branch for branch in result.pop("anyOf") if branch != null)
        result = {**result, "nullable": True, **({"allOf": [kept]} if "$ref" in kept else kept)}
    if isinstance(result.get("type"), list):
        (kind,) = (kind for kind in result["type"] if kind != "null")
        result = {**result, "type": kind, "nullable": True}
    return result


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _references(inner)
    elif isinstance(node, dict):
        if isinstance(reference := node.get("$ref"), str):
            yield reference.rpartition("/")[2]
        for inner in node.values():
            yield from _references(inner)
