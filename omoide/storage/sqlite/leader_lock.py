"""Leader election among workers: at most one leads, and another can take over as soon as it dies.

The leader holds a lock on a companion file of the database. The kernel releases it when the process ends, however that
happens, so no heartbeat timeout is needed.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from omoide.core.database_location import DatabaseLocation
from omoide.storage.sqlite.database_files import LEADER, companion


class LeaderLock:
    """The leader lock of one database. Raises OSError if its file cannot be created."""

    def __init__(self, db: DatabaseLocation) -> None:
        self._db = Path(db)
        self._file = os.open(companion(self._db, LEADER), os.O_RDWR | os.O_CREAT, 0o644)

    def take(self) -> bool:
        """Try to become the leader; returns whether this process leads now."""
        if not _locked(self._file, fcntl.LOCK_EX):
            return False
        # For processes that open the database later: the path may lead to another file by then.
        os.ftruncate(self._file, 0)
        with contextlib.suppress(OSError):
            os.pwrite(self._file, str(os.stat(self._db).st_ino).encode(), 0)
        return True

    def close(self) -> None:
        """Release the lock."""
        os.close(self._file)


def has_leader(db: DatabaseLocation) -> bool:
    """Whether any process is the leader for this database now."""
    try:
        file = os.open(companion(Path(db), LEADER), os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def leader_inode(db: Path) -> int | None:
    """The inode of the file that the leader has open; None if there is no leader or it is unknown."""
    if not has_leader(db):
        return None
    try:
        return int(companion(db, LEADER).read_bytes())
    except (OSError, ValueError):
        return None


def _locked(file: int, kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
