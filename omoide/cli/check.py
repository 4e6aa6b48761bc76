"""`omoide check`: check the integrity of the whole database."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from omoide.cli.command_settings import read_settings
from omoide.cli.progress import Stopwatch, report_errors
from omoide.core.errors import Conflict
from omoide.core.formatting import format_size
from omoide.core.settings import Settings
from omoide.storage import vector_segments
from omoide.storage.embedding_tables import SOURCES
from omoide.storage.engine import leader_lock, open_store
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.database_files import refuse_as_database
from omoide.storage.sqlite.integrity import full_check
from omoide.storage.sqlite.read_only import require_database


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option(
    "--rebuild-segments",
    is_flag=True,
    help="First rebuild the semantic search index from the stored vectors. No server may be running.",
)
@click.pass_context
def check(context: click.Context, /, *, rebuild_segments: bool, **flags: Any) -> None:
    """Check the whole database for damage and print one line per fault. Read-only; a server may be running.

    Exits with 1 if there are faults.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with report_errors():
        if rebuild_segments:
            asyncio.run(_make_segments_anew(settings))
        with backup.snapshot(settings.db_file, busy_timeout=settings.busy_timeout_seconds) as db:
            faults = full_check.faults(db)
            bytes_ = settings.db_file.stat().st_size
    for fault in faults:
        click.echo(fault)
    if any(fault.startswith(full_check.SEGMENTS) for fault in faults):
        click.echo("To rebuild segments, stop the server and run omoide check --rebuild-segments.", err=True)
    if faults:
        context.exit(1)
    click.echo(f"{settings.db_file} is sound: {format_size(bytes_)} in {watch}.")


async def _make_segments_anew(settings: Settings) -> None:
    """Rebuild the segments as the leading worker does if there are none, so that a server that starts meanwhile can
    continue. Raises Conflict if a server is running, because it has read the old ones."""
    require_database(settings.db_file)
    refuse_as_database(settings.db_file)
    leadership = leader_lock.LeaderLock(settings.db_file)
    try:
        if not leadership.take():
            raise Conflict(f"{settings.db_file} is in use: stop the server first")
        store = open_store(settings.db_file, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
        try:
            await store.write(vector_segments.begin_anew)
            for source in SOURCES:
                while await store.read(vector_segments.is_behind, source):
                    await store.write(vector_segments.extend, source)
        finally:
            store.close()
    finally:
        leadership.close()
