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

from omoide.cli.command_settings import read_settings
from omoide.cli.import_conversations import import_conversations
from omoide.cli.import_memory import import_memory
from omoide.cli.progress import Stopwatch, progress_bar, report_errors
from omoide.core.database_location import DatabaseLocation
from omoide.core.errors import Unprocessable
from omoide.core.formatting import pluralize
from omoide.core.lazy_import import lazy_import
from omoide.core.settings import Settings
from omoide.storage.engine import open_store
from omoide.storage.sqlite.database_files import refuse_own
from omoide.text_extraction.exports import kinds, memories, recognition
from omoide.text_extraction.exports.conversation import NotSuchExport

with lazy_import("omoide.storage.export.schema", "omoide.storage.export.importer", "omoide.cli.import_honcho"):
    from omoide.cli import import_honcho
    from omoide.storage.export import importer, schema

HONCHO = "honcho"


class _Source(click.Path):
    """A file, or the address of a server."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        is_address = isinstance(value, str) and value.startswith(("http://", "https://"))
        return value if is_address else super().convert(value, param, ctx)


@click.command(name="import")
@click.argument("file", type=_Source(exists=True, allow_dash=True, path_type=Path))
@click.option("--as", "name", help="A new name for the workspace.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file. Created if missing.")
@click.option("--restart", is_flag=True, help="Discard the data of an interrupted import with this name.")
@click.option(
    "--from",
    "kind",
    type=click.Choice([*kinds.KINDS, *memories.KINDS, HONCHO]),
    help="Import what another program has.",
)
@click.option("--workspace", help="With --from: the workspace to add to, created if missing. Of honcho: which one.")
@click.option("--me", multiple=True, help="With --from: your name or mail address there; repeatable. [default: user]")
@click.option("--dry-run", is_flag=True, help="With --from: only say what would be imported.")
@click.option("--key", envvar="HONCHO_API_KEY", help="Of honcho: a key of the server. Better: HONCHO_API_KEY.")
@click.option("--derive/--no-derive", default=None, help="Of honcho: whether to conclude from the imported messages.")
def import_(file: Path | str, *, name: str | None, restart: bool, db: str | None, **other: Any) -> None:
    """Import a workspace from the export FILE. A server may be running.

    The workspace is visible only after the import is complete. Repeat the command to resume an interrupted import. - is
    standard input.

    With --from, FILE is what another program exported: a file, a folder or a ZIP archive, or with honcho the address of
    a server. Repeat the command to resume, or to add what is new since.
    """
    key, derives = other.pop("key"), other.pop("derive")
    if other["kind"] == HONCHO:
        _import_honcho(file, read_settings(db=db), name=name, restart=restart, key=key, derives=derives, **other)
        return
    if isinstance(file, str):
        raise click.UsageError(f"{file} is the address of a server: pass --from honcho.")
    if derives is not None:
        raise click.UsageError("--derive is for --from honcho.")
    if other["kind"] is not None:
        if name is not None or restart:
            raise click.UsageError("--as and --restart are for a workspace that Omoide exported.")
        _import_from(file, db, **other)
        return
    if misplaced := [f"--{key.replace('_', '-')}" for key, value in other.items() if value]:
        raise click.UsageError(f"Pass --from with {misplaced[0]}.")
    if file.is_dir():
        raise click.UsageError(f"{file} is a folder: say with --from which program exported it.")
    _import_export(file, read_settings(db=db), name, restart)


def _import_export(file: Path, settings: Settings, name: str | None, restart: bool) -> None:
    watch = Stopwatch()
    try:
        with report_errors(), _opened(file, settings.db) as lines:
            try:
                given, count = _import(settings, _read(lines, settings), name, restart)
            except importer.NotAnExport as error:
                raise Unprocessable(f"{error.detail}{_kinds_that_read(file)}") from None
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
            settings, importing = (
                read_settings(db=db),
                import_memory if kind in memories.KINDS else import_conversations,
            )
            try:
                importing(settings, kind, path, workspace, me=me or ["user"], dry_run=dry_run)
            except NotSuchExport as error:
                raise Unprocessable(f"{error.detail}{_kinds_that_read(path, but=kind)}") from None
    except KeyboardInterrupt:
        raise click.ClickException("Interrupted. Repeat the command to resume.") from None


def _kinds_that_read(path: Path, *, but: str = "") -> str:
    """What to add to the message for a file that is something else."""
    hint = " or ".join(f"--from {each}" for each in recognition.other_kinds(but, path) if path != Path("-"))
    return f"; {hint} reads it" if hint else ""


def _import_honcho(
    url: Path | str, settings: Settings, *, workspace: str | None, me: Sequence[str], restart: bool, **options: Any
) -> None:
    if not isinstance(url, str):
        raise click.UsageError(f"{url} is not the address of a server, as http://localhost:8000.")
    if me or restart:
        raise click.UsageError("--me and --restart are not for --from honcho.")
    if options["name"] is not None and workspace is None:
        raise click.UsageError("--as needs --workspace: it is another name for one workspace.")
    is_dry, name, key, derives = (options[each] for each in ("dry_run", "name", "key", "derives"))
    try:
        with report_errors():
            chosen = import_honcho.HonchoOptions(workspace, name, key or None, derives, is_dry)
            import_honcho.import_honcho(settings, url, chosen)
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
def _opened(file: Path, db: DatabaseLocation) -> Iterator[IO[bytes]]:
    """Open the input. Raises Conflict for a file of the database itself."""
    if file == Path("-"):
        yield sys.stdin.buffer
        return
    if isinstance(db, Path):
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
