"""The command line: `omoide serve` and `omoide key create`."""

from __future__ import annotations

import gc
import ipaddress
import os
from datetime import timedelta
from typing import Any

import click
import uvicorn
from pydantic import ValidationError
from starlette.types import ASGIApp

from omoide import clock
from omoide.app import create_app, embedder_of
from omoide.contract.errors import BrokenDocument
from omoide.errors import OmoideError
from omoide.inference.embedders import Embedder
from omoide.inference.tokens import TokenCounter
from omoide.security import Keyring, Principal
from omoide.settings import Settings, WrongSetting
from omoide.store import Store
from omoide.worker.loop import Worker
from omoide.worker.tools import Tools

GRACE_SECONDS = 5
"""How long open connections may finish after the server was told to stop."""


@click.group()
@click.version_option(package_name="omoide")
def main() -> None:
    """Omoide: a memory server for AI agents."""


@main.command()
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--workers", type=int, help="How many server processes share the database.")
@click.option(
    "--public-without-auth", is_flag=True, default=None, help="Listen on a public address although auth is off."
)
def serve(**flags: Any) -> None:
    """Serve the API, with a worker beside it."""
    given = {name: value for name, value in flags.items() if value is not None}
    settings = _settings(**given)
    if not settings.auth and not settings.public_without_auth and not is_loopback(settings.host):
        raise click.ClickException(
            f"{settings.host} can be reached from other machines and authentication is off: anybody could read and "
            "delete everything. Set OMOIDE_AUTH=true and OMOIDE_JWT_SECRET, or say --public-without-auth."
        )
    # Server processes read the settings anew, so the flags travel to them in the environment.
    os.environ.update({f"OMOIDE_{name.upper()}": str(value) for name, value in given.items()})
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",  # a fault at start must stop the server, not leave it answering 500
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "access_log": False,
        "ws": "none",  # there are no WebSockets here, so that what speaks them need not be loaded
        "server_header": False,
    }
    auth = "on" if settings.auth else "off"
    click.echo(f"Omoide: database {settings.db}, durability {settings.durability}, authentication {auth}", err=True)
    if settings.workers > 1:
        _check_embedder(settings)  # here, because a server process that cannot start is started again for ever
        uvicorn.run("omoide.cli:served_app", factory=True, workers=settings.workers, **options)
    else:
        uvicorn.run(_app(settings), **options)


@main.group()
def key() -> None:
    """Keys for the API."""


@key.command()
@click.option("--admin", is_flag=True, help="A key for everything.")
@click.option("--workspace", help="A key for this workspace.")
@click.option("--peer", help="Narrow it to this peer of the workspace.")
@click.option("--session", help="Narrow it to this session of the workspace.")
@click.option(
    "--days", type=click.FloatRange(min=0, min_open=True), help="For how many days it is good. Default: ever."
)
def create(*, admin: bool, workspace: str | None, peer: str | None, session: str | None, days: float | None) -> None:
    """Print a new key, signed with OMOIDE_JWT_SECRET."""
    if admin == bool(workspace):
        raise click.UsageError("Say either --admin or --workspace.")
    if (peer or session) and not workspace:
        raise click.UsageError("--peer and --session need --workspace.")
    secret = _settings().jwt_secret.get_secret_value()
    if not secret:
        raise click.ClickException("Set OMOIDE_JWT_SECRET to the secret that the server uses.")
    now = clock.now()
    expires_at = None if days is None else now + timedelta(days=days) // timedelta(microseconds=1)
    click.echo(Keyring(secret).mint(Principal(admin, workspace, peer, session), now=now, expires_at=expires_at))


def served_app() -> ASGIApp:
    """The application as a server process of `serve --workers` makes it, from the environment."""
    return _app(_settings())


def _app(settings: Settings) -> ASGIApp:
    def worker(store: Store, embedder: Embedder) -> Worker:
        tools = Tools(store, settings, embedder)
        return Worker(
            tools,
            poll_seconds=settings.job_poll_seconds,
            lease_seconds=settings.job_lease_seconds,
            concurrency=settings.worker_concurrency,
        )

    try:
        app = create_app(settings, alongside=worker)
    except (BrokenDocument, OmoideError, WrongSetting) as error:
        raise click.ClickException(str(error)) from error
    gc.freeze()  # what there is by now stays as long as the process: no collection need look at it
    gc.enable()  # see __main__
    return app


def _check_embedder(settings: Settings) -> None:
    try:
        embedder_of(settings, TokenCounter())
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error


def _settings(**given: Any) -> Settings:
    try:
        return Settings(**given)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, e['loc'])) or 'settings'}: {e['msg']}" for e in error.errors()]
        raise click.ClickException("; ".join(lines)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
