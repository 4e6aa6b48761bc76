"""Check responses against openapi.yaml: the status is documented, and the body matches its schema."""

from __future__ import annotations

from typing import Any

import httpx
from jsonschema_rs import Draft202012Validator, ValidationError

from omoide import generated
from omoide.asgi.app import document_path
from omoide.contract import checks
from omoide.contract.document import OperationSpec
from omoide.contract.routing import Node, Routed

DOCUMENT = checks.load(document_path(), judged=generated.DOCUMENT, twin=generated.TWIN)  # as the server does
OPERATIONS = {operation.handler: operation for operation in DOCUMENT.operations()}


async def _unserved(*_: object) -> None:
    """A placeholder: the routes are used only to find the operation of a request."""


_tree = Node()
for _operation in OPERATIONS.values():
    _tree.add(_operation.method, _operation.path, Routed(_operation.handler, _unserved))


def operation_of(request: httpx.Request) -> OperationSpec | None:
    """The operation of a request, if any."""
    segments = request.url.path.rstrip("/")[1:].split("/")
    for node, _ in _tree.find(segments):
        if (route := node.methods.get(request.method)) is not None:
            return OPERATIONS[route.context["operation_id"]]
    return None


class Recorder:
    """An httpx response hook that checks every response and records the operation and status."""

    def __init__(self) -> None:
        self.seen: set[tuple[str, int]] = set()

    def __call__(self, response: httpx.Response) -> None:
        response.read()
        operation = operation_of(response.request)
        if operation is not None:
            conform(operation, response)
            self.seen.add((operation.handler, response.status_code))


def conform(operation: OperationSpec, response: httpx.Response) -> None:
    """Raise AssertionError unless the response conforms to the document."""
    where = f"{operation.method} {operation.path} -> {response.status_code}"
    documented: dict[str, Any] = operation.raw["responses"]
    assert str(response.status_code) in documented, f"{where} is not documented: {response.text[:300]}"
    promised = DOCUMENT.resolve(documented[str(response.status_code)])
    content = promised.get("content")
    if not content:
        assert response.content == b"", f"{where} must have no body"
        return
    assert response.headers["content-type"] in content, where
    if response.headers["content-type"] != "application/json":
        return
    schema = content["application/json"]["schema"]
    gate = Draft202012Validator({**schema, "components": DOCUMENT.raw["components"]}, validate_formats=True)
    try:
        gate.validate(response.json())
    except ValidationError as error:
        raise AssertionError(f"{where}: {error.message} in {response.text[:500]}") from error
