"""`omoide repair`: repair the faults that `omoide check` reports."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from omoide.cli.command_settings import read_settings
from omoide.cli.progress import Stopwatch, report_errors
from omoide.core import clock
from omoide.core.atomic_write import atomic_write
from omoide.core.formatting import pluralize
from omoide.storage.sqlite import backup
from omoide.storage.sqlite.integrity import full_check
from omoide.storage.sqlite.integrity.repair import RepairAction, repair

MOST_SHOWN = 200
"""The number of changes printed; the file has all of them."""


@click.command(name="repair")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--apply", "is_applied", is_flag=True, help="Apply the changes instead of only printing them.")
@click.pass_context
def repair_(context: click.Context, /, *, is_applied: bool, **flags: Any) -> None:
    """Repair the faults that omoide check reports. Without --apply this is a dry run. No server may be running.

    The original of everything that is changed or removed is first written to a file next to the database. Exits with 1
    if faults remain that cannot be repaired.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with report_errors():
        with backup.alone(settings.db_file) as db:
            changes = repair(db, clock.now())
            kept = _kept(settings.db_file, changes) if is_applied and changes else None
            if is_applied:
                db.commit()
        for change in changes[:MOST_SHOWN]:
            click.echo(change.what)
        if len(changes) > MOST_SHOWN:
            click.echo(f"{len(changes) - MOST_SHOWN:,} more changes")
        if not changes:
            click.echo(f"{settings.db_file}: nothing to repair ({watch}).")
        elif not is_applied:
            click.echo("Nothing was changed. To apply the changes: omoide repair --apply")
            return
        else:
            click.echo(f"{pluralize(len(changes), 'change')} in {watch}; the originals are in {kept}.")
        with backup.snapshot(settings.db_file, busy_timeout=settings.busy_timeout_seconds) as db:
            remaining = full_check.faults(db)
    for fault in remaining:
        click.echo(f"remaining: {fault}")
    context.exit(1 if remaining else 0)


def _kept(db: Path, changes: Sequence[RepairAction]) -> Path:
    """Write a file next to the database that records each change."""
    path = db.with_name(f"{db.name}.repair-{clock.from_micros(clock.now()):%Y%m%dT%H%M%S%f}.jsonl")
    with atomic_write(path, replace=False) as partial:
        partial.touch(mode=0o600)
        with partial.open("wb") as file:
            file.writelines(change.line() for change in changes)
    return path
