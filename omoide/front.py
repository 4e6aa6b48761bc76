"""The front door: every request comes in here, gets its name, and is counted when its answer is complete.

It stands around everything else, so that what fails anywhere behind it is seen here as well.
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

from omoide.logs import FIELDS, request
from omoide.metrics import LEFT, Metrics

logger = logging.getLogger("omoide.access")

HEADER = b"x-request-id"
_NAME = itemgetter(0)
_SANE = re.compile(rb"[A-Za-z0-9._:-]{1,128}")


class Front:
    """Around `app`. `operation_of` tells which operation a request reached, by its scope; empty for none.

    With `logs_access` a line is logged for each request: never its body, its query or its key.
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
        request.set(name)  # for the rest of the task that uvicorn made for this request
        scope.setdefault("extensions", {})  # made here, so that what is put into it further in can be read here
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
                    count()  # before the caller can know that it is over, who may look at once
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
    """The name that the request brings, if it is one that can be shown anywhere."""
    for header, value in scope["headers"]:
        if header == HEADER and _SANE.fullmatch(value):
            return bytes(value)
    return None


def _log(scope: Scope, operation: str, status: int, sent: int, seconds: float) -> None:
    told: dict[str, Any] = {
        "method": scope["method"],
        "path": scope["path"],
        "operation": operation or None,
        "status": status,
        "bytes": sent,
        "ms": round(seconds * 1_000, 2),
    }
    logger.info("request answered", extra={FIELDS: told})
