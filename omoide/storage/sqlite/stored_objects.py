"""Read the text of a stored JSON object as bytes, whole or in parts: with SQLite's incremental I/O for BLOBs."""

from __future__ import annotations

import hashlib
from contextlib import closing
from typing import Any, NamedTuple

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.storage.base import Transaction
from omoide.storage.large_values import LargeValue

READ_BYTES = 1_048_576


class Examined(NamedTuple):
    """Size and digest of a text."""

    size: int
    digest: bytes


def text(db: Transaction, value: LargeValue) -> bytes | None:
    """The text; None if it is not a JSON object, or if its row does not exist."""
    query = f"SELECT {_is_object(value)}, CAST({value.column} AS BLOB) FROM {value.table} WHERE {value.key} = ?"
    row = db.execute(query, (value.of,)).fetchone()
    return row[1] if row and row[0] else None


def examine(db: Transaction, value: LargeValue) -> Examined | None:
    """Size and digest (`hashlib.blake2b`) of the text; None as `text`."""
    row = db.execute(f"SELECT {_is_object(value)} FROM {value.table} WHERE {value.key} = ?", (value.of,)).fetchone()
    blob = _open(db, value) if row and row[0] else None
    if blob is None:
        return None
    digest = hashlib.blake2b()
    with closing(blob):
        while raw := blob.read(READ_BYTES):
            digest.update(raw)
        return Examined(len(blob), digest.digest())


def part(db: Transaction, value: LargeValue, start: int, size: int) -> bytes:
    """Up to `size` bytes of the text from `start` on; empty if it is no longer text or if its row does not exist."""
    try:
        blob = _open(db, value)
        if blob is None:
            return b""
        with closing(blob):
            blob.seek(min(start, len(blob)))
            raw: bytes = blob.read(size)
            return raw
    except sqlite3.Error:
        return b""


def _is_object(value: LargeValue) -> str:
    return f"iif(json_valid({value.column}), json_type({value.column}) = 'object', 0)"


def _open(db: Transaction, value: LargeValue) -> Any:
    row = db.execute(f"SELECT pk FROM {value.table} WHERE {value.key} = ?", (value.of,)).fetchone()
    if row is None:
        return None
    if hasattr(db, "blobopen"):
        return db.blobopen(value.table, value.column, row[0], readonly=True)
    pysqlite3: Any = db
    return pysqlite3.open_blob(value.table, value.column, row[0], True)
