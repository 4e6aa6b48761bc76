"""`omoide restore`: replace the database by a backup."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from omoide.cli.command_settings import read_settings
from omoide.cli.progress import Stopwatch, progress_bar, report_errors
from omoide.core import clock
from omoide.core.formatting import format_size
from omoide.storage.sqlite import backup


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--discard", is_flag=True, help="Do not keep the previous database.")
def restore(file: Path, *, discard: bool, **flags: Any) -> None:
    """Replace the database by a copy of the backup FILE.

    No server or worker may be running. The previous database is kept in the same directory under another name.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with report_errors():
        path = settings.db_file
    former = path.with_name(f"{path.name}.before-{clock.from_micros(clock.now()):%Y%m%d-%H%M%S}")
    with report_errors(), progress_bar("Restoring") as shown:
        schema = backup.restore(file, path, former=None if discard else former, shown=shown)
        count = path.stat().st_size
    click.echo(f"Restored {path} from {file}: {format_size(count)} in {watch}.")
    if former.exists():
        click.echo(f"The previous database is kept as {former}.")
    if not schema.is_current:
        click.echo(
            f"It has schema {len(schema.applied)} and will be migrated to {len(schema.known)} at the next start."
        )
