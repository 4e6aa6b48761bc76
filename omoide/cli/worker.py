"""`omoide worker`: an additional worker process."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Coroutine
from typing import Any

import click

from omoide.cli.bootstrap import collect_garbage, make_metrics, make_worker, make_worker_services
from omoide.cli.command_settings import read_settings_and_log
from omoide.cli.metrics_server import listening_for_metrics, metrics_page, serving_metrics
from omoide.core import malloc
from omoide.core.database_location import shown
from omoide.core.malloc import HeapTrimmer
from omoide.search.cache_invalidation import CacheInvalidator
from omoide.services import spending
from omoide.services.container import Services
from omoide.worker.loop import Worker
from omoide.worker.wakeup import WakePipe


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--until-empty", is_flag=True, help="Exit when no job is due.")
@click.option("--metrics-port", type=int, help="Serve this worker's /metrics on this port; 0 picks a free one.")
def worker(*, until_empty: bool, metrics_port: int | None, **flags: Any) -> None:
    """Process the jobs of a database, with or without `omoide serve`. Any number of workers may run."""
    settings = read_settings_and_log(**flags)
    malloc.limit_arenas()
    listening = None if metrics_port is None else listening_for_metrics(settings, metrics_port)
    metrics = make_metrics("worker")
    metrics.enter("worker")
    services = make_worker_services(settings, metrics)
    collect_garbage()
    click.echo(f"Omoide worker: database {shown(settings.db)}, reasoner {services.reasoner.name}", err=True)
    hands = make_worker(services, leading=False)
    work = _until_empty(hands) if until_empty else hands.run()
    if listening:
        work = serving_metrics(work, metrics_page(services), listening, settings)
    asyncio.run(_until_stopped(services, work))


def run_until_stopped(services: Services, pipe: WakePipe) -> None:
    """Run a worker that competes for leadership and is woken through the pipe, until a stop signal."""
    asyncio.run(_woken(services, pipe))


async def _woken(services: Services, pipe: WakePipe) -> None:
    hands = make_worker(services)
    pipe.listen(hands.wake)
    await _until_stopped(services, hands.run())


async def _until_stopped(services: Services, work: Coroutine[Any, Any, None]) -> None:
    """Run `work` until a stop signal; it then finishes its running jobs or returns them to the queue."""
    running = asyncio.create_task(work)
    housekeeping: asyncio.Future[tuple[None, None, None]] | None = None
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, _stop, running)
    try:
        await services.adopt_embedder()
        housekeeping = asyncio.gather(
            CacheInvalidator(services.store, services.finder.index).run(),
            HeapTrimmer().run(),
            spending.store_regularly(services),
        )
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        if housekeeping:
            housekeeping.cancel()
            await asyncio.gather(housekeeping, return_exceptions=True)
        await spending.settle(services)
        await services.aclose()


def _stop(running: asyncio.Task[None]) -> None:
    """Cancel once: a second signal, as from a terminal and the supervisor, must not interrupt the shutdown."""
    if not running.cancelling():
        running.cancel()


async def _until_empty(hands: Worker) -> None:
    while await hands.run_one():
        pass
