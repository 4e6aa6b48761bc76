"""`omoide restore`: replace the database by a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from omoide import clock
from omoide.cli.progress import Stopwatch, faults_in_one_line, progress_bar
from omoide.cli.start import read_settings
from omoide.diagnosis.verdict import size
from omoide.store import copying


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--discard", is_flag=True, help="Do not keep the previous database.")
def restore(file: Path, *, discard: bool, **flags: Any) -> None:
    """Replace the database by a copy of the backup FILE.

    No server or worker may be running. The previous database is kept in the same directory under another name.
    """
    settings = read_settings(**flags)
    path, watch = settings.db, Stopwatch()
    former = path.with_name(f"{path.name}.before-{clock.instant(clock.now()):%Y%m%d-%H%M%S}")
    with faults_in_one_line(), progress_bar("Restoring") as shown:
        schema = copying.restore(file, path, former=None if discard else former, shown=shown)
        count = path.stat().st_size
    click.echo(f"Restored {path} from {file}: {size(count)} in {watch}.")
    if former.exists():
        click.echo(f"The previous database is kept as {former}.")
    if not schema.is_current:
        click.echo(
            f"It has schema {len(schema.applied)} and will be migrated to {len(schema.known)} at the next start."
        )
