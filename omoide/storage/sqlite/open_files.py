"""Check that the paths of a database still lead to the files that the store has open.

A removed or replaced file stays open and accepts writes, which are lost when it is closed. So each transaction checks
before its commit that the paths lead to the opened files. That takes one system call per file and opens nothing:
closing another descriptor of these files would release SQLite's locks. A directory entry cannot change without changing
the folder's modification time, so the files are not checked while that stays the same.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from omoide.core.errors import Unavailable
from omoide.storage.sqlite.leader_lock import leader_inode

FileIdentity = tuple[int, int]
"""Device and inode."""

REMOVED = "The database file was removed: writes are refused until it is restored"
REPLACED = "Another file has replaced the database: writes are refused until the original one is restored"
NO_LOG = "The write-ahead log of the database was removed or replaced: restart the server, which loses no data"
NO_INDEX = "The index of the write-ahead log was removed or replaced: restart the server, which loses no data"


SETTLED_NANOSECONDS = 100_000_000
"""Minimum age of a folder's modification time to be relied on: file systems count time in steps of a few milliseconds,
so a newer one may stay the same although another entry changes."""


class Displaced(Unavailable):
    """A path of the database leads to no file, or not to the one that is open."""


def identity(path: str | Path, *, follow: bool = True) -> FileIdentity | None:
    """Device and inode of the file at a path, following symbolic links if `follow`; None if there is none."""
    try:
        status = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def expect(path: Path, known: FileIdentity | None) -> None:
    """Raise Displaced unless the path leads to the `known` file, if given, and to the one that a running server uses.

    Call it before the file is opened: SQLite would apply the server's log to any file there, or create a second log.

    """
    found = identity(path)
    if known and found != known:
        raise Displaced(REPLACED if found else REMOVED)
    led = leader_inode(path)
    if led is None:
        return
    if found is None or found[1] != led:
        raise Displaced(REPLACED if found else REMOVED)
    target = os.path.realpath(path)
    if identity(f"{target}-shm") and not identity(f"{target}-wal"):
        raise Displaced(NO_LOG)


class OpenFiles:
    """The identities of the files that an initialised connection has open, and their paths."""

    def __init__(self, path: Path) -> None:
        target = os.path.realpath(path)  # SQLite derives the names of the log and its index from it
        self._database = identity(target)
        given = os.path.abspath(path)
        self._targets = [target] if given == target else [target, given]
        self._log, self._index = f"{target}-wal", f"{target}-shm"
        self._companions = [
            (name, known, reason)
            for name, reason in ((self._log, NO_LOG), (self._index, NO_INDEX))
            if (known := identity(name))  # a file that could not be created is not expected
        ]
        self._known_index = identity(self._index)
        self._folder = os.path.dirname(target)
        self._unchanged: tuple[int, int, int] | None = None
        """Device, inode and modification time of the folder at the last successful check."""

    def check(self) -> None:
        """Raise Displaced unless every path leads to the file that was opened."""
        if len(self._targets) > 1:  # a link can be changed without changing the folder of its target
            self._check_names()
            return
        try:
            status = os.stat(self._folder)
        except OSError:
            self._unchanged = None
            self._check_names()
            return
        now = (status.st_dev, status.st_ino, status.st_mtime_ns)
        if now == self._unchanged:
            return
        self._unchanged = None
        self._check_names()
        if abs(time.time_ns() - status.st_mtime_ns) > SETTLED_NANOSECONDS:
            self._unchanged = now

    def _check_names(self) -> None:
        for name in self._targets:
            # The target must not have become a link: SQLite would use another log, even if it leads to the same file.
            found = identity(name, follow=name is not self._targets[0])
            if found != self._database:
                raise Displaced(REPLACED if found else REMOVED)
        for name, known, reason in self._companions:
            if identity(name) != known:
                raise Displaced(reason)

    def share_index(self) -> bool:
        """Whether every program that has the database open shares its index, and thus sees SQLite's locks."""
        return identity(self._index) in (None, self._known_index)
