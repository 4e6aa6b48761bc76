"""`omoide export`: one workspace as lines of JSON."""

from __future__ import annotations

import contextlib
import gzip
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import IO, Any

import click
import orjson

from omoide import clock
from omoide.cli.progress import Stopwatch, faults_in_one_line, progress_bar
from omoide.cli.start import read_settings
from omoide.deferred import deferred
from omoide.diagnosis.verdict import several
from omoide.store import copying
from omoide.store.database_files import output_file, refuse_own

with deferred("omoide.store.exchange.reading"):
    from omoide.store.exchange import reading

STANDARD_OUTPUT = Path("/dev/stdout")
"""Leads to the file that the output goes to, if it goes to one."""

SHOW_EVERY = 1_000
COMPRESSION = 6
"""Lines between two looks at the bar; how hard gzip tries."""


@click.command(name="export")
@click.argument("workspace")
@click.argument("file", type=click.Path(dir_okay=False, allow_dash=True, path_type=Path))
@click.option("--db", type=click.Path(dir_okay=False), help="The database file.")
@click.option("--force", is_flag=True, help="Replace FILE if it is there.")
def export_(workspace: str, file: Path, *, force: bool, **flags: Any) -> None:
    """Write everything in WORKSPACE, as it is now, into FILE: a line of JSON each. A server may be at work meanwhile.

    A FILE that ends in .gz is compressed; - is standard output. docs/reference/export-format.md describes the form.
    """
    settings = read_settings(**flags)
    watch = Stopwatch()
    with faults_in_one_line(), copying.snapshot(settings.db, busy_timeout=settings.busy_timeout_seconds) as db:
        found = reading.find(db, workspace)
        header = reading.header(db, found, program=version("omoide"), now=clock.now())
        total = sum(header["counts"].values()) + 1
        with _opened(file, db=settings.db, replace=force) as out, progress_bar("Exporting") as shown:
            out.write(orjson.dumps(header, option=orjson.OPT_APPEND_NEWLINE))
            for number, line in enumerate(reading.lines(db, found), 2):
                out.write(line)
                if number % SHOW_EVERY == 0 or number == total:
                    shown(number, total)
    click.echo(f"Exported {workspace}: {several(total, 'line')} in {watch}.", err=file == Path("-"))


@contextlib.contextmanager
def _opened(file: Path, *, db: Path, replace: bool) -> Iterator[IO[bytes]]:
    """Where the lines go. A file is there once all of them are in it. Raises Conflict for one of a database."""
    if file == Path("-"):
        refuse_own(STANDARD_OUTPUT, db)
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    with output_file(file, db=db, replace=replace) as partial, partial.open("wb") as out:
        if file.suffix != ".gz":
            yield out
            return
        # Neither name nor time goes into it: what is the same inside is the same outside.
        with gzip.GzipFile("", "wb", COMPRESSION, out, mtime=0) as packed:
            yield packed  # type: ignore[misc]
