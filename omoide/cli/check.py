"""`omoide check`: reads all of the database and names what is wrong in it."""

from __future__ import annotations

import asyncio
from typing import Any

import click

from omoide.cli.progress import Stopwatch, faults_in_one_line
from omoide.cli.start import read_settings
from omoide.diagnosis.verdict import size
from omoide.errors import Conflict
from omoide.settings import Settings
from omoide.store import Store, copying, segments, soundness
from omoide.store.database_files import refuse_as_database
from omoide.store.leadership import Leadership
from omoide.store.read_only import require_database
from omoide.store.sources import SOURCES


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option(
    "--rebuild-segments",
    is_flag=True,
    help="First make what is searched by meaning anew, of the stored vectors. No server may run.",
)
@click.pass_context
def check(context: click.Context, /, *, rebuild_segments: bool, **flags: Any) -> None:
    """Look for damage in the whole database: a line for each finding. Changes nothing; a server may run meanwhile.

    Ends with 1 if anything is wrong.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with faults_in_one_line():
        if rebuild_segments:
            asyncio.run(_make_segments_anew(settings))
        with copying.snapshot(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
            found = soundness.faults(db)
            bytes_ = settings.db.stat().st_size
    for fault in found:
        click.echo(fault)
    if any(fault.startswith(soundness.SEGMENTS) for fault in found):
        click.echo("Segments are made anew by omoide check --rebuild-segments, once the server is stopped.", err=True)
    if found:
        context.exit(1)
    click.echo(f"{settings.db} is sound: {size(bytes_)} in {watch}.")


async def _make_segments_anew(settings: Settings) -> None:
    """As the leading worker would that found none, so that a server that starts meanwhile goes on from there. One that
    runs already has read the old ones: then nothing is changed, and Conflict raised."""
    require_database(settings.db)
    refuse_as_database(settings.db)
    leadership = Leadership(settings.db)
    try:
        if not leadership.take():
            raise Conflict(f"{settings.db} is in use: stop the server first")
        store = Store.open(settings.db, durability=settings.durability, busy_timeout=settings.busy_timeout_seconds)
        try:
            await store.write(segments.begin_anew)
            for source in SOURCES:
                while store.read(segments.is_behind, source):
                    await store.write(segments.extend, source)
        finally:
            store.close()
    finally:
        leadership.close()
