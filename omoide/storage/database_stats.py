"""Health statistics of the whole database: jobs, rows and file sizes, without any stored names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.database_location import DatabaseLocation
from omoide.storage import model_usage
from omoide.storage.base import Transaction
from omoide.storage.dialect import count_or_zero
from omoide.storage.embeddings import progress
from omoide.storage.engine import read_only
from omoide.storage.job_stats import JobStats, job_stats
from omoide.storage.model_usage import TotalUsage

SQLITE_VERSION: str = sqlite3.sqlite_version


@dataclass(frozen=True, slots=True)
class DatabaseStats:
    jobs: JobStats
    sessions: int
    messages: int
    unembedded: int
    """Messages and conclusions without a vector, including those deleted since."""
    usage: Sequence[TotalUsage] = ()
    """What models used, ever."""
    paused: int = 0
    """Workspaces that have spent their budget of tokens."""


def database_stats(db: Transaction, now: int) -> DatabaseStats:
    """Collect the statistics. Reads every job and session, so call it off the event loop."""
    count = f"({count_or_zero('message_count')} - {count_or_zero('removed')})"
    sessions, messages = db.execute(
        f"SELECT count(*), coalesce(sum({count}), 0) FROM sessions WHERE deleted_at IS NULL"
    ).fetchone()
    pauses = "SELECT count(*) FROM budget_pauses WHERE until > ?"
    (paused,) = db.execute(pauses, (now,)).fetchone()
    return DatabaseStats(
        job_stats(db, now), sessions, messages, _unembedded(db), usage=model_usage.totals(db), paused=paused
    )


def _unembedded(db: Transaction) -> int:
    known = progress(db)
    through = {"messages": known.messages, "conclusions": known.conclusions} if known else {}
    newest = {table: db.execute(f"SELECT coalesce(max(pk), 0) FROM {table}").fetchone()[0] for table in through}
    return sum(max(0, newest[table] - seen) for table, seen in through.items())


def touch(db: Transaction) -> None:
    """Run a trivial read, to check that the database can be read."""
    db.execute("SELECT 1 FROM jobs LIMIT 1").fetchone()


def change(db: Transaction) -> None:
    """Run a write without lasting effect, to check that the database can be written. Call it only after a write has
    failed, because it changes the file for programs that follow its changes."""
    db.execute("CREATE TABLE written (one INTEGER)")
    db.execute("DROP TABLE written")


def file_bytes(location: DatabaseLocation) -> dict[str, int]:
    """Sizes of the database file and its write-ahead log, in bytes; empty for a server, which has its own metrics."""
    if not isinstance(location, Path):
        return {}
    sizes = {}
    for name, file in (("database", location), ("wal", read_only.journal(location))):
        try:
            sizes[name] = file.stat().st_size
        except OSError:
            sizes[name] = 0
    return sizes
