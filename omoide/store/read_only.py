"""A database file opened to be looked at and never changed, and what can be said before it is opened for work.

Nothing is written; only where a server left a journal behind, SQLite makes an index of it beside the file.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.errors import NotFound, Unavailable
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

    Raises NotFound without a file, Unavailable if it is no database or SQLite cannot read it.
    """
    if not path.exists():
        raise NotFound(f"There is no database {path}.")
    # Without a journal nobody has the file open. SQLite would make one all the same, unless the file cannot change.
    is_still = not journal(path).exists()
    address = f"file:{quote(str(path.absolute()))}?mode=ro{'&immutable=1' if is_still else ''}"
    try:
        made = sqlite3.connect(address, uri=True, timeout=busy_timeout, factory=Connection)
        with contextlib.closing(made) as connection:
            connection.execute("PRAGMA query_only=ON")
            connection.execute("PRAGMA schema_version").fetchone()  # the first look at the file itself
            yield connection
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot read the database {path}: {error}.") from error


def journal(path: Path) -> Path:
    """Where SQLite keeps what is committed and not yet in the file itself."""
    return companion(path, "-wal")


def schema(db: Connection) -> Schema:
    applied = tuple(step.name for step in migrations.applied(sqlite_utils.Database(db)))
    nothing = sqlite_utils.Database(memory=True)
    try:
        return Schema(applied, tuple(step.name for step in migrations.pending(nothing)))
    finally:
        nothing.close()


def refuse_unknown(path: Path, *, busy_timeout: float) -> None:
    """Raise Unavailable, in one line, for a file of a later version of this program or of another one altogether.

    Such a file is left as it is. One that is not there or cannot be read passes: whoever opens it will say why.
    """
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
