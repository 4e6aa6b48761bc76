"""Keep the write-ahead log small.

SQLite moves committed pages from the log into the database file automatically, but restarts the log only when no
connection reads from it, which never happens while several clients search. So a writer that finds the log larger than a
quarter of its limit truncates it (`wal_checkpoint(TRUNCATE)`): SQLite then blocks all writers and waits for the reads
in progress. Reads that begin later need only the database file and are not waited for. An attempt waits for
`WAIT_SECONDS` at most, so that a long read does not block writers; the next attempt follows after a pause. If the log
is larger than half its limit, each process also holds back new long reads, for `HOLD_SECONDS` at most, until an attempt
succeeds. All processes of a database see the same file size, so they need no other coordination.

The content of the log will need space in the database file. On a nearly full disk, writes are refused while that space
is still available, and no transaction is committed that would use it, so that the log can always be emptied.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import StorageFull, Unavailable
from omoide.storage.sqlite.connection import Connection
from omoide.storage.sqlite.read_only import journal

logger = logging.getLogger("omoide.storage")

LIMIT_BYTES = 67_108_864
"""The default of the setting `wal_limit_bytes`."""

WAIT_SECONDS = 0.1
"""How long an attempt to empty the log waits for reads in progress, and holds back all writers."""

FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 2.0
"""The pause after a failed attempt doubles from the first value up to the last."""
HOLDING_PAUSE_SECONDS = 0.05
HOLDING_PAUSES = 20
"""The pause, for up to `HOLDING_PAUSES` attempts, while reads are held back: those in progress end soon, and the others
should not be held for longer than necessary."""

HOLD_SECONDS = 4.0
"""How long new reads are held back at most; more than the 2 s that a filtered list may take by default."""
HOLD_EVERY_SECONDS = 30.0
"""Minimum interval between holding back reads without success: a backup or another program may read for much longer."""
LOOK_SECONDS = 0.01
"""How often a held read checks the size of the log."""

RESERVE_BYTES = 8_388_608
RESERVE_SHARE = 8
"""Space to leave free on the disk: `RESERVE_BYTES`, or 1/`RESERVE_SHARE` of a small disk."""

SMALL_SECONDS = 0.02
"""How long the size is not checked again if it is below an eighth of the limit."""

ROOMY_BYTES = 1_073_741_824
ROOMY_SECONDS = 0.1
"""How long free space is not checked again if there is at least `ROOMY_BYTES`: no disk writes as much in that time."""

LARGEST_COMMIT_BYTES = 134_217_728
"""More than a transaction writes in practice. With twice as much free space, transactions are not measured."""

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
"""https://www.sqlite.org/fileformat2.html#the_write_ahead_log"""


class NoRoomToBegin(StorageFull):
    """No space left; raised before anything was written, so nothing has to be recovered."""


