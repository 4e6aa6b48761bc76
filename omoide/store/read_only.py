"""A database file opened to be looked at and never changed, and what can be said before it is opened for work.

Nothing is written; only where a server left a journal behind, SQLite makes an index of it beside the file.
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

from omoide.errors import NotFound, Unavailable
from omoide.store.column_rules import readable
from omoide.store.connection import Connection
from omoide.store.database_files import companion
from omoide.store.migrations import migrations


@dataclass(frozen=True, slots=True)
class Schema:
    """The steps of the schema: those that the file has seen, and those that this program knows."""

    applied: tuple[str, ...]
    known: tuple[str, ...]

    @property
    def is_newer(self) -> bool:
        """Whether a later version of this program has worked on the file."""
        return bool(set(self.applied) - set(self.known))

    @property
    def is_current(self) -> bool:
        return set(self.applied) == set(self.known)


@contextlib.contextmanager
def opened(path: Path, *, busy_timeout: float) -> Iterator[Connection]:
    """A connection that cannot write, within the block; `busy_timeout` in seconds.

    Raises NotFound without a file or for an empty one, Unavailable if it is no database or SQLite cannot read it.
    """
    require_database(path)
    # Without a journal nobody has the file open. SQLite would make one all the same, unless the file cannot change.
    is_still = not journal(path).exists()
    address = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}"
    try:
        made = sqlite3.connect(address, uri=True, timeout=busy_timeout, factory=Connection)
        with contextlib.closing(made) as connection:
            connection.text_factory = readable
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA schema_version").fetchone()  # the first look at the file itself
            yield connection
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot read the database {path}: {error}.") from error


def require_database(path: Path) -> None:
    """Raise NotFound if there is no file, or an empty one. SQLite would take that for new and remove its journal."""
    if not path.exists():
        raise NotFound(f"There is no database {path}.")
    if _is_empty(path):
        raise NotFound(f"{path} is empty: there is no database in it.{_left_behind(path)}")


def _is_empty(path: Path) -> bool:
    return path.is_file() and path.stat().st_size == 0


def _left_behind(path: Path) -> str:
    """What to do about a journal with contents whose database is missing or empty; nothing if there is none."""
    left = journal(path)
    if not left.exists() or _is_empty(left):
        return ""
    return f" {left} holds what was written to one: put the database back, or move that file away as well."


def journal(path: Path) -> Path:
    """Where SQLite keeps what is committed and not yet in the file itself: it follows symbolic links before."""
    return companion(Path(os.path.realpath(path)), "-wal")


def schema(db: Connection) -> Schema:
    applied = tuple(step.name for step in migrations.applied(sqlite_utils.Database(db)))
    nothing = sqlite_utils.Database(memory=True)
    try:
        return Schema(applied, tuple(step.name for step in migrations.pending(nothing)))
    finally:
        nothing.close()


def refuse_unknown(path: Path, *, busy_timeout: float) -> None:
    """Raise Unavailable, in one line, for a file of a later version of this program or of another one altogether, and
    for a missing or empty one whose journal is still there.

    Such a file is left as it is. Another that is missing, is empty or cannot be read passes: the first two become new
    databases, and whoever opens the last will say why.
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
        fault = f"a newer version of Omoide has worked on it: schema {len(found.applied)}, and this one goes up to"
        raise Unavailable(f"Cannot use the database {path}: {fault} {len(found.known)}. It was left as it is.")
    if tables and migrations.migrations_table not in tables:
        raise Unavailable(f"Cannot use the database {path}: it is not one of Omoide's. It was left as it is.")
