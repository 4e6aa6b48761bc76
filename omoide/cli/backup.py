"""`omoide backup`: copy the database, also while the server writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from omoide.cli.command_settings import read_settings
from omoide.cli.progress import Stopwatch, progress_bar, report_errors
from omoide.core.formatting import format_size
from omoide.storage.sqlite import backup as backup_module


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def backup(file: Path, *, force: bool, **flags: Any) -> None:
    """Copy the current state of the database to FILE. A server may be running.

    FILE is created only if the copy is complete and passes an integrity check.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with report_errors(), progress_bar("Copying") as shown:
        timeout = settings.busy_timeout_seconds
        count = backup_module.back_up(settings.db_file, file, replace=force, busy_timeout=timeout, shown=shown)
    click.echo(f"Backed up {settings.db_file} to {file}: {format_size(count)} in {watch}.")
