"""Mark texts that the embedder refused. They are skipped until an operator retries them.

A mark is removed when its text gets a vector, when the text is removed, and when another embedder is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import ORDERED_JOIN
from omoide.storage.embedding_tables import Source


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of messages or conclusions, the reason for the refusal, and its time (microseconds since 1970)."""

    pk: int
    error: str
    refused_at: int


def mark(db: Transaction, source: Source, refusals: Sequence[Refusal]) -> None:
    """Mark rows that still exist. They are not tried again before `retry`."""
    db.executemany(
        f"""INSERT INTO refused_texts (source, pk, error, refused_at) SELECT ?, ?, ?, ?
            WHERE EXISTS (SELECT 1 FROM {source} WHERE pk = ?)
            ON CONFLICT (source, pk) DO UPDATE SET error = excluded.error, refused_at = excluded.refused_at, due = 0""",
        [(source, each.pk, each.error, each.refused_at, each.pk) for each in refusals],
    )


def remove(db: Transaction, source: Source, pks: Sequence[int]) -> None:
    if any_marked(db):  # rarely true, and cheaper to check first
        db.executemany("DELETE FROM refused_texts WHERE source = ? AND pk = ?", [(source, pk) for pk in pks])


def any_marked(db: Transaction) -> bool:
    return db.execute("SELECT 1 FROM refused_texts LIMIT 1").fetchone() is not None


def retry(db: Transaction) -> int:
    """Make all marked texts due for another attempt; returns their number."""
    return int(db.execute("UPDATE refused_texts SET due = 1").rowcount)


def due(db: Transaction, source: Source, limit: int) -> list[tuple[int, str]]:
    """Row and text of the texts that are due for another attempt."""
    query = f"""SELECT r.pk, t.content FROM refused_texts r {ORDERED_JOIN} {source} t ON t.pk = r.pk
        WHERE r.source = ? AND r.due = 1 ORDER BY r.pk LIMIT ?"""
    return [(pk, as_text(text)) for pk, text in db.execute(query, (source, limit))]


def count(db: Transaction, source: Source) -> int:
    (found,) = db.execute("SELECT count(*) FROM refused_texts WHERE source = ?", (source,)).fetchone()
    return int(found)


def latest_error(db: Transaction) -> str | None:
    """The reason of the latest refusal; None if there is none."""
    row = db.execute("SELECT error FROM refused_texts ORDER BY refused_at DESC LIMIT 1").fetchone()
    return as_text(row[0]) if row else None
