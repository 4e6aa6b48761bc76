"""`omoide check`: reads all of the database and names what is wrong in it."""

from __future__ import annotations

from typing import Any

import click

from omoide.cli.progress import Stopwatch, faults_in_one_line
from omoide.cli.start import read_settings
from omoide.diagnosis.verdict import size
from omoide.store import copying, soundness


@click.command()
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.pass_context
def check(context: click.Context, /, **flags: Any) -> None:
    """Look for damage in the whole database: a line for each finding. Changes nothing; a server may run meanwhile.

    Ends with 1 if anything is wrong.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with faults_in_one_line(), copying.snapshot(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
        found = soundness.faults(db)
        bytes_ = settings.db.stat().st_size
    for fault in found:
        click.echo(fault)
    if found:
        context.exit(1)
    click.echo(f"{settings.db} is sound: {size(bytes_)} in {watch}.")
