"""`omoide mcp`: MCP over stdio, for agents that start their servers as processes."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import click

from omoide.core.database_location import is_url
from omoide.core.lazy_import import lazy_import
from omoide.core.redaction import is_http_url
from omoide.mcp.address import SETS, path_to
from omoide.mcp.server_locator import ServerLocator

with lazy_import("platformdirs"):
    import platformdirs
with lazy_import("omoide.mcp.http_upstream"):
    from omoide.mcp import http_upstream
with lazy_import("omoide.mcp.stdio_bridge"):
    from omoide.mcp import stdio_bridge

GRACE_SECONDS = 60.0
THIS_MACHINE = ("localhost", "127.0.0.1", "::1")
NOT_INSTALLED = "MCP needs the extra mcp: pip install 'omoide[mcp]', or with pipx: pipx install --force 'omoide[mcp]'"


@click.command()
@click.option(
    "--workspace", envvar="OMOIDE_WORKSPACE", default="default", show_default=True, help="The workspace of the memory."
)
@click.option(
    "--tools",
    type=click.Choice(SETS),
    help="The tools: the nine core ones, or those of the original. [default: the server's]",
)
@click.option("--url", envvar="OMOIDE_URL", help="The server to use, instead of one of this machine.")
@click.option("--db", envvar="OMOIDE_DB", help="The database file. [default: omoide.db in the user's data directory]")
@click.option("--key", envvar="OMOIDE_KEY", help="The key for a server with authentication; better in OMOIDE_KEY.")
@click.option(
    "--grace",
    type=click.FloatRange(min=0),
    default=GRACE_SECONDS,
    show_default=True,
    help="Seconds that a server which this command starts outlives the last agent.",
)
def mcp(*, workspace: str, tools: str | None, url: str | None, db: str | None, key: str | None, grace: float) -> None:
    """Serve MCP on stdin and stdout, for agents.

    Uses the running server of the database file, or starts one that all agents of this file share, and that ends when
    they have ended.
    """
    gc.enable()
    address, path = endpoint(url, path_to(workspace, tools))
    locate = (lambda: address) if address else partial(_located, server_locator(db, grace))
    is_local = not address or urlsplit(address).hostname in THIS_MACHINE
    try:
        upstream = http_upstream.HttpUpstream(locate, path, key, is_local=is_local)
    except ModuleNotFoundError as error:
        raise click.ClickException(NOT_INSTALLED) from error
    asyncio.run(_served(upstream))


def _located(locator: ServerLocator) -> str:
    url = locator.url()
    click.echo(f"Omoide: database {locator.db}, server {url}", err=True)
    return url


async def _served(upstream: http_upstream.HttpUpstream) -> None:
    """Serve until stdin ends, stdout is closed, or the process is asked to end."""
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, os._exit, 0)
    wire = os.dup(1)
    os.dup2(2, 1)  # stdout is for the protocol only
    with contextlib.suppress(BrokenPipeError):
        await stdio_bridge.StdioBridge(upstream, 0, wire).run()
    os._exit(0)  # without waiting for threads, which may wait for a server


def endpoint(url: str | None, path: str) -> tuple[str | None, str]:
    """The server's URL, if one is given, and the path of its MCP endpoint; a URL may have that already."""
    if not url:
        return None, path
    if not is_http_url(url):
        raise click.UsageError("--url must be the URL of a server, such as http://localhost:8000")
    url = url.rstrip("/")
    return (url, "") if "mcp" in url.split("/")[3:] else (url, path)


def server_locator(db: str | None, grace: float) -> ServerLocator:
    """For the database file; by default that of the user, because agents start their servers in any directory."""
    if db and is_url(db):
        raise click.UsageError("With PostgreSQL, name a running server of the database: --url or OMOIDE_URL.")
    if db:
        return ServerLocator(Path(os.path.realpath(Path(db).expanduser())), grace, creates_folder=False)
    folder = platformdirs.user_data_path("omoide", appauthor=False)
    return ServerLocator(folder / "omoide.db", grace, creates_folder=True)
