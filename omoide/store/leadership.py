"""Who of several workers leads: one at a time, and another at once when it dies.

Leading is holding a lock on a file beside the database. The kernel lets go of it with the process, however that ends,
so that nobody has to guess from silence that a leader is dead.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path

from omoide.store.database_files import LEADER, companion


class Leadership:
    """A candidate's hand on the lock of one database. Raises OSError if the file beside it cannot be made."""

    def __init__(self, db: Path) -> None:
        self._db = db
        self._file = os.open(companion(db, LEADER), os.O_RDWR | os.O_CREAT, 0o644)

    def take(self) -> bool:
        """Whether this candidate leads from now on, or did already."""
        if not _locked(self._file, fcntl.LOCK_EX):
            return False
        # For those who open the database meanwhile: it may no longer be the file that has its name.
        os.ftruncate(self._file, 0)
        with contextlib.suppress(OSError):
            os.pwrite(self._file, str(os.stat(self._db).st_ino).encode(), 0)
        return True

    def close(self) -> None:
        """Lead no longer."""
        os.close(self._file)


def is_led(db: Path) -> bool:
    """Whether any process leads the workers of this database now."""
    try:
        file = os.open(companion(db, LEADER), os.O_RDONLY)
    except OSError:
        return False
    try:
        return not _locked(file, fcntl.LOCK_SH)
    finally:
        os.close(file)


def led_inode(db: Path) -> int | None:
    """The inode of the file that the leader works on; None if no worker leads or that is not known."""
    if not is_led(db):
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
