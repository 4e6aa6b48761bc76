"""`omoide serve`: the API processes and a worker process.

Everything is loaded and checked once before forking: see `supervisor`.
"""

from __future__ import annotations

import logging
import os
import socket
from functools import partial
from pathlib import Path
from typing import Any

import click
import uvicorn
from starlette.types import ASGIApp

from omoide.cli.bootstrap import (
    make_app,
    make_metrics,
    make_worker,
    make_worker_services,
    prepare_files,
    require_known,
)
from omoide.cli.command_settings import read_settings_and_log
from omoide.cli.connection_counts import ConnectionCounts
from omoide.cli.open_page import open_when_ready, page_url
from omoide.cli.sockets import GRACE_SECONDS, is_protected, listening_on, server_options
from omoide.cli.supervisor import Child, Supervisor
from omoide.cli.uvicorn_server import Server
from omoide.cli.worker import run_until_stopped
from omoide.core import malloc
from omoide.core.database_location import shown
from omoide.core.fd_limit import raise_limit
from omoide.core.server_registry import ServerClaim, claim_from_agents, was_claimed
from omoide.core.settings import Settings
from omoide.reasoner.factory import name_of
from omoide.storage.engine import FileIdentity
from omoide.worker.wakeup import RemoteWorker, WakePipe

logger = logging.getLogger("omoide.processes")

SPARE_SECONDS = 2
"""Added to the grace periods before processes are killed."""

GIVE_WAY_SECONDS = 20.0
"""How long a server that agents have started may take to end."""


@click.command()
@click.option("--host", help="The address to listen on.")
@click.option("--port", type=int, help="The port to listen on; 0 picks a free one.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--workers", type=int, help="Number of API processes; 0: one process for everything.")
@click.option(
    "--public-without-auth", is_flag=True, default=None, help="Listen on a public address although auth is off."
)
@click.option("--open", "open_page", is_flag=True, help="Open the page in a browser once the server answers.")
def serve(*, open_page: bool, **flags: Any) -> None:
    """Serve the API and run a worker."""
    settings = read_settings_and_log(**flags)
    malloc.limit_arenas()
    if not is_protected(settings):
        raise click.ClickException(
            f"{settings.host} is reachable from other machines and authentication is off: anyone could read and "
            "delete all data. Set OMOIDE_AUTH=true and OMOIDE_JWT_SECRET, or pass --public-without-auth."
        )
    # A server of agents ends before the database is migrated. Else a claim, which creates a file next to the database,
    # waits until that is known to be usable.
    claimed = _claimed(settings) if isinstance(settings.db, Path) and was_claimed(settings.db) else None
    settings, known = prepared(settings)
    claimed = claimed or _claimed(settings)
    if settings.workers == 0:
        _serve_in_one_process(settings, known, claimed, open_page=open_page)
    else:
        serve_forked(settings, known, claimed, open_page=open_page)


def prepared(settings: Settings) -> tuple[Settings, FileIdentity | None]:
    """Print what will be served, and prepare the database and the limits of this process."""
    auth = "on" if settings.auth else "off"
    click.echo(
        f"Omoide: database {shown(settings.db)}, durability {settings.durability}, authentication {auth}, "
        f"reasoner {name_of(settings)}",
        err=True,
    )
    known = prepare_files(settings)
    return _within_limit(settings), known


def _claimed(settings: Settings) -> ServerClaim | None:
    """Become the server that `omoide mcp` finds, unless a user has started one for this file."""
    if not isinstance(settings.db, Path):  # agents are told its URL
        return None
    try:
        return claim_from_agents(settings.db, GIVE_WAY_SECONDS)
    except OSError:  # the database cannot be opened either, which says more
        return None


def _within_limit(settings: Settings) -> Settings:
    """Reduce `max_connections` to the limit of open files, with a warning."""
    fits = raise_limit(settings.max_connections)
    if shortage := fits.shortage(settings.max_connections):
        logger.warning("%s", shortage)
    return settings.model_copy(update={"max_connections": fits.connections})


def served_app() -> ASGIApp:
    """The application with a worker in the same process, configured by the environment, for any ASGI server."""
    settings = read_settings_and_log()
    malloc.limit_arenas()
    return _in_one_process(settings)


def _in_one_process(settings: Settings, known: FileIdentity | None = None) -> ASGIApp:
    metrics = make_metrics("server")
    metrics.enter("server")
    return make_app(settings, make_worker, metrics, known)


def _serve_in_one_process(
    settings: Settings, known: FileIdentity | None, claimed: ServerClaim | None, *, open_page: bool
) -> None:
    app = _in_one_process(settings, known)
    listening = _listening(settings, claimed, open_page=open_page)
    uvicorn.Server(uvicorn.Config(app, **server_options(settings))).run(sockets=[listening])


def _listening(settings: Settings, claimed: ServerClaim | None, *, open_page: bool) -> socket.socket:
    listening = listening_on(settings.host, settings.port, "Omoide running")
    port = listening.getsockname()[1]
    if claimed:
        claimed.announce(settings.host, port)
    if open_page:
        open_when_ready(page_url(settings.host, port, has_page=settings.ui))
    return listening


def serve_forked(
    settings: Settings,
    known: FileIdentity | None,
    claimed: ServerClaim | None,
    *others: Child,
    open_page: bool = False,
) -> None:
    """Run API processes that share a socket, and a worker process, so that they do not compete for an interpreter.

    `others` are further processes to run.
    """
    pipe = WakePipe()
    names = [f"api-{number + 1}" for number in range(settings.workers)]
    metrics = make_metrics(*names, "worker")
    app = make_app(settings, lambda _: RemoteWorker(pipe), metrics, known)
    config = uvicorn.Config(app, **server_options(settings))
    counts = ConnectionCounts(settings.workers)
    listening = _listening(settings, claimed, open_page=open_page)

    def api(number: int, name: str) -> None:
        require_known(settings, known)
        metrics.enter(name)
        Server(config, counts.enter(number)).run(sockets=[listening])

    def work() -> None:
        os.nice(settings.worker_niceness)
        listening.close()  # else connections could wait for a process that never accepts
        metrics.enter("worker")
        run_until_stopped(make_worker_services(settings, metrics, known), pipe=pipe)

    children = [
        *(Child("api", partial(api, *numbered)) for numbered in enumerate(names)),
        Child("worker", work),
        *others,
    ]
    grace = max(GRACE_SECONDS, settings.shutdown_grace_seconds) + SPARE_SECONDS
    # Closing the socket refuses new connections during shutdown instead of leaving them in the backlog.
    Supervisor(children, grace_seconds=grace, let_go=listening.close).run()
