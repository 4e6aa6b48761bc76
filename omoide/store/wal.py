"""The write-ahead log: how large it is, and what keeps it small.

SQLite moves committed pages from the log into the database file by itself, but starts the log again from its beginning
only at a moment when no connection reads from it. Where several clients search there is no such moment. So a writer
that finds the log larger than a quarter of its limit has it emptied (`wal_checkpoint(TRUNCATE)`): SQLite then holds all
writers back and waits for the reads in progress. Reads that begin meanwhile need only the database file and are not
waited for. An attempt waits for `WAIT_SECONDS` at most, so that a long read does not stop writers; the next follows
after a pause. Where the log has grown to half its limit, each process also holds back new long reads, for
`HOLD_SECONDS` at most, until an attempt succeeds. The size of the file tells all processes of a database the same.

What is in the log needs room in the database file sooner or later. On a disk that is nearly full nothing is written
any more while that room is still there, and no transaction is committed that would take it, so that the log can always
be emptied.
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

from omoide.errors import StorageFull, Unavailable
from omoide.store.connection import Connection
from omoide.store.read_only import journal

logger = logging.getLogger("omoide.store")

LIMIT_BYTES = 67_108_864
"""The default of the setting `wal_limit_bytes`."""

WAIT_SECONDS = 0.1
"""How long an attempt to empty the log waits for reads in progress, and holds back all writers."""

FIRST_PAUSE_SECONDS = 0.2
LAST_PAUSE_SECONDS = 2.0
"""The pause after an attempt that failed doubles from the first to the last of these."""
HOLDING_PAUSE_SECONDS = 0.05
HOLDING_PAUSES = 20
"""The pause, so many times, where the log is so large that reads are held back: those in progress soon end, and no
others should be held for longer than it takes."""

HOLD_SECONDS = 4.0
"""How long new reads are held back; longer than the two seconds that a filtered list may take by default."""
HOLD_EVERY_SECONDS = 30.0
"""How often reads may be held back in vain: a backup or another program may read for much longer than that."""
LOOK_SECONDS = 0.01
"""How often a read that is held back looks at the log."""

RESERVE_BYTES = 8_388_608
RESERVE_SHARE = 8
"""Room that is left on the disk: so many bytes, or this part of a small disk."""

SMALL_SECONDS = 0.02
"""For how long the size of a log below an eighth of its limit is not asked for again."""

ROOMY_BYTES = 1_073_741_824
ROOMY_SECONDS = 0.1
"""For how long a disk that has so much room is not asked again: none writes as much in that time."""

LARGEST_COMMIT_BYTES = 134_217_728
"""More than a transaction writes in practice. Where there is twice as much room, its size is not measured."""

_HEADER_BYTES, _FRAME_HEADER_BYTES = 32, 24
"""https://www.sqlite.org/fileformat2.html#the_write_ahead_log"""


class NoRoomToBegin(StorageFull):
    """There is no room, and nothing was written: nothing has to be recovered."""


class WriteAheadLog:
    """The log of one database, as one process keeps it small. `limit_bytes` is what it should not exceed."""

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
        """Pages in use and bytes of the log before the transaction; None if there is room enough for any."""

    def size(self) -> int:
        """Bytes; 0 if there is no log."""
        return _size(self._name)

    def keep_small(self, db: Connection) -> float | None:
        """Empty the log if it is large and an attempt is due. Call it outside of a transaction.

        Returns the seconds until it is to be called again, or None if the log is small.
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
        """Move all of the log into the database file and give its room back; says whether that succeeded."""
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
        """Whether the log has grown too large for long reads to begin."""
        return self.size() > self.limit_bytes // 2

    def hold_reader(self) -> None:
        """Let a long read begin: later, where the log has grown too large. Call it in a thread of its own."""
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
        """Raise NoRoomToBegin if the disk would have no room left for what the log holds. Call it outside of a
        transaction."""
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
        """Raise StorageFull if the log could not be emptied after this transaction. Call it right before its commit,
        with `require_room` before its beginning; call `recover` if it raised."""
        if self._before is None:
            return
        pages, size = self._before
        (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
        # Pages that come into use, or go out of it, are written to the log; half of the reserve is for others.
        changed = abs(_used_pages(db) - pages) * (page_bytes + _FRAME_HEADER_BYTES)
        written = max(0, self.size() - size)  # of a transaction larger than SQLite's cache
        free, reserve = _room(self._folder)
        if free < max(0, changed - written) + _growth(db, self.path) + reserve // 2:
            raise StorageFull("There is no room left to store this")

    def recover(self, db: Connection, open_other: Callable[[], Connection]) -> None:
        """After a write that did not fit on the disk: give back what it left behind the end of the log, and empty that.

        While `db` keeps writers away, another connection reads where the log ends: no transaction can ask for that.
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
    """The bytes that are free on a disk, and how many of them are to stay free; without a limit where that is not
    known."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return 2**63, 0
    if not disk.f_blocks:
        return 2**63, 0
    free = disk.f_bfree if os.geteuid() == 0 else disk.f_bavail
    return free * disk.f_frsize, min(RESERVE_BYTES, disk.f_blocks * disk.f_frsize // RESERVE_SHARE)


def _used_pages(db: Connection) -> int:
    """Pages of the database that hold anything, with what the transaction has changed so far."""
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (unused,) = db.execute("PRAGMA freelist_count").fetchone()
    return int(pages) - int(unused)


def _growth(db: Connection, path: Path) -> int:
    """By how many bytes the database file grows when all of the log is moved into it; 0 if the file is elsewhere."""
    present = _size(path)
    (pages,) = db.execute("PRAGMA page_count").fetchone()
    (page_bytes,) = db.execute("PRAGMA page_size").fetchone()
    return max(0, int(pages) * int(page_bytes) - present) if present else 0
