"""Whole databases: copied while others write, looked over, and put in the place of another.

A copy is one file without a journal. A database that somebody has open is never replaced: SQLite lets nobody take it
out of its journal mode as long as there is another connection.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.errors import Conflict, NotFound, OmoideError, StorageFull, Unavailable, Unprocessable
from omoide.store import examination, free_space
from omoide.store.column_rules import readable
from omoide.store.database import Connection, connect
from omoide.store.database_files import (
    JOURNALS,
    companion,
    is_database,
    output_file,
    refuse_as_database,
    refuse_own,
)
from omoide.store.leadership import is_led
from omoide.store.migrations import turn
from omoide.store.read_only import require_database
from omoide.store.sqlite_faults import as_omoide
from omoide.whole_file import flush, whole_file

PAGES_AT_A_TIME = 512
"""Pages of 4 KiB, mostly, that are copied between two calls of `shown`."""

Shown = Callable[[int, int], None]
"""Told how much is done, and of how much."""


@contextlib.contextmanager
def snapshot(path: Path, *, busy_timeout: float) -> Iterator[Connection]:
    """A connection that sees the database as it is now, whatever is written meanwhile, and cannot write.

    Raises NotFound without a file or for an empty one, Unavailable if it is no database or cannot be read.
    """
    require_database(path)
    # Nobody can work on a file in a folder that cannot be written to, and SQLite could keep no journal there.
    writable = os.access(path.absolute().parent, os.W_OK)
    address = f"file:{quote(str(path.absolute()))}?{'mode=rw' if writable else 'mode=ro&immutable=1'}"
    try:
        with contextlib.closing(
            sqlite3.connect(address, uri=True, timeout=busy_timeout, isolation_level=None, factory=Connection)
        ) as connection:
            connection.text_factory = readable
            connection.execute("PRAGMA query_only=ON")
            connection.execute("BEGIN")
            # Here the snapshot begins. The schema is not read yet: `check` is to name what is damaged there, too.
            connection.execute("PRAGMA schema_version").fetchone()
            yield connection
    except sqlite3.Error as error:
        raise Unavailable(f"Cannot read the database {path}: {error}") from error


def back_up(source: Path, target: Path, *, replace: bool, busy_timeout: float, shown: Shown) -> int:
    """Copy a database, which may be in use, and return the size of the copy in bytes. It is there whole or not at all.

    Raises Conflict if the target is there and not to be replaced, belongs to a database or has a journal, Unprocessable
    if what was copied is damaged, NotFound and Unavailable as `snapshot` does, OSError and StorageFull if the copy
    cannot be written.
    """
    with output_file(target, db=source, replace=replace) as partial:
        with snapshot(source, busy_timeout=busy_timeout) as db:
            _copy(db, partial, shown)
        check(partial, thoroughly=False, called=source)
        _belong_as(partial, source)
        return partial.stat().st_size


def _copy(db: Connection, target: Path, shown: Shown) -> None:
    """The snapshot as one file without a journal; its free space is overwritten, in which deleted content may be."""
    try:
        with contextlib.closing(sqlite3.connect(target, isolation_level=None)) as copy:
            # It is nobody's yet: brought to the disk once, at the end, and removed if that does not come.
            copy.execute("PRAGMA synchronous=OFF")
            db.backup(copy, pages=PAGES_AT_A_TIME, progress=lambda _, left, all_: shown(all_ - left, all_))
            copy.execute("PRAGMA journal_mode=DELETE")
        free_space.overwrite_all(target)
    except sqlite3.Error as error:
        raise _as_omoide(error, target) from error
    finally:
        for end in JOURNALS:
            companion(target, end).unlink(missing_ok=True)


def _belong_as(path: Path, model: Path) -> None:
    """Let the same people read and write a file as another, as far as this process may say so."""
    status = model.stat()
    path.chmod(stat.S_IMODE(status.st_mode))
    with contextlib.suppress(PermissionError):
        os.chown(path, status.st_uid, status.st_gid)


def _as_omoide(error: sqlite3.Error, target: Path) -> OmoideError:
    meant = as_omoide(error)
    return meant if isinstance(meant, StorageFull) else Unavailable(f"Cannot write {target}: {error}")


def check(path: Path, *, thoroughly: bool = True, called: Path | None = None) -> examination.Schema:
    """Raise Unprocessable unless this is a sound database of ours, as this program or an older one left it.

    Reads all of it; `thoroughly` compares the indexes with the tables as well. What is wrong is said of the file
    `called`, where this is a copy of that. Raises NotFound and Unavailable as
    `examination.opened`.
    """
    with examination.opened(path, busy_timeout=0) as db:
        if faults := integrity(db, 1, thoroughly=thoroughly):
            raise Unprocessable(f"{called or path} is damaged: {' '.join(faults[0].split())}")
        schema = examination.schema(db)
    if schema.is_newer:
        raise Unprocessable(f"{called or path} was made by a newer version of Omoide")
    if not schema.applied:
        raise Unprocessable(f"{called or path} is a database, but not one of Omoide's")
    return schema


def integrity(db: Connection, most: int, *, thoroughly: bool = True) -> list[str]:
    """What is wrong with the structure, as many faults at the most; nothing if all is sound. Reads all of the file.

    `thoroughly` compares indexes with their tables as well, which takes longer. Values that a table must not have are
    no fault of the structure: see `damage`.
    """
    try:
        pragma = f"PRAGMA {'integrity' if thoroughly else 'quick'}_check({max(int(most), _LOOKED_AT)})"
        found = [line for (line,) in db.execute(pragma)]
    except sqlite3.DatabaseError as error:  # too damaged even for that
        return [str(error)]
    return [line for line in found if line != "ok" and not line.startswith(_OF_VALUES)][:most]


_LOOKED_AT = 1_000
"""Lines that SQLite is asked for, so that values which a table must not have do not hide faults of the structure."""
_OF_VALUES = ("NULL value in ", "CHECK constraint failed in ")


def restore(backup: Path, path: Path, *, former: Path | None, shown: Shown) -> examination.Schema:
    """Put a copy of the backup in the place of the database, and return the schema that it has.

    The database that was there is kept as `former`, or not for None. Raises Conflict while anybody has it open, if
    `former` is there, or for a path or a backup that belongs to a database, and what `check` raises for a backup that
    is not fit; then nothing has changed.
    """
    refuse_as_database(path)
    refuse_own(backup, path)
    schema = check(backup)
    if not path.parent.is_dir():
        raise NotFound(f"There is no folder {path.parent}")
    # Whoever opens a database takes this turn first: nobody does between the looking and the replacing.
    with turn(path), whole_file(path, replace=True) as partial:
        _claim(path)
        with examination.opened(backup, busy_timeout=0) as db:
            _copy(db, partial, shown)
        check(partial, thoroughly=False)
        if path.exists():
            _belong_as(partial, path)  # a server must be able to write to it, whoever restores it
        _set_aside(path, former)
    return schema


@contextlib.contextmanager
def alone(path: Path) -> Iterator[Connection]:
    """A connection in a transaction for writing, while no other process has the database open or can open it.

    Its end is the caller's to say; without, nothing is kept. Raises NotFound, Conflict while anybody has it open,
    Unprocessable for a file that is not of the present schema.
    """
    if not path.exists():
        raise NotFound(f"There is no database {path}")
    with turn(path):
        _claim(path)
        with contextlib.closing(connect(path, durability="full", busy_timeout=0)) as db:
            if not examination.schema(db).is_current:
                raise Unprocessable(f"{path} is not of the schema of this version: start a server on it once")
            db.execute("PRAGMA foreign_keys=OFF")
            db.text_factory = readable
            try:
                db.execute("BEGIN IMMEDIATE")
                yield db
            except sqlite3.Error as error:
                raise as_omoide(error) from error
            finally:
                if db.in_transaction:
                    db.execute("ROLLBACK")


def _claim(path: Path) -> None:
    """Make one file of the database that is there. Raises Conflict if somebody has it open."""
    if not path.exists():
        return
    in_use = f"{path} is in use: stop the server and its workers first"
    if is_led(path):
        raise Conflict(in_use)
    if not is_database(path):
        return  # a disk gone bad, perhaps; SQLite would do away with the journal of what is no database
    try:
        with contextlib.closing(sqlite3.connect(path, isolation_level=None, timeout=0)) as db:
            db.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if "locked" in str(error) or "busy" in str(error):
            raise Conflict(in_use) from error
    except sqlite3.DatabaseError:
        pass  # damaged, which may well be why another is to take its place


def _set_aside(path: Path, former: Path | None) -> None:
    """Keep what is there under another name as well, and have no journal left that a new file could be taken for."""
    for end in ("", *JOURNALS):
        old = companion(path, end)
        if not old.exists():
            continue
        if former is not None and end != "-shm":
            kept = companion(former, end)
            if kept.exists():
                raise Conflict(f"{kept} is there already")
            if end:
                old.rename(kept)
            else:
                _keep(old, kept)
        elif end:
            old.unlink()
    flush(path.absolute().parent)


def _keep(old: Path, kept: Path) -> None:
    try:
        os.link(old, kept)  # so that there is a database at every moment
    except OSError:  # a file system without links
        old.rename(kept)
