"""The files that a store has open, and whether their names still lead to them.

A file that is removed or replaced stays open and takes writes that are lost when it is closed. So each transaction
looks before its commit whether the names lead to the files that were opened. That takes one system call for each and
opens nothing: closing another handle of these files would release SQLite's own locks.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from omoide.errors import Unavailable
from omoide.store.database_files import companion

FileIdentity = tuple[int, int]
"""Device and inode."""

REMOVED = "The database file was removed: nothing is written until it is back"
REPLACED = "Another file has replaced the database: nothing is written until the former one is back"
NO_LOG = "The write-ahead log of the database was removed or replaced: stop the server, which keeps all, and start it"
NO_INDEX = "The index of the write-ahead log was removed or replaced: stop the server, which keeps all, and start it"


class Displaced(Unavailable):
    """A name of the database leads to no file, or to another than the one that is open."""


def identity(path: Path, *, follow: bool = True) -> FileIdentity | None:
    """Which file a name leads to, mostly through symbolic links; None if to none."""
    try:
        status = os.stat(path, follow_symlinks=follow)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def expect(path: Path, known: FileIdentity) -> None:
    """Raise Displaced unless the path leads to the file that is known."""
    if (found := identity(path)) != known:
        raise Displaced(REPLACED if found else REMOVED)


@dataclass(frozen=True, slots=True)
class OpenFiles:
    """Which files were opened under the names of one database."""

    path: Path
    target: Path
    """The path without symbolic links: SQLite names the log and its index after it."""
    database: FileIdentity | None
    log: FileIdentity | None
    index: FileIdentity | None

    @classmethod
    def of(cls, path: Path) -> OpenFiles:
        """Those that a connection which has read from the database has open now; what it could not make is None."""
        target = Path(os.path.realpath(path))
        return cls(
            path, target, identity(path), identity(companion(target, "-wal")), identity(companion(target, "-shm"))
        )

    def check(self) -> None:
        """Raise Displaced unless every name leads to the file that was opened."""
        found = identity(self.target, follow=False)
        if found == self.database and self.path != self.target:
            found = identity(self.path)
        if found != self.database:
            raise Displaced(REPLACED if found else REMOVED)
        if self.log and identity(companion(self.target, "-wal")) != self.log:
            raise Displaced(NO_LOG)
        if self.index and identity(companion(self.target, "-shm")) != self.index:
            raise Displaced(NO_INDEX)

    def share_index(self) -> bool:
        """Whether no other program can have the database open with another index: it would not see SQLite's locks."""
        return identity(companion(self.target, "-shm")) in (None, self.index)
