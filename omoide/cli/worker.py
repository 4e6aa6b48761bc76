"""`omoide worker`: more hands for the jobs, beside the server, in a process of their own."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from typing import Any

import click

from omoide.app import Parts
from omoide.cli.start import collect_garbage, make_parts, make_worker, read_settings
from omoide.worker.loop import Worker


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--until-empty", is_flag=True, help="End when nothing is due.")
def worker(*, until_empty: bool, **flags: Any) -> None:
    """Do the jobs of a database, beside `omoide serve` or alone. Any number of workers may run."""
    settings = read_settings(**{name: value for name, value in flags.items() if value is not None})
    parts = make_parts(settings)
    collect_garbage()
    click.echo(f"Omoide worker: database {settings.db}, reasoner {parts.reasoner.name}", err=True)
    asyncio.run(_work(parts, until_empty))


async def _work(parts: Parts, until_empty: bool) -> None:
    """Work until told to stop: then finish what runs, or give it back."""
    await parts.adopt_embedder()
    hands = make_worker(parts)
    running = asyncio.ensure_future(_until_empty(hands) if until_empty else hands.run())
    loop = asyncio.get_running_loop()
    for sign in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(sign, running.cancel)
    try:
        with contextlib.suppress(asyncio.CancelledError):
            await running
    finally:
        await parts.aclose()


async def _until_empty(hands: Worker) -> None:
    while await hands.run_one():
        pass
