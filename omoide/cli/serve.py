"""`omoide serve`: the API, with a worker beside it."""

from __future__ import annotations

import ipaddress
import os
from typing import Any

import click
import uvicorn
from starlette.types import ASGIApp

from omoide.app import embedder_of
from omoide.cli.start import make_app, read_settings
from omoide.inference.tokens import TokenCounter
from omoide.reasoning.choice import name_of, reasoner_for
from omoide.settings import Settings, WrongSetting

GRACE_SECONDS = 5
"""How long open connections may finish after the server was told to stop."""


@click.command()
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
    settings = read_settings(**given)
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
    reasoner = name_of(settings)
    click.echo(
        f"Omoide: database {settings.db}, durability {settings.durability}, authentication {auth}, reasoner {reasoner}",
        err=True,
    )
    if settings.workers > 1:
        _check_parts(settings)  # here, because a server process that cannot start is started again for ever
        uvicorn.run("omoide.cli.serve:served_app", factory=True, workers=settings.workers, **options)
    else:
        uvicorn.run(make_app(settings), **options)


def served_app() -> ASGIApp:
    """The application as a server process of `serve --workers` makes it, from the environment."""
    return make_app(read_settings())


def _check_parts(settings: Settings) -> None:
    try:
        tokens = TokenCounter()
        reasoner_for(settings, embedder_of(settings, tokens), tokens)
    except WrongSetting as error:
        raise click.ClickException(str(error)) from error


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
