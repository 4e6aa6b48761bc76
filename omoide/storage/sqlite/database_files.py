"""The files that belong to a database, and guards against commands that would overwrite them.

Existing files are compared by device and inode, so that relative paths, links to folders, symbolic and hard links are
recognised. A file that does not exist yet is compared by its folder and its name.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from omoide.core.atomic_write import atomic_write, is_partial
from omoide.core.database_location import DatabaseLocation
from omoide.core.errors import Conflict
from omoide.core.server_registry import AGENTS, LOG, SERVER

JOURNALS = ("-wal", "-shm", "-journal")
"""File name suffixes of SQLite's companion files."""

LOCK, LEADER = ".lock", ".leader"
"""Suffixes of Omoide's companion files: the lock for opening and migrating, and the leader lock."""

COMPANIONS = (*JOURNALS, LOCK, LEADER, SERVER, AGENTS, LOG)

MAGIC = b"SQLite format 3\0"
"""The first bytes of every SQLite database."""

Identity: TypeAlias = "tuple[int, int] | tuple[int, int, str]"
"""Device and inode of a file; or those of its folder, and its name in it."""


def companion(db: Path, end: str) -> Path:
    """The companion file of a database with this suffix (one of COMPANIONS)."""
    return Path(f"{db}{end}")


def is_database(path: Path) -> bool:
    """Whether the file is a SQLite database, by its first bytes.

    Do not call it for a file that this process has open through SQLite: closing any descriptor of a file releases all
    POSIX locks that the process holds on it.
    """
    try:
        if not path.is_file():
            return False
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def refuse_own(path: Path, db: Path) -> None:
    """Raise Conflict if `path` is the database `db` or one of its companion files, whether it exists or not."""
    identities = _identities(path)
    for each in _paths(db):
        if identities & _identities(each):
            raise Conflict(f"{path} is the database itself")
        if any(identities & _identities(companion(each, end)) for end in COMPANIONS):
            raise Conflict(f"{path} belongs to the database {db}")


def refuse_target(target: Path, db: Path) -> None:
    """Raise Conflict if writing a file at `target` would destroy a file of `db`, or of another database in use.

    A target that has a journal is refused as well: SQLite would apply the journal to the new file.
    """
    refuse_own(target, db)
    if owner := _owner(target):
        raise Conflict(f"{target} belongs to the database {owner}")
    for each in _paths(target):
        for journal in (companion(each, "-wal"), companion(each, "-journal")):
            if journal.exists():
                raise Conflict(
                    f"{journal} exists: a program has {target} open, or was killed while it had. "
                    "Stop it, or remove both files, or choose another path."
                )


def refuse_as_database(path: Path) -> None:
    """Raise Conflict if a database at `path` would replace a companion file of another one, or unfinished output."""
    if owner := _owner(path):
        raise Conflict(f"{path} belongs to the database {owner}: pass that path instead")
    if any(is_partial(each) for each in _paths(path)):
        raise Conflict(f"{path} is the unfinished output of a command")


@contextlib.contextmanager
def output_file(target: Path, *, db: DatabaseLocation, replace: bool) -> Iterator[Path]:
    """A path for writing the output of a command that reads `db`: see `atomic_write`.

    Raises Conflict as `refuse_target` does, at the start and again before the file is renamed.
    """
    if isinstance(db, Path):
        refuse_target(target, db)
    with atomic_write(target, replace=replace) as partial:
        yield partial
        if isinstance(db, Path):
            refuse_target(target, db)


def _owner(path: Path) -> Path | None:
    """The existing database that a file with this name would belong to, or None."""
    for each in _paths(path):
        for end in COMPANIONS:
            name = each.name.removesuffix(end)
            if name not in ("", each.name) and is_database(owner := each.with_name(name)):
                return owner
    return None


def _identities(path: Path) -> set[Identity]:
    found: set[Identity] = set()
    for each in _paths(path):
        with contextlib.suppress(OSError):
            status = each.stat()
            found.add((status.st_dev, status.st_ino))
        with contextlib.suppress(OSError):
            folder = each.parent.stat()
            found.add((folder.st_dev, folder.st_ino, each.name))
    return found


def _paths(path: Path) -> tuple[Path, Path]:
    """The absolute path, and the path with symbolic links resolved."""
    here = path.absolute()
    try:
        return here, here.resolve()
    except (OSError, RuntimeError):  # a symlink loop
        return here, here
