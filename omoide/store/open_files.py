"""The files that a store has open, and whether their names still lead to them.

A file that is removed or replaced stays open and takes writes that are lost when it is closed. So each transaction
checks before its commit whether the names lead to the files that were opened. That takes one system call for each and
opens nothing: closing another handle of these files would release SQLite's own locks. A name cannot change without a
change of its folder, so the files are not looked at while the folder's time of modification stays the same.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from omoide.errors import Unavailable
from omoide.store.leadership import led_inode

FileIdentity = tuple[int, int]
"""Device and inode."""

REMOVED = "The database file was removed: nothing is written until it is back"
REPLACED = "Another file has replaced the database: nothing is written until the former one is back"
NO_LOG = "The write-ahead log of the database was removed or replaced: stop the server, which keeps all, and start it"
NO_INDEX = "The index of the write-ahead log was removed or replaced: stop the server, which keeps all, and start it"


SETTLED_NANOSECONDS = 100_000_000
"""How old the time of modification of a folder must be to be relied on: one that is younger may stay the same while
another name changes, as file systems count time in steps of a few milliseconds."""


class Displaced(Unavailable):
    """A name of the database leads to no file, or to another than the one that is open."""


def identity(path: str | Path, *, follow: bool = True) -> FileIdentity | None:
    """Which file a name leads to, with `follow` through symbolic links; None if to none."""
    try:
        status = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def expect(path: Path, known: FileIdentity | None) -> None:
    """Raise Displaced unless the path leads to the file that is known, if one is, and that a running server works on.

    Call it before the file is opened: SQLite would use the log of that server for whatever file is there, or make it a
    second one.
    """
    found = identity(path)
    if known and found != known:
        raise Displaced(REPLACED if found else REMOVED)
    led = led_inode(path)
    if led is None:
        return
    if found is None or found[1] != led:
        raise Displaced(REPLACED if found else REMOVED)
    target = os.path.realpath(path)
    if identity(f"{target}-shm") and not identity(f"{target}-wal"):
        raise Displaced(NO_LOG)


class OpenFiles:
    """Which files a connection that has read from the database has open now, under the names of that database."""

    def __init__(self, path: Path) -> None:
        target = os.path.realpath(path)  # SQLite names the log and its index after it
        self._database = identity(target)
        given = os.path.abspath(path)
        self._targets = [target] if given == target else [target, given]
        self._log, self._index = f"{target}-wal", f"{target}-shm"
        self._companions = [
            (name, known, reason)
            for name, reason in ((self._log, NO_LOG), (self._index, NO_INDEX))
            if (known := identity(name))  # one that could not be made is not missed
        ]
        self._known_index = identity(self._index)
        self._folder = os.path.dirname(target)
        self._unchanged: tuple[int, int, int] | None = None
        """Device, inode and time of modification of the folder when its names were last found to be right."""

    def check(self) -> None:
        """Raise Displaced unless every name leads to the file that was opened."""
        if len(self._targets) > 1:  # a link may lead elsewhere without a change of the folder that it leads to
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
            # A link in the place of the file leads to another log, wherever it leads.
            found = identity(name, follow=name is not self._targets[0])
            if found != self._database:
                raise Displaced(REPLACED if found else REMOVED)
        for name, known, reason in self._companions:
            if identity(name) != known:
                raise Displaced(reason)

    def share_index(self) -> bool:
        """Whether no other program can have the database open with another index: it would not see SQLite's locks."""
        return identity(self._index) in (None, self._known_index)
