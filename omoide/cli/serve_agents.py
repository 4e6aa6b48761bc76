"""`omoide serve-agents`: the server that `omoide mcp` starts. It ends when no agent has used it for a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import time
from functools import partial
from typing import NoReturn

import click

from omoide.cli.command_settings import read_settings_and_log
from omoide.cli.serve import prepared, serve_forked
from omoide.cli.supervisor import Child
from omoide.core import clock, malloc
from omoide.core.errors import OmoideError
from omoide.core.lazy_import import lazy_import
from omoide.core.server_registry import AgentsLock, ServerClaim
from omoide.core.settings import Settings
from omoide.storage import Transaction, job_stats, waiting_units
from omoide.storage.engine import open_store

with lazy_import("omoide.mcp.transport"):
    from omoide.mcp import transport

logger = logging.getLogger("omoide.processes")

FINISH_SECONDS = 900.0
"""How long the server outlives the last agent at most, while jobs are due."""
LOOK_SECONDS = 1.0


@click.command(hidden=True)
@click.option("--db", required=True, type=click.Path(dir_okay=False))
@click.option("--claim", "claimed", required=True, type=int, help="The open file of the claim.")
@click.option("--grace", required=True, type=float)
def serve_agents(*, db: str, claimed: int, grace: float) -> None:
    """Serve on a free port of this machine until no agent is left."""
    try:
        os.set_inheritable(claimed, False)
    except OSError as error:
        raise click.ClickException("`omoide mcp` starts this command") from error
    settings = read_settings_and_log(db=db, host="127.0.0.1", port=0)
    malloc.limit_arenas()
    settings, known = prepared(settings.model_copy(update={"workers": max(1, settings.workers)}))
    _load_mcp()
    agents = AgentsLock(settings.db_file)  # opened before forking: what a child locks stays locked until all have ended
    watch = Child("agents", partial(_end_without, agents, settings, grace, os.getpid()))
    serve_forked(settings, known, ServerClaim(claimed, is_shared=True), watch)


def _load_mcp() -> None:
    """Load the package once for all processes; without it, requests are answered with what to install."""
    try:
        _ = transport.HttpTransport
    except ModuleNotFoundError:
        return


def _end_without(agents: AgentsLock, settings: Settings, grace: float, supervisor: int) -> NoReturn:
    """End the supervisor, given by its pid, once no agent has been there for the grace time."""
    while True:
        agents.wait_for_none()
        time.sleep(grace)
        if not agents.exclude():
            continue
        agents.release()  # an agent may come while work is finished
        _finish(agents, settings)
        if agents.exclude():
            os.kill(supervisor, signal.SIGTERM)  # not the parent, which is another process once it has died
            while True:
                signal.pause()


def _finish(agents: AgentsLock, settings: Settings) -> None:
    """Wait for the jobs that can be done now, because conversations have ended. Others stay in the database."""
    deadline = time.monotonic() + FINISH_SECONDS
    try:
        store = open_store(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
        with contextlib.closing(store):
            asyncio.run(store.write(waiting_units.hasten, clock.now()))
            while asyncio.run(store.read(_has_work)) and time.monotonic() < deadline:
                time.sleep(LOOK_SECONDS)
                if not agents.exclude():
                    return
                agents.release()
    except OmoideError as error:
        logger.error("pending work is left to the next server: %s", error.detail)


def _has_work(db: Transaction) -> bool:
    stats = job_stats.job_stats(db, clock.now())
    return bool(stats.count("due") or stats.count("running"))
