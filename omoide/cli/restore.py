"""`omoide restore`: a backup takes the place of the database."""

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
@click.option("--discard", is_flag=True, help="Do not keep the database that was there.")
def restore(file: Path, *, discard: bool, **flags: Any) -> None:
    """Put a copy of the backup FILE in the place of the database.

    No server or worker may have it open. The database that was there is kept beside it under another name.
    """
    settings = read_settings(**flags)
    path, watch = settings.db, Stopwatch()
    former = path.with_name(f"{path.name}.before-{clock.instant(clock.now()):%Y%m%d-%H%M%S}")
    with faults_in_one_line(), progress_bar("Restoring") as shown:
        schema = copying.restore(file, path, former=None if discard else former, shown=shown)
        count = path.stat().st_size
    click.echo(f"Restored {path} from {file}: {size(count)} in {watch}.")
    if former.exists():
        click.echo(f"The database that was there is kept as {former}.")
    if not schema.is_current:
        click.echo(f"It has schema {len(schema.applied)} and will be brought to {len(schema.known)} at the next start.")
