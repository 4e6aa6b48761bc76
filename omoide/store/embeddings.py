"""Vectors of messages and conclusions: which are missing, which are there, and of which model they are.

The one row of `embedder` names the model and says up to which row of each table everything is embedded. A row's number
grows with every commit and is never used twice, so that one number says it all. Vectors are kept in half precision,
little-endian: the rounding changes a cosine in its fourth digit, and they take half the room.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import orjson

from omoide.store import queue, refusal_marks, rows, segments
from omoide.store.column_rules import as_text
from omoide.store.database import Connection
from omoide.store.refusal_marks import Refusal
from omoide.store.sources import SOURCES, TAKEN_FROM, VECTORS, Source

__all__ = ["SOURCES", "Source"]

UNFINISHED = 0
"""`deleted_at` of a session that is hidden until it is complete; nothing is deleted at that time."""

JOB = "embed"
"""The kind, and the key, of the job that embeds whatever is not yet."""

MOST_CHARACTERS = 100_000
"""Of texts that are embedded in one go, together: some 30 ms for the embedder that needs no provider."""


@dataclass(frozen=True, slots=True)
class Progress:
    """The model whose vectors are kept, and the last row of each table that it has seen."""

    name: str
    dimensions: int
    messages: int
    conclusions: int

    def through(self, source: Source) -> int:
        return self.messages if source == "messages" else self.conclusions


def progress(db: Connection) -> Progress | None:
    """None before any embedder was adopted."""
    row = db.execute("SELECT name, dimensions, messages_through, conclusions_through FROM embedder").fetchone()
    return Progress(*rows.mended(_PROGRESS, row)) if row else None


_PROGRESS = [f"embedder.{name}" for name in ("name", "dimensions", "messages_through", "conclusions_through")]


def adopt(db: Connection, name: str, dimensions: int, now: int) -> None:
    """Keep vectors of this model from now on. Those of another are removed, and all texts owed to a job.

    So is what is in no segment yet.
    """
    found = progress(db)
    if found is None or (found.name, found.dimensions) != (name, dimensions):
        for table in ("message_vectors", "conclusion_vectors", "refused_texts", "embedder"):
            db.execute(f"DELETE FROM {table}")
        segments.remove_all(db)
        db.execute("INSERT INTO embedder (one, name, dimensions) VALUES (1, ?, ?)", (name, dimensions))
        found = Progress(name, dimensions, 0, 0)
    if any(missing(db, source, found.through(source), 1) or segments.is_behind(db, source) for source in SOURCES):
        owe(db, now)


def owe(db: Connection, now: int) -> None:
    """Leave a job that embeds what is not yet. Call it in the transaction that stores a text."""
    queue.add(db, JOB, {}, now, key=JOB, due_at=queue.FIRST)


def missing(db: Connection, source: Source, after: int, limit: int) -> list[tuple[int, str]]:
    """Row and text of up to `limit` rows behind the row `after`, in the order of their numbers: no more than have
    `MOST_CHARACTERS` together, but one at least."""
    query = f"SELECT pk, content FROM {source} WHERE pk > ? ORDER BY pk LIMIT ?"
    return limited((pk, as_text(text)) for pk, text in db.execute(query, (after, limit)))


def limited(rows: Iterable[tuple[int, str]]) -> list[tuple[int, str]]:
    """The first of the rows that have no more than `MOST_CHARACTERS` together, one at least. Reads no others."""
    found: list[tuple[int, str]] = []
    characters = 0
    for pk, text in rows:
        characters += len(text)
        if found and characters > MOST_CHARACTERS:
            break
        found.append((pk, text))
    return found


def add(
    db: Connection,
    model: Progress,
    source: Source,
    through: int,
    vectors: Sequence[tuple[int, bytes]],
    refusals: Sequence[Refusal] = (),
) -> bool:
    """Keep vectors of rows behind those that `model` has seen, up to the row `through`, and move its mark there.

    `refusals` are the rows among them that the embedder refused. False, and nothing is kept, if the model or its mark
    is another by now: then somebody else did the work. Rows that are gone by now are left out.
    """
    if progress(db) != model:
        return False
    _store(db, source, vectors)
    refusal_marks.mark(db, source, refusals)
    db.execute(f"UPDATE embedder SET {source}_through = ?", (through,))
    segments.extend(db, source)
    return True


def add_late(
    db: Connection,
    model: Progress,
    source: Source,
    tried: Sequence[int],
    vectors: Sequence[tuple[int, bytes]],
    refusals: Sequence[Refusal],
) -> None:
    """Keep what became of the rows `tried`, which had been refused. Nothing if the model is another by now."""
    found = progress(db)
    if found is None or (found.name, found.dimensions) != (model.name, model.dimensions):
        return
    _store(db, source, vectors)
    refusal_marks.remove(db, source, tried)
    refusal_marks.mark(db, source, refusals)
    segments.add_late(db, source, [pk for pk, _ in vectors])


def retry_refused(db: Connection, now: int) -> int:
    """Have all texts that were refused tried again; how many there are."""
    count = refusal_marks.retry(db)
    if count:
        owe(db, now)
    return count


def _store(db: Connection, source: Source, vectors: Sequence[tuple[int, bytes]]) -> None:
    db.executemany(
        f"INSERT OR REPLACE INTO {VECTORS[source]} (pk, vector) SELECT ?, ? WHERE EXISTS "
        f"(SELECT 1 FROM {source} WHERE pk = ?)",
        [(pk, vector, pk) for pk, vector in vectors],
    )


def remove(db: Connection, source: Source, pks: Sequence[int]) -> None:
    """Forget the vectors of these rows, which must still be there themselves."""
    segments.remove(db, source, pks)
    refusal_marks.remove(db, source, pks)
    db.executemany(f"DELETE FROM {VECTORS[source]} WHERE pk = ?", [(pk,) for pk in pks])


def vectors(db: Connection, source: Source, pks: Sequence[int], dimensions: int) -> dict[int, bytes]:
    """Row number → vector, for those rows that have one still; one of another length is none."""
    # CROSS JOIN: what is looked for leads, not the table that it is looked for in.
    query = f"SELECT v.pk, v.vector FROM json_each(?) wanted CROSS JOIN {VECTORS[source]} v ON v.pk = wanted.value"
    query += f" WHERE {segments.IS_VECTOR}"
    return dict(db.execute(query, (orjson.dumps([*pks]).decode(), 2 * dimensions)).fetchall())


def newest(db: Connection, source: Source, workspace: int, after: int, most: int) -> list[tuple[int, int, int]]:
    """Of the `most` newest rows behind the row `after` those of the workspace, the newest first: each with the two
    numbers that a search is narrowed by."""
    columns = ", ".join(("pk", *TAKEN_FROM[source]))
    rows = f"SELECT workspace, {columns} FROM {source} WHERE pk > ? ORDER BY pk DESC LIMIT ?"
    return db.execute(f"SELECT {columns} FROM ({rows}) WHERE workspace = ?", (after, most, workspace)).fetchall()


def texts(db: Connection, source: Source, pks: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Row and text of these rows, in this order, read as they are asked for."""
    query = f"""SELECT t.pk, t.content FROM json_each(?) wanted CROSS JOIN {source} t ON t.pk = wanted.value
        ORDER BY wanted.key"""
    return ((pk, text) for pk, text in db.execute(query, (orjson.dumps([*pks]).decode(),)))


def living(db: Connection, source: Source, pks: Sequence[int]) -> set[int]:
    """Those of the rows that are neither deleted nor part of something deleted.

    Those of an unfinished session are: what is kept in memory of the others is given up for good.
    """
    joined = {
        "messages": f"JOIN sessions s ON s.pk = t.session WHERE coalesce(s.deleted_at, {UNFINISHED}) = {UNFINISHED}",
        "conclusions": "LEFT JOIN sessions s ON s.pk = t.session WHERE t.deleted_at IS NULL AND s.deleted_at IS NULL",
    }[source]
    query = f"SELECT t.pk FROM json_each(?) wanted CROSS JOIN {source} t ON t.pk = wanted.value {joined}"
    return {pk for (pk,) in db.execute(query, (orjson.dumps([*pks]).decode(),))}
