"""Store vectors of messages and conclusions, and track which are missing and which model made them.

The only row of `embedder` holds the model and, for each table, the row up to which everything is embedded. Row numbers
grow with every commit and are never reused, so one number is enough. Vectors are stored in half precision,
little-endian: the rounding changes a cosine in its fourth digit and halves the size.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from omoide.core.job_payloads import JobKind
from omoide.core.jobs import NewJob
from omoide.storage import queue, rejected_texts, rows, vector_segments
from omoide.storage.base import Transaction
from omoide.storage.column_validation import as_text
from omoide.storage.dialect import ORDERED_JOIN, array, in_array, unnest
from omoide.storage.embedding_tables import SOURCES, TAKEN_FROM, VECTORS, Source
from omoide.storage.rejected_texts import Refusal

__all__ = ["SOURCES", "Source"]

_GIVEN = f"{unnest('bigint', 'wanted')} {ORDERED_JOIN}"

UNFINISHED = 0
"""`deleted_at` of a session that is hidden until it is complete; no deletion has this time."""


MOST_CHARACTERS = 100_000
"""Total length of the texts embedded in one batch: about 30 ms for the built-in embedder."""


@dataclass(frozen=True, slots=True)
class EmbeddingProgress:
    """The model of the stored vectors, and the last row of each table that it has processed."""

    name: str
    dimensions: int
    messages: int
    conclusions: int

    def through(self, source: Source) -> int:
        return self.messages if source == "messages" else self.conclusions


def progress(db: Transaction) -> EmbeddingProgress | None:
    """The current model and its progress; None before any embedder was adopted."""
    row = db.execute("SELECT name, dimensions, messages_through, conclusions_through FROM embedder").fetchone()
    return EmbeddingProgress(*rows.mended(_PROGRESS, row)) if row else None


_PROGRESS = [f"embedder.{name}" for name in ("name", "dimensions", "messages_through", "conclusions_through")]


def adopt(db: Transaction, name: str, dimensions: int, now: int) -> None:
    """Switch to this model: vectors of another one are removed, and a job embeds all texts again.

    The job is also enqueued if vectors are missing from segments.
    """
    db.lock("embedder", 1)
    found = progress(db)
    if found is None or (found.name, found.dimensions) != (name, dimensions):
        for table in ("message_vectors", "conclusion_vectors", "refused_texts", "embedder"):
            db.execute(f"DELETE FROM {table}")
        vector_segments.remove_all(db)
        db.execute("INSERT INTO embedder (one, name, dimensions) VALUES (1, ?, ?)", (name, dimensions))
        found = EmbeddingProgress(name, dimensions, 0, 0)
    if any(
        missing(db, source, found.through(source), 1) or vector_segments.is_behind(db, source) for source in SOURCES
    ):
        enqueue(db, now)


def enqueue(db: Transaction, now: int) -> None:
    """Enqueue the embedding job. Call it in the transaction that stores a text."""
    queue.add(db, NewJob(JobKind.EMBED, {}, key=JobKind.EMBED, due_at=queue.FIRST), now)


def missing(db: Transaction, source: Source, after: int, limit: int) -> list[tuple[int, str]]:
    """Row and text of up to `limit` rows after the row `after`, in row order: at most `MOST_CHARACTERS` in total, but
    at least one row."""
    query = f"SELECT pk, content FROM {source} WHERE pk > ? ORDER BY pk LIMIT ?"
    return limited((pk, as_text(text)) for pk, text in db.execute(query, (after, limit)))


def limited(rows: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """The first rows with at most `MOST_CHARACTERS` in total, but at least one. Reads at most one more."""
    found: list[tuple[int, str]] = []
    characters = 0
    for pk, text in rows:
        characters += len(text)
        if found and characters > MOST_CHARACTERS:
            break
        found.append((pk, text))
    return found


def characters_by_workspace(db: Transaction, source: Source, pks: Sequence[int]) -> dict[int, int]:
    """How many characters the texts of each workspace (row) among these rows have, but at least one."""
    query = f"SELECT workspace, sum(length(content)) FROM {source} WHERE pk {in_array('bigint')} GROUP BY workspace"
    return {workspace: max(1, count or 0) for workspace, count in db.execute(query, (array(pks),))}


def add(
    db: Transaction,
    model: EmbeddingProgress,
    source: Source,
    through: int,
    vectors: Sequence[tuple[int, bytes]],
    refusals: Sequence[Refusal] = (),
) -> bool:
    """Store vectors of the rows after those that `model` has processed, up to the row `through`, and record that.

    `refusals` are the rows among them that the embedder refused. Returns False and stores nothing if the model or its
    progress has changed, because another worker did the work. Deleted rows are skipped.
    """
    db.lock("embedder", 1)
    if progress(db) != model:
        return False
    _store(db, source, vectors)
    rejected_texts.mark(db, source, refusals)
    db.execute(f"UPDATE embedder SET {source}_through = ?", (through,))
    vector_segments.extend(db, source)
    return True


def add_late(
    db: Transaction,
    model: EmbeddingProgress,
    source: Source,
    tried: Sequence[int],
    vectors: Sequence[tuple[int, bytes]],
    refusals: Sequence[Refusal],
) -> None:
    """Store the result for the rows `tried`, which had been refused before. Does nothing if the model has changed."""
    db.lock("embedder", 1)
    found = progress(db)
    if found is None or (found.name, found.dimensions) != (model.name, model.dimensions):
        return
    _store(db, source, vectors)
    rejected_texts.remove(db, source, tried)
    rejected_texts.mark(db, source, refusals)
    vector_segments.add_late(db, source, [pk for pk, _ in vectors])


def retry_refused(db: Transaction, now: int) -> int:
    """Schedule all refused texts for another attempt; returns their number."""
    count = rejected_texts.retry(db)
    if count:
        enqueue(db, now)
    return count


def _store(db: Transaction, source: Source, vectors: Sequence[tuple[int, bytes]]) -> None:
    db.executemany(
        f"""INSERT INTO {VECTORS[source]} (pk, vector) SELECT ?, ? WHERE EXISTS (SELECT 1 FROM {source} WHERE pk = ?)
            ON CONFLICT (pk) DO UPDATE SET vector = excluded.vector""",
        [(pk, vector, pk) for pk, vector in vectors],
    )


def remove(db: Transaction, source: Source, pks: Sequence[int]) -> None:
    """Remove the vectors of these rows. The rows themselves must still exist."""
    vector_segments.remove(db, source, pks)
    rejected_texts.remove(db, source, pks)
    db.executemany(f"DELETE FROM {VECTORS[source]} WHERE pk = ?", [(pk,) for pk in pks])


def vectors(db: Transaction, source: Source, pks: Sequence[int], dimensions: int) -> dict[int, bytes]:
    """Row number → vector, for the rows that have a valid one."""
    # In this order: from the given numbers to the table.
    query = f"SELECT v.pk, v.vector FROM {_GIVEN} {VECTORS[source]} v ON v.pk = wanted.value"
    query += f" WHERE {vector_segments.IS_VECTOR}"
    return dict(db.execute(query, (array(pks), 2 * dimensions)).fetchall())


def newest(db: Transaction, source: Source, workspace: int, after: int, most: int) -> list[tuple[int, int, int]]:
    """Those of the `most` newest rows after the row `after` that belong to the workspace, newest first: each with the
    two columns of `TAKEN_FROM`."""
    columns = ", ".join(("pk", *TAKEN_FROM[source]))
    rows = f"SELECT workspace, {columns} FROM {source} WHERE pk > ? ORDER BY pk DESC LIMIT ?"
    return db.execute(f"SELECT {columns} FROM ({rows}) newest WHERE workspace = ?", (after, most, workspace)).fetchall()


def texts(db: Transaction, source: Source, pks: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Row and text of these rows, in this order, read lazily."""
    query = f"""SELECT t.pk, t.content FROM {_GIVEN} {source} t ON t.pk = wanted.value
        ORDER BY wanted.key"""
    return ((pk, text) for pk, text in db.execute(query, (array(pks),)))


def living(db: Transaction, source: Source, pks: Sequence[int], *, with_ended: bool = False) -> set[int]:
    """Those of the rows that are neither deleted nor part of a deleted session, nor ended, unless `with_ended`.

    Rows of an unfinished copy of a session count as live, because the caller drops all others from memory for good.
    """
    joined = {
        "messages": f"JOIN sessions s ON s.pk = t.session WHERE coalesce(s.deleted_at, {UNFINISHED}) = {UNFINISHED}",
        "conclusions": "LEFT JOIN sessions s ON s.pk = t.session WHERE t.deleted_at IS NULL AND s.deleted_at IS NULL",
    }[source]
    if with_ended:
        joined = joined.replace("t.deleted_at IS NULL", "(t.deleted_at IS NULL OR t.ended_as IS NOT NULL)")
    query = f"SELECT t.pk FROM {_GIVEN} {source} t ON t.pk = wanted.value {joined}"
    return {pk for (pk,) in db.execute(query, (array(pks),))}
