"""How the database is doing as a whole: what it owes, what it holds, how large it is. Names nothing that is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.store.column_rules import as_text, count_or_zero
from omoide.store.database import Connection
from omoide.store.embeddings import progress
from omoide.store.read_only import journal

SQLITE_VERSION: str = sqlite3.sqlite_version

STATES = ("waiting", "due", "running", "failed")
"""Of a job: not due yet; due, and nobody has begun it; held by a worker; failed for good."""


@dataclass(frozen=True, slots=True)
class Owed:
    """Jobs of one kind in one state. `oldest` is for how many microseconds the one that is due longest has been due."""

    kind: str
    state: str
    count: int
    oldest: int


@dataclass(frozen=True, slots=True)
class Vitals:
    owed: tuple[Owed, ...]
    sessions: int
    messages: int
    unembedded: int
    """Messages and conclusions that have no vector yet; what was deleted meanwhile is counted with them."""

    def count(self, state: str) -> int:
        return sum(each.count for each in self.owed if each.state == state)

    @property
    def oldest(self) -> int:
        """For how many microseconds the job that is due longest has been due; 0 if none is."""
        return max((each.oldest for each in self.owed if each.state == "due"), default=0)


def vitals(db: Connection, now: int) -> Vitals:
    """Reads every job and session, so call it aside."""
    count = count_or_zero("message_count")
    sessions, messages = db.execute(
        f"SELECT count(*), coalesce(sum({count}), 0) FROM sessions WHERE deleted_at IS NULL"
    ).fetchone()
    return Vitals(owed(db, now), sessions, messages, _unembedded(db))


def owed(db: Connection, now: int) -> tuple[Owed, ...]:
    """What is owed, by kind and state."""
    rows = db.execute(
        """SELECT kind, CASE WHEN failed_at IS NOT NULL THEN 'failed' WHEN leased_until > :now THEN 'running'
               WHEN due_at > :now THEN 'waiting' ELSE 'due' END AS state,
               count(*), max(0, :now - coalesce(min(CASE WHEN typeof(due_at) = 'integer'
                   AND typeof(created_at) = 'integer' THEN max(due_at, created_at) END), :now))
           FROM jobs GROUP BY kind, state ORDER BY kind, state""",
        {"now": now},
    )
    return tuple(Owed(as_text(kind), *rest) for kind, *rest in rows)


def _unembedded(db: Connection) -> int:
    known = progress(db)
    through = {"messages": known.messages, "conclusions": known.conclusions} if known else {}
    newest = {table: db.execute(f"SELECT coalesce(max(pk), 0) FROM {table}").fetchone()[0] for table in through}
    return sum(max(0, newest[table] - seen) for table, seen in through.items())


def touch(db: Connection) -> None:
    """Read something, change nothing."""
    db.execute("SELECT 1 FROM jobs LIMIT 1").fetchone()


def change(db: Connection) -> None:
    """Write pages of the file and leave it as it was. Where the last write failed, only a real one can tell whether the
    next will; else it is to be spared, for the sake of those who follow the file's changes."""
    db.execute("CREATE TABLE written (one)")
    db.execute("DROP TABLE written")


def file_bytes(path: Path) -> dict[str, int]:
    """How large the database's files are: the file itself, and the log of what is not in it yet."""
    sizes = {}
    for name, file in (("database", path), ("wal", journal(path))):
        try:
            sizes[name] = file.stat().st_size
        except OSError:
            sizes[name] = 0
    return sizes
