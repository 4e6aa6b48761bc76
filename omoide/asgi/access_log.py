"""Outermost ASGI middleware: assigns a request id, records metrics, writes the access log.

Being outermost, it also sees the errors of all other middleware.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable
from operator import itemgetter
from random import getrandbits
from time import perf_counter
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from omoide.core.logging_config import FIELDS, request
from omoide.core.metrics import LEFT, Metrics

logger = logging.getLogger("omoide.access")

HEADER = b"x-request-id"
_NAME = itemgetter(0)
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class RequestTelemetry:
    """The middleware. `operation_of` returns a request's operation id by its scope; empty for none.

    With `logs_access` each request is logged, without its body, query string and key.
    """

    def __init__(
        self, app: ASGIApp, *, metrics: Metrics, operation_of: Callable[[Scope], str], logs_access: bool = False
    ) -> None:
        self.app = app
        self.metrics = metrics
        self.operation_of = operation_of
        self.logs_access = logs_access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = perf_counter()
        name = (HEADER in map(_NAME, scope["headers"]) and _given(scope)) or b"%016x" % getrandbits(64)
        request.set(name)  # uvicorn creates a task, so a context, for each request
        scope.setdefault("extensions", {})  # created here, so that values set further in can be read here
        status, sent, is_counted, logs_access = LEFT, 0, False, self.logs_access

        def answer(message: Message) -> Awaitable[None]:
            nonlocal status, sent
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (HEADER, name)]
            else:
                if logs_access:
                    sent += len(message.get("body", b""))
                if not message.get("more_body"):
                    count()  # before the client sees the end, since it may read the metrics at once
            return send(message)

        def count() -> None:
            nonlocal is_counted
            if is_counted:
                return
            is_counted = True
            operation, seconds = self.operation_of(scope), perf_counter() - began
            self.metrics.own.request(operation, status, seconds)
            if logs_access:
                _log(scope, operation, status, sent, seconds)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            status = 500
            raise
        finally:
            count()


def _given(scope: Scope) -> bytes | None:
    """The request id in the request's header, if it is safe to log."""
    for header, value in scope["headers"]:
        if header == HEADER and _SANE.fullmatch(value):
            return bytes(value)
    return None


def _log(scope: Scope, operation: str, status: int, sent: int, seconds: float) -> None:
    fields: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "operation": operation or None,
        "status": status,
        "bytes": sent,
        "ms": round(seconds * 1_000, 2),
    }
    logger.info("request answered", extra={FIELDS: fields})
