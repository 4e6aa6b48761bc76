"""`omoide export`: write a workspace as JSON lines."""

from __future__ import annotations

import contextlib
import gzip
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import click
import orjson

from omoide.cli.command_settings import read_settings
from omoide.cli.progress import Stopwatch, progress_bar, report_errors
from omoide.core import clock
from omoide.core.database_location import DatabaseLocation
from omoide.core.formatting import pluralize
from omoide.core.lazy_import import lazy_import
from omoide.storage.base import Transaction
from omoide.storage.snapshot import snapshot
from omoide.storage.sqlite.database_files import output_file, refuse_own

with lazy_import("omoide.storage.export.reader", "omoide.cli.export_readable"):
    from omoide.cli import export_readable
    from omoide.storage.export import reader

STANDARD_OUTPUT = Path("/dev/stdout")
"""Resolves to the file that the output is redirected to, if any."""

SHOW_EVERY = 1_000
COMPRESSION = 6
"""Lines between updates of the progress bar; gzip level."""


@click.command(name="export")
@click.argument("workspace")
@click.argument("file", type=click.Path(allow_dash=True, path_type=Path))
@click.option("--as", "form", type=click.Choice(["omoide", "markdown", "openai"]), default="omoide", show_default=True)
@click.option("--assistant", multiple=True, metavar="PEER", help="With --as openai: who is the assistant; repeatable.")
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
def export_(workspace: str, file: Path, *, force: bool, form: str, assistant: Sequence[str], **flags: Any) -> None:
    """Export the current contents of WORKSPACE to FILE as JSON lines. A server may be running.

    If FILE ends in .gz it is compressed; - is standard output. docs/reference/export-format.md describes the format.

    Omoide reads the form `omoide`. For people, `markdown` makes FILE a folder of pages. For other programs, `openai`
    writes each session as a line of messages with roles.
    """
    if assistant and form != "openai":
        raise click.UsageError("--assistant is for --as openai.")
    if form != "markdown" and file != Path("-") and file.is_dir():
        raise click.UsageError(f"{file} is a folder: only --as markdown writes one.")
    settings = read_settings(**flags)
    watch = Stopwatch()
    with report_errors(), snapshot(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
        exported = reader.find(db, workspace)
        if form == "markdown":
            counted = export_readable.markdown(db, exported, file, settings, replace=force)
        else:
            with _opened(file, db=settings.db, replace=force) as out:
                if form == "openai":
                    counted = export_readable.openai(db, exported, out, settings, assistant)
                else:
                    counted = pluralize(_lines(db, exported, out), "line")
    click.echo(f"Exported {workspace}: {counted} in {watch}.", err=file == Path("-"))


def _lines(db: Transaction, exported: int, out: IO[bytes]) -> int:
    """Write the lines of a workspace (its row), and return their number."""
    header = reader.header(db, exported, program=version("omoide"), now=clock.now())
    total = sum(header["counts"].values()) + 1
    with progress_bar("Exporting") as shown:
        out.write(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
        for number, line in enumerate(reader.lines(db, exported), 2):
            out.write(line)
            if number % SHOW_EVERY == 0 or number == total:
                shown(number, total)
    return total


@contextlib.contextmanager
def _opened(file: Path, *, db: DatabaseLocation, replace: bool) -> Iterator[IO[bytes]]:
    """Open the output. A file appears when it is complete. Raises Conflict for a file of the database."""
    if file == Path("-"):
        if isinstance(db, Path):
            refuse_own(STANDARD_OUTPUT, db)
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with output_file(file, db=db, replace=replace) as partial, partial.open("wb") as out:
        if file.suffix != ".gz":
            yield out
            return
        # Without name and time, so that equal contents give equal files.
        with gzip.GzipFile("", "wb", COMPRESSION, out, mtime=0) as packed:
            yield packed  # type: ignore[misc]
