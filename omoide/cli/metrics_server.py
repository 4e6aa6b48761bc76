"""The metrics page of a separate worker process, with the server's middleware and authorization.

The worker shares no memory with the server, so Prometheus scrapes both and adds them up. The gauges of the database are
on the server's page only, so that they are not counted twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Coroutine, Iterator
from typing import Any

import click
import uvicorn
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from omoide.asgi.app import callers_of, guarded
from omoide.cli.sockets import is_protected, listening_on, server_options
from omoide.core.auth import Keyring, authorizer
from omoide.core.errors import Unauthorized
from omoide.core.settings import Settings
from omoide.health import prometheus
from omoide.health.prometheus import MEDIA_TYPE, Facts
from omoide.services.container import Services
from omoide.storage import database_stats

PATH = "/metrics"
ROLES = frozenset({"metrics"})


def listening_for_metrics(settings: Settings, port: int) -> socket.socket:
    """A socket for the page, on the server's host. Exits with an error message if the settings forbid it."""
    if settings.metrics == "off":
        raise click.ClickException("OMOIDE_METRICS is off: --metrics-port cannot be used")
    if settings.metrics != "open" and not is_protected(settings):
        raise click.ClickException(
            f"{settings.host} is reachable from other machines and authentication is off: anyone could read the "
            "metrics. Set OMOIDE_AUTH=true and OMOIDE_JWT_SECRET, or OMOIDE_METRICS=open."
        )
    return listening_on(settings.host, port, "Omoide worker's metrics")


class _NoPeers:
    """The metrics are open to no key of a peer."""

    async def is_member(self, workspace_id: str, session_id: str, peer_id: str) -> bool:
        return False

    async def is_retired(self, workspace_id: str, peer_id: str, issued_at: int) -> bool:
        return True


def metrics_page(services: Services) -> ASGIApp:
    """An application that serves GET /metrics with the server's authorization."""
    settings = services.settings
    keyring = Keyring(settings.jwt_secret.get_secret_value()) if settings.auth else None
    opened = ROLES if settings.metrics == "open" else ()
    authorize = authorizer(keyring, _NoPeers(), opened)(ROLES)
    facts = Facts(None, {}, services.reasoner.name, services.embedder.name, database_stats.SQLITE_VERSION)

    async def answer(request: Request) -> Response:
        if request.url.path != PATH:
            return JSONResponse({"detail": "Not Found"}, 404)
        if request.method != "GET":
            return JSONResponse({"detail": "Method Not Allowed"}, 405, {"Allow": "GET"})
        try:
            await authorize(request.headers.get("authorization"), {})
        except Unauthorized as refusal:
            return JSONResponse({"detail": refusal.detail}, 401, {"WWW-Authenticate": "Bearer"})
        page = await asyncio.to_thread(prometheus.text, services.metrics, facts, of_database=False)
        return Response(page, media_type=MEDIA_TYPE)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (await answer(Request(scope, receive)))(scope, receive, send)

    return guarded(app, settings, callers_of(keyring))


class _EmbeddedServer(uvicorn.Server):
    """A server that leaves signal handling to the worker."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serving_metrics(
    work: Coroutine[Any, Any, None], page: ASGIApp, listening: socket.socket, settings: Settings
) -> None:
    """Run `work`, and serve the page on the socket until it ends."""
    server = _EmbeddedServer(uvicorn.Config(page, **{**server_options(settings), "lifespan": "off"}))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        await work
    finally:
        server.should_exit = True
        await serving
