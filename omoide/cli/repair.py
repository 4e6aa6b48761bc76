"""`omoide repair`: mends what `omoide check` finds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from omoide import clock
from omoide.cli.progress import Stopwatch, faults_in_one_line
from omoide.cli.start import read_settings
from omoide.diagnosis.verdict import several
from omoide.store import copying, soundness
from omoide.store.repair import Change, repair
from omoide.whole_file import whole_file

MOST_SHOWN = 200
"""Changes that are shown; the file has all of them."""


@click.command(name="repair")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--apply", "is_applied", is_flag=True, help="Change the database, and do not only say how.")
@click.pass_context
def repair_(context: click.Context, /, *, is_applied: bool, **flags: Any) -> None:
    """Mend what omoide check finds. Without --apply it only says what would be done. No server may run.

    Everything that is changed or removed is first written to a file next to the database, as it was. Ends with 1 if
    something is left that cannot be mended.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with faults_in_one_line():
        with copying.alone(settings.db) as db:
            changes = repair(db, clock.now())
            kept = _kept(settings.db, changes) if is_applied and changes else None
            db.execute("COMMIT" if is_applied else "ROLLBACK")
        for change in changes[:MOST_SHOWN]:
            click.echo(change.what)
        if len(changes) > MOST_SHOWN:
            click.echo(f"{len(changes) - MOST_SHOWN:,} more changes")
        if not changes:
            click.echo(f"{settings.db}: there is nothing to mend ({watch}).")
        elif not is_applied:
            click.echo("Nothing was changed: omoide repair --apply does it.")
            return
        else:
            click.echo(f"{several(len(changes), 'change')} in {watch}; what was there before is in {kept}.")
        with copying.snapshot(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
            left = soundness.faults(db)
    for fault in left:
        click.echo(f"left: {fault}")
    context.exit(1 if left else 0)


def _kept(db: Path, changes: Sequence[Change]) -> Path:
    """A file next to the database that says what each change changes."""
    path = db.with_name(f"{db.name}.repair-{clock.instant(clock.now()):%Y%m%dT%H%M%S%f}.jsonl")
    with whole_file(path, replace=False) as partial:
        partial.touch(mode=0o600)
        with partial.open("wb") as file:
            file.writelines(change.line() for change in changes)
    return path
