"""Whether all of a database is as it must be: SQLite's own structures, the schema, values, references, full text,
segments, and the rules between rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from sqlite_utils.utils import sqlite3  # type: ignore[attr-defined]  # the module that sqlite-utils itself uses

from omoide.store import examination
from omoide.store.consistency import contradictions
from omoide.store.copying import integrity
from omoide.store.damage import damages
from omoide.store.database import Connection
from omoide.store.schema_objects import differences, missing
from omoide.store.segment_faults import segment_faults

MOST_FAULTS = 100
"""Faults of each sort that are named."""

SEGMENTS = "segments: "
"""How the lines begin that making the segments anew mends."""

_WORDS = {"messages": "message_words_docsize", "conclusions": "conclusion_words_docsize"}
"""Table → what knows the numbers of the rows whose words are indexed."""


def faults(db: Connection) -> list[str]:
    """A line for everything that is wrong, nothing if the database is sound. Reads all of it.

    Of a file that is not ours, is of a newer program or is too damaged to be read, no more is said than that.
    """
    structure = [f"structure: {' '.join(line.split())}" for line in integrity(db, MOST_FAULTS)]
    try:
        return [*structure, *_beyond_structure(db)]
    except sqlite3.Error as error:
        if structure:
            return structure
        return [f"structure: the rest cannot be read: {error}"]


def _beyond_structure(db: Connection) -> Iterator[str]:
    schema = examination.schema(db)
    if schema.is_newer:
        yield "a newer version of Omoide has worked on this database"
    elif not schema.applied:
        yield "this is a database, but not one of Omoide's"
    elif schema.is_current:
        yield from (f"schema: {line}" for line in differences(db))
        yield from values(db)
        if not any(each.type == "table" for each in missing(db)):
            yield from _unindexed(db)
            yield from (f"{SEGMENTS}{line}" for line in islice(segment_faults(db), MOST_FAULTS))
            yield from (f"rows: {line}" for line in contradictions(db))


def values(db: Connection) -> Iterator[str]:
    """A line for each damaged value and each reference to nothing, up to `MOST_FAULTS` of either."""
    counts = {"value": 0, "reference": 0}
    for damage in damages(db):
        sort = "reference" if damage.is_reference else "value"
        counts[sort] += 1
        if counts[sort] <= MOST_FAULTS:
            yield f"{sort}: {damage}"
    for sort, count in counts.items():
        if count > MOST_FAULTS:
            yield f"{sort}: {count - MOST_FAULTS:,} more like these"


def _unindexed(db: Connection) -> Iterator[str]:
    for table, words in _WORDS.items():
        for without, other, what in ((table, words, "is in no index of words"), (words, table, "is indexed only")):
            ours, theirs = ("pk", "id") if without == table else ("id", "pk")
            rows = db.execute(
                f"SELECT {ours} FROM {without} WHERE {ours} NOT IN (SELECT {theirs} FROM {other}) LIMIT ?",
                (MOST_FAULTS,),
            )
            for (pk,) in rows:
                yield f"words: row {pk} of {table} {what}"
