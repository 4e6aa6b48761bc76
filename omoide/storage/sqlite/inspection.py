"""Inspect a database file read-only (`read_only`), while a server may be using it.

`omoide.doctor` evaluates the results.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.core.clock import ID_LENGTH, created_at_of_id
from omoide.storage import column_validation, embeddings, rejected_texts
from omoide.storage.base import Transaction
from omoide.storage.embeddings import EmbeddingProgress, Source
from omoide.storage.sqlite.connection import native
from omoide.storage.sqlite.integrity.damage import summary
from omoide.storage.sqlite.integrity.row_consistency import contradictions
from omoide.storage.sqlite.read_only import Schema, journal, opened, schema
from omoide.storage.sqlite.schema_objects import differences, missing

__all__ = [
    "MissingEmbeddings",
    "Schema",
    "damage",
    "embedder",
    "endpoints",
    "journal",
    "missing_embeddings",
    "newest",
    "opened",
    "schema",
]

MOST_FAULTS = 5
"""Faults reported per category."""


@dataclass(frozen=True, slots=True)
class MissingEmbeddings:
    """Number of texts without a vector, number of all texts, and number of texts that the embedder refused."""

    missing: int
    of: int
    refused: int = 0


def damage(db: Transaction) -> list[str]:
    """Faults in the file's structure, its values, or between rows; empty if there are none. Reads the whole file.

    Up to `MOST_FAULTS` per category. Only the structure is checked if the schema is not the current one.
    """
    found = [line for (line,) in db.execute(f"PRAGMA quick_check({MOST_FAULTS})")]
    if found == ["ok"]:
        found = []
    try:
        if not schema(db).is_current:
            return found
        found += islice(differences(native(db)), MOST_FAULTS)
        found += islice(summary(native(db)), MOST_FAULTS)
        if not any(each.type == "table" for each in missing(native(db))):
            found += islice(contradictions(native(db)), MOST_FAULTS)
    except sqlite3.Error as error:
        found = found or [str(error)]
    return found


def newest(db: Transaction) -> int | None:
    """Creation time of the newest row of any table, in microseconds since 1970, by the clock at that time."""
    tables = ("workspaces", "peers", "sessions", "conclusions", "jobs")
    rows = [db.execute(f"SELECT created_at FROM {table} ORDER BY pk DESC LIMIT 1").fetchone() for table in tables]
    times = [row[0] for row in rows if row and column_validation.TIME.admits(row[0])]
    # The time of a message may come from its sender; its id contains the time of the server.
    message = db.execute("SELECT id FROM messages ORDER BY pk DESC LIMIT 1").fetchone()
    if message and column_validation.ID.admits(message[0]) and len(message[0]) == ID_LENGTH:
        times.append(created_at_of_id(message[0]) * 1_000)
    return max(times, default=None)


def embedder(db: Transaction) -> EmbeddingProgress | None:
    """The model of the stored vectors; None before a server was first started on the file."""
    return embeddings.progress(db)


def missing_embeddings(db: Transaction, source: Source, progress: EmbeddingProgress) -> MissingEmbeddings:
    """Texts stored since the last embedding. Blank texts never have a vector."""
    query = f"SELECT count(*) FILTER (WHERE pk > ?), count(*) FROM {source}"
    missing, of = db.execute(query, (progress.through(source),)).fetchone()
    return MissingEmbeddings(missing, of, rejected_texts.count(db, source))


def endpoints(db: Transaction) -> int:
    """Number of registered webhook endpoints."""
    query = "SELECT count(*) FROM webhooks h JOIN workspaces w ON w.pk = h.workspace WHERE w.deleted_at IS NULL"
    (count,) = db.execute(query).fetchone()
    return int(count)
