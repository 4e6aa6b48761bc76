"""Create the ASGI application from settings.

Objects with the lifetime of the server are created here and passed down: the store, the keyring, the token counter and,
if it runs in the same process, the worker.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from starlette.types import ASGIApp, Scope

from omoide import generated
from omoide.asgi.access_log import RequestTelemetry
from omoide.asgi.admission import Admission
from omoide.asgi.callers import Callers
from omoide.asgi.cors import SameOriginGuard, with_cors
from omoide.asgi.rate_limit import LIMITED, RateLimit, TokenBuckets
from omoide.contract import checks
from omoide.contract.application import application
from omoide.contract.document import Document
from omoide.contract.errors import Invalid, Problem
from omoide.contract.operation import Implementation
from omoide.contract.routing import name_of_operation
from omoide.contract.security import principal
from omoide.core import clock, logging_config
from omoide.core.auth import ANONYMOUS, Keyring, authorizer
from omoide.core.errors import FieldError, InvalidFields, OmoideError, Unauthorized
from omoide.core.malloc import HeapTrimmer
from omoide.core.metrics import Metrics
from omoide.core.settings import Settings, SettingsError
from omoide.generated import protocols
from omoide.handlers import peer_names
from omoide.handlers.context import Context
from omoide.inference.errors import FAULTS
from omoide.inference.model_config import TASKS
from omoide.mcp.authorization import ProtectedResource
from omoide.mcp.endpoint import McpEndpoint
from omoide.reasoner.protocol import Reasoner
from omoide.search.cache_invalidation import CacheInvalidator
from omoide.services import spending
from omoide.services.container import Services, open_services
from omoide.storage import large_value_stream, members, peer_aliases
from omoide.storage.engine import FileIdentity
from omoide.storage.large_values import LargeValue
from omoide.ui.static_files import StaticFiles

ROOT = Path(__file__).parent.parent

logger = logging.getLogger("omoide.asgi")

SWITCH_SECONDS = 0.000_5
"""The interpreter's switch interval: how long a computing thread delays the event loop, each time that the loop wakes.
Python's default is ten times as long."""


def metrics_of(processes: Sequence[str], kinds: Iterable[str] = ()) -> Metrics:
    """Create the metrics of processes with these names and jobs of these `kinds`. Call it before forking."""
    operations = [name for protocol in protocols.BY_TAG.values() for name in vars(protocol) if not name.startswith("_")]
    return Metrics(processes=processes, operations=operations, kinds=kinds, tasks=TASKS, faults=FAULTS)


class BackgroundTask(Protocol):
    """A background task in the process of the API: the worker."""

    def wake(self) -> None: ...

    def run(self) -> Awaitable[None]: ...


def document_path() -> Path:
    """Path of openapi.yaml: a file of the package, which in the repository is a link to the top level."""
    return ROOT / "openapi.yaml"


class AppLifespan:
    """Resources that exist only during the application's lifespan, so the app object can be created before forking."""

    services: Services

    @contextlib.asynccontextmanager
    async def opened(
        self, services: Services, alongside: Callable[[Services], BackgroundTask] | None
    ) -> AsyncIterator[None]:
        """Run the background tasks for the duration of the lifespan, then close the services."""
        self.services = services
        running, housekeeping, preparing = None, None, None
        sys.setswitchinterval(SWITCH_SECONDS)
        try:
            await services.adopt_embedder()
            housekeeping = asyncio.gather(
                CacheInvalidator(services.store, services.finder.index).run(),
                HeapTrimmer().run(),
                spending.store_regularly(services),
            )
            if services.settings.model:
                preparing = asyncio.create_task(_prepared(services.reasoner))
            if alongside:
                companion = alongside(services)
                self.services = replace(services, wake_worker=companion.wake)
                running = asyncio.ensure_future(companion.run())
            yield
        finally:
            if preparing:
                preparing.cancel()
                await asyncio.wait([preparing])
            if housekeeping:
                housekeeping.cancel()
                await asyncio.gather(housekeeping, return_exceptions=True)
            if running:
                running.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await running
            await spending.settle(services)
            await services.aclose()

    def context(self, scope: Scope) -> Context:
        """Create the first argument of a handler."""
        return Context(self.services, principal(scope) or ANONYMOUS)

    async def is_member(self, workspace_id: str, session_id: str, peer_id: str) -> bool:
        return await self.services.store.read(members.is_active, workspace_id, session_id, peer_id)

    async def is_retired(self, workspace_id: str, peer_id: str, issued_at: int) -> bool:
        return await self.services.store.read(peer_aliases.is_retired, workspace_id, peer_id, issued_at)


async def _prepared(reasoner: Reasoner) -> None:
    """Load the provider's packages, which takes a second or two, before the first question needs them."""
    with contextlib.suppress(OmoideError, SettingsError):  # the first question reports the error
        await reasoner.prepare()


