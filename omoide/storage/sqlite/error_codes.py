"""Translate SQLite errors for callers, and classify them for the connection's owner."""

from __future__ import annotations

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.errors import ConstraintViolation, IndexDamaged, OmoideError, StorageFull, Unavailable

OF_THE_FILE = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN})
"""SQLite codes for possibly transient faults of the file, as opposed to the statement."""

_MEANINGS = {
    sqlite3.SQLITE_READONLY: "The database cannot be written",
    sqlite3.SQLITE_IOERR: "The disk failed to read or write the database",
    sqlite3.SQLITE_CANTOPEN: "The database cannot be opened",
    sqlite3.SQLITE_CORRUPT: "The database is damaged",
    sqlite3.SQLITE_NOTADB: "The database is damaged",
}


def kind_of(error: sqlite3.Error) -> int:
    """SQLite's primary result code; SQLITE_ERROR if the error has none."""
    return int(getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR)) & 0xFF


def translate_error(error: sqlite3.Error) -> OmoideError:
    """Translate an SQLite error to an OmoideError."""
    kind = kind_of(error)
    # If the log's index cannot grow because the disk is full, SQLite reports this code and not SQLITE_FULL.
    if kind == sqlite3.SQLITE_FULL or getattr(error, "sqlite_errorname", "") == "SQLITE_IOERR_SHMSIZE":
        return StorageFull("There is no room left to store this")
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return Unavailable("The database is locked by another process")
    if kind == sqlite3.SQLITE_CONSTRAINT:
        return ConstraintViolation(f"The database contradicts this: {error}")
    if kind == sqlite3.SQLITE_CORRUPT and "fts5" in str(error):  # the message also names the index
        return damage_of("", error)
    return Unavailable(f"{_MEANINGS.get(kind, 'The database cannot be used')}: {error}")


def damage_of(index: str, error: sqlite3.Error) -> IndexDamaged:
    """The error for a damaged full-text index. Pass `index` if SQLite's message does not name it."""
    return IndexDamaged(f"A full-text index is damaged{f' ({index})' if index else ''}: {error}")
