"""Erasing from the files what deletions and replacements left in them: from free space, and from the write-ahead log.

`PRAGMA secure_delete` zeroes what a write frees, in the same transaction: a purge all of it, other writes what they
free within pages. A job does the rest: it overwrites free pages, and copies of rows that SQLite left in pages when it
rebuilt them (`free_space`), and empties the log. `PRAGMA user_version` counts these jobs, so that every process can see
that it has something to forget.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.errors import Unavailable
from omoide.jobs import ERASE
from omoide.store import free_space, queue
from omoide.store.connection import Connection
from omoide.store.database import connect
from omoide.store.group_commit import begin
from omoide.store.sqlite_faults import as_omoide
from omoide.store.wal import WriteAheadLog

JOB = ERASE
"""The kind, and the key, of the job."""

LEAST_DELAY = 2_000_000
"""Microseconds from a deletion or replacement to the job, so that one job serves many of them,"""
BYTES_PER_MICROSECOND = 20
"""and one more for each so many bytes of the file: reading all of it takes a small part of that time."""

READER_SECONDS = 0.05
"""How long other writes wait for reads that began before: those that begin later are not in the way."""
PAUSE_SECONDS = 0.001
"""How long to wait before looking again whether such a read has ended."""

MOST_COUNT = 2**31 - 1
"""The greatest number that `PRAGMA user_version` holds."""

_open_files: dict[tuple[int, int], int] = {}
"""Device and inode of a file → its descriptor. They stay open: closing one would end the locks that SQLite holds on the
same file for this process (https://www.sqlite.org/howtocorrupt.html, 2.2)."""


def owe(db: Connection, now: int) -> None:
    """Leave a job that erases. Call it in the transaction that deletes or replaces content."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_size,) = db.execute("PRAGMA page_size").fetchone()
    due_at = now + LEAST_DELAY + pages * page_size // BYTES_PER_MICROSECOND
    queue.add(db, JOB, {}, now, key=JOB, due_at=due_at)


def owe_first(db: Connection, now: int) -> None:
    """Leave the job for a file in which nothing was ever erased, though it may have content that was deleted.

    A file that never had content counts as erased: what is deleted from it later is erased by that deletion's job.
    """
    if count(db) != 0:
        return
    if db.execute(_WAS_USED).fetchone():
        owe(db, now)
    else:
        db.execute("PRAGMA user_version=1")


_WAS_USED = "SELECT 1 FROM workspaces UNION ALL SELECT 1 FROM sqlite_sequence WHERE seq > 0 LIMIT 1"
"""All content belongs to a workspace, and deleting one leaves a job. Migrations leave sequences at 0."""


def count(db: Connection) -> int:
    """A number that is another after each erasure; 0 before the first of a file that may have deleted content."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


class Eraser:
    """The connections of one erasure. Use it as a context manager: leaving it waits for a call in another thread."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._log = WriteAheadLog(path)
        self._calls = threading.Lock()

    def __enter__(self) -> Eraser:
        self._file = _descriptor(self._path)
        # The one that writes reads no page but the first: others in its memory would be as they were before.
        self._writer = connect(self._path, durability="normal", busy_timeout=0, create=False)
        self._checkpointer = connect(self._path, durability="normal", busy_timeout=0, create=False)
        if _descriptor(self._path) != self._file:
            raise Unavailable(f"The database {self._path} was replaced")
        return self

    def __exit__(self, *_: object) -> None:
        with self._calls:  # a thread that is overwriting must not lose its write lock
            self._writer.close()
            self._checkpointer.close()

    def overwrite_free_space(self, first: int = 1) -> int | None:
        """Overwrite the free space of some pages, from the page `first` on; the page to go on with, or None.

        While it holds the write lock and all of the log is in the file, no process writes to the file. Raises
        Unavailable if a reader keeps the log from getting there, or if the file cannot be used.
        """
        with self._calls, _meaning():
            self._checkpoint()  # most of it before others have to wait
            begin(self._writer, self._busy_timeout)
            try:
                self._await_readers()
                progress = free_space.overwrite(self._file, first, free_space.PAGES_AT_A_TIME)
                if progress.overwritten or progress.following is None:
                    # A commit, so that no process goes on with pages that it holds in memory as they were.
                    self._writer.execute(f"PRAGMA user_version={count(self._writer) % MOST_COUNT + 1}")
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
        return progress.following

    def empty_log(self) -> bool:
        """Whether the write-ahead log could be emptied: not while a read goes on that began before."""
        with self._calls:
            return self._log.empty(self._checkpointer)

    def flush(self) -> None:
        """Bring what was overwritten to the disk. Raises Unavailable."""
        with _meaning():
            os.fsync(self._file)

    def _await_readers(self) -> None:
        """Return once all of the log is in the file. Raises Unavailable if a read takes too long."""
        deadline = time.monotonic() + READER_SECONDS
        while not self._checkpoint():
            if time.monotonic() > deadline:
                raise Unavailable("Free space cannot be overwritten while something reads from the database")
            time.sleep(PAUSE_SECONDS)

    def _checkpoint(self) -> bool:
        """Move what can be from the log into the file; whether that is all of it."""
        is_busy, frames, written = self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return not is_busy and frames == written


@contextlib.contextmanager
def _meaning() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise as_omoide(error) from error
    except OSError as error:
        raise Unavailable(f"Free space cannot be overwritten: {error.strerror}") from error


def _descriptor(path: Path) -> int:
    with _meaning():
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in _open_files:
            _open_files[key] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    return _open_files[key]
