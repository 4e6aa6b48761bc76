"""Texts that the embedder refused: marked, so that they can be listed and tried again, and otherwise left alone.

A mark goes when its text gets a vector, when the text is removed, and when another embedder is adopted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from omoide.store.column_rules import as_text
from omoide.store.connection import Connection
from omoide.store.sources import Source


@dataclass(frozen=True, slots=True)
class Refusal:
    """A row of messages or conclusions, why the embedder refused its text, and when (microseconds since 1970)."""

    pk: int
    error: str
    refused_at: int


def mark(db: Connection, source: Source, refusals: Sequence[Refusal]) -> None:
    """Mark rows, those that are gone by now aside. They are not tried again before `retry`."""
    db.executemany(
        f"INSERT OR REPLACE INTO refused_texts (source, pk, error, refused_at) SELECT ?, ?, ?, ? WHERE EXISTS "
        f"(SELECT 1 FROM {source} WHERE pk = ?)",
        [(source, each.pk, each.error, each.refused_at, each.pk) for each in refusals],
    )


def remove(db: Connection, source: Source, pks: Sequence[int]) -> None:
    if any_marked(db):  # hardly ever
        db.executemany("DELETE FROM refused_texts WHERE source = ? AND pk = ?", [(source, pk) for pk in pks])


def any_marked(db: Connection) -> bool:
    return db.execute("SELECT 1 FROM refused_texts LIMIT 1").fetchone() is not None


def retry(db: Connection) -> int:
    """Let all of them be tried again; how many there are."""
    return int(db.execute("UPDATE refused_texts SET due = 1").rowcount)


def due(db: Connection, source: Source, limit: int) -> list[tuple[int, str]]:
    """Row and text of those that are to be tried again."""
    query = f"""SELECT r.pk, t.content FROM refused_texts r CROSS JOIN {source} t ON t.pk = r.pk
        WHERE r.source = ? AND r.due ORDER BY r.pk LIMIT ?"""
    return [(pk, as_text(text)) for pk, text in db.execute(query, (source, limit))]


def count(db: Connection, source: Source) -> int:
    (found,) = db.execute("SELECT count(*) FROM refused_texts WHERE source = ?", (source,)).fetchone()
    return int(found)


def latest_error(db: Connection) -> str | None:
    """Why the text that was refused last was."""
    row = db.execute("SELECT error FROM refused_texts ORDER BY refused_at DESC LIMIT 1").fetchone()
    return as_text(row[0]) if row else None
