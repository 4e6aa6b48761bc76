"""Looking at a database file from outside, while a server may be at work on it.

Nothing is written; only where a server left a journal behind, SQLite makes an index of it beside the file. What is
found is judged in `omoide.diagnosis`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlite_utils
from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.clock import made_at
from omoide.errors import NotFound, Unavailable
from omoide.store import embeddings
from omoide.store.database import Connection
from omoide.store.embeddings import Progress, Source
from omoide.store.migrations import migrations

MOST_FAULTS = 5
"""Faults of a damaged file that are named."""


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


@dataclass(frozen=True, slots=True)
class Owed:
    """Jobs of the whole database. `oldest` is when the one that is due longest came due, `error` why a job waits."""

    owed: int
    running: int
    failed: int
    oldest: int | None
    error: str | None


@dataclass(frozen=True, slots=True)
class Unembedded:
    """How many texts have no vector yet, of how many."""

    missing: int
    of: int


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
    return Path(f"{path}-wal")


def schema(db: Connection) -> Schema:
    applied = tuple(step.name for step in migrations.applied(sqlite_utils.Database(db)))
    nothing = sqlite_utils.Database(memory=True)
    try:
        return Schema(applied, tuple(step.name for step in migrations.pending(nothing)))
    finally:
        nothing.close()


def damage(db: Connection) -> list[str]:
    """What is wrong with the file's structure, nothing if it is sound. Reads all of it."""
    found = [line for (line,) in db.execute(f"PRAGMA quick_check({MOST_FAULTS})")]
    return [] if found == ["ok"] else found


def newest(db: Connection) -> int | None:
    """When the newest row of any kind was made, in microseconds since 1970, by the clock of that time."""
    tables = ("workspaces", "peers", "sessions", "conclusions", "jobs")
    rows = [db.execute(f"SELECT created_at FROM {table} ORDER BY pk DESC LIMIT 1").fetchone() for table in tables]
    times = [row[0] for row in rows if row]
    # A message may be given any time by its sender; its id has that of the server.
    message = db.execute("SELECT id FROM messages ORDER BY pk DESC LIMIT 1").fetchone()
    return max(times + ([made_at(message[0]) * 1_000] if message else []), default=None)


def owed(db: Connection, now: int) -> Owed:
    row = db.execute(
        """SELECT count(*) FILTER (WHERE failed_at IS NULL),
                  count(*) FILTER (WHERE failed_at IS NULL AND leased_until > :now),
                  count(*) FILTER (WHERE failed_at IS NOT NULL),
                  min(due_at) FILTER (WHERE failed_at IS NULL AND due_at <= :now
                      AND (leased_until IS NULL OR leased_until <= :now)),
                  max(error) FILTER (WHERE failed_at IS NULL)
           FROM jobs""",
        {"now": now},
    ).fetchone()
    return Owed(*row)


def embedder(db: Connection) -> Progress | None:
    """Whose vectors are kept; None before a server was first started on the file."""
    return embeddings.progress(db)


def unembedded(db: Connection, source: Source, progress: Progress) -> Unembedded:
    """What has been stored since the embedder was last at work. Blank texts never have a vector."""
    query = f"SELECT count(*) FILTER (WHERE pk > ?), count(*) FROM {source}"
    return Unembedded(*db.execute(query, (progress.through(source),)).fetchone())


def endpoints(db: Connection) -> int:
    """How many webhook endpoints are registered."""
    query = "SELECT count(*) FROM webhooks h JOIN workspaces w ON w.pk = h.workspace WHERE w.deleted_at IS NULL"
    (count,) = db.execute(query).fetchone()
    return int(count)
