"""`omoide queue`: list jobs and their errors, and retry failed jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import click
import orjson

from omoide.cli import usage_lines
from omoide.cli.command_settings import read_settings
from omoide.cli.progress import report_errors
from omoide.core import clock
from omoide.core.formatting import pluralize
from omoide.core.records import PendingJob
from omoide.core.redaction import redact_secrets
from omoide.storage import Store, Transaction, embeddings, job_stats, rejected_texts, waiting_units
from omoide.storage.embedding_tables import SOURCES
from omoide.storage.engine import open_store
from omoide.storage.sqlite.read_only import require_database

LIMIT = 100

DATABASE = click.option("--db", type=click.Path(dir_okay=False), help="The database file.")


@click.group(invoke_without_command=True)
@click.option("--failed", is_flag=True, help="Only jobs that failed permanently.")
@click.option(
    "--limit", type=click.IntRange(1, 10_000), default=LIMIT, show_default=True, help="Maximum number of jobs."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
@DATABASE
@click.pass_context
def queue(context: click.Context, *, failed: bool, limit: int, as_json: bool, db: str | None) -> None:
    """List the jobs of a database: failed ones first, then by due time.

    Ends with the number of texts that the embedder refused, the tokens that models used today, and the workspaces that
    have spent their budget.
    """
    context.obj = db
    if context.invoked_subcommand:
        return
    with report_errors(), _opened(db) as store:
        jobs, refused, reason = asyncio.run(store.read(_listed, failed_only=failed, limit=limit))
        usual = read_settings(db=db).workspace_tokens_per_day
        today = asyncio.run(store.read(usage_lines.read, usual, clock.now()))
    if as_json:
        for job in jobs:
            click.echo(orjson.dumps(job).decode())
    else:
        click.echo("\n".join([_line(job, clock.now()) for job in jobs] or ["No jobs."]))
        for source, count in zip(SOURCES, refused, strict=True):
            if count:
                click.echo(f"{pluralize(count, source[:-1])} refused by the embedder, latest error: {reason}")
        for line in usage_lines.lines(today):
            click.echo(line)


def _listed(db: Transaction, *, failed_only: bool, limit: int) -> tuple[list[PendingJob], list[int], str]:
    """The jobs, the number of refused texts of each source, and the latest reason; without secrets."""
    jobs = [
        replace(job, error=job.error and redact_secrets(job.error))
        for job in job_stats.listed(db, clock.now(), failed_only=failed_only, limit=limit)
    ]
    refused = [rejected_texts.count(db, source) for source in SOURCES]
    return jobs, refused, redact_secrets(rejected_texts.latest_error(db) or "")


@queue.command()
@DATABASE
@click.pass_context
def flush(context: click.Context, *, db: str | None) -> None:
    """Process messages that wait for more at once."""
    with report_errors(), _opened(db or context.obj) as store:
        count = asyncio.run(store.write(waiting_units.hasten, clock.now()))
    click.echo(f"{pluralize(count, 'job')} no longer waiting for more messages.")


@queue.command()
@click.argument("job", nargs=-1, type=int)
@click.option("--all", "every", is_flag=True, help="All failed jobs, and all texts that the embedder refused.")
@DATABASE
@click.pass_context
def retry(context: click.Context, *, job: tuple[int, ...], every: bool, db: str | None) -> None:
    """Retry failed jobs, given by number."""
    if bool(job) == every:
        raise click.UsageError("Pass either job numbers or --all.")
    with report_errors(), _opened(db or context.obj) as store:
        count = asyncio.run(store.write(job_stats.retry, clock.now(), None if every else job))
        texts = asyncio.run(store.write(embeddings.retry_refused, clock.now())) if every else 0
    click.echo(f"{pluralize(count, 'job')} will be retried.")
    if texts:
        click.echo(f"{pluralize(texts, 'text')} will be embedded again.")


@contextlib.contextmanager
def _opened(db: str | None) -> Iterator[Store]:
    settings = read_settings(db=db)
    if isinstance(settings.db, Path):
        require_database(settings.db)
    store = open_store(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
    try:
        yield store
    finally:
        store.close()


def _line(job: PendingJob, now: int) -> str:
    where = f" in {job.workspace_id}" if job.workspace_id else ""
    tries = f", {pluralize(job.attempts, 'attempt')}" if job.attempts else ""
    when = f" for {(job.due_at - now) / clock.SECOND:.0f} s" if job.state == "waiting" else ""
    reason = f": {' '.join(job.error.splitlines())}" if job.error else ""
    return f"{job.pk:>8}  {job.state}{when}  {job.kind}{where} ({job.units}){tries}{reason}"
