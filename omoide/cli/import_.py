"""`omoide import`: import an exported workspace."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import click

from omoide.cli.bootstrap import read_settings
from omoide.cli.import_conversations import import_conversations
from omoide.cli.progress import Stopwatch, progress_bar, report_errors
from omoide.core.formatting import pluralize
from omoide.core.lazy_import import lazy_import
from omoide.core.settings import Settings
from omoide.storage.engine import open_store
from omoide.storage.sqlite.database_files import refuse_own
from omoide.text_extraction.exports import kinds

with lazy_import("omoide.storage.export.schema", "omoide.storage.export.importer"):
    from omoide.storage.export import importer, schema


@click.command(name="import")
@click.argument("file", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--as", "name", help="A new name for the workspace.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file. Created if missing.")
@click.option("--restart", is_flag=True, help="Discard the data of an interrupted import with this name.")
@click.option("--from", "kind", type=click.Choice([*kinds.KINDS]), help="Import conversations of another program.")
@click.option("--workspace", help="With --from: the workspace to add them to. Created if missing.")
@click.option("--me", multiple=True, help="With --from: your name or mail address there; repeatable. [default: user]")
@click.option("--dry-run", is_flag=True, help="With --from: only say what would be imported.")
def import_(file: Path, *, name: str | None, restart: bool, db: str | None, **other: Any) -> None:
    """Import a workspace from the export FILE. A server may be running.

    The workspace is visible only after the import is complete. Repeat the command to resume an interrupted import. - is
    standard input.

    With --from, FILE is what another program exported: a file, a folder or a ZIP archive. Repeat the command to resume,
    or to add what a later export has.
    """
    if other["kind"] is not None:
        if name is not None or restart:
            raise click.UsageError("--as and --restart are for a workspace that Omoide exported.")
        _import_from(file, db, **other)
        return
    if misplaced := [f"--{key.replace('_', '-')}" for key, value in other.items() if value]:
        raise click.UsageError(f"Pass --from with {misplaced[0]}.")
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder: say with --from which program exported it.")
    settings = read_settings(db=db)
    watch = Stopwatch()
    try:
        with report_errors(), _opened(file, settings.db) as lines:
            given, count = _import(settings, _read(lines, settings), name, restart)
    except importer.AlreadyImported as there:
        click.echo(f"The workspace {there} already exists: nothing was imported.")
    except KeyboardInterrupt:
        raise click.ClickException("Interrupted. Repeat the command to resume.") from None
    else:
        click.echo(f"Imported {given}: {pluralize(count, 'line')} in {watch}.")


def _import_from(
    path: Path, db: str | None, *, kind: str, workspace: str | None, me: Sequence[str], dry_run: bool
) -> None:
    if not workspace:
        raise click.UsageError("Pass --workspace with --from.")
    if path == Path("-"):
        raise click.UsageError("--from does not read standard input.")
    try:
        with report_errors():
            import_conversations(read_settings(db=db), kind, path, workspace, me=me or ["user"], dry_run=dry_run)
    except KeyboardInterrupt:
        raise click.ClickException("Interrupted. Repeat the command to resume.") from None


def _import(settings: Settings, lines: Iterator[bytes], name: str | None, restart: bool) -> tuple[str, int]:
    store = open_store(
        settings.db,
        durability=settings.durability,
        busy_timeout=settings.busy_timeout_seconds,
        wal_limit_bytes=settings.wal_limit_bytes,
    )
    try:
        with progress_bar("Importing") as shown:
            return asyncio.run(importer.import_workspace(store, lines, name=name, restart=restart, shown=shown))
    finally:
        store.close()


@contextlib.contextmanager
def _opened(file: Path, db: Path) -> Iterator[IO[bytes]]:
    """Open the input. Raises Conflict for a file of the database itself."""
    if file == Path("-"):
        yield sys.stdin.buffer
        return
    refuse_own(file, db)
    if file.suffix == ".gz":
        with gzip.open(file) as packed:
            yield packed  # type: ignore[misc]
    else:
        with file.open("rb") as plain:
            yield plain


def _read(file: IO[bytes], settings: Settings) -> Iterator[bytes]:
    """The lines of a file. Raises InvalidExport for a line that is too long or cannot be decompressed."""
    most = max(schema.MOST_LINE_BYTES, 2 * settings.max_body_bytes)
    number = 0
    while True:
        number += 1
        try:
            line = file.readline(most + 1)
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise importer.InvalidExport(number, f"the file is damaged or truncated: {error}") from error
        if len(line) > most:
            raise importer.InvalidExport(number, f"longer than {most:,} bytes")
        if not line:
            return
        yield line
