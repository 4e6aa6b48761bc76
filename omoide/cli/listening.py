"""How processes of ours listen: never unprotected on a public address, and with uvicorn under the limits of the
settings."""

from __future__ import annotations

import os
import socket
from typing import Any

import click

from omoide.cli.connections import protocol_of
from omoide.file_limit import BACKLOG, capacity
from omoide.middleware.origins import is_loopback
from omoide.settings import Settings

GRACE_SECONDS = 5
"""How long open connections may finish after the server was told to stop."""


def is_protected(settings: Settings) -> bool:
    """Whether others cannot reach what anybody may read, or are meant to."""
    return settings.auth or settings.public_without_auth or is_loopback(settings.host)


def server_options(settings: Settings) -> dict[str, Any]:
    """The options of uvicorn, for an application with a start and an end."""
    return {
        "host": settings.host,
        "port": settings.port,
        "lifespan": "on",  # a fault at start must stop the server, not leave it answering 500
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "timeout_keep_alive": settings.keep_alive_seconds,
        "access_log": False,  # there is a better one in front of the application
        "log_config": None,  # what `read_settings_and_log` has set up is used
        "ws": "none",  # there are no WebSockets here, so that what speaks them need not be loaded
        "server_header": False,
        "backlog": capacity(settings.max_connections).backlog,
        "http": protocol_of(settings),
        # Given, because uvicorn would take them from variables of its own.
        "workers": 1,
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
    }


def listening_on(host: str, port: int, what: str) -> socket.socket:
    """A listening socket that processes may share, told to the operator as where `what` is. Ends the command with one
    line if it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # What a name does not lead to has a number below zero, and the place after the reason.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        reason = reason.partition(" (while ")[0].partition("] ")[2] or reason
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}") from error
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    click.echo(f"{what} on http://{shown}:{listening.getsockname()[1]} (Press CTRL+C to quit)", err=True)
    return listening
