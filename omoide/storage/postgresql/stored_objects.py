"""Read the text of a stored JSON object as bytes, whole or in parts."""

from __future__ import annotations

import hashlib
from typing import NamedTuple

from omoide.storage.base import Transaction
from omoide.storage.large_values import LargeValue


class Examined(NamedTuple):
    """Size and digest of a text."""

    size: int
    digest: bytes


def text(db: Transaction, value: LargeValue) -> bytes | None:
    """The text; None if it is not a JSON object, or if its row does not exist."""
    is_object = f"{value.column} IS JSON OBJECT"
    query = f"SELECT {value.column} FROM {value.table} WHERE {value.key} = ? AND {is_object}"
    row = db.execute(query, (value.of,)).fetchone()
    return row[0].encode() if row else None


def examine(db: Transaction, value: LargeValue) -> Examined | None:
    """Size and digest (`hashlib.blake2b`) of the text; None as `text`."""
    raw = text(db, value)
    return None if raw is None else Examined(len(raw), hashlib.blake2b(raw).digest())


def part(db: Transaction, value: LargeValue, start: int, size: int) -> bytes:
    """Up to `size` bytes of the text from `start` on; empty if its row does not exist."""
    raw = f"substring(convert_to({value.column}, 'UTF8') FROM CAST(? AS integer) FOR CAST(? AS integer))"
    row = db.execute(f"SELECT {raw} FROM {value.table} WHERE {value.key} = ?", (start + 1, size, value.of)).fetchone()
    return bytes(row[0]) if row else b""
