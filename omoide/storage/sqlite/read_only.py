"""Open a database file read-only, and check it before it is opened for writing.

Nothing is written, except that SQLite creates a `-shm` file if a server has left a journal behind.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import NotFound, Unavailable
from omoide.storage.base import Transaction
from omoide.storage.column_validation import readable
from omoide.storage.sqlite.connection import Connection, native
from omoide.storage.sqlite.database_files import companion
from omoide.storage.sqlite.migrations import migrations


@dataclass(frozen=True, slots=True)
class Schema:
    """Migration steps: those applied to the file, and those known to this program."""

    applied: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def is_newer(self) -> bool:
        """Whether the file was written by a newer version of Omoide."""
        return bool(set(self.applied) - set(self.known))

    @property
    def is_current(self) -> bool:
        return set(self.applied) == set(self.known)


@contextlib.contextmanager
def opened(path: Path, *, busy_timeout: float) -> Iterator[Connection]:
    """A read-only connection for the duration of the block; `busy_timeout` is in seconds.

    Raises NotFound for a missing or empty file, Unavailable if it is not a database or cannot be read.
    """
    require_database(path)
    # Without a journal no process has the file open. SQLite would create one anyway, unless the file is immutable.
    is_still = not journal(path).exists()
    address = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}"
    try:
        made = sqlite3.connect(address, uri=True, timeout=busy_timeout, factory=Connection)
        with contextlib.closing(made) as connection:
            connection.text_factory = readable
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA schema_version").fetchone()  # the first access to the file
            yield connection
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot read the database {path}: {error}.") from error


def require_database(path: Path) -> None:
    """Raise NotFound for a missing or empty file. SQLite would treat an empty file as new and remove its journal."""
    if not path.exists():
        raise NotFound(f"There is no database {path}.")
    if _is_empty(path):
        raise NotFound(f"{path} is empty: there is no database in it.{_left_behind(path)}")


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _left_behind(path: Path) -> str:
    """Advice on a non-empty journal whose database is missing or empty; "" if there is none."""
    left = journal(path)
    if not left.exists() or _is_empty(left):
        return ""
    return f" {left} contains data of a database: restore the database file, or move this file away as well."


def journal(path: Path) -> Path:
    """Path of the write-ahead log. SQLite resolves symbolic links first."""
    return companion(Path(os.path.realpath(path)), "-wal")


def schema(db: Transaction) -> Schema:
    applied = tuple(step.name for step in migrations.applied(sqlite_utils.Database(native(db))))
    nothing = sqlite_utils.Database(memory=True)
    try:
        return Schema(applied, tuple(step.name for step in migrations.pending(nothing)))
    finally:
        nothing.close()


def refuse_unknown(path: Path, *, busy_timeout: float) -> None:
    """Raise Unavailable, with a one-line message, for a file of a newer version or of another program, and for a
    missing or empty file that still has a journal.

    Such a file is not changed. Other missing, empty or unreadable files are accepted: the first two become new
    databases, and opening the last one reports the reason.
    """
    if (not path.exists() or _is_empty(path)) and (fault := _left_behind(path)):
        raise Unavailable(f"{path} is {'empty' if path.exists() else 'missing'}.{fault}")
    try:
        with opened(path, busy_timeout=busy_timeout) as db:
            found = schema(db)
            tables = {name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    except (NotFound, Unavailable):
        return
    if found.is_newer:
        fault = (
            f"it was written by a newer version of Omoide: its schema is {len(found.applied)}, this version supports"
        )
        raise Unavailable(f"Cannot use the database {path}: {fault} {len(found.known)}. It was not changed.")
    if tables and migrations.migrations_table not in tables:
        raise Unavailable(f"Cannot use the database {path}: it is not one of Omoide's. It was not changed.")