def create_app(
    settings: Settings,
    *,
    alongside: Callable[[Services], BackgroundTask] | None = None,
    reasoner: Reasoner | None = None,
    metrics: Metrics | None = None,
    known: FileIdentity | None = None,
) -> ASGIApp:
    """Create the application. It opens the database at lifespan start.

    `alongside` creates a background task that runs for the lifespan. `reasoner` overrides the one in the settings. With
    `metrics`, each serving process must have called `Metrics.enter`. With `known`, only that file is opened. Raises
    BrokenDocument if openapi.yaml cannot be served. Lifespan start raises Unavailable if the database cannot be opened,
    and SettingsError if there is no such embedder or model.
    """
    document = checks.load(document_path(), judged=generated.DOCUMENT, twin=generated.TWIN)
    checks.require_handlers(document, ROOT / "handlers")
    app_lifespan, counted = AppLifespan(), metrics or metrics_of(["server"])
    keyring = Keyring(settings.jwt_secret.get_secret_value()) if settings.auth else None
    callers = callers_of(keyring)
    admission = Admission(callers, settings.max_connections, settings.max_requests_per_caller)

    def lifespan(_: Any) -> contextlib.AbstractAsyncContextManager[None]:
        if metrics is None:
            counted.enter("server")
        return app_lifespan.opened(open_services(settings, counted, reasoner=reasoner, known=known), alongside)

    app = application(
        document,
        Implementation(
            handlers="omoide.handlers",
            protocols=protocols.BY_TAG,
            authorize=authorizer(keyring, app_lifespan, opened={"metrics"} if settings.metrics == "open" else ()),
            make_context=app_lifespan.context,
            admission_of=lambda path: admission if path.startswith(LIMITED) else None,
            max_body_bytes=settings.max_body_bytes,
            prepare=peer_names.resolved,
            expand=_expanded,
            lifespan=lifespan,
            translations={OmoideError: _problem, Exception: _unexpected},
        ),
    )
    with_mcp = partial(_with_mcp, document, keyring, settings)
    behind = guarded(StaticFiles(app) if settings.ui else app, settings, callers, with_mcp)
    return RequestTelemetry(behind, metrics=counted, operation_of=name_of_operation, logs_access=settings.access_log)


def _expanded(context: Context, values: Sequence[LargeValue]) -> AsyncIterator[tuple[bytes, bool]]:
    return large_value_stream.pieces(context.store, values)


def callers_of(keyring: Keyring | None) -> Callers:
    """Identify callers by key, or by network address without a keyring."""
    return Callers(None if keyring is None else partial(_is_good, keyring))


def _with_mcp(document: Document, keyring: Keyring | None, settings: Settings, app: ASGIApp) -> ASGIApp:
    resource = None
    if keyring is not None:
        is_good = partial(_is_good, keyring)
        resource = ProtectedResource(is_good, settings.public_url, settings.authorization_servers)
    return McpEndpoint(app, document, resource, settings)


def guarded(
    app: ASGIApp, settings: Settings, callers: Callers, limited: Callable[[ASGIApp], ASGIApp] | None = None
) -> ASGIApp:
    """Wrap the application in the middleware that the settings enable, and in `limited`, whose calls rates limit.

    Rate limits are shared by all processes forked from this one.
    """
    if per_minute := settings.rate_limit_per_minute:
        app = RateLimit(app, TokenBuckets(per_minute, settings.rate_limit_burst or per_minute), callers)
    if limited is not None:
        app = limited(app)
    if not settings.auth:
        anywhere = None if settings.is_local else ("*",)
        app = SameOriginGuard(app, settings.own_origins, settings.allowed_hosts or anywhere)
    return with_cors(app, settings.cors_origins) if settings.cors_origins else app


def _is_good(keyring: Keyring, authorization: str) -> bool:
    try:
        return bool(keyring.principal(authorization, clock.now()))
    except Unauthorized:
        return False


def _problem(error: OmoideError) -> Problem:
    """Translate an OmoideError into an HTTP response."""
    if isinstance(error, InvalidFields):
        return Invalid([_fault(fault) for fault in error.faults])
    headers = {"WWW-Authenticate": "Bearer"} if isinstance(error, Unauthorized) else None
    return Problem(error.detail, status=error.status, headers=headers)


def _unexpected(error: Exception) -> Problem:
    """Log an unexpected error, and answer 500 with the request id of the log line."""
    logger.error("unexpected error", exc_info=error)
    return Problem(f"An unexpected error occurred (request {logging_config.request_id()})", status=500)


def _fault(fault: FieldError) -> dict[str, Any]:
    shown = {"type": fault.type, "loc": list(fault.loc), "msg": fault.msg}
    return shown if fault.input is None else {**shown, "input": fault.input}
