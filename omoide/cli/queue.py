"""`omoide queue`: what the database owes, what failed for good and why, and how to try that again."""

from __future__ import annotations

import asyncio
from datetime import datetime

import click
import orjson

from omoide import clock
from omoide.cli.start import read_settings
from omoide.errors import OmoideError
from omoide.records import OwedJob
from omoide.store import Store, backlog

LIMIT = 100


@click.group(invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only jobs that failed for good.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=LIMIT, show_default=True, help="How many, at the most."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.pass_context
def queue(context: click.Context, *, failed: bool, limit: int, as_json: bool) -> None:
    """List the jobs of a database: failed ones first, then those due longest."""
    if context.invoked_subcommand:
        return
    store = _open()
    try:
        jobs = store.read(backlog.listed, clock.now(), failed_only=failed, limit=limit)
    finally:
        store.close()
    if as_json:
        for job in jobs:
            click.echo(orjson.dumps(job).decode())
    else:
        click.echo("\n".join([_line(job, clock.instant(clock.now())) for job in jobs] or ["Nothing is owed."]))


@queue.command()
@click.argument("job", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All jobs that failed for good.")
def retry(*, job: tuple[int, ...], every: bool) -> None:
    """Let failed jobs, by their numbers, be tried again from now on."""
    if bool(job) == every:
        raise click.UsageError("Say either the numbers of jobs or --all.")
    store = _open()
    try:
        count = asyncio.run(store.write(backlog.retry, clock.now(), None if every else job))
    finally:
        store.close()
    click.echo(f"{count} {'job' if count == 1 else 'jobs'} will be tried again.")


def _open() -> Store:
    settings = read_settings()
    if not settings.db.exists():
        raise click.ClickException(f"There is no database {settings.db}: set OMOIDE_DB")
    try:
        return Store.open(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
    except OmoideError as error:
        raise click.ClickException(error.detail) from error


def _line(job: OwedJob, now: datetime) -> str:
    where = f" in {job.workspace_id}" if job.workspace_id else ""
    tries = f", tried {job.attempts} times" if job.attempts else ""
    when = f" for {(job.due_at - now).total_seconds():.0f} s" if job.state == "waiting" else ""
    reason = f": {job.error}" if job.error else ""
    return f"{job.pk:>8}  {job.state}{when}  {job.kind}{where} ({job.units}){tries}{reason}"
