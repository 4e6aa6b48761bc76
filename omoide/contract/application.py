"""Assemble the ASGI application: Connexion's middlewares around compiled operations.

    failures → docs → lifespan → routing → security → operation

The first four are shared by all requests; each operation has its own security, added at start-up.

This module also converts exceptions to responses. `translations` maps the application's own exceptions; an unknown
exception is logged and answered with 500.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from connexion.lifecycle import ConnexionRequest, ConnexionResponse
from connexion.middleware.lifespan import LifespanMiddleware
from connexion.operations import AbstractOperation
from pydantic_core import to_json
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Scope

from omoide.contract.body import Disconnected
from omoide.contract.connexion31 import SpecFirst, TagResolver
from omoide.contract.docs import Docs
from omoide.contract.document import Document
from omoide.contract.error_middleware import Failures
from omoide.contract.errors import Problem
from omoide.contract.operation import COMPILED, Implementation, Operation, Translation
from omoide.contract.routing import SegmentRouting
from omoide.contract.security import bearer, guarded

logger = logging.getLogger("omoide.contract")


def application(document: Document, implementation: Implementation) -> ASGIApp:
    """Create an ASGI application that serves the document.

    Raises BrokenDocument, or Connexion's ResolverError, if an operation cannot be served.
    """
    specs = {(spec.path, spec.method): spec for spec in document.operations()}
    wiring = bearer(implementation.authorize)

    def serve(operation: AbstractOperation) -> ASGIApp:
        spec = specs[operation.path, operation.method.lower()]
        return guarded(operation, Operation(spec, document, implementation, operation.function), wiring)

    app = SpecFirst(
        SegmentRouting(serve),
        middlewares=[Failures, partial(Docs, document=document), LifespanMiddleware],
        resolver=TagResolver(implementation.handlers),
        lifespan=implementation.lifespan,
    )
    app.add_document(document)
    for kind, answer in _error_handlers(implementation.translations).items():
        app.add_error_handler(kind, answer)
    app.build()
    return app


def response(scope: Scope, problem: Problem) -> ConnexionResponse:
    """The response for a problem: `{"detail": …}`, with a list of faults if the operation's 422 allows only that."""
    detail = problem.detail
    operation: Operation | None = scope.get("extensions", {}).get(COMPILED)
    if problem.status == 422 and isinstance(detail, str) and operation is not None and operation.lists_faults:
        detail = [{"type": "value_error", "loc": ["body"], "msg": f"Value error, {detail}"}]
    # Unlike orjson, this accepts an echoed integer beyond 64 bits; `fallback` covers other unserializable values.
    body = to_json({"detail": detail}, bytes_mode="base64", fallback=str)
    return ConnexionResponse(
        status_code=problem.status, mimetype="application/json", headers=dict(problem.headers or {}), body=body
    )


def _error_handlers(translations: Mapping[type[Exception], Translation]) -> dict[type[Exception], Any]:
    def answering(translate: Translation) -> Any:
        async def handle(request: ConnexionRequest, error: Exception) -> ConnexionResponse:
            return response(request.scope, translate(error))

        return handle

    known: dict[type[Exception], Translation] = {
        Problem: lambda problem: problem,
        HTTPException: lambda e: Problem(e.detail, status=e.status_code, headers=e.headers),
        NotImplementedError: lambda e: Problem(f"Not implemented: {e}", status=501),
        Disconnected: lambda e: Problem("The client disconnected", status=400),
        Exception: _unexpected,
    }
    return {kind: answering(translate) for kind, translate in {**known, **translations}.items()}


def _unexpected(error: Exception) -> Problem:
    logger.error("unexpected error", exc_info=error)
    return Problem("An unexpected error occurred", status=500)
