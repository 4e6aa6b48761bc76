"""Listening sockets and uvicorn options, and the check against listening publicly without authentication."""

from __future__ import annotations

import os
import socket
from typing import Any

import click

from omoide.cli.http_limits import protocol_of
from omoide.core.fd_limit import BACKLOG, capacity
from omoide.core.settings import Settings

GRACE_SECONDS = 5
"""The grace period of open connections at shutdown."""


def is_protected(settings: Settings) -> bool:
    """Whether the server requires a key, is reachable from this machine only, or is public on purpose."""
    return settings.auth or settings.public_without_auth or settings.is_local


def server_options(settings: Settings) -> dict[str, Any]:
    """The options of uvicorn for an application with a lifespan."""
    return {
        "host": settings.host,
        "port": settings.port,
        "interface": "asgi3",  # uvicorn takes an application whose call is no coroutine function for ASGI 2
        "lifespan": "on",  # an error at start must stop the server instead of causing 500 responses
        "timeout_graceful_shutdown": GRACE_SECONDS,
        "timeout_keep_alive": settings.keep_alive_seconds,
        "access_log": False,  # `omoide.asgi.access_log` writes it
        "log_config": None,  # `read_settings_and_log` has configured logging
        "ws": "none",  # no WebSockets, so their implementation is not loaded
        "server_header": False,
        "backlog": capacity(settings.max_connections).backlog,
        "http": protocol_of(settings),
        # Set explicitly, because uvicorn would read them from its own environment variables.
        "workers": 1,
        "forwarded_allow_ips": ",".join(settings.trusted_proxies),
        "proxy_headers": bool(settings.trusted_proxies),
    }


def listening_on(host: str, port: int, what: str) -> socket.socket:
    """Create a listening socket that processes can share, and print its URL as that of `what`.

    Exits with an error message if the address is not available.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        # Errors of name resolution have a negative errno, and details after the reason.
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or str(error)
        reason = reason.partition(" (while ")[0].partition("] ")[2] or reason
        raise click.ClickException(f"Cannot listen on {host}:{port}: {reason}") from error
    shown = f"[{host}]" if family == socket.AF_INET6 else host
    click.echo(f"{what} on http://{shown}:{listening.getsockname()[1]} (Press CTRL+C to quit)", err=True)
    return listening