class WriteAheadLog:
    """The write-ahead log of one database. `limit_bytes` is the size that it should not exceed."""

    def __init__(self, path: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self.path = path
        self.file = journal(path)
        self._name, self._folder = str(self.file), str(self.file.parent)
        self.limit_bytes = limit_bytes
        self._pause = FIRST_PAUSE_SECONDS
        self._next_attempt = 0.0
        self._holding_pauses = 0
        self._holding = threading.Lock()
        self._held_until = 0.0
        self._next_look = 0.0
        self._roomy_until = 0.0
        self._next_hold = 0.0
        self._before: tuple[int, int] | None = None
        """Used pages and size of the log before the transaction; None if there is enough space for any transaction."""

    def size(self) -> int:
        """Size in bytes; 0 if there is no log."""
        return _size(self._name)

    def keep_small(self, db: Connection) -> float | None:
        """Truncate the log if it is large and an attempt is due. Call it outside of a transaction.

        Returns the seconds until the next call is needed, or None if the log is small.
        """
        now = time.monotonic()
        if now < self._next_look:
            return self._next_look - now
        size = self.size()
        if size <= self.limit_bytes // 4:
            if size <= self.limit_bytes // 8:
                self._next_look = now + SMALL_SECONDS
            return None
        if self._is_due() and self.empty(db):
            return None
        return max(0.0, self._next_attempt - time.monotonic())

    def _is_due(self) -> bool:
        return time.monotonic() >= self._next_attempt

    def empty(self, db: Connection) -> bool:
        """Move the whole log into the database file and truncate it; returns whether that succeeded."""
        try:
            db.execute(f"PRAGMA busy_timeout={int(WAIT_SECONDS * 1_000)}")
            try:
                busy, _, _ = db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                db.execute("PRAGMA busy_timeout=0")
        except sqlite3.Error as error:
            logger.debug("the write-ahead log was not emptied: %s", error)
            busy = 1
        if busy:
            self._next_attempt = time.monotonic() + self._pause_after_failure()
            return False
        self._pause, self._next_attempt, self._holding_pauses = FIRST_PAUSE_SECONDS, 0.0, 0
        return True

    def _pause_after_failure(self) -> float:
        if self.holds_readers() and self._holding_pauses < HOLDING_PAUSES:
            self._holding_pauses += 1
            return HOLDING_PAUSE_SECONDS
        pause, self._pause = self._pause, min(LAST_PAUSE_SECONDS, 2 * self._pause)
        return pause

    def holds_readers(self) -> bool:
        """Whether the log is so large that new long reads are held back."""
        return self.size() > self.limit_bytes // 2

    def hold_reader(self) -> None:
        """Delay a long read while the log is too large. Blocks, so call it in a worker thread."""
        if not self.holds_readers():
            return
        now = time.monotonic()
        with self._holding:
            if now >= self._next_hold:
                self._held_until, self._next_hold = now + HOLD_SECONDS, now + HOLD_EVERY_SECONDS
                self._next_attempt = min(self._next_attempt, now + HOLDING_PAUSE_SECONDS)
        while time.monotonic() < self._held_until and self.size() > self.limit_bytes // 4:
            time.sleep(LOOK_SECONDS)
        if self.size() <= self.limit_bytes // 4:
            self._next_hold = 0.0

    def require_room(self, db: Connection) -> None:
        """Raise NoRoomToBegin if the disk lacks space for the content of the log. Call it outside of a transaction."""
        self._before = None
        now = time.monotonic()
        if now < self._roomy_until:
            return
        free, reserve = _room(self._folder)
        size = self.size()
        spare = free - size - reserve
        if spare > ROOMY_BYTES:
            self._roomy_until = now + ROOMY_SECONDS
        if spare > 2 * LARGEST_COMMIT_BYTES:
            return
        self._before = _used_pages(db), size
        if spare > 0:
            return
        needed = _growth(db, self.path) + reserve
        if free < needed and self._is_due():
            self.empty(db)
            free, reserve = _room(self._folder)
            needed = _growth(db, self.path) + reserve
            self._before = self._before[0], self.size()
        if free < needed:
            raise NoRoomToBegin("There is no room left to store this")

    def require_room_to_commit(self, db: Connection) -> None:
        """Raise StorageFull if the log could not be emptied after this transaction. Call it right before the commit,
        after `require_room` before the transaction; call `recover` if it raises."""
        if self._before is None:
            return
        pages, size = self._before
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        # Pages that are allocated or freed are written to the log; half of the reserve is for other programs.
        changed = abs(_used_pages(db) - pages) * (page_bytes + _FRAME_HEADER_BYTES)
        written = max(0, self.size() - size)  # by a transaction larger than SQLite's cache
        free, reserve = _room(self._folder)
        if free < max(0, changed - written) + _growth(db, self.path) + reserve // 2:
            raise StorageFull("There is no room left to store this")

    def recover(self, db: Connection, open_other: Callable[[], Connection]) -> None:
        """Recover after a write that did not fit on the disk: truncate the log to its committed end, and empty it.

        While `db` blocks other writers, a second connection queries the end of the log: impossible within a
        transaction.
        """
        with contextlib.suppress(sqlite3.Error, OSError, Unavailable), contextlib.closing(open_other()) as other:
            db.execute("BEGIN IMMEDIATE")
            try:
                _, frames, _ = other.execute("PRAGMA wal_checkpoint(NOOP)").fetchone()
                (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
                end = _HEADER_BYTES + frames * (_FRAME_HEADER_BYTES + page_bytes)
                if frames >= 0 and self.size() > end:
                    os.truncate(self.file, end)
            finally:
                db.execute("ROLLBACK")
        self.empty(db)


def _size(path: str | Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _room(folder: str) -> tuple[int, int]:
    """Free bytes on the disk, and how many of them to reserve; 2**63 and 0 if unknown."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 2**63, 0
    if not disk.f_blocks:
        return 2**63, 0
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    return free * disk.f_frsize, min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // RESERVE_SHARE)


def _used_pages(db: Connection) -> int:
    """Used pages of the database, including the changes of the current transaction."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (unused,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(pages) - int(unused)


def _growth(db: Connection, path: Path) -> int:
    """Bytes by which the database file grows when the whole log is moved into it; 0 if the file is missing."""
    present = _size(path)
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    return max(0, int(pages) * int(page_bytes) - present) if present else 0
