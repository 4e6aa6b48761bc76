"""`omoide serve`: the API, with a worker beside it.

Everything is loaded, made and checked once, then forked: see `supervisor`.
"""

from __future__ import annotations

import os
import socket
from functools import partial
from typing import Any

import click
import uvicorn
from starlette.types import ASGIApp

from omoide.cli.connections import protocol_of
from omoide.cli.start import (
    make_app,
    make_metrics,
    make_worker,
    make_worker_parts,
    prepare_files,
    read_settings_and_log,
)
from omoide.cli.supervisor import Child, Supervisor
from omoide.cli.worker import work_until_told
from omoide.middleware.origins import is_loopback
from omoide.reasoning.choice import name_of
from omoide.settings import Settings
from omoide.worker.wake import WakePipe, WorkerElsewhere

GRACE_SECONDS = 5
"""How long open connections may finish after the server was told to stop."""

SPARE_SECONDS = 2
"""How much longer than they were given processes may take to end."""

BACKLOG = 2_048
"""Connections that wait while no process takes them, because it is busy or being replaced."""


@click.command()
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on; 0 takes a free one.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--workers", type=int, help="How many processes serve; 0: one does everything.")
@click.option(
    "--public-without-auth", is_flag=True, default=None, help="Listen on a public address although auth is off."
)
def serve(**flags: Any) -> None:
    """Serve the API, with a worker beside it."""
    settings = read_settings_and_log(**flags)
    if not settings.auth and not settings.public_without_auth and not is_loopback(settings.host):
        raise click.ClickException(
            f"{settings.host} can be reached from other machines and authentication is off: anybody could read and "
            "delete everything. Set OMOIDE_AUTH=true and OMOIDE_JWT_SECRET, or say --public-without-auth."
        )
    auth = "on" if settings.auth else "off"
    click.echo(
        f"Omoide: database {settings.db}, durability {settings.durability}, authentication {auth}, "
        f"reasoner {name_of(settings)}",
        err=True,
    )
    prepare_files(settings)
    if settings.workers == 0:
        uvicorn.run(_in_one_process(settings), **_options(settings))
    else:
        _serve_forked(settings)


def served_app() -> ASGIApp:
    """The application with a worker beside it in the same process, its settings from the environment: for any other
    ASGI server."""
    return _in_one_process(read_settings_and_log())


def _in_one_process(settings: Settings) -> ASGIApp:
    metrics = make_metrics("server")
    metrics.enter("server")
    return make_app(settings, make_worker, metrics)


def _options(settings: Settings) -> dict[str, Any]:
    return {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",  # a fault at start must stop the server, not leave it answering 500
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "access_log": False,  # there is a better one in front of the application
        "log_config": None,  # what `read_settings_and_log` has set up is used
        "ws": "none",  # there are no WebSockets here, so that what speaks them need not be loaded
        "server_header": False,
        "http": protocol_of(settings),
        # Given, because uvicorn would take them from variables of its own.
        "workers": 1,
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
    }


def _serve_forked(settings: Settings) -> None:
    """The API in so many processes that share a socket, and the worker in one of its own, so that neither waits for
    the other's interpreter."""
    pipe = WakePipe()
    names = [f"api-{number + 1}" for number in range(settings.workers)]
    metrics = make_metrics(*names, "worker")
    config = uvicorn.Config(make_app(settings, lambda _: WorkerElsewhere(pipe), metrics), **_options(settings))
    listening = _listening(settings)

    def api(name: str) -> None:
        metrics.enter(name)
        uvicorn.Server(config).run(sockets=[listening])

    def work() -> None:
        os.nice(settings.worker_niceness)  # nobody waits for thought
        listening.close()  # or whoever connects would wait for a process that never answers
        work_until_told(make_worker_parts(settings, metrics.enter("worker")), pipe=pipe)

    children = [Child("api", partial(api, name)) for name in names]
    grace = max(GRACE_SECONDS, settings.stop_seconds) + SPARE_SECONDS
    # Whoever connects while open requests finish is refused at once, and does not wait for nobody.
    Supervisor([*children, Child("worker", work)], grace_seconds=grace, let_go=listening.close).run()


def _listening(settings: Settings) -> socket.socket:
    """The socket that all server processes share. Ends the command with one line if it cannot be had."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        listening = socket.create_server((settings.host, settings.port), family=family, backlog=BACKLOG)
    except OSError as error:
        # What a name does not lead to has a number below zero, and the place after the reason.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        reason = reason.partition(" (while ")[0].partition("] ")[2] or reason
        raise click.ClickException(f"Cannot listen on {settings.host}:{settings.port}: {reason}") from error
    host = f"[{settings.host}]" if family == socket.AF_INET6 else settings.host
    click.echo(f"Omoide running on http://{host}:{listening.getsockname()[1]} (Press CTRL+C to quit)", err=True)
    return listening
