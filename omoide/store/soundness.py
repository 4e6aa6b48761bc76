"""Whether all of a database is as it must be: SQLite's own structures, references, full text, segments, and the
rules between rows."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from omoide.store import examination
from omoide.store.consistency import contradictions
from omoide.store.copying import integrity
from omoide.store.database import Connection
from omoide.store.segment_faults import segment_faults

MOST_FAULTS = 100
"""Faults of each sort that are named."""

SEGMENTS = "segments: "
"""How the lines begin that making the segments anew mends."""

_WORDS = {"messages": "message_words_docsize", "conclusions": "conclusion_words_docsize"}
"""Table → what knows the numbers of the rows whose words are indexed."""


def faults(db: Connection) -> list[str]:
    """A line for everything that is wrong, nothing if the database is sound. Reads all of it.

    Of a file whose structure is damaged, and of one that is not ours or is of a newer program, no more is said.
    """
    if structure := integrity(db, MOST_FAULTS):
        return [f"structure: {' '.join(line.split())}" for line in structure]
    schema = examination.schema(db)
    if schema.is_newer:
        return ["a newer version of Omoide has worked on this database"]
    if not schema.applied:
        return ["this is a database, but not one of Omoide's"]
    if not schema.is_current:
        return [*_references(db)]
    of_segments = [f"{SEGMENTS}{line}" for line in islice(segment_faults(db), MOST_FAULTS)]
    return [*_references(db), *_unindexed(db), *of_segments, *(f"rows: {line}" for line in contradictions(db))]


def _references(db: Connection) -> Iterator[str]:
    rows = db.execute('SELECT "table", rowid, parent FROM pragma_foreign_key_check LIMIT ?', (MOST_FAULTS,))
    for table, rowid, parent in rows:
        row = "a row" if rowid is None else f"row {rowid}"
        yield f"reference: {row} of {table} refers to {parent}, where there is no such row"


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
