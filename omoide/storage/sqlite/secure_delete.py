"""Erase deleted and replaced content from the files: from free space and from the write-ahead log.

`PRAGMA secure_delete` zeroes freed space in the same transaction: all of it in a purge, only space within pages in
other writes. A job does the rest: it overwrites free pages and copies of rows that SQLite left in pages when it rebuilt
them (`free_space`), and empties the log. `PRAGMA user_version` counts these jobs, so that every process can see when to
drop its caches.
"""

from __future__ import annotations

import contextlib
import functools
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.clock import SECOND
from omoide.core.errors import Unavailable
from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.storage import queue
from omoide.storage.base import Transaction
from omoide.storage.sqlite import free_space
from omoide.storage.sqlite.engine import connect
from omoide.storage.sqlite.error_codes import translate_error
from omoide.storage.sqlite.group_commit import begin
from omoide.storage.sqlite.wal import WriteAheadLog

LEAST_DELAY = 2 * SECOND
"""Minimum delay of the job in microseconds, so that one job handles many deletions and replacements."""
BYTES_PER_MICROSECOND = 20
"""The delay grows by 1 µs per this many bytes of the file; reading the whole file takes a small part of that time."""

READER_SECONDS = 0.05
"""How long to wait, blocking other writes, for reads that are in progress. Later reads do not matter."""
PAUSE_SECONDS = 0.001
"""Interval for checking whether these reads have ended."""

MOST_COUNT = 2**31 - 1
"""The largest value of `PRAGMA user_version`."""

_open_files: dict[tuple[int, int], int] = {}
"""Device and inode of a file → its descriptor. They stay open: closing one would release the locks that SQLite holds on
the same file for this process (https://www.sqlite.org/howtocorrupt.html, 2.2)."""


P = ParamSpec("P")
T = TypeVar("T")


def overwriting(step: Callable[Concatenate[Transaction, P], T]) -> Callable[Concatenate[Transaction, P], T]:
    """Make SQLite zero everything that the step frees. Other writes leave freed pages to the job: zeroing these as
    well slows down adding messages by 4 to 6 %."""

    @functools.wraps(step)
    def step_overwriting(db: Transaction, /, *args: P.args, **kwargs: P.kwargs) -> T:
        db.execute("PRAGMA secure_delete=ON").fetchall()
        try:
            return step(db, *args, **kwargs)
        finally:
            db.execute("PRAGMA secure_delete=FAST").fetchall()

    return step_overwriting


def enqueue(db: Transaction, now: int) -> None:
    """Enqueue the erasure job. Call it in the transaction that deletes or replaces content."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_size,) = db.execute("PRAGMA page_size").fetchone()
    due_at = now + LEAST_DELAY + pages * page_size // BYTES_PER_MICROSECOND
    queue.add(db, NewJob(JobKind.ERASE, {}, key=JobKind.ERASE, due_at=due_at), now)


def enqueue_first(db: Transaction, now: int) -> None:
    """Enqueue the first erasure of a file that may contain deleted content from before erasure existed.

    A file that never had content counts as erased: later deletions enqueue their own jobs.
    """
    if count(db) != 0:
        return
    if db.execute(_WAS_USED).fetchone():
        enqueue(db, now)
    else:
        db.execute("PRAGMA user_version=1")


_WAS_USED = "SELECT 1 FROM workspaces UNION ALL SELECT 1 FROM sqlite_sequence WHERE seq > 0 LIMIT 1"
"""All content belongs to a workspace, and deleting one enqueues a job. Migrations leave sequences at 0."""


def count(db: Transaction) -> int:
    """A number that changes with each erasure; 0 before the first one of a file that may contain deleted content."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


class Eraser:
    """The connections of one erasure. Use it as a context manager; exiting waits for a call in another thread."""

    def __init__(self, path: Path, *, busy_timeout: float) -> None:
        self._path = path
        self._busy_timeout = busy_timeout
        self._log = WriteAheadLog(path)
        self._calls = threading.Lock()

    def __enter__(self) -> Eraser:
        self._file = _descriptor(self._path)
        # The writer must read no page but the first: others in its cache would not see the overwritten content.
        self._writer = connect(self._path, durability="normal", busy_timeout=0, create=False)
        self._checkpointer = connect(self._path, durability="normal", busy_timeout=0, create=False)
        if _descriptor(self._path) != self._file:
            raise Unavailable(f"The database {self._path} was replaced")
        return self

    def __exit__(self, *_: object) -> None:
        with self._calls:  # a thread that is overwriting must keep its write lock
            self._writer.close()
            self._checkpointer.close()

    def overwrite_free_space(self, first: int = 1) -> int | None:
        """Overwrite the free space of some pages, from the page `first` on; returns the next page, or None at the end.

        It holds the write lock and has moved the whole log into the file, so no process writes to the file meanwhile.
        Raises Unavailable if a reader prevents that, or if the file cannot be used.
        """
        with self._calls, _meaning():
            self._checkpoint()  # most of the work before other writers are blocked
            begin(self._writer, self._busy_timeout)
            try:
                self._await_readers()
                progress = free_space.overwrite(self._file, first, free_space.PAGES_AT_A_TIME)
                if progress.overwritten or progress.following is None:
                    # A commit, so that every process invalidates its page cache.
                    self._writer.execute(f"PRAGMA user_version={count(self._writer) % MOST_COUNT + 1}")
                self._writer.execute("COMMIT")
            finally:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
        return progress.following

    def empty_log(self) -> bool:
        """Try to empty the write-ahead log; False if a read in progress prevents it."""
        with self._calls:
            return self._log.empty(self._checkpointer)

    def flush(self) -> None:
        """Flush the overwritten pages to the disk. Raises Unavailable."""
        with _meaning():
            os.fsync(self._file)

    def _await_readers(self) -> None:
        """Wait until the whole log is in the file. Raises Unavailable if a read takes too long."""
        deadline = time.monotonic() + READER_SECONDS
        while not self._checkpoint():
            if time.monotonic() > deadline:
                raise Unavailable("Free space cannot be overwritten while something reads from the database")
            time.sleep(PAUSE_SECONDS)

    def _checkpoint(self) -> bool:
        """Move as much as possible from the log into the file; returns whether that was all of it."""
        is_busy, frames, written = self._checkpointer.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return not is_busy and frames == written


@contextlib.contextmanager
def _meaning() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise translate_error(error) from error
    except OSError as error:
        raise Unavailable(f"Free space cannot be overwritten: {error.strerror}") from error


def _descriptor(path: Path) -> int:
    with _meaning():
        status = path.stat()
        key = (status.st_dev, status.st_ino)
        if key not in _open_files:
            _open_files[key] = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    return _open_files[key]
