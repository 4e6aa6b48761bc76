"""Back up, check and restore whole databases.

A backup is one file without a journal and can be made while the database is written to. A database that is open is
never replaced: SQLite refuses to leave WAL mode while there is another connection.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.atomic_write import atomic_write, fsync
from omoide.core.database_location import DatabaseLocation
from omoide.core.errors import Conflict, NotFound, OmoideError, StorageFull, Unavailable, Unprocessable
from omoide.storage.column_validation import readable
from omoide.storage.sqlite import free_space, inspection
from omoide.storage.sqlite.database_files import (
    JOURNALS,
    companion,
    is_database,
    output_file,
    refuse_as_database,
    refuse_own,
)
from omoide.storage.sqlite.engine import Connection, connect
from omoide.storage.sqlite.error_codes import translate_error
from omoide.storage.sqlite.leader_lock import has_leader
from omoide.storage.sqlite.migrations import migration_lock
from omoide.storage.sqlite.read_only import require_database

PAGES_AT_A_TIME = 512
"""Pages (usually of 4 KiB) copied between two calls of `shown`."""

Shown = Callable[[int, int], None]
"""Progress callback: (done, total)."""


@contextlib.contextmanager
def snapshot(location: DatabaseLocation, *, busy_timeout: float) -> Iterator[Connection]:
    """A read-only connection that sees one snapshot of the database, even while others write.

    Raises NotFound for a missing or empty file, Unavailable if it is not a database or cannot be read.
    """
    path = Path(location)
    require_database(path)
    # In a read-only folder no process can write to the file, and SQLite could not create its journal files there.
    writable = os.access(path.absolute().parent, os.W_OK)
    address = f"file:{quote(str(path.absolute()))}?{'mode=rw' if writable else 'mode=ro&immutable=1'}"
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=busy_timeout, isolation_level=None, factory=Connection)
        ) as connection:
            connection.text_factory = readable
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            # The snapshot begins here. The schema is not read yet, so that `check` can report damage there as well.
            connection.execute("PRAGMA schema_version").fetchone()
            yield connection
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot read the database {path}: {error}") from error


def back_up(source: Path, target: Path, *, replace: bool, busy_timeout: float, shown: Shown) -> int:
    """Copy a database, which may be in use, atomically; returns the size of the copy in bytes.

    Raises Conflict if the target exists and `replace` is false, belongs to a database or has a journal, Unprocessable
    if the copy is damaged, NotFound and Unavailable as `snapshot` does, OSError and StorageFull if the copy cannot be
    written.
    """
    with output_file(target, db=source, replace=replace) as partial:
        with snapshot(source, busy_timeout=busy_timeout) as db:
            _copy(db, partial, shown)
        check(partial, thoroughly=False, called=source)
        _belong_as(partial, source)
        return partial.stat().st_size


def _copy(db: Connection, target: Path, shown: Shown) -> None:
    """Write the snapshot to one file without a journal, and overwrite free space, which may hold deleted content."""
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            # Not in use yet: flushed once at the end, and removed on failure.
            copy.execute("PRAGMA synchronous=OFF")
            db.backup(copy, pages=PAGES_AT_A_TIME, progress=lambda _, left, all_: shown(all_ - left, all_))
            copy.execute("PRAGMA journal_mode=DELETE")
        free_space.overwrite_all(target)
    except sqlite3.Error as error:
        raise _translate_errors(error, target) from error
    finally:
        for end in JOURNALS:
            companion(target, end).unlink(missing_ok=True)


def _belong_as(path: Path, model: Path) -> None:
    """Copy mode and owner of another file, as far as this process is permitted to."""
    status = model.stat()
    path.chmod(stat.S_IMODE(status.st_mode))
    with contextlib.suppress(PermissionError):
        os.chown(path, status.st_uid, status.st_gid)


def _translate_errors(error: sqlite3.Error, target: Path) -> OmoideError:
    meant = translate_error(error)
    return meant if isinstance(meant, StorageFull) else Unavailable(f"Cannot write {target}: {error}")


def check(path: Path, *, thoroughly: bool = True, called: Path | None = None) -> inspection.Schema:
    """Raise Unprocessable unless this is an undamaged Omoide database of this or an older version.

    Reads the whole file; `thoroughly` also compares the indexes with the tables. Errors name the file `called` if it is
    given: the one that this is a copy of. Raises NotFound and Unavailable as `inspection.opened`.
    """
    with inspection.opened(path, busy_timeout=0) as db:
        if faults := integrity(db, 1, thoroughly=thoroughly):
            raise Unprocessable(f"{called or path} is damaged: {' '.join(faults[0].split())}")
        schema = inspection.schema(db)
    if schema.is_newer:
        raise Unprocessable(f"{called or path} was made by a newer version of Omoide")
    if not schema.applied:
        raise Unprocessable(f"{called or path} is a database, but not one of Omoide's")
    return schema


def integrity(db: Connection, most: int, *, thoroughly: bool = True) -> list[str]:
    """Up to `most` faults in the structure of the file; empty if there are none. Reads the whole file.

    `thoroughly` also compares indexes with their tables, which takes longer. Invalid values are not structural faults:
    see `damage`.
    """
    try:
        pragma = f"PRAGMA {'integrity' if thoroughly else 'quick'}_check({max(int(most), _LOOKED_AT)})"
        found = [line for (line,) in db.execute(pragma)]
    except sqlite3.DatabaseError as error:  # too damaged to be checked
        return [str(error)]
    return [line for line in found if line != "ok" and not line.startswith(_OF_VALUES)][:most]


_LOOKED_AT = 1_000
"""Faults requested from SQLite, so that invalid values do not crowd out structural faults."""
_OF_VALUES = ("NULL value in ", "CHECK constraint failed in ")


def restore(backup: Path, path: Path, *, former: Path | None, shown: Shown) -> inspection.Schema:
    """Replace the database by a copy of the backup, and return the backup's schema.

    The old database is kept as `former`, or not at all if that is None. Raises Conflict if the database is open, if
    `former` exists, or for a path or a backup that belongs to a database, and what `check` raises for an unusable
    backup; then nothing has changed.
    """
    refuse_as_database(path)
    refuse_own(backup, path)
    schema = check(backup)
    if not path.parent.is_dir():
        raise NotFound(f"There is no folder {path.parent}")
    # Every process takes this lock before it opens the database, so none can open it between check and replacement.
    with migration_lock(path), atomic_write(path, replace=True) as partial:
        _claim(path)
        with inspection.opened(backup, busy_timeout=0) as db:
            _copy(db, partial, shown)
        check(partial, thoroughly=False)
        if path.exists():
            _belong_as(partial, path)  # the server must be able to write to it, even if root restores it
        _set_aside(path, former)
    return schema


@contextlib.contextmanager
def alone(path: Path) -> Iterator[Connection]:
    """A connection in a write transaction with exclusive access: no other process has or can get the database open.

    The caller calls `commit`; otherwise the transaction is rolled back. Raises NotFound, Conflict if the database is
    open, Unprocessable for a file that does not have the current schema.
    """
    if not path.exists():
        raise NotFound(f"There is no database {path}")
    with migration_lock(path):
        _claim(path)
        with contextlib.closing(connect(path, durability="full", busy_timeout=0)) as db:
            if not inspection.schema(db).is_current:
                raise Unprocessable(f"{path} does not have the schema of this version: start a server on it once")
            db.execute("PRAGMA foreign_keys=OFF")
            db.text_factory = readable
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
            except sqlite3.Error as error:
                raise translate_error(error) from error
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def _claim(path: Path) -> None:
    """Merge the journal of an existing database into its file. Raises Conflict if it is open."""
    if not path.exists():
        return
    in_use = f"{path} is in use: stop the server and its workers first"
    if has_leader(path):
        raise Conflict(in_use)
    if not is_database(path):
        return  # SQLite would remove the journal of a file that is not a database, as after a disk fault
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Conflict(in_use) from error
    except sqlite3.DatabaseError:
        pass  # damaged, which may be the reason to restore


def _set_aside(path: Path, former: Path | None) -> None:
    """Keep the old database under another name, and remove journals that SQLite would apply to the new file."""
    for end in ("", *JOURNALS):
        old = companion(path, end)
        if not old.exists():
            continue
        if former is not None and end != "-shm":
            kept = companion(former, end)
            if kept.exists():
                raise Conflict(f"{kept} exists already")
            if end:
                old.rename(kept)
            else:
                _keep(old, kept)
        elif end:
            old.unlink()
    fsync(path.absolute().parent)


def _keep(old: Path, kept: Path) -> None:
    try:
        os.link(old, kept)  # so that the path exists at any moment
    except OSError:  # a file system without links
        old.rename(kept)
